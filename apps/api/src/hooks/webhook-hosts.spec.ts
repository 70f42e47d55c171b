import { shownUrl, WebhookHosts } from './webhook-hosts.js';

const refused = (patterns: string[], url: string) => new WebhookHosts(patterns).refusal(new URL(url)) !== null;

describe('whom webhooks may go to', () => {
  it('without names: everybody but link-local addresses, however they are written', () => {
    for (const url of [
      'http://169.254.169.254/latest',
      'http://[fe80::1]/',
      'http://[::ffff:169.254.169.254]/',
      'http://0xa9fea9fe/',
      'http://2852039166/',
    ])
      expect([url, refused([], url)]).toEqual([url, true]);
    for (const url of ['http://127.0.0.1:9093/api', 'https://hooks.example.com/x', 'http://[::1]/', 'http://10.0.0.7/'])
      expect([url, refused([], url)]).toEqual([url, false]);
    expect(new WebhookHosts([]).addressRefusal('169.254.169.254')).toContain('link-local');
    expect(new WebhookHosts([]).addressRefusal('127.0.0.1')).toBeNull();
  });

  it('with names: those alone', () => {
    const names = ['hooks.example.com', '*.corp.example', '10.0.0.7', '169.254.1.1'];
    for (const url of [
      'https://hooks.example.com/x',
      'https://HOOKS.example.com./',
      'https://a.b.corp.example/',
      'http://10.0.0.7:99/',
      'http://169.254.1.1/',
    ])
      expect([url, refused(names, url)]).toEqual([url, false]);
    for (const url of [
      'https://example.com/',
      'https://corp.example/',
      'https://evilcorp.example/',
      'http://10.0.0.8/',
      'http://hooks.example.com.evil.com/',
    ])
      expect([url, refused(names, url)]).toEqual([url, true]);
  });
});

describe('URLs', () => {
  it('are shown without their query', () => {
    expect(shownUrl('https://hooks.example.com/a?token=secret')).toBe('https://hooks.example.com/a?…');
    expect(shownUrl('http://127.0.0.1:9093/api/v2/alerts')).toBe('http://127.0.0.1:9093/api/v2/alerts');
  });
});
