import { parseProxyReport, type RouteDocument } from '@app-fabric/contracts';
import { RouteSync } from './route-sync.js';
import { FakeBus, routeDocument } from './testing/fake-bus.js';
import { FakeClock, settled } from './testing/fake-clock.js';

/** @param onPut called with how many documents were put before */
function bench(onPut: (count: number) => void = () => undefined) {
  const bus = new FakeBus();
  const clock = new FakeClock();
  const table = new Map<string, RouteDocument>();
  const compiled: string[] = [];
  const sync = new RouteSync({
    bus,
    clock,
    random: () => 0.5,
    sink: {
      put(key, document) {
        if (document.routes.services.some((service) => service.name === 'uncompilable')) throw new Error('cannot be compiled');
        onPut(compiled.length);
        compiled.push(`${key}@${document.revision}`);
        table.set(key, document);
      },
      remove: (key) => table.delete(key),
    },
    onChange: () => undefined,
    onRejection: () => undefined,
    log: { info: () => undefined, warn: () => undefined },
  });
  const revisionOf = (app: string) => table.get(`default/${app}`)?.revision;
  return { bus, clock, table, sync, compiled, revisionOf };
}

/** A bench that has read revision 5: apps `a` (4) and `b` (5). */
async function running() {
  const made = bench();
  made.bus.store('e1', 5, [routeDocument('a', 4), routeDocument('b', 5)]);
  await made.sync.start();
  return made;
}

function uncompilable(app: string, revision: number): RouteDocument {
  const document = routeDocument(app, revision);
  for (const service of document.routes.services) service.name = 'uncompilable';
  return document;
}

const LONG_MS = 3_100;

describe('CONTRACT §5: propagation, seen from a proxy', () => {
  it('a proxy that starts needs only the store', async () => {
    const { sync, revisionOf } = await running();
    expect([revisionOf('a'), revisionOf('b')]).toEqual([4, 5]);
    expect(sync.source).toBe('live');
    expect(sync.applied).toEqual({ epoch: 'e1', revision: 5 });
  });

  it('knows for how long the routes may have been out of date', async () => {
    const { bus, clock, sync } = await running();
    await clock.advance(LONG_MS);
    expect(sync.ageMs).toBeLessThan(LONG_MS);
    bus.down = true;
    await clock.advance(60_000);
    expect(sync.ageMs).toBeGreaterThanOrEqual(60_000);
    bus.down = false;
    await clock.advance(LONG_MS);
    expect(sync.ageMs).toBeLessThan(LONG_MS);
  });

  it('takes steps in order, without reading anything again', async () => {
    const { bus, sync, revisionOf, table } = await running();
    bus.publish(6, routeDocument('a', 6));
    bus.publish(7, null, { app: 'b' });
    expect(sync.applied?.revision).toBe(7);
    expect(revisionOf('a')).toBe(6);
    expect(table.has('default/b')).toBe(false);
    expect(bus.reads).toBe(1);
  });

  it('ignores a step that it has seen: a duplicate, or one that comes late', async () => {
    const { bus, sync, compiled } = await running();
    const change = bus.publish(6, routeDocument('a', 6));
    bus.publish(7, routeDocument('a', 7));
    bus.deliver(change);
    await settled();
    expect(sync.applied?.revision).toBe(7);
    expect(compiled.slice(2)).toEqual(['default/a@6', 'default/a@7']);
    expect(bus.reads).toBe(1);
  });

  it('a proxy that sees a gap resyncs', async () => {
    const { bus, sync, revisionOf } = await running();
    bus.publish(6, routeDocument('a', 6), { deliver: false });
    bus.publish(7, routeDocument('b', 7));
    await settled();
    expect([revisionOf('a'), revisionOf('b')]).toEqual([6, 7]);
    expect(sync.applied?.revision).toBe(7);
  });

  it('two steps in the wrong order end in the newest state', async () => {
    const { bus, sync, revisionOf } = await running();
    const six = bus.publish(6, routeDocument('a', 6), { deliver: false });
    const seven = bus.publish(7, routeDocument('a', 7), { deliver: false });
    bus.deliver(seven);
    bus.deliver(six);
    await settled();
    expect(revisionOf('a')).toBe(7);
    expect(sync.applied?.revision).toBe(7);
  });

  it('a lost last message is found by the comparison every few seconds', async () => {
    const { bus, clock, revisionOf } = await running();
    bus.publish(6, routeDocument('a', 6), { deliver: false });
    await clock.advance(1_900);
    expect(revisionOf('a')).toBe(4);
    await clock.advance(LONG_MS);
    expect(revisionOf('a')).toBe(6);
    const { reads } = bus;
    await clock.advance(60_000);
    expect(bus.reads).toBe(reads); // only heads are compared while nothing changes
  });

  it('a head that is ahead of a stream that moves is no reason to read everything', async () => {
    const { bus, clock, sync, revisionOf } = await running();
    const { reads } = bus;
    // Always one step on its way.
    let late = bus.publish(6, routeDocument('a', 6), { deliver: false });
    for (let revision = 7; revision < 140; revision += 1) {
      const next = bus.publish(revision, routeDocument('a', revision), { deliver: false });
      await clock.advance(100);
      bus.deliver(late);
      late = next;
    }
    expect([bus.reads, revisionOf('a')]).toEqual([reads, 138]);
    expect(sync.ageMs).toBeLessThan(LONG_MS);
    // The last one is lost.
    await clock.advance(LONG_MS);
    expect([bus.reads, revisionOf('a'), sync.ageMs < LONG_MS]).toEqual([reads + 1, 139, true]);
  });

  it('a reconnect leads to a comparison at once', async () => {
    const { bus, revisionOf } = await running();
    bus.setConnected(false);
    bus.publish(6, routeDocument('a', 6), { deliver: false });
    bus.setConnected(true);
    await settled();
    expect(revisionOf('a')).toBe(6);
  });

  it('steps that arrive while everything is being read are neither lost nor applied twice', async () => {
    const { bus, sync, revisionOf, compiled } = await running();
    let release = () => {};
    bus.holdRead = new Promise((resolve) => {
      release = resolve;
    });
    bus.publish(6, routeDocument('a', 6), { deliver: false });
    bus.reset(); // reads revision 6, and hangs
    await settled();
    bus.deliver({ epoch: 'e1', revision: 6, previous: 5, key: 'default/a', document: routeDocument('a', 6) });
    bus.publish(7, routeDocument('b', 7));
    expect(revisionOf('b')).toBe(5);
    release();
    await settled();
    expect([revisionOf('a'), revisionOf('b')]).toEqual([6, 7]);
    expect(sync.applied?.revision).toBe(7);
    expect(compiled.slice(2)).toEqual(['default/a@6', 'default/b@7']);
  });

  it('a flood of steps during a read is bounded, and the end is right', async () => {
    const { bus, sync, clock } = await running();
    let release = () => {};
    bus.holdRead = new Promise((resolve) => {
      release = resolve;
    });
    bus.reset();
    await settled();
    for (let revision = 6; revision < 6 + 2_500; revision += 1) bus.publish(revision, routeDocument('a', revision));
    release();
    await clock.advance(LONG_MS);
    expect(sync.applied?.revision).toBe(2_505);
  });

  it('a large state is taken in pieces: requests have their turn, nothing is acknowledged before the end, and steps wait for it', async () => {
    const { bus, sync, compiled, revisionOf } = bench();
    const names = Array.from({ length: 500 }, (_, index) => `app-${index}`);
    bus.store(
      'e1',
      5,
      names.map((name) => routeDocument(name, 5)),
    );
    const started = sync.start();
    while (compiled.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(compiled.length).toBeLessThan(names.length);
    expect(sync.applied).toBeNull();
    bus.publish(6, routeDocument('app-0', 6));
    expect(revisionOf('app-0')).toBe(5);
    await started;
    expect([sync.applied?.revision, revisionOf('app-0'), compiled.length, bus.reads]).toEqual([6, 6, 501, 1]);
  });

  it('a close while a large state is being taken ends that too', async () => {
    const { bus, sync, compiled } = bench();
    bus.store(
      'e1',
      5,
      Array.from({ length: 500 }, (_, index) => routeDocument(`app-${index}`, 5)),
    );
    const started = sync.start();
    while (compiled.length === 0) await new Promise((resolve) => setImmediate(resolve));
    sync.close();
    await started;
    expect(compiled.length).toBeLessThan(500);
  });

  it('a reset reads everything: what is gone is removed, what is unchanged is not compiled again', async () => {
    const { bus, table, compiled } = await running();
    bus.store('e1', 9, [routeDocument('b', 5), routeDocument('c', 9)]);
    bus.reset();
    await settled();
    expect([...table.keys()].sort()).toEqual(['default/b', 'default/c']);
    expect(compiled.slice(2)).toEqual(['default/c@9']);
  });

  it('a foreign epoch is taken whole, whatever its revision', async () => {
    const { bus, table, sync } = await running();
    bus.store('e2', 2, [routeDocument('c', 2), routeDocument('b', 5)]);
    bus.deliver({ epoch: 'e2', revision: 2, previous: 1, key: 'default/c', document: routeDocument('c', 2) });
    await settled();
    expect([...table.keys()].sort()).toEqual(['default/b', 'default/c']);
    expect(sync.applied).toEqual({ epoch: 'e2', revision: 2 });
  });

  it('an emptied store never empties the table; what is published again is taken', async () => {
    const { bus, clock, sync, revisionOf } = await running();
    bus.stored = null;
    bus.setConnected(false);
    bus.setConnected(true);
    bus.reset();
    await clock.advance(60_000);
    expect([revisionOf('a'), revisionOf('b')]).toEqual([4, 5]);
    bus.store('e1', 6, [routeDocument('a', 6), routeDocument('b', 5)]);
    bus.reset();
    await clock.advance(LONG_MS);
    expect(sync.applied?.revision).toBe(6);
    expect(revisionOf('a')).toBe(6);
  });

  it('an older state of the same stream (a restored dump) does not turn routes back', async () => {
    const { bus, revisionOf, sync } = await running();
    bus.publish(6, routeDocument('a', 6));
    bus.store('e1', 3, [routeDocument('a', 3)]);
    bus.reset();
    await settled();
    expect([revisionOf('a'), revisionOf('b')]).toEqual([6, 5]);
    expect(sync.applied?.revision).toBe(6);
  });

  it('with the store down routing goes on, and goes forward when it is back', async () => {
    const { bus, clock, sync, revisionOf } = await running();
    bus.down = true;
    bus.setConnected(false);
    await clock.advance(60_000);
    expect(revisionOf('a')).toBe(4);
    bus.down = false;
    bus.publish(6, routeDocument('a', 6), { deliver: false });
    await clock.advance(LONG_MS);
    expect(sync.applied?.revision).toBe(6);
  });

  it('a start with the store down tries again until it is there', async () => {
    const { bus, clock, sync } = bench();
    bus.down = true;
    await sync.start();
    expect([sync.source, sync.applied]).toEqual(['none', null]);
    expect(sync.loadSnapshot({ epoch: 'e1', revision: 3, documents: [routeDocument('a', 3)] })).toBe(true);
    expect([sync.source, sync.applied?.revision]).toEqual(['snapshot', 3]);
    bus.store('e1', 5, [routeDocument('a', 3), routeDocument('b', 5)]);
    bus.down = false;
    await clock.advance(LONG_MS);
    expect([sync.source, sync.applied?.revision]).toEqual(['live', 5]);
    expect(sync.loadSnapshot({ epoch: 'e1', revision: 3, documents: [routeDocument('a', 3)] })).toBe(false);
    expect([sync.source, sync.applied?.revision]).toEqual(['live', 5]);
  });

  it('a snapshot that is read from disk while the state of the store is being taken does not come over it', async () => {
    const old = Array.from({ length: 60 }, (_, index) => routeDocument(`app-${index}`, 1));
    const taken: boolean[] = [];
    const { bus, clock, sync, table } = bench((count) => {
      if (count === 48) queueMicrotask(() => taken.push(sync.loadSnapshot({ epoch: 'e1', revision: 60, documents: old })));
    });
    bus.down = true;
    await sync.start();
    bus.store(
      'e1',
      120,
      old.map(({ routes }, index) => routeDocument(routes.app, 61 + index)),
    );
    bus.down = false;
    await clock.advance(LONG_MS);
    expect([taken, sync.source, sync.applied?.revision]).toEqual([[false], 'live', 120]);
    expect([...table.values()].filter(({ revision }) => revision <= 60)).toEqual([]);
  });

  describe('a document that a proxy cannot accept is refused whole, reported, and the old one stays', () => {
    const broken = (revision: number) => ({ format: 1, revision, routes: { namespace: 'default', app: 'a', services: 'none' } });

    it('as a step: other apps go on, and `applied` does not acknowledge it', async () => {
      const { bus, sync, revisionOf } = await running();
      bus.publish(6, broken(6) as unknown as RouteDocument);
      expect(revisionOf('a')).toBe(4);
      expect(sync.lastRejection).toMatchObject({ revision: 6, key: 'default/a', at: expect.stringMatching(/^20/) });
      expect(sync.applied?.revision).toBe(5);
      bus.publish(7, routeDocument('b', 7));
      expect(revisionOf('b')).toBe(7);
      expect([sync.applied?.revision, sync.seen?.revision]).toEqual([5, 7]);
      bus.publish(8, routeDocument('a', 8));
      expect([sync.applied?.revision, revisionOf('a')]).toEqual([8, 8]);
      expect(bus.reads).toBe(1);
    });

    it('when it parses and cannot be compiled', async () => {
      const { bus, sync, revisionOf } = await running();
      bus.publish(6, uncompilable('a', 6));
      expect(revisionOf('a')).toBe(4);
      expect([sync.applied?.revision, sync.lastRejection?.reason]).toEqual([5, 'cannot be compiled']);
    });

    it('in the whole state: the others are taken', async () => {
      const { bus, sync, revisionOf } = await running();
      bus.store('e1', 8, [broken(7), routeDocument('b', 8)]);
      bus.reset();
      await settled();
      expect([revisionOf('a'), revisionOf('b')]).toEqual([4, 8]);
      expect(sync.applied?.revision).toBe(6);
      expect(sync.lastRejection).toMatchObject({ revision: 7, key: 'default/a' });
    });

    const outcome = (sync: RouteSync) => {
      const { applied, seenRevision, rejected } = sync.told;
      return [
        applied?.revision,
        seenRevision,
        rejected.map(({ key, revision, heldRevision }) => `${key} ${revision}, holds ${heldRevision}`),
      ];
    };

    it('is told by app, with the document that stays: what comes for other apps counts as applied', async () => {
      const { bus, sync } = await running();
      bus.publish(6, broken(6) as unknown as RouteDocument);
      bus.publish(7, routeDocument('b', 7));
      bus.publish(8, broken(8) as unknown as RouteDocument);
      expect(outcome(sync)).toEqual([5, 8, ['default/a 8, holds 4']]);
      expect(sync.told.rejected[0]?.reason).toMatch(/must be a list/);
      bus.publish(9, routeDocument('a', 9));
      expect(outcome(sync)).toEqual([9, 9, []]);
      expect(sync.lastRejection?.revision).toBe(8);
    });

    it('of an app that is not in the table: nothing is held', async () => {
      const { bus, sync, table } = bench();
      bus.store('e1', 5, [broken(4), routeDocument('b', 5)]);
      await sync.start();
      expect(outcome(sync)).toEqual([3, 5, ['default/a 4, holds null']]);
      expect([...table.keys()]).toEqual(['default/b']);
    });

    it('of another epoch: what stays is older than anything', async () => {
      const { bus, sync, revisionOf } = await running();
      bus.store('e2', 2, [broken(1), routeDocument('b', 2)]);
      bus.reset();
      await settled();
      expect(outcome(sync)).toEqual([0, 2, ['default/a 1, holds 0']]);
      expect(revisionOf('a')).toBe(4);
    });

    it('of more apps than a report takes: those that it does not name hold it back', async () => {
      const { bus, sync } = await running();
      for (let revision = 6; revision < 106; revision += 1) bus.publish(revision, uncompilable(`app${revision}`, revision));
      expect([sync.told.seenRevision, sync.told.rejected.length]).toEqual([105, 100]);
      bus.publish(106, uncompilable('app106', 106));
      bus.publish(107, routeDocument('a', 107));
      expect([sync.told.seenRevision, sync.told.rejected.length, sync.applied?.revision]).toEqual([105, 100, 5]);
      bus.publish(108, null, { app: 'app6' });
      expect([sync.told.seenRevision, sync.told.rejected.length, sync.applied?.revision]).toEqual([108, 100, 6]);
    });

    it('under a name of any length: the report stays one that is understood', async () => {
      const { bus, sync } = await running();
      bus.deliver({ epoch: 'e1', revision: 6, previous: 5, key: 'x'.repeat(100_000), document: {} });
      const report = { proxyId: 'p', bootId: 'b', adminUrl: '', inFlight: {}, leaving: false, at: '', ...sync.told };
      expect(parseProxyReport(report)).toMatchObject({ ok: true });
    });

    it('when the app is removed afterwards, nothing is missing any more', async () => {
      const { bus, sync } = await running();
      bus.publish(6, broken(6) as unknown as RouteDocument);
      bus.publish(7, null, { app: 'a' });
      expect(sync.applied?.revision).toBe(7);
    });

    it('a message that is no change at all leads to a look at the truth', async () => {
      for (const garbage of [null, 'text', 7, {}, { epoch: 'e1', revision: -1, previous: 5, key: 'default/a' }]) {
        const { bus, sync, revisionOf } = await running();
        bus.publish(6, routeDocument('a', 6), { deliver: false });
        bus.deliver(garbage);
        await settled();
        expect(sync.lastRejection?.reason).toBe('not a route change');
        expect([sync.applied?.revision, revisionOf('a')]).toEqual([6, 6]);
      }
    });

    it('a document under the key of another app is refused', async () => {
      const { bus, sync, revisionOf } = await running();
      bus.deliver({ epoch: 'e1', revision: 6, previous: 5, key: 'default/b', document: routeDocument('a', 6) });
      expect([revisionOf('a'), revisionOf('b'), sync.applied?.revision]).toEqual([4, 5, 5]);
    });
  });

  it('after close nothing is read and no timer is left', async () => {
    const { bus, clock, sync } = await running();
    sync.close();
    const { reads, heads } = bus;
    bus.reset();
    bus.setConnected(true);
    await clock.advance(60_000);
    expect([bus.reads, bus.heads, clock.pending]).toEqual([reads, heads, 0]);
  });
});
