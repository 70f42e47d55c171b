import { isWebhookUrl } from './webhook-url.js';

describe('URLs of webhooks', () => {
  it('are http or https, without user and password', () => {
    expect(isWebhookUrl('https://hooks.example.com/a?b=c')).toBe(true);
    for (const bad of [
      'ftp://a.com/',
      'file:///etc/passwd',
      'https://user:pw@a.com/',
      'https://a.com/#x',
      'https://',
      'https://a b.com/',
      `https://a.com/${'x'.repeat(2_000)}`,
    ])
      expect([bad, isWebhookUrl(bad)]).toEqual([bad, false]);
  });
});
