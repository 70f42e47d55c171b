import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BusNames,
  busNames,
  MAX_STORED_FRAMES,
  type MeasurementFrame,
  type ProxyReport,
  type RouteChange,
  type RouteDocument,
} from '@app-fabric/contracts';
import { Redis } from 'ioredis';
import { BusUnavailableError, type PublisherBus, type RouteMessage, type SubscriberBus } from './bus.js';
import { createProcessBus } from './process-bus.js';
import { connectRedisPublisher } from './redis-publisher.js';
import { connectRedisSubscriber } from './redis-subscriber.js';

interface Ends {
  publisher: PublisherBus;
  subscriber: SubscriberBus;
}

const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
const EPOCH = 'epoch-1';

function document(app: string, revision: number): RouteDocument {
  return {
    format: 1,
    revision,
    routes: {
      namespace: 'default',
      app,
      fallback: 'random',
      onUnavailable: 'redistribute',
      aliases: {},
      versions: [],
      weights: null,
      services: [],
    },
  };
}

function change(app: string, revision: number, content: RouteDocument | null = document(app, revision), epoch = EPOCH): RouteChange {
  return { epoch, revision, previous: revision - 1, key: `default/${app}`, document: content };
}

function report(proxyId: string, patch: Partial<ProxyReport> = {}): ProxyReport {
  return {
    proxyId,
    bootId: 'boot',
    adminUrl: 'http://127.0.0.1:1',
    applied: { epoch: EPOCH, revision: 1 },
    seenRevision: 1,
    rejected: [],
    lastRejection: null,
    inFlight: { a: 2 },
    leaving: false,
    at: '2026-01-01T00:00:00.000Z',
    ...patch,
  };
}

function frame(sequence: number): MeasurementFrame {
  return { format: 1, proxyId: 'p1', source: 's1', sequence, uptimeMs: 1, ageMs: 0, series: [], errors: [] };
}

async function until(label: string, check: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`${label}: not in time`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function describeBus(name: string, open: () => Promise<Ends>): void {
  describe(name, () => {
    let ends: Ends;
    let messages: RouteMessage[];
    beforeEach(async () => {
      ends = await open();
      messages = [];
      await ends.subscriber.subscribe((message) => messages.push(message));
    });
    afterEach(async () => {
      await ends.publisher.close();
      await ends.subscriber.close();
    });

    it('has nothing before anything was published', async () => {
      expect(await ends.publisher.head()).toBeNull();
      expect(await ends.subscriber.head()).toBeNull();
      expect(await ends.subscriber.readAll()).toBeNull();
    });

    /** As the first publisher does: an empty state, after which steps can be taken. */
    const begin = async (epoch = EPOCH, revision = 0) => {
      expect(await ends.publisher.replaceAll({ epoch, revision, documents: [] }, await ends.publisher.head())).toBe(true);
      await until('the reset', () => messages.some(({ type }) => type === 'reset'));
      messages.length = 0;
    };

    it('brings changes in order, and keeps what they say', async () => {
      await begin();
      for (const revision of [1, 2, 3]) await ends.publisher.publish(change(`app${revision}`, revision));
      await ends.publisher.publish(change('app2', 4, null));
      await until('four messages', () => messages.length === 4);
      expect(messages[0]).toEqual({ type: 'change', change: change('app1', 1) });
      expect(messages[3]).toEqual({ type: 'change', change: change('app2', 4, null) });
      const all = await ends.subscriber.readAll();
      expect(all).toMatchObject({ epoch: EPOCH, revision: 4 });
      expect([...(all?.documents ?? [])].map(([key, json]) => [key, JSON.parse(json)])).toEqual(
        expect.arrayContaining([
          ['default/app1', document('app1', 1)],
          ['default/app3', document('app3', 3)],
        ]),
      );
      expect(all?.documents.size).toBe(2);
      expect(await ends.subscriber.head()).toEqual({ epoch: EPOCH, revision: 4 });
    });

    it('invariant 6: does not go backwards, and does nothing twice', async () => {
      await begin(EPOCH, 4);
      expect(await ends.publisher.publish(change('app', 5))).toBe(true);
      expect(await ends.publisher.publish(change('app', 5, document('app', 99)))).toBe(false);
      expect(await ends.publisher.publish(change('app', 4, null))).toBe(false);
      expect(await ends.publisher.head()).toEqual({ epoch: EPOCH, revision: 5 });
      expect((await ends.subscriber.readAll())?.documents.get('default/app')).toBe(JSON.stringify(document('app', 5)));
      await until('one message', () => messages.length === 1);
    });

    it('invariant 6: takes only the step after what is stored', async () => {
      expect(await ends.publisher.publish(change('app', 1))).toBe(false); // emptied, or never filled
      expect(await ends.publisher.head()).toBeNull();
      await begin(EPOCH, 4);
      expect(await ends.publisher.publish(change('app', 6))).toBe(false);
      expect(await ends.publisher.publish(change('app', 5, document('app', 5), 'epoch-2'))).toBe(false);
      expect(await ends.publisher.head()).toEqual({ epoch: EPOCH, revision: 4 });
      expect((await ends.subscriber.readAll())?.documents.size).toBe(0);
    });

    it('replaces everything, and says so', async () => {
      await begin();
      await ends.publisher.publish(change('old', 1));
      const documents = Array.from({ length: 1_200 }, (_, index) => document(`app${index}`, 7));
      expect(await ends.publisher.replaceAll({ epoch: 'epoch-2', revision: 7, documents }, { epoch: EPOCH, revision: 1 })).toBe(true);
      await until('the reset', () => messages.some(({ type }) => type === 'reset'));
      const all = await ends.subscriber.readAll();
      expect(all).toMatchObject({ epoch: 'epoch-2', revision: 7 });
      expect(all?.documents.size).toBe(1_200);
      expect(all?.documents.has('default/old')).toBe(false);
    });

    it('invariant 6: replaces only what its caller has seen: who slept meanwhile changes nothing', async () => {
      await begin(EPOCH, 4);
      const seen = await ends.publisher.head();
      await ends.publisher.publish(change('app', 5));
      for (const expected of [seen, null, { epoch: 'epoch-2', revision: 5 }])
        expect(await ends.publisher.replaceAll({ epoch: EPOCH, revision: 4, documents: [document('late', 4)] }, expected)).toBe(false);
      expect(await ends.publisher.head()).toEqual({ epoch: EPOCH, revision: 5 });
      expect([...((await ends.subscriber.readAll())?.documents.keys() ?? [])]).toEqual(['default/app']);
    });

    it('keeps frames of measurements, in order, until they are removed', async () => {
      const { publisher, subscriber } = ends;
      expect(await publisher.measurements(10)).toEqual([]);
      await publisher.removeMeasurements([]);
      for (const sequence of [1, 2, 3]) await subscriber.sendMeasurements(frame(sequence));
      const all = await publisher.measurements(10);
      expect(all.map(({ frame: one }) => one)).toEqual([1, 2, 3].map((sequence) => ({ ok: true, value: frame(sequence) })));
      for (const { storedMs } of all) expect(storedMs).toBeGreaterThanOrEqual(0);
      expect((await publisher.measurements(2)).map(({ id }) => id)).toEqual(all.slice(0, 2).map(({ id }) => id));
      await publisher.removeMeasurements([all[0]!.id, all[2]!.id]);
      expect((await publisher.measurements(10)).map(({ id }) => id)).toEqual([all[1]!.id]);
    });

    it('invariant 9: of too many frames the oldest go first', async () => {
      const { publisher, subscriber } = ends;
      const sent = Array.from({ length: MAX_STORED_FRAMES + 2 }, (_, index) => frame(index + 1));
      while (sent.length > 0) await Promise.all(sent.splice(0, 500).map((one) => subscriber.sendMeasurements(one)));
      const all = await publisher.measurements(MAX_STORED_FRAMES + 2);
      const sequences = all.map(({ frame: one }) => (one.ok ? one.value.sequence : 0));
      expect([sequences.length, sequences[0], sequences.at(-1)]).toEqual([MAX_STORED_FRAMES, 3, MAX_STORED_FRAMES + 2]);
    });

    it('brings reports, lists the living, and forgets who leaves', async () => {
      const seen: ProxyReport[] = [];
      const off = ends.publisher.onReport((one) => seen.push(one));
      await ends.subscriber.report(report('p1'));
      await ends.subscriber.report(report('p2'));
      await until('two reports', () => seen.length === 2);
      expect(seen[0]).toEqual(report('p1'));
      expect((await ends.publisher.proxies()).map(({ proxyId }) => proxyId).sort()).toEqual(['p1', 'p2']);
      await ends.subscriber.report(report('p1', { leaving: true }));
      await until('the last report', () => seen.length === 3);
      expect((await ends.publisher.proxies()).map(({ proxyId }) => proxyId)).toEqual(['p2']);
      off();
    });
  });
}

describeBus('in one process', async () => createProcessBus());

if (!hasRedis) it.skip('over Redis: redis-server is not on PATH', () => undefined);
else {
  describe('over Redis', () => {
    let redis: OwnRedis;
    let prefixes = 0;
    const open = async (): Promise<Ends> => {
      const options = { url: redis.url, prefix: `test${prefixes++}:` };
      return { publisher: await connectRedisPublisher(options), subscriber: await connectRedisSubscriber(options) };
    };
    beforeAll(async () => {
      redis = await OwnRedis.start();
    });
    afterAll(() => redis.remove());

    describeBus('the same', open);

    it('is heard again after Redis was killed and started again; calls meanwhile are refused', async () => {
      const { publisher, subscriber } = await open();
      const states: boolean[] = [];
      subscriber.onConnection((connected) => states.push(connected));
      const messages: RouteMessage[] = [];
      await subscriber.subscribe((message) => messages.push(message));
      await redis.kill();
      await until('both notice', () => !publisher.connected && !subscriber.connected);
      await expect(publisher.publish(change('app', 1))).rejects.toBeInstanceOf(BusUnavailableError);
      await expect(subscriber.readAll()).rejects.toBeInstanceOf(BusUnavailableError);
      await redis.run();
      await until('both are back', () => publisher.connected && subscriber.connected);
      expect(states).toEqual([false, true]);
      await publisher.replaceAll({ epoch: EPOCH, revision: 1, documents: [document('app', 1)] }, null);
      await until('the message', () => messages.length === 1);
      await publisher.close();
      await subscriber.close();
    }, 60_000);

    it('a state of which a part was lost is none: it is neither read nor added to, and can be replaced', async () => {
      const losses: [string, (redis: Redis, names: BusNames) => Promise<unknown>][] = [
        ['the documents', (redis, names) => redis.del(names.documents)],
        ['one document', (redis, names) => redis.hdel(names.documents, 'default/a')],
        ['the head', (redis, names) => redis.del(names.head)],
        ['the revision', (redis, names) => redis.hset(names.head, 'revision', '1e3')],
        ['everything', (redis) => redis.flushall()],
      ];
      for (const [what, lose] of losses) {
        const { publisher, subscriber } = await open();
        const client = new Redis(redis.url);
        const names = busNames(`test${prefixes - 1}:`);
        await publisher.replaceAll({ epoch: EPOCH, revision: 2, documents: [document('a', 1), document('b', 2)] }, null);
        await lose(client, names);
        expect([what, await publisher.head(), await subscriber.head(), await subscriber.readAll()]).toEqual([what, null, null, null]);
        expect([what, await publisher.publish(change('b', 3))]).toEqual([what, false]);
        expect([what, await publisher.replaceAll({ epoch: EPOCH, revision: 3, documents: [document('c', 3)] }, null)]).toEqual([
          what,
          true,
        ]);
        expect((await subscriber.readAll())?.documents.size).toBe(1);
        // Nothing that would go away by itself, nothing left over.
        expect([await client.ttl(names.documents), (await client.keys(`${names.documents}:*`)).sort()]).toEqual([-1, [names.head]]);
        client.disconnect();
        await publisher.close();
        await subscriber.close();
      }
    });

    it('invariant 9: reports that are malformed or huge are dropped, on the way and in the list', async () => {
      const { publisher, subscriber } = await open();
      const client = new Redis(redis.url);
      const names = busNames(`test${prefixes - 1}:`);
      const seen: ProxyReport[] = [];
      publisher.onReport((one) => seen.push(one));
      const huge = JSON.stringify({ ...report('huge'), padding: 'x'.repeat(17 * 1024 * 1024) });
      for (const text of ['', 'no json', 'null', '[]', '{}', JSON.stringify({ ...report('p'), inFlight: 7 }), huge]) {
        await client.publish(names.reports, text);
        await client.sadd(names.proxies, 'broken');
        await client.set(names.proxy('broken'), text);
        expect(await publisher.proxies()).toEqual([]);
      }
      await subscriber.report(report('good'));
      await until('the good one', () => seen.length > 0);
      expect(seen).toEqual([report('good')]);
      expect(await publisher.proxies()).toEqual([report('good')]);
      client.disconnect();
      await publisher.close();
      await subscriber.close();
    });

    it('a frame that is malformed or huge is listed with the reason, so that it can be removed; its age is by the clock of Redis', async () => {
      const { publisher, subscriber } = await open();
      const client = new Redis(redis.url);
      const { measurements } = busNames(`test${prefixes - 1}:`);
      const [seconds] = await client.time();
      const huge = JSON.stringify({ ...frame(1), padding: 'x'.repeat(256 * 1024) });
      for (const [index, text] of ['', 'no json', '{}', huge].entries())
        await client.xadd(measurements, `${(Number(seconds) - 100) * 1_000 + index}-0`, 'frame', text);
      await client.xadd(measurements, `${(Number(seconds) - 50) * 1_000}-0`, 'other', 'field');
      await subscriber.sendMeasurements(frame(1));
      const all = await publisher.measurements(10);
      expect(all.map(({ frame: one }) => (one.ok ? 'taken' : one.reason))).toEqual([
        'is no JSON',
        'is no JSON',
        'frame.format must be 1',
        expect.stringMatching(/^has \d+ characters$/),
        'is no JSON',
        'taken',
      ]);
      expect(all[0]!.storedMs).toBeGreaterThanOrEqual(100_000 - 4);
      expect(all[5]!.storedMs).toBeLessThan(50_000);
      client.disconnect();
      await publisher.close();
      await subscriber.close();
    });

    it('notices a Redis that is frozen', async () => {
      const { publisher, subscriber } = await open();
      redis.freeze();
      try {
        await until('both notice', () => !publisher.connected && !subscriber.connected);
      } finally {
        redis.thaw();
      }
      await until('both are back', () => publisher.connected && subscriber.connected);
      await publisher.close();
      await subscriber.close();
    }, 60_000);

    it('reads a state that is long in coming, and is heard meanwhile; cut off in the middle it says so', async () => {
      const relay = await SlowRelay.to(redis.port);
      const options = { url: relay.url, prefix: `test${prefixes++}:` };
      const publisher = await connectRedisPublisher({ ...options, url: redis.url });
      const subscriber = await connectRedisSubscriber(options);
      // Five seconds of it: more than any other answer may take.
      const documents = Array.from({ length: 25 * 4 * 1_024 }, (_, index) => document(`app-${index}`, 1));
      const bytes = JSON.stringify(documents).length;
      await publisher.replaceAll({ epoch: EPOCH, revision: 1, documents }, null);
      relay.bytesPerTick = Math.ceil(bytes / 50);
      // Storing so much keeps this process from answering pings, too: what counts is what comes while it is read.
      await until('it is connected', () => subscriber.connected);
      const states: boolean[] = [];
      subscriber.onConnection((connected) => states.push(connected));
      expect((await subscriber.readAll())?.documents.size).toBe(documents.length);
      expect(states).toEqual([]);
      const cut = subscriber.readAll();
      const refused = expect(cut).rejects.toBeInstanceOf(BusUnavailableError);
      await until('it comes', () => relay.waiting);
      await subscriber.close();
      await refused;
      await publisher.close();
      await relay.close();
    }, 60_000);

    it('opens and closes while there is no Redis', async () => {
      const url = `redis://127.0.0.1:${await freePort()}`;
      const publisher = await connectRedisPublisher({ url });
      expect(publisher.connected).toBe(false);
      await expect(publisher.head()).rejects.toBeInstanceOf(BusUnavailableError);
      await publisher.close();
    });
  });
}

it('a start does not wait for a Redis where nobody listens, and only so long for one that says nothing', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as { port: number };
  const first = (name: string, url: string) => connectRedisSubscriber({ url }).then((bus) => ({ name, bus }));
  const starts = [first('silent', `redis://127.0.0.1:${port}`), first('refused', `redis://127.0.0.1:${await freePort()}`)];
  expect((await Promise.race(starts)).name).toBe('refused');
  for (const { bus } of await Promise.all(starts)) {
    expect(bus.connected).toBe(false);
    await bus.close();
  }
  silent.close();
});

/** Passes on what a server says at so many bytes a tick (100 ms) and connection. */
class SlowRelay {
  bytesPerTick = Number.POSITIVE_INFINITY;
  private readonly sockets = new Set<Socket>();
  private readonly held = new Map<Socket, Buffer>();
  private readonly ticks = setInterval(() => this.tick(), 100);
  private readonly server: Server;

  private constructor(port: number) {
    this.server = createServer((client) => {
      const upstream = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.sockets.add(from);
        from.on('error', () => undefined);
        from.on('close', () => to.destroy());
      }
      client.on('data', (data) => upstream.write(data));
      upstream.on('data', (data) => {
        if (this.bytesPerTick === Number.POSITIVE_INFINITY) client.write(data);
        else this.held.set(client, Buffer.concat([this.held.get(client) ?? Buffer.alloc(0), data]));
      });
    });
  }

  static async to(port: number): Promise<SlowRelay> {
    const relay = new SlowRelay(port);
    relay.server.listen(0, '127.0.0.1');
    await once(relay.server, 'listening');
    return relay;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  /** More is held back than goes out at once. */
  get waiting(): boolean {
    return [...this.held.values()].some(({ length }) => length > this.bytesPerTick);
  }

  async close(): Promise<void> {
    clearInterval(this.ticks);
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private tick(): void {
    for (const [client, data] of this.held) {
      client.write(data.subarray(0, this.bytesPerTick));
      this.held.set(client, data.subarray(this.bytesPerTick));
    }
  }
}

class OwnRedis {
  private child: ChildProcess | null = null;

  private constructor(
    readonly port: number,
    private readonly folder: string,
  ) {}

  static async start(): Promise<OwnRedis> {
    const redis = new OwnRedis(await freePort(), mkdtempSync(join(tmpdir(), 'fabric-redis-')));
    await redis.run();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async run(): Promise<void> {
    const settings = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.folder];
    this.child = spawn('redis-server', settings, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    this.child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    await until('redis-server answers', () => output.includes('Ready to accept connections'));
  }

  async kill(): Promise<void> {
    const ended = this.child && once(this.child, 'exit');
    this.child?.kill('SIGKILL');
    await ended;
  }

  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
