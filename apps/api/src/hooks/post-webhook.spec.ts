import { createServer } from 'node:net';
import { postWebhook } from './post-webhook.js';
import { type Receiver, startReceiver } from './testing/receiver.js';
import { WebhookHosts } from './webhook-hosts.js';

const everybody = new WebhookHosts([]);
const never = new AbortController().signal;
const receivers: Receiver[] = [];

afterEach(async () => {
  for (const receiver of receivers.splice(0)) await receiver.close();
});

async function receiver(...args: Parameters<typeof startReceiver>): Promise<Receiver> {
  const started = await startReceiver(...args);
  receivers.push(started);
  return started;
}

const post = (url: string, timeoutMs = 10_000, hosts = everybody) =>
  postWebhook({ url, body: '{"ä":1}', headers: { 'X-Fabric-Delivery': 'd1' }, timeoutMs }, hosts, never);

describe('posting a webhook', () => {
  it('sends the body as it is, and tells status and beginning of the answer', async () => {
    const { url, received } = await receiver((response) => response.writeHead(202).end('thanks'));
    expect(await post(`${url}/hook?a=b`)).toEqual({ status: 202, error: null, response: 'thanks', retryAfter: undefined });
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({
      path: '/hook?a=b',
      body: '{"ä":1}',
      headers: { 'x-fabric-delivery': 'd1', 'content-type': 'application/json' },
    });
  });

  it('follows no redirect', async () => {
    const target = await receiver();
    const { url } = await receiver((response) => response.writeHead(307, { Location: target.url }).end());
    expect(await post(url)).toMatchObject({ status: 307, error: null });
    expect(target.received).toEqual([]);
  });

  it('reads no more of an answer than it shows, however long it is', async () => {
    let sent = 0;
    const { url } = await receiver((response) => {
      const more = () => {
        while (!response.destroyed) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536, 'x'))) return;
        }
      };
      response.on('drain', more);
      more();
    });
    const answer = await post(url);
    expect(answer).toMatchObject({ status: 200, response: 'x'.repeat(1_024) });
    expect(sent).toBeLessThan(50_000_000);
  });

  it('a head decides, also when the body never comes or breaks off', async () => {
    const hanging = await receiver((response) => response.writeHead(200, { 'Content-Length': '10' }).write('half'));
    expect(await post(hanging.url, 300)).toMatchObject({ status: 200, response: 'half' });
    const breaking = await receiver((response) => {
      response.writeHead(500, { 'Content-Length': '10', 'Retry-After': '7' }).write('half');
      setImmediate(() => response.destroy());
    });
    expect(await post(breaking.url)).toMatchObject({ status: 500, retryAfter: '7' });
  });

  it('who says nothing in time, closes, talks no HTTP, or is not there: no answer, and why', async () => {
    const slow = await receiver(() => undefined);
    expect(await post(slow.url, 100)).toMatchObject({ status: null, error: 'no answer within 0.1 s' });
    const closing = await receiver((response) => response.destroy());
    expect(await post(closing.url)).toMatchObject({ status: null, error: 'socket hang up' });
    const gone = await startReceiver();
    await gone.close();
    expect((await post(gone.url)).error).toMatch(/ECONNREFUSED/);
    const strange = createServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end('SSH-2.0-x\r\n'),
    );
    await new Promise<void>((resolve) => strange.listen(0, '127.0.0.1', resolve));
    const { port } = strange.address() as { port: number };
    expect((await post(`http://127.0.0.1:${port}`)).status).toBeNull();
    await new Promise((resolve) => strange.close(resolve));
    const longHead = await receiver((response) => response.writeHead(200, { 'X-Long': 'x'.repeat(20_000) }).end());
    expect((await post(longHead.url)).error).toMatch(/overflow/i);
  });

  it('ends when this program stops', async () => {
    const slow = await receiver(() => stopped.abort());
    const stopped = new AbortController();
    const answer = await postWebhook({ url: slow.url, body: '', headers: {}, timeoutMs: 60_000 }, everybody, stopped.signal);
    expect(answer.status).toBeNull();
  });

  it('calls nobody who may not be called, by name or by address', async () => {
    const { url, received } = await receiver();
    const some = new WebhookHosts(['hooks.example.com']);
    expect((await post(url, 1_000, some)).error).toMatch(/not among the hosts/);
    expect((await post('http://169.254.169.254/latest')).error).toMatch(/link-local/);
    class Suspicious extends WebhookHosts {
      override addressRefusal(address: string): string | null {
        return `${address} may not be called`;
      }
    }
    expect((await post(url.replace('127.0.0.1', 'localhost'), 1_000, new Suspicious([]))).error).toMatch(
      /^localhost: .* may not be called$/,
    );
    expect(received).toEqual([]);
  });
});
