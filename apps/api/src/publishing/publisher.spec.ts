import type { RouteDocument } from '@app-fabric/contracts';
import { eventually } from '../testing/eventually.js';
import { FakePublisherBus, type Publication } from '../testing/fake-publisher-bus.js';
import { OUTBOX_LIMIT } from './route-outbox.repository.js';
import { PublishingBench, type Replica } from './testing/publishing-bench.js';

const POLL_MS = 1_000;

let bench: PublishingBench;
let bus: FakePublisherBus;
const held: (() => void)[] = [];
beforeAll(async () => {
  bench = await PublishingBench.create();
});
beforeEach(() => {
  bus = new FakePublisherBus();
});
afterEach(async () => {
  for (const release of held.splice(0)) release();
  await bench.reset();
});
afterAll(() => bench.close());

/** Everything that is committed is on the bus, and the database knows. The poll of `polling` goes on meanwhile, as it does in life. */
async function published(polling?: Replica): Promise<void> {
  await eventually(async () => {
    polling?.clock.advance(POLL_MS);
    const { epoch, revision, published, kept } = await bench.head();
    expect([bus.stored, published, kept]).toEqual([{ epoch, revision }, revision, 0]);
  });
}

/** A replica that publishes, with `apps` published. */
async function publishing(...apps: string[]): Promise<Replica> {
  const replica = await bench.replica(bus);
  replica.start();
  await published();
  for (const app of apps) await replica.change(app);
  await published();
  return replica;
}

/** Of the steps since the last time everything was published. */
function revisions(): number[] {
  const from = bus.log.findLastIndex(({ type }) => type === 'all');
  return bus.log.slice(from + 1).flatMap((entry) => (entry.type === 'change' ? [entry.change.revision] : []));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** The revision that the app's document was made of. */
function madeOf(app: string): number {
  return Number(/^r(\d+)$/.exec(bus.documents.get(`default/${app}`)?.routes.affinity?.name ?? '')?.[1]);
}

/** Stops whoever comes to `isIt` until released. */
function hold(isIt: (publication: Publication) => boolean): { reached: Promise<void>; release: () => void } {
  let release: () => void = () => undefined;
  let reach: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  bus.before = async (publication) => {
    if (!isIt(publication)) return;
    bus.before = () => undefined; // only the first
    reach();
    await released;
  };
  held.push(() => release());
  return { reached, release };
}

const step = (revision: number) => (publication: Publication) => publication.type === 'change' && publication.change.revision === revision;

describe('invariant 5: a change and its revision commit in one transaction; commit order is revision order, without gaps', () => {
  beforeEach(() => bus.setConnected(false)); // so that everything stays in the outbox

  it('with 80 writers over two replicas, of which some roll back: whoever looks sees the revisions 1 to n, never a hole', async () => {
    const replicas = [await bench.replica(bus), await bench.replica(bus)];
    let writing = true;
    const observer = (async () => {
      let looks = 0;
      for (; writing; looks += 1) {
        const [row] = await bench.sql<{ count: string; max: string; head: string }>(
          'SELECT count(*), coalesce(max(revision), 0) AS max, (SELECT revision FROM route_head) AS head FROM route_outbox',
        );
        expect([row!.max, row!.head]).toEqual([row!.count, row!.count]);
      }
      return looks;
    })();
    const order: number[] = [];
    const results = await Promise.allSettled(
      range(1, 80).map((index) =>
        replicas[index % 2]!.change(`app${index % 7}`, async () => {
          if (index % 5 === 0) throw new Error('changed my mind');
        }).then((revision) => order.push(revision)),
      ),
    );
    writing = false;
    expect(await observer).toBeGreaterThan(0);
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(16);
    expect([...order].sort((a, b) => a - b)).toEqual(range(1, 64));
    expect(await bench.head()).toMatchObject({ revision: 64, kept: 64 });
  });

  it('what is read under the lock still holds at the commit: counting up by 40 writers over two replicas loses nothing', async () => {
    const replicas = [await bench.replica(bus), await bench.replica(bus)];
    await replicas[0]!.change('app');
    await Promise.all(
      range(1, 40).map((index) =>
        replicas[index % 2]!.database.transactions.run(async (tx) => {
          const replica = replicas[index % 2]!;
          await replica.routes.lock(tx);
          const { revision } = await replica.outbox.head(tx);
          expect(await replica.routes.commit(tx, 'default', 'app')).toBe(revision + 1);
        }),
      ),
    );
    expect((await bench.head()).revision).toBe(41);
  });
});

describe('invariant 6: publishing is at-least-once and in order', () => {
  it('60 writers over two replicas that both publish: every revision once, in order, by the one that has the lease', async () => {
    const one = await publishing('app');
    // The lease runs by the clock of the database, which does not stand still however slow this machine is.
    await bench.sql(`UPDATE leases SET expires_at = clock_timestamp() + interval '1 hour'`);
    const other = viewOf(bus);
    const two = await bench.replica(other.view, { listens: true });
    two.start();
    await Promise.all(range(1, 60).map((index) => (index % 2 ? one : two).change(`app${index % 7}`)));
    await published(one);
    expect(revisions()).toEqual(range(1, 61));
    expect(other.calls).toEqual([]);
    for (const entry of bus.log) {
      if (entry.type !== 'change') continue;
      const { revision, previous, document } = entry.change;
      expect([previous, document?.revision]).toEqual([revision - 1, revision]);
      expect(Number(document?.routes.affinity?.name?.slice(1))).toBeGreaterThanOrEqual(revision);
    }
  });

  it('a wake-up at any moment is heard, without a poll', async () => {
    const replica = await publishing();
    for (const revision of range(1, 100)) {
      await replica.change('app');
      for (let turns = revision % 10; turns > 0; turns -= 1) await Promise.resolve();
      if (revision % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await published();
    expect(revisions()).toEqual(range(1, 100));
  });

  it('the lease is taken over after its holder died; nothing is skipped, nothing comes twice', async () => {
    const one = await publishing('a', 'b');
    const two = await bench.replica(bus);
    two.start();
    const { reached } = hold(step(4));
    for (const app of ['c', 'd', 'e']) await one.change(app);
    await reached; // and never comes back
    two.clock.advance(POLL_MS);
    await two.change('f');
    expect(revisions()).toEqual([1, 2, 3]);
    await bench.expireLease();
    two.clock.advance(POLL_MS);
    await published();
    expect(revisions()).toEqual(range(1, 6));
  });

  it('a clean shutdown gives the lease away at once', async () => {
    const one = await publishing('a');
    const two = await bench.replica(bus);
    await one.publisher.onApplicationShutdown();
    two.start();
    await two.change('b');
    await published();
    expect(revisions()).toEqual([1, 2]);
  });

  it('a holder that was paused within a step wakes after others went on: it changes nothing', async () => {
    const one = await publishing('a', 'b');
    const { reached, release } = hold(step(3));
    for (const app of ['a', 'b', 'a']) await one.change(app);
    await reached;
    await bench.expireLease();
    const two = await bench.replica(bus);
    two.start();
    await two.change('a'); // 6
    await published();
    const before = structuredClone(bus.log);
    release();
    one.clock.advance(20_000);
    await one.publisher.onApplicationShutdown();
    expect(bus.log).toEqual(before);
    expect(revisions()).toEqual(range(1, 6));
    expect([madeOf('a'), madeOf('b')]).toEqual([6, 4]);
  });

  it('a holder that was paused before it replaced everything wakes after others went on: the clock is not turned back', async () => {
    const one = await publishing('a', 'b');
    bus.empty();
    const { reached, release } = hold(({ type }) => type === 'all');
    one.clock.advance(POLL_MS);
    await reached; // with the state of revision 2 in its hands
    await bench.expireLease();
    const two = await bench.replica(bus);
    two.start();
    for (const app of ['a', 'b', 'c']) await two.change(app);
    await published();
    const before = structuredClone(bus.log);
    release();
    await one.publisher.onApplicationShutdown();
    expect(bus.log).toEqual(before);
    expect([madeOf('a'), madeOf('b'), madeOf('c')]).toEqual([3, 4, 5]);
  });

  it('a holder of a long backlog that has lost the lease stops at the next batch', async () => {
    const one = await publishing();
    bus.after = async () => {
      bus.after = () => undefined;
      await bench.sql(`UPDATE leases SET holder = 'other', expires_at = clock_timestamp() + interval '1 hour'`);
      one.clock.advance(6_000); // 100 steps take more than half of the lease
    };
    await bench.sql(BACKLOG, [250]);
    one.publisher.wake();
    await eventually(async () => expect(await bench.head()).toMatchObject({ published: 100, revision: 250 }));
    one.clock.advance(POLL_MS);
    await one.publisher.onApplicationShutdown();
    expect(revisions()).toEqual(range(1, 100));
  });

  it('a backlog of more than a batch is published in order', async () => {
    const one = await publishing();
    await bench.sql(BACKLOG, [350]);
    await one.change('a');
    await published();
    expect(revisions()).toEqual(range(1, 351));
  });
});

describe('invariant 6: with a bus that fails mid-way', () => {
  it('before a step was taken: it is taken later, nothing is skipped', async () => {
    const one = await publishing('a');
    let failures = 3;
    bus.before = (publication) => {
      if (step(3)(publication) && failures-- > 0) throw new Error('no bus');
    };
    for (const app of ['b', 'c', 'd', 'e']) await one.change(app);
    for (let polls = 0; polls < 3; polls += 1) {
      one.clock.advance(POLL_MS);
      await eventually(async () => expect(failures).toBeLessThanOrEqual(2 - polls));
    }
    one.clock.advance(POLL_MS);
    await published();
    expect(revisions()).toEqual(range(1, 5));
  });

  it('after a step was taken, so that the publisher does not know: it goes on behind it', async () => {
    const one = await publishing('a');
    bus.after = (publication) => {
      if (step(3)(publication)) throw new Error('the answer is lost');
    };
    for (const app of ['b', 'c', 'd', 'e']) await one.change(app);
    await eventually(async () => expect(revisions()).toContain(3));
    one.clock.advance(POLL_MS);
    await published();
    expect(revisions()).toEqual(range(1, 5));
  });

  it('while it is away changes are committed; when it is back they are published without a poll', async () => {
    const one = await publishing('a');
    bus.setConnected(false);
    for (const app of ['b', 'c', 'd']) await one.change(app);
    one.clock.advance(POLL_MS);
    expect(revisions()).toEqual([1]);
    bus.setConnected(true);
    await published();
    expect(revisions()).toEqual(range(1, 4));
  });

  it('killed between the bus and the database: the next one goes on behind what the bus has', async () => {
    const one = await publishing('a');
    const { reached } = hold(step(4));
    await bench.sql(BACKLOG, [3]);
    one.publisher.wake();
    await reached; // 2 and 3 are on the bus, the database knows of 1 only
    expect((await bench.head()).published).toBe(1);
    await bench.expireLease();
    const two = await bench.replica(bus);
    two.start();
    await published();
    expect(revisions()).toEqual(range(1, 4));
  });
});

describe('CONTRACT §5: PostgreSQL is the truth, whatever the bus has', () => {
  const losses: [string, () => void, 'same epoch' | 'new epoch'][] = [
    ['emptied', () => bus.empty(), 'same epoch'],
    ['restored to an older state', () => setBack(2), 'same epoch'],
    ['given the state of another database', () => foreign(3), 'same epoch'],
    ['given the state of another database that has come further', () => foreign(99), 'same epoch'],
    ['ahead of the database, which was restored', () => ahead(9), 'new epoch'],
  ];
  for (const [what, lose, epoch] of losses) {
    it(`${what}: everything is published anew, with the epoch`, async () => {
      const one = await publishing('a', 'b', 'c', 'a');
      const before = await bench.head();
      lose();
      one.clock.advance(POLL_MS);
      await eventually(async () => expect(bus.log.at(-1)?.type).toBe('all'));
      await published();
      expect((await bench.head()).epoch === before.epoch).toBe(epoch === 'same epoch');
      expect([madeOf('a'), madeOf('b'), madeOf('c'), bus.documents.size]).toEqual([4, 2, 3, 3]);
      await one.change('d');
      await published();
      expect(revisions()).toEqual([5]);
    });

    it(`${what}, and a change is committed before anybody looked: it does not hide the loss`, async () => {
      const one = await publishing('a', 'b', 'c', 'a');
      lose();
      await one.change('d');
      await published();
      expect([madeOf('a'), madeOf('b'), madeOf('c'), madeOf('d'), bus.documents.size]).toEqual([4, 2, 3, 5, 4]);
    });
  }

  it('lost again while everything is published: it is published again', async () => {
    const one = await publishing('a', 'b');
    bus.empty();
    bus.before = () => {
      bus.before = () => undefined;
      foreign(7);
    };
    one.clock.advance(POLL_MS);
    await published();
    expect([madeOf('a'), madeOf('b'), bus.documents.size]).toEqual([1, 2, 2]);
  });

  it('two App Fabrics on one bus fight once a second, not for ever', async () => {
    const one = await publishing('a');
    let writes = 0;
    bus.before = () => {
      writes += 1;
      foreign(writes);
    };
    bus.empty();
    one.clock.advance(POLL_MS);
    await eventually(async () => expect(writes).toBe(3));
    bus.before = () => undefined;
    await one.change('b');
    await published();
    expect(bus.documents.size).toBe(2);
  });

  it('a deleted app is told as a removal, and is in nothing that is published anew', async () => {
    const one = await publishing('a', 'b');
    await one.remove('a');
    await published();
    expect(bus.log.at(-1)).toMatchObject({ change: { revision: 3, key: 'default/a', document: null } });
    bus.empty();
    one.clock.advance(POLL_MS);
    await published();
    expect([...bus.documents.keys()]).toEqual(['default/b']);
  });

  it('an app that was deleted and made again before anybody published: its steps lead to what it is now', async () => {
    const one = await publishing();
    bus.setConnected(false);
    await one.change('a');
    await one.remove('a');
    await one.change('a');
    bus.setConnected(true);
    await published();
    expect([madeOf('a'), bus.stored?.revision]).toEqual([3, 3]);
  });

  it('NOTIFY of another replica’s commit leads to its publication, without a poll', async () => {
    const one = await bench.replica(bus, { listens: true });
    one.start();
    await published();
    const two = await bench.replica(bus);
    await eventually(async () => {
      await two.change('a'); // until one listens
      expect(bus.stored?.revision).toBeGreaterThan(0);
    });
    await published();
  });

  it('NOTIFY lost: the slow poll finds the change', async () => {
    const one = await publishing('a');
    const two = await bench.replica(bus);
    await two.change('b');
    one.clock.advance(POLL_MS - 1);
    await settled(one);
    expect(revisions()).toEqual([1]);
    one.clock.advance(1);
    await published();
    expect(revisions()).toEqual([1, 2]);
  });
});

describe('invariant 9: the outbox is bounded', () => {
  it('what is published is removed', async () => {
    await publishing('a', 'b', 'c');
    expect(await bench.head()).toMatchObject({ published: 3, kept: 0 });
  });

  it('while the bus is away the oldest changes are dropped; then everything is published anew', async () => {
    const one = await publishing('a', 'b');
    bus.setConnected(false);
    await bench.sql(BACKLOG, [OUTBOX_LIMIT]);
    await one.change('c');
    await one.change('a');
    expect(await bench.head()).toMatchObject({ published: 2, revision: OUTBOX_LIMIT + 4, kept: OUTBOX_LIMIT });
    bus.setConnected(true);
    await published();
    expect(revisions()).toEqual([]);
    expect([madeOf('a'), madeOf('b'), madeOf('c')]).toEqual([OUTBOX_LIMIT + 4, 2, OUTBOX_LIMIT + 3]);
  });
});

it('after the shutdown no timer is left, and nothing is published', async () => {
  const one = await publishing('a');
  await one.publisher.onApplicationShutdown();
  await one.change('b');
  one.clock.advance(60_000);
  bus.setConnected(true);
  expect([one.clock.pending, bus.stored?.revision]).toEqual([0, 1]);
  expect(await bench.sql('SELECT 1 FROM leases')).toEqual([]);
});

/** $1 changes of the app `a`, without waking anybody. */
const BACKLOG = `
  WITH head AS (UPDATE route_head SET revision = revision + $1::int RETURNING revision)
  INSERT INTO route_outbox (revision, namespace, app) SELECT generate_series(head.revision - $1::int + 1, head.revision), 'default', 'a' FROM head`;

function setBack(revision: number): void {
  bus.stored = { ...bus.stored!, revision };
  bus.documents.delete('default/c');
}

function ahead(revision: number): void {
  bus.stored = { ...bus.stored!, revision };
}

function foreign(revision: number): void {
  bus.empty();
  bus.stored = { epoch: 'another', revision };
  bus.documents.set('default/stranger', { format: 1, revision } as RouteDocument);
}

/** The bus as one of several replicas uses it. */
function viewOf(shared: FakePublisherBus): { view: FakePublisherBus; calls: number[] } {
  const calls: number[] = [];
  const view = Object.create(shared) as FakePublisherBus;
  view.publish = (change) => {
    calls.push(change.revision);
    return shared.publish(change);
  };
  view.replaceAll = (snapshot, expected) => {
    calls.push(snapshot.revision);
    return shared.replaceAll(snapshot, expected);
  };
  return { view, calls };
}

/** The replica has nothing more to do: a round trip of its own connection pool behind whatever it began. */
async function settled(replica: Replica): Promise<void> {
  for (let turns = 0; turns < 5; turns += 1) await replica.database.ping();
}
