import { createHmac } from 'node:crypto';

/**
 * Value of `X-Fabric-Signature`: HMAC-SHA256 of `<seconds>.<body>`. The time is signed too, so a receiver can refuse what somebody recorded and
 * sends again. More than one `v1` may come to stand in it some day.
 */
export function sign(secret: string, atMs: number, body: string): string {
  const seconds = Math.floor(atMs / 1_000);
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}
