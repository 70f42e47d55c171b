import type { ProxyReport } from '@app-fabric/contracts';
import { pino } from 'pino';
import { Transactions } from '../database/transaction.js';
import { FakePublisherBus } from '../testing/fake-publisher-bus.js';
import { Propagation } from './propagation.js';
import type { PropagationState } from './propagation-state.js';
import { ProxyRegistry } from './proxy-registry.js';
import { RouteOutboxRepository, type StoredHead } from './route-outbox.repository.js';
import { FakePublishingClock } from './testing/fake-publishing-clock.js';
import { proxyReport, refusal, told } from './testing/proxy-report.js';

/** The head of the routes, as the database would say it. */
class FakeHead extends RouteOutboxRepository {
  value: StoredHead = { epoch: 'e1', revision: 5, published: 5 };
  reads = 0;
  down = false;

  override async head(): Promise<StoredHead> {
    this.reads += 1;
    if (this.down) throw new Error('no database');
    return this.value;
  }
}

class NoDatabase extends Transactions {
  run = <T>(work: (tx: never) => Promise<T>) => work(undefined as never);
  read = <T>(work: (tx: never) => Promise<T>) => work(undefined as never);
  snapshot = <T>(work: (tx: never) => Promise<T>) => work(undefined as never);
  afterCommit = () => undefined;
}

async function started(...known: ProxyReport[]) {
  const bus = new FakePublisherBus();
  const clock = new FakePublishingClock();
  const head = new FakeHead();
  const shutdown = new AbortController();
  const logger = pino({ level: 'silent' });
  for (const report of known) bus.known.set(report.proxyId, report);
  const registry = new ProxyRegistry(bus, logger, clock);
  const propagation = new Propagation(new NoDatabase(), head, registry, shutdown.signal, clock, logger);
  await registry.onApplicationBootstrap();
  propagation.onApplicationBootstrap();
  const timers = clock.pending;
  /** Waits for a change of the app `a`. */
  const wait = (routeRevision: number, timeoutMs = 5_000) => {
    const waiting = { state: null as PropagationState | null, withdrawn: null as boolean | null };
    const change = { routeRevision, namespace: 'default', app: 'a' };
    void propagation.waitFor(change, timeoutMs).then((state) => (waiting.state = state));
    void propagation.waitUntilWithdrawn(change, timeoutMs).then((withdrawn) => (waiting.withdrawn = withdrawn));
    return waiting;
  };
  return { bus, clock, head, shutdown, registry, propagation, wait, timers };
}

describe('Prefer: wait answers', () => {
  it('at once when all live proxies have it, or one that came later', async () => {
    const { wait, clock, timers } = await started(proxyReport('p1', 5), proxyReport('p2', 4));
    const waiting = wait(4);
    await told();
    const complete = { routeRevision: 4, proxies: 2, acknowledged: 2, complete: true, pending: [], rejected: [] };
    expect(waiting).toEqual({ state: complete, withdrawn: true });
    expect(clock.pending).toBe(timers);
  });

  it('at once when there is no proxy', async () => {
    const { wait } = await started();
    const waiting = wait(5);
    await told();
    expect(waiting).toMatchObject({ state: { proxies: 0, complete: true }, withdrawn: true });
  });

  it('when the last one has applied it', async () => {
    const { bus, wait, clock, timers } = await started(proxyReport('p1', 4), proxyReport('p2', 4));
    const waiting = wait(5);
    bus.report(proxyReport('p1', 5));
    await told();
    expect(waiting).toEqual({ state: null, withdrawn: null });
    bus.report(proxyReport('p2', 5));
    await told();
    expect(waiting).toMatchObject({ state: { acknowledged: 2, complete: true, pending: [] }, withdrawn: true });
    expect(clock.pending).toBe(timers);
  });

  it('after the time, with what is missing', async () => {
    const { bus, wait, clock, timers } = await started(proxyReport('p1', 4), proxyReport('p2', 4), proxyReport('p3', 4, { applied: null }));
    const waiting = wait(5);
    await told();
    bus.report(proxyReport('p1', 5));
    clock.advance(4_999);
    await told();
    expect(waiting.state).toBeNull();
    clock.advance(1);
    await told();
    expect(waiting).toEqual({
      state: { routeRevision: 5, proxies: 3, acknowledged: 1, complete: false, pending: ['p2', 'p3'], rejected: [] },
      withdrawn: false,
    });
    expect(clock.pending).toBe(timers);
  });

  it('without waiting when no time is given', async () => {
    const { wait } = await started(proxyReport('p1', 4));
    const waiting = wait(5, 0);
    await told();
    expect(waiting).toMatchObject({ state: { complete: false, pending: ['p1'] }, withdrawn: false });
  });

  it('when the one that is missing has died (10 s) or left', async () => {
    for (const end of ['dies', 'leaves']) {
      const { bus, wait, clock } = await started(proxyReport('p1', 5), proxyReport('p2', 4));
      const waiting = wait(5, 60_000);
      await told();
      if (end === 'leaves') bus.report(proxyReport('p2', 4, { leaving: true }));
      else {
        for (let seconds = 1; seconds <= 9; seconds += 1) {
          clock.advance(1_000);
          bus.report(proxyReport('p1', 5));
        }
        await told();
        expect(waiting.state).toBeNull();
        clock.advance(1_000);
      }
      await told();
      expect(waiting).toMatchObject({ state: { proxies: 1, complete: true }, withdrawn: true });
    }
  });

  it('not before a proxy that joins meanwhile has it too', async () => {
    const { bus, wait } = await started(proxyReport('p1', 4));
    const waiting = wait(5);
    await told();
    bus.report(proxyReport('p2', 0, { applied: null, seenRevision: null }));
    bus.report(proxyReport('p1', 5));
    await told();
    expect(waiting).toEqual({ state: null, withdrawn: null });
    bus.report(proxyReport('p2', 5));
    await told();
    expect(waiting).toMatchObject({ state: { proxies: 2, complete: true }, withdrawn: true });
  });

  it('not complete while the bus is down, whatever was reported before', async () => {
    const { bus, wait, clock } = await started(proxyReport('p1', 5));
    bus.setConnected(false);
    const waiting = wait(5);
    await told();
    expect(waiting.state).toBeNull();
    clock.advance(5_000);
    await told();
    expect(waiting).toMatchObject({ state: { acknowledged: 1, complete: false, pending: [] }, withdrawn: false });
  });

  it('when the bus is back', async () => {
    const { bus, wait } = await started(proxyReport('p1', 5));
    bus.setConnected(false);
    const waiting = wait(5);
    await told();
    bus.setConnected(true);
    await told();
    expect(waiting).toMatchObject({ state: { complete: true }, withdrawn: true });
  });

  it('at shutdown', async () => {
    const { shutdown, wait, clock, timers } = await started(proxyReport('p1', 4));
    const waiting = wait(5);
    await told();
    shutdown.abort();
    await told();
    expect(waiting).toMatchObject({ state: { complete: false }, withdrawn: false });
    expect(clock.pending).toBe(timers);
  });

  it('also while the database is down: the change is committed whatever becomes of the answer', async () => {
    const { head, wait } = await started(proxyReport('p1', 5));
    head.down = true;
    const waiting = wait(5, 0);
    await told();
    expect(waiting).toMatchObject({ state: { complete: false, pending: ['p1'] }, withdrawn: false });
  });
});

describe('after a database was restored from a backup', () => {
  it('a report of the former epoch does not count, whatever its revision', async () => {
    const { bus, head, wait } = await started(proxyReport('p1', 5));
    await told();
    head.value = { epoch: 'e2', revision: 3, published: 3 };
    const waiting = wait(3);
    await told();
    expect(waiting.state).toBeNull();
    bus.report(proxyReport('p1', 3, { applied: { epoch: 'e2', revision: 3 } }));
    await told();
    expect(waiting).toMatchObject({ state: { complete: true }, withdrawn: true });
  });

  it('a report that is further than the database does not count, before anybody has given the stream another name', async () => {
    const { head, wait } = await started(proxyReport('p1', 9));
    head.value = { epoch: 'e1', revision: 4, published: 3 };
    const waiting = wait(4);
    await told();
    expect(waiting).toEqual({ state: null, withdrawn: null });
  });

  it('who waits already follows to the new epoch', async () => {
    const { bus, head, wait } = await started(proxyReport('p1', 4), proxyReport('stranger', 1, { applied: { epoch: 'x', revision: 1 } }));
    const waiting = wait(5);
    await told();
    head.value = { epoch: 'e2', revision: 5, published: 5 };
    bus.report(proxyReport('p1', 5, { applied: { epoch: 'e2', revision: 5 } }));
    bus.report(proxyReport('stranger', 1, { leaving: true }));
    await told();
    expect(waiting).toMatchObject({ state: { complete: true }, withdrawn: true });
  });

  it('a proxy of another App Fabric is missing, and costs no query a second', async () => {
    const { bus, head, wait } = await started(proxyReport('stranger', 9, { applied: { epoch: 'x', revision: 9 } }));
    const waiting = wait(5);
    await told();
    const { reads } = head;
    for (let times = 0; times < 100; times += 1) {
      bus.report(proxyReport('stranger', 9, { applied: { epoch: 'x', revision: 9 } }));
      await told();
    }
    expect([waiting.state, head.reads]).toEqual([null, reads]);
  });
});

describe('CONTRACT §5: a document that a proxy cannot accept is refused, reported, and the old one stays', () => {
  it('who waits for it is answered at once with the refusal; an instance that the old one names is not stopped', async () => {
    const { bus, wait, clock } = await started(proxyReport('p1', 4), proxyReport('p2', 4));
    const waiting = wait(5);
    bus.report(proxyReport('p1', 5));
    bus.report(refusal('p2', 5, 'a', 5, 3));
    await told();
    expect(waiting).toEqual({
      state: {
        routeRevision: 5,
        proxies: 2,
        acknowledged: 1,
        complete: false,
        pending: [],
        rejected: [{ proxyId: 'p2', revision: 5, reason: 'routes.services must be a list', at: '2026-01-01T00:00:00.000Z' }],
      },
      withdrawn: null,
    });
    clock.advance(5_000);
    await told();
    expect(waiting.withdrawn).toBe(false);
  });

  it('not before those that may still take it have said so', async () => {
    const { bus, wait } = await started(proxyReport('p1', 4), proxyReport('p2', 4));
    const waiting = wait(5);
    bus.report(refusal('p2', 5, 'a', 5, 3));
    await told();
    expect(waiting.state).toBeNull();
    bus.report(proxyReport('p1', 5));
    await told();
    expect(waiting.state).toMatchObject({ acknowledged: 1, rejected: [{ proxyId: 'p2' }] });
  });

  it('other apps are not held up: neither what waits for them, nor what is to be stopped', async () => {
    const { bus, wait, head } = await started(proxyReport('p1', 4));
    head.value = { epoch: 'e1', revision: 7, published: 7 };
    const waiting = wait(7);
    bus.report(refusal('p1', 7, 'other', 5, 3));
    await told();
    expect(waiting).toMatchObject({ state: { acknowledged: 1, complete: true, rejected: [] }, withdrawn: true });
  });

  it('a change from before the document that stays is applied', async () => {
    const { wait } = await started(refusal('p1', 5, 'a', 5, 3));
    const [three, four] = [wait(3), wait(4)];
    await told();
    expect(three).toMatchObject({ state: { complete: true }, withdrawn: true });
    expect(four).toMatchObject({ state: { complete: true }, withdrawn: true }); // nothing was refused up to here
  });

  it('the next acceptable document ends it', async () => {
    const { bus, wait, head } = await started(refusal('p1', 5, 'a', 5, 3));
    const waiting = wait(5);
    await told();
    expect(waiting).toMatchObject({ state: { complete: false }, withdrawn: null });
    head.value = { epoch: 'e1', revision: 6, published: 6 };
    bus.report(proxyReport('p1', 6));
    await told();
    expect(waiting.withdrawn).toBe(true);
  });

  it('a proxy that holds no document of the app sends no request to it: its instances may be stopped', async () => {
    const { wait } = await started(refusal('p1', 5, 'a', 5, null));
    const waiting = wait(5);
    await told();
    expect(waiting).toMatchObject({ state: { complete: false, rejected: [{ proxyId: 'p1' }] }, withdrawn: true });
  });

  it('one that holds a document of another epoch is waited for', async () => {
    const { wait } = await started(refusal('p1', 5, 'a', 2, 0));
    const waiting = wait(1 + 1);
    await told();
    expect(waiting).toMatchObject({ state: { complete: false, rejected: [{ revision: 2 }] }, withdrawn: null });
  });
});
