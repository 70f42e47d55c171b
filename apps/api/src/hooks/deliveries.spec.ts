import { randomUUID } from 'node:crypto';
import { eventually } from '../testing/eventually.js';
import { DeliveriesRepository } from './deliveries.repository.js';
import { sign } from './signature.js';
import { DeliveryBench } from './testing/delivery-bench.js';
import { type Receiver, startReceiver } from './testing/receiver.js';

const SECOND = 1_000;
const SECRET = 'a-secret-of-the-namespace';
let bench: DeliveryBench;
const receivers: Receiver[] = [];

beforeAll(async () => {
  bench = await DeliveryBench.create();
}, 60_000);
afterEach(async () => {
  await bench.reset();
  for (const receiver of receivers.splice(0)) await receiver.close();
});
afterAll(() => bench.close());

async function receiver(...args: Parameters<typeof startReceiver>): Promise<Receiver> {
  const started = await startReceiver(...args);
  receivers.push(started);
  return started;
}

describe('a delivery', () => {
  it('is posted once, signed, with an id to know it by; what came of it is written down', async () => {
    const { url, received } = await receiver((response) => response.writeHead(202).end('thanks'));
    await bench.transactions.run((tx) => bench.secrets.put(tx, 'default', SECRET, 'admin'));
    const id = await bench.add(`${url}/hook`);
    const { worker } = await bench.replica();
    worker.wake();
    const delivery = await bench.attempted(id, 1);
    expect(delivery).toMatchObject({ status: 'succeeded', nextAttemptAt: null, endedAt: new Date(bench.clock.ms) });
    expect(delivery.log[0]).toMatchObject({ attempt: 1, status: 202, error: null, response: 'thanks' });
    const [{ path, headers, body } = { path: '', headers: {}, body: '' }] = received;
    expect([path, JSON.parse(body)]).toEqual(['/hook', { deliveryId: id }]);
    expect(headers).toMatchObject({
      'x-fabric-delivery': id,
      'x-fabric-event': 'hook.after_zeroing',
      'x-fabric-attempt': '1',
      'x-fabric-signature': sign(SECRET, bench.clock.ms, body),
    });
    worker.wake();
    expect(received).toHaveLength(1);
  });

  it('without any secret has no signature', async () => {
    const { url, received } = await receiver();
    const id = await bench.add(url);
    (await bench.replica()).worker.wake();
    await bench.attempted(id, 1);
    expect(received[0]!.headers).not.toHaveProperty('x-fabric-signature');
  });

  const bad: [string, Parameters<typeof startReceiver>[0], object][] = [
    ['answers 500', (response) => response.writeHead(500).end('no'), { status: 500, error: null }],
    ['closes', (response) => response.destroy(), { status: null, error: 'socket hang up' }],
    ['hangs', () => undefined, { status: null, error: 'no answer within 0.2 s' }],
    ['answers 429', (response) => response.writeHead(429).end(), { status: 429, error: null }],
  ];
  it.each(bad)('to one who %s is tried again after growing rests, and given up after the last attempt', async (_title, answer, seen) => {
    const { url, received } = await receiver(answer);
    const id = await bench.add(url, { point: 'before' }, 200);
    const { worker } = await bench.replica();
    const rests: number[] = [];
    for (let attempt = 1; attempt <= 5; attempt++) {
      worker.wake();
      const { nextAttemptAt, status, log } = await bench.attempted(id, attempt);
      expect(log.at(-1)).toMatchObject({ attempt, ...seen });
      expect(status).toBe(attempt === 5 ? 'failed' : 'pending');
      if (nextAttemptAt === null) break;
      const restMs = nextAttemptAt.getTime() - bench.clock.ms;
      rests.push(restMs);
      bench.clock.ms += restMs - 1;
      worker.wake(); // not due yet
      bench.clock.ms += 1;
    }
    expect(received).toHaveLength(5);
    expect(received.map(({ headers }) => headers['x-fabric-attempt'])).toEqual(['1', '2', '3', '4', '5']);
    expect(new Set(received.map(({ headers, body }) => `${headers['x-fabric-delivery']} ${body}`)).size).toBe(1);
    for (const [index, restMs] of rests.entries()) {
      expect(restMs).toBeGreaterThanOrEqual(2 ** index * SECOND * 0.5);
      expect(restMs).toBeLessThanOrEqual(2 ** index * SECOND);
    }
  });

  it('rests as long as the receiver asks for', async () => {
    const { url } = await receiver((response, _request, nth) => response.writeHead(nth === 1 ? 503 : 200, { 'Retry-After': '120' }).end());
    const id = await bench.add(url);
    const { worker } = await bench.replica();
    worker.wake();
    const { nextAttemptAt } = await bench.attempted(id, 1);
    expect(nextAttemptAt).toEqual(new Date(bench.clock.ms + 120 * SECOND));
    bench.clock.ms += 120 * SECOND;
    worker.wake();
    expect(await bench.attempted(id, 2)).toMatchObject({ status: 'succeeded' });
  });

  it('that the receiver refuses, or sends elsewhere, is not tried again', async () => {
    const target = await receiver();
    for (const status of [400, 404, 410, 302, 307]) {
      const { url } = await receiver((response) => response.writeHead(status, { Location: target.url }).end());
      const id = await bench.add(url);
      (await bench.replica()).worker.wake();
      expect(await bench.attempted(id, 1)).toMatchObject({ status: 'failed', log: [{ status }] });
    }
    expect(target.received).toEqual([]);
  });

  it('to whom webhooks may not go is not made', async () => {
    const { url, received } = await receiver();
    const id = await bench.add(url);
    (await bench.replica({ webhookHosts: ['hooks.example.com'] })).worker.wake();
    expect(await bench.attempted(id, 1)).toMatchObject({
      status: 'failed',
      log: [{ status: null, error: expect.stringContaining('FABRIC_WEBHOOK_HOSTS') }],
    });
    expect(received).toEqual([]);
  });
});

describe('whatever is killed', () => {
  /** Dies when it would write down what came of it. */
  class Killed extends DeliveriesRepository {
    override async settle(): Promise<boolean> {
      throw new Error('killed');
    }
  }

  it('between the answer and the note of it: made again by another replica when its time is over, with the same id', async () => {
    const { url, received } = await receiver();
    const id = await bench.add(url);
    (await bench.replica({ repository: new Killed() })).worker.wake();
    await eventually(async () => expect(received).toHaveLength(1));
    const { worker } = await bench.replica();
    bench.clock.ms += 34 * SECOND; // its time and 30 s are not over
    worker.wake();
    expect((await bench.get(id)).attempts).toBe(1);
    bench.clock.ms += 2 * SECOND;
    worker.wake();
    expect(await bench.attempted(id, 1)).toMatchObject({ status: 'succeeded', attempts: 2 });
    expect(received.map(({ headers, body }) => [headers['x-fabric-delivery'], body])).toEqual([
      [id, JSON.stringify({ deliveryId: id })],
      [id, JSON.stringify({ deliveryId: id })],
    ]);
  });

  it('each time: given up after as many attempts as any other', async () => {
    const { url, received } = await receiver();
    const id = await bench.add(url, { point: 'before' });
    const dying = await bench.replica({ repository: new Killed() });
    for (let attempt = 1; attempt <= 5; attempt++) {
      dying.worker.wake();
      await eventually(async () => expect(received).toHaveLength(attempt));
      if (attempt === 5) await dying.stop();
      bench.clock.ms += 36 * SECOND;
    }
    (await bench.replica()).worker.wake();
    expect(await bench.attempted(id, 1)).toMatchObject({ status: 'failed', log: [{ error: 'no attempt has come to its end' }] });
    expect(received).toHaveLength(5);
  });

  it('who comes late with what came of it changes nothing', async () => {
    const { url } = await receiver((response) => response.writeHead(500).end());
    const id = await bench.add(url);
    const [first] = await bench.transactions.run((tx) => bench.repository.claim(tx, bench.clock.ms, 1));
    bench.clock.ms += 36 * SECOND;
    (await bench.replica()).worker.wake();
    await bench.attempted(id, 1);
    const late = await bench.transactions.run((tx) => bench.repository.settle(tx, first!, { then: 'succeeded' }, null, bench.clock.ms));
    expect(late).toBe(false);
    expect(await bench.get(id)).toMatchObject({ status: 'pending', attempts: 2 });
  });

  it('a replica that stops gives back what it is about: another begins at once', async () => {
    const { url, received } = await receiver((response, _request, nth) => {
      if (nth > 1) response.end();
    });
    const id = await bench.add(url, {}, 600_000);
    const leaving = await bench.replica();
    leaving.worker.wake();
    await eventually(async () => expect(received).toHaveLength(1));
    await leaving.stop();
    (await bench.replica()).worker.wake();
    expect(await bench.attempted(id, 1)).toMatchObject({ status: 'succeeded' });
  });
});

describe('several replicas', () => {
  it('make each delivery once', async () => {
    const { url, received } = await receiver();
    const ids: string[] = [];
    for (let i = 0; i < 60; i++) ids.push(await bench.add(url));
    const replicas = [await bench.replica(), await bench.replica(), await bench.replica()];
    for (const { worker } of replicas) worker.wake();
    for (const id of ids) await bench.attempted(id, 1);
    expect(received.map(({ headers }) => headers['x-fabric-delivery']).sort()).toEqual(ids.sort());
  });

  it('one that hangs holds up no other', async () => {
    const hanging = await receiver(() => undefined);
    const { url } = await receiver();
    for (let i = 0; i < 10; i++) await bench.add(hanging.url, {}, 60_000);
    const id = await bench.add(url);
    (await bench.replica()).worker.wake();
    expect(await bench.attempted(id, 1)).toMatchObject({ status: 'succeeded' });
  });
});

describe('the hooks of one occasion', () => {
  const chain = async (urls: string[]) => {
    const releaseId = randomUUID();
    const ids: string[] = [];
    for (const [position, url] of urls.entries()) ids.push(await bench.add(url, { releaseId, position, point: 'before' }));
    return ids;
  };
  const statuses = async (ids: string[]) => Promise.all(ids.map(async (id) => (await bench.get(id)).status));

  it('come one after the other', async () => {
    const { url, received } = await receiver();
    const ids = await chain([url, url, url]);
    expect(await statuses(ids)).toEqual(['pending', 'waiting', 'waiting']);
    (await bench.replica()).worker.wake();
    await bench.attempted(ids[2]!, 1);
    expect(received.map(({ headers }) => headers['x-fabric-delivery'])).toEqual(ids);
    expect(await statuses(ids)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  });

  it('after one that fails none comes', async () => {
    const { url, received } = await receiver((response, _request, nth) => response.writeHead(nth === 2 ? 400 : 200).end());
    const ids = await chain([url, url, url]);
    (await bench.replica()).worker.wake();
    await bench.attempted(ids[1]!, 1);
    expect(await statuses(ids)).toEqual(['succeeded', 'failed', 'skipped']);
    expect(received).toHaveLength(2);
  });

  it('are written down once, and those that nobody waits for any more are cancelled', async () => {
    const { url, received } = await receiver();
    const releaseId = randomUUID();
    const id = await bench.add(url, { releaseId, point: 'before', occasion: 4 });
    await bench.add(url, { releaseId, point: 'before', occasion: 4 });
    const statusesOf = async (occasion: number) => {
      const hooks = await bench.transactions.read((tx) => bench.repository.ofOccasion(tx, releaseId, 'before', occasion));
      return hooks.map(({ status }) => status);
    };
    expect(await statusesOf(4)).toEqual(['pending']);
    await bench.transactions.run((tx) => bench.repository.cancelBefore(tx, releaseId, 4, bench.clock.ms));
    expect(await statusesOf(4)).toEqual(['pending']);
    await bench.transactions.run((tx) => bench.repository.cancelBefore(tx, releaseId, 5, bench.clock.ms));
    expect(await statusesOf(4)).toEqual(['cancelled']);
    const other = await bench.add(url);
    (await bench.replica()).worker.wake();
    await bench.attempted(other, 1);
    expect(received.map(({ headers }) => headers['x-fabric-delivery'])).not.toContain(id);
  });
});

describe('a notification', () => {
  const put = (url: string, secret: string | null) =>
    bench.transactions.run((tx) =>
      bench.notifications.put(tx, 'default', 'on-call', { url, secret, events: null, format: 'fabric' }, 'admin'),
    );
  const add = () => bench.add('', { point: 'notification', notification: 'on-call', target: { type: 'notification', timeoutMs: 5_000 } });

  it('is sent where it goes to now, with its own secret; of one that is deleted nothing is sent', async () => {
    const [former, now] = [await receiver(), await receiver()];
    await bench.transactions.run((tx) => bench.secrets.put(tx, 'default', SECRET, 'admin'));
    await put(former.url, null);
    const id = await add();
    await put(now.url, 'a-secret-of-its-own');
    const { worker } = await bench.replica();
    worker.wake();
    await bench.attempted(id, 1);
    expect(former.received).toEqual([]);
    const [sent] = now.received;
    expect(sent!.headers['x-fabric-signature']).toBe(sign('a-secret-of-its-own', bench.clock.ms, sent!.body));

    const late = await add();
    await bench.transactions.run((tx) => bench.notifications.delete(tx, 'default', 'on-call'));
    worker.wake();
    await eventually(async () => expect(await bench.get(late)).toMatchObject({ status: 'cancelled', log: [] }));
    expect(now.received).toHaveLength(1);
  });
});

describe('deliveries that have ended', () => {
  it('are kept for a week', async () => {
    const { url } = await receiver();
    const [ended, open] = [await bench.add(url), await bench.add('http://127.0.0.1:1', { position: 1 })];
    (await bench.replica()).worker.wake();
    await bench.attempted(ended, 1);
    const tidy = () => bench.transactions.run((tx) => bench.repository.tidy(tx, bench.clock.ms));
    bench.clock.ms += 7 * 86_400 * SECOND;
    await tidy();
    expect(await bench.get(ended)).not.toBeNull();
    bench.clock.ms += SECOND;
    await tidy();
    expect(await bench.get(ended)).toBeNull();
    expect(await bench.get(open)).toMatchObject({ status: 'waiting' });
  });
});
