import { Counter, Gauge, Registry } from 'prom-client';
import { routeDocument } from '../table/testing/fake-bus.js';
import { FakeClock, settled } from '../table/testing/fake-clock.js';
import type { WorkerEvents } from './fork-worker.js';
import type { ToWorker } from './messages.js';
import { WorkerSide } from './worker-side.js';

/** A worker process of which the test says what it does. */
class FakeWorker {
  readonly told: ToWorker[] = [];
  killed = false;

  constructor(
    readonly pid: number,
    readonly events: WorkerEvents,
  ) {}

  send(message: ToWorker): void {
    this.told.push(message);
  }

  kill(): void {
    this.killed = true;
  }

  applies(inFlight: Record<string, number> = {}): void {
    this.events.message({ type: 'applied', inFlight });
  }

  reports(inFlight: Record<string, number>): void {
    this.events.message({ type: 'state', inFlight, connections: 0 });
  }

  ends(code: number | null = null, signal: NodeJS.Signals | null = code === null ? 'SIGKILL' : null): void {
    this.events.gone({ code, signal });
  }

  get share(): number | undefined {
    let share: number | undefined;
    for (const message of this.told) if (message.type === 'start' || message.type === 'share') share = message.share;
    return share;
  }
}

const EPOCH = 'e';

async function bench(count: number, isEmpty = false) {
  const clock = new FakeClock();
  const forked: FakeWorker[] = [];
  const lines: Record<string, unknown>[] = [];
  const write = (fields: object, text: string) => void lines.push({ ...fields, text });
  let changes = 0;
  const side = new WorkerSide({
    count,
    dataPath: {},
    lameDuckMs: 0,
    clock,
    log: { info: write, warn: write },
    onChange: () => {
      changes += 1;
    },
    fork: (events) => {
      const worker = new FakeWorker(1_000 + forked.length, events);
      forked.push(worker);
      return worker;
    },
  });
  const publish = (revision: number) => {
    const document = routeDocument('a', revision);
    side.sink.put('default/a', document, JSON.stringify(document));
    side.routesChanged({ applied: { epoch: EPOCH, revision }, seenRevision: revision, rejected: [], lastRejection: null }, true);
  };
  let served = false;
  if (!isEmpty) publish(1);
  const start = () => {
    void side.start().then(() => {
      served = true;
    });
  };
  return { clock, side, forked, lines, publish, start, served: () => served, changes: () => changes };
}

/** All workers serve. */
async function running(count: number) {
  const made = await bench(count);
  made.start();
  for (const worker of made.forked) worker.applies();
  await settled();
  return made;
}

describe('WorkerSide: the workers of a proxy are one proxy', () => {
  it('is served when each worker has served or ended once, and one serves', async () => {
    const { start, forked, side, served } = await bench(3);
    start();
    expect(forked).toHaveLength(3);
    forked[0]?.applies();
    forked[1]?.ends(1);
    await settled();
    expect([served(), side.ready]).toEqual([false, true]);
    forked[2]?.applies();
    await settled();
    expect([served(), side.ready]).toEqual([true, true]);
  });

  it('is not ready while no worker serves, nor while there is no table', async () => {
    const { start, side, forked } = await bench(2);
    expect(side.ready).toBe(false);
    start();
    expect(side.ready).toBe(false);
    forked[0]?.applies();
    expect(side.ready).toBe(true);
    forked[0]?.ends();
    expect(side.ready).toBe(false);
  });

  it('whose table came late is ready only when each of its workers that take requests has it', async () => {
    const { start, side, forked, publish } = await bench(2, true);
    start();
    for (const worker of forked) worker.applies();
    expect(side.ready).toBe(false);
    publish(1);
    forked[0]?.applies();
    expect(side.ready).toBe(false);
    forked[1]?.applies();
    expect(side.ready).toBe(true);
  });

  describe('a worker that ends is replaced', () => {
    it('at once when it had served for a while, and the log says so', async () => {
      const { clock, forked, lines, side } = await running(2);
      await clock.advance(5_000);
      forked[0]?.ends();
      await clock.advance(0);
      expect(forked).toHaveLength(3);
      expect(lines.at(-1)).toMatchObject({ worker: 0, pid: 1_000, signal: 'SIGKILL', restartInMs: 0 });
      forked[2]?.applies();
      expect(side.describe()).toMatchObject({ workers: { wanted: 2, serving: 2 } });
    });

    it('after longer and longer rests when it ends right after its start, again and again', async () => {
      const { clock, start, forked, lines, served, side } = await bench(1);
      start();
      for (let round = 0; round < 12; round += 1) {
        forked.at(-1)?.ends(7);
        await clock.advance(30_000);
        expect(forked).toHaveLength(round + 2);
      }
      const rests = lines.flatMap(({ restartInMs }) => restartInMs ?? []);
      expect(rests).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000]);
      expect([served(), side.ready]).toEqual([false, false]);
    });

    it('not while it rests, and not after a stop', async () => {
      const { clock, start, forked, side } = await bench(1);
      start();
      forked[0]?.ends(7);
      await clock.advance(249);
      expect(forked).toHaveLength(1);
      await side.close(0);
      await clock.advance(60_000);
      expect(forked).toHaveLength(1);
    });

    it('and is killed first when it says nothing for half a minute', async () => {
      const { clock, forked } = await running(2);
      for (let second = 0; second < 35; second += 1) {
        forked[1]?.reports({});
        await clock.advance(1_000);
      }
      expect(forked.map(({ killed }) => killed)).toEqual([true, false]);
    });

    it('says why it ended, where it could', async () => {
      const { forked, lines } = await running(2);
      forked[0]?.events.message({ type: 'crashed', reason: 'Error: broken' });
      forked[0]?.ends(1);
      expect(lines.at(-1)).toMatchObject({ code: 1, reason: 'Error: broken' });
    });
  });

  describe('one report: what is applied', () => {
    it('is what the worker has that is furthest behind', async () => {
      const { forked, publish, side } = await running(2);
      publish(2);
      forked[0]?.applies();
      expect(side.standing.applied).toEqual({ epoch: EPOCH, revision: 1 });
      publish(3);
      forked[1]?.applies();
      expect(side.standing.applied?.revision).toBe(2);
      forked[1]?.applies();
      forked[0]?.applies();
      expect(side.standing.applied?.revision).toBe(3);
    });

    it('is nothing until all have something', async () => {
      const { start, forked, side } = await bench(2);
      start();
      forked[0]?.applies();
      expect(side.standing).toEqual({ applied: null, seenRevision: null, rejected: [], lastRejection: null });
      forked[1]?.applies();
      expect(side.standing.applied?.revision).toBe(1);
    });

    it('stays where it was while a worker is starting, and does not fall', async () => {
      const { clock, forked, publish, side } = await running(2);
      forked[0]?.ends();
      await clock.advance(250);
      expect(side.standing.applied?.revision).toBe(1);
      publish(2);
      forked[1]?.applies();
      expect(side.standing.applied?.revision).toBe(1);
      forked[2]?.applies();
      forked[2]?.applies();
      expect(side.standing.applied?.revision).toBe(2);
    });

    it('does not wait for a worker that has ended', async () => {
      const { forked, publish, side } = await running(2);
      publish(2);
      forked[0]?.applies();
      forked[1]?.ends();
      expect(side.standing.applied?.revision).toBe(2);
    });

    it('has the last rejection at once, and the rejections with their step', async () => {
      const { forked, side } = await running(1);
      const rejection = { revision: 2, key: 'default/a', reason: 'bad', at: 'now' };
      const rejected = [{ ...rejection, heldRevision: 1 }];
      side.routesChanged({ applied: { epoch: EPOCH, revision: 1 }, seenRevision: 2, rejected, lastRejection: rejection }, true);
      expect(side.standing).toMatchObject({ seenRevision: 1, rejected: [], lastRejection: rejection });
      forked[0]?.applies();
      expect(side.standing).toMatchObject({ seenRevision: 2, rejected });
    });
  });

  describe('one report: requests in flight', () => {
    it('are summed by instance; a worker that has ended takes its own with it', async () => {
      const { forked, side, changes } = await running(2);
      forked[0]?.reports({ a: 2, b: 1 });
      forked[1]?.reports({ a: 3 });
      expect(side.inFlight()).toEqual({ a: 5, b: 1 });
      const before = changes();
      forked[0]?.ends();
      expect(side.inFlight()).toEqual({ a: 3 });
      expect(changes()).toBeGreaterThan(before);
    });

    it('come with the routes that they follow: never older ones beside a newer revision', async () => {
      const { forked, publish, side } = await running(1);
      forked[0]?.reports({});
      publish(2);
      forked[0]?.applies({ a: 1 });
      expect([side.standing.applied?.revision, side.inFlight()]).toEqual([2, { a: 1 }]);
    });

    it('are reported at once when an instance has none left', async () => {
      const { forked, changes } = await running(1);
      forked[0]?.reports({ a: 1 });
      const before = changes();
      forked[0]?.reports({ a: 2 });
      expect(changes()).toBe(before);
      forked[0]?.reports({});
      expect(changes()).toBe(before + 1);
    });
  });

  it('limits: the parts of those that live add up to the whole, whoever comes and goes', async () => {
    const { clock, forked } = await running(3);
    const shares = () => forked.map(({ share }) => share);
    expect(shares()).toEqual([1 / 3, 1 / 3, 1 / 3]);
    forked[0]?.ends();
    expect(shares().slice(1)).toEqual([1 / 2, 1 / 2]);
    await clock.advance(250);
    expect(shares().slice(1)).toEqual([1 / 3, 1 / 3, 1 / 3]);
  });

  describe('/metrics', () => {
    async function counts(requests: number, inFlight: number): Promise<object[]> {
      const registry = new Registry();
      new Counter({ name: 'requests_total', help: 'r', labelNames: ['code'], registers: [registry] }).inc({ code: '2xx' }, requests);
      new Gauge({ name: 'in_flight', help: 'g', registers: [registry] }).set(inFlight);
      return registry.getMetricsAsJSON();
    }

    /** Scrapes; each worker answers with its counts, or, `null`, not at all. */
    async function scrape({ side, forked, clock }: Awaited<ReturnType<typeof running>>, answers: (object[] | null)[]): Promise<string> {
      const text = side.metrics().then((registry) => registry.metrics());
      for (const [index, metrics] of answers.entries()) if (metrics !== null) forked[index]?.events.message({ type: 'metrics', metrics });
      await clock.advance(1_000);
      return text;
    }

    it('are summed; what a worker counted stays when it has ended, its gauges go', async () => {
      const made = await running(2);
      expect(await scrape(made, [await counts(10, 1), await counts(5, 2)])).toMatch(/requests_total\{code="2xx"\} 15[\s\S]*in_flight 3/);
      made.forked[0]?.ends();
      made.forked[1]?.ends();
      const text = await scrape(made, []);
      expect(text).toContain('requests_total{code="2xx"} 15');
      expect(text).not.toContain('in_flight');
      expect(text).toContain('fabric_proxy_worker_exits_total 2');
      expect(text).toContain('fabric_proxy_workers 0');
    });

    it('of a worker that does not answer are what it last said; two scrapes at once ask once', async () => {
      const made = await running(2);
      await scrape(made, [await counts(10, 0), await counts(5, 0)]);
      const asked = () => made.forked[0]?.told.filter(({ type }) => type === 'metrics').length;
      expect(asked()).toBe(1);
      const second = made.side.metrics();
      expect(await scrape(made, [null, await counts(6, 0)])).toContain('requests_total{code="2xx"} 16');
      await second;
      expect(asked()).toBe(2);
    });
  });

  it('a stop tells all workers, waits for them, and kills those that do not end', async () => {
    const { clock, forked, side } = await running(2);
    let closed = false;
    void side.close(1_000).then(() => {
      closed = true;
    });
    expect(forked.map(({ told }) => told.at(-1))).toEqual([
      { type: 'stop', graceMs: 1_000 },
      { type: 'stop', graceMs: 1_000 },
    ]);
    forked[0]?.ends(0);
    await clock.advance(2_999);
    expect([closed, forked[1]?.killed]).toEqual([false, false]);
    await clock.advance(1);
    expect(forked[1]?.killed).toBe(true);
    forked[1]?.ends();
    await settled();
    expect([closed, forked.length]).toEqual([true, 2]);
  });
});
