import fc from 'fast-check';
import { readPlainUrl } from './plain-url.js';

describe('a plain URL', () => {
  it.each(['http://10.0.0.255:8080', 'http://cart.shop.svc:80', 'http://a-b1:65535'])('%s is read', (url) => {
    expect(readPlainUrl(url)).not.toBeNull();
  });

  it.each([
    'https://10.0.0.1:1',
    'http://10.0.0.1',
    'http://10.0.0.256:1',
    'http://010.0.0.1:1',
    'http://1.2.3:1',
    'http://a.1:1',
    'http://a.0x7f:1',
    'http://xn--bcher-kva:1',
    'http://A:1',
    'http://[::1]:1',
    'http://u@a:1',
    'http://a:0',
    'http://a:65536',
    'http://a:70000',
    'http://a:100000',
    'http://a:1/',
    'http://a:1\n',
    'http://a..b:1',
    'http://a.:1',
  ])('%j is left to a URL parser', (url) => {
    expect(readPlainUrl(url)).toBeNull();
  });

  it('reads nothing that a URL parser would refuse or read otherwise', () => {
    const part = fc.oneof(
      fc.constantFrom('a', 'b-c', 'xn--a', '0x7f', '-', '', 'local-host', 'a--b', 'a-', 'ex', 'r3-x'),
      fc.nat({ max: 300 }).map(String),
      fc.string({ unit: fc.constantFrom(...'ab01-.x'), maxLength: 8 }),
    );
    const url = fc
      .tuple(fc.array(part, { minLength: 1, maxLength: 5 }), fc.nat({ max: 70_000 }))
      .map(([labels, port]) => `http://${labels.join('.')}:${port}`);
    fc.assert(
      fc.property(url, (text) => {
        const read = readPlainUrl(text);
        if (read === null) return;
        const { hostname, port, protocol, pathname, search, hash, username } = new URL(text);
        expect([hostname, Number(port || 80), protocol, pathname, search, hash, username]).toEqual([
          read.hostname,
          read.port,
          'http:',
          '/',
          '',
          '',
          '',
        ]);
      }),
      { numRuns: 5_000 },
    );
  });
});
