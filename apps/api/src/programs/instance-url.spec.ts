import { parseInstanceUrl } from './instance-url.js';

describe('CONTRACT §3: the URL of an instance that runs elsewhere', () => {
  const taken: [string, string][] = [
    ['http://127.0.0.1:9001', 'http://127.0.0.1:9001'],
    ['http://127.0.0.1:9001/', 'http://127.0.0.1:9001'],
    ['HTTP://Host.Example:9001', 'http://host.example:9001'],
    ['http://[::1]:9001', 'http://[::1]:9001'],
    ['http://[::ffff:127.0.0.1]:88', 'http://[::ffff:7f00:1]:88'],
    ['http://shop_cart_1:8080', 'http://shop_cart_1:8080'],
    ['http://cart.shop.svc.cluster.local.:8080', 'http://cart.shop.svc.cluster.local.:8080'],
    ['http://127.0.0.1', 'http://127.0.0.1'],
    ['https://Cart.Example:9443', 'https://cart.example:9443'],
    ['https://cart.example:443', 'https://cart.example'],
  ];
  it.each(taken)('%s is taken', (text, url) => {
    expect(parseInstanceUrl(text)).toBe(url);
  });

  const refused: [string, unknown][] = [
    ['a zone id', 'http://[fe80::1%25eth0]:85'],
    ['a path, which would be dropped', 'http://127.0.0.1:9001/base'],
    ['two slashes', 'http://127.0.0.1:9001//'],
    ['port 0', 'http://127.0.0.1:0'],
    ['port 00', 'http://127.0.0.1:00'],
    ['a port that is too large', 'http://127.0.0.1:65536'],
    ['user and password', 'http://user:secret@127.0.0.1:9'],
    ['an empty user', 'http://@127.0.0.1:9'],
    ['another scheme', 'ftp://127.0.0.1:9'],
    ['a scheme that only begins alike', 'httpss://127.0.0.1:9'],
    ['a query', 'http://127.0.0.1:9?x=1'],
    ['an empty query', 'http://127.0.0.1:9?'],
    ['a fragment', 'http://127.0.0.1:9#f'],
    ['no scheme', '127.0.0.1:9'],
    ['no host', 'http://:9'],
    ['a blank', 'http://a b:9'],
    ['a line break', 'http://127.0.0.1:9\r\nX: y'],
    ['a tab that the URL parser would drop', 'http://127.0.0\t.1:9'],
    ['a backslash', 'http://127.0.0.1:9\\x'],
    ['a signed port', 'http://127.0.0.1:+9'],
    ['an address that is none', 'http://999.0.0.1:9'],
    ['300 characters', `http://${'a'.repeat(300)}:9`],
    ['a number', 9],
    ['null', null],
    ['a list', ['http://127.0.0.1:9']],
  ];
  it.each(refused)('%s is refused', (_label, value) => {
    expect(parseInstanceUrl(value)).toBeNull();
  });
});
