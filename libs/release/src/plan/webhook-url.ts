/** A URL that webhooks can be sent to: http or https, without user and password, which would be shown. */
export function isWebhookUrl(text: string): boolean {
  if (text.length > 2_000 || !/^https?:\/\/[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  return url.username === '' && url.password === '' && url.hash === '';
}
