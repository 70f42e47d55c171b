import type { ProxyReport } from '@app-fabric/contracts';
import { pino } from 'pino';
import { FakePublisherBus } from '../testing/fake-publisher-bus.js';
import { ProxyRegistry } from './proxy-registry.js';
import { FakePublishingClock } from './testing/fake-publishing-clock.js';
import { proxyReport, told } from './testing/proxy-report.js';

const GONE_MS = 10_000;

async function started(...known: ProxyReport[]) {
  const bus = new FakePublisherBus();
  const clock = new FakePublishingClock();
  for (const report of known) bus.known.set(report.proxyId, report);
  const registry = new ProxyRegistry(bus, pino({ level: 'silent' }), clock);
  await registry.onApplicationBootstrap();
  const ids = () => registry.list().map(({ report }) => `${report.proxyId}@${report.applied?.revision}`);
  return { bus, clock, registry, ids };
}

describe('ProxyRegistry', () => {
  it('knows after the start whoever has reported lately', async () => {
    const { registry, ids } = await started(proxyReport('b', 4), proxyReport('a', 3));
    expect([ids(), registry.complete]).toEqual([['a@3', 'b@4'], true]);
  });

  it('CONTRACT §5: a proxy that says nothing for 10 s is gone, one that leaves at once', async () => {
    const { bus, clock, ids } = await started();
    for (const id of ['dies', 'lives', 'leaves']) bus.report(proxyReport(id, 1));
    bus.report(proxyReport('leaves', 1, { leaving: true }));
    for (let seconds = 1; seconds < 10; seconds += 1) {
      clock.advance(1_000);
      bus.report(proxyReport('lives', 1));
    }
    expect(ids()).toEqual(['dies@1', 'lives@1']);
    clock.advance(1_000);
    expect(ids()).toEqual(['lives@1']);
  });

  it('while the bus is down nobody is declared gone and nothing is concluded; afterwards each has the full time', async () => {
    const { bus, clock, registry, ids } = await started(proxyReport('a', 1));
    clock.advance(9_000);
    bus.setConnected(false);
    clock.advance(60_000);
    expect([ids(), registry.complete]).toEqual([['a@1'], false]);
    bus.known.clear();
    bus.setConnected(true);
    await told();
    clock.advance(GONE_MS - 1_000);
    expect([ids(), registry.complete]).toEqual([['a@1'], true]);
    clock.advance(1_000);
    expect(ids()).toEqual([]);
  });

  it('a proxy that came while the bus could not be heard is known before anything is concluded', async () => {
    const { bus, registry, ids } = await started();
    bus.setConnected(false);
    bus.known.set('new', proxyReport('new', 1));
    bus.setConnected(true);
    expect(registry.complete).toBe(false);
    await told();
    expect([ids(), registry.complete]).toEqual([['new@1'], true]);
  });

  it('nothing is concluded while the list cannot be read, nor from one that was read before the connection was lost', async () => {
    const { bus, clock, registry, ids } = await started();
    bus.setConnected(false);
    let answer: (reports: ProxyReport[]) => void = () => undefined;
    bus.list = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    bus.setConnected(true);
    bus.setConnected(false);
    bus.known.set('new', proxyReport('new', 1));
    bus.setConnected(true);
    answer([]);
    await told();
    expect(registry.complete).toBe(false);
    bus.list = () => Promise.reject(new Error('no bus'));
    clock.advance(1_000);
    await told();
    expect(registry.complete).toBe(false);
    bus.list = async () => [...bus.known.values()];
    clock.advance(1_000);
    await told();
    expect([ids(), registry.complete]).toEqual([['new@1'], true]);
  });

  it('what was heard while the list was read is newer than the list', async () => {
    const bus = new FakePublisherBus();
    let answer: (reports: ProxyReport[]) => void = () => undefined;
    bus.list = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    const registry = new ProxyRegistry(bus, pino({ level: 'silent' }), new FakePublishingClock());
    const loading = registry.onApplicationBootstrap();
    bus.report(proxyReport('a', 7, { bootId: 'boot-2' }));
    answer([proxyReport('a', 3), proxyReport('b', 2)]);
    await loading;
    expect(registry.list().map(({ report }) => `${report.proxyId} ${report.bootId} ${report.applied?.revision}`)).toEqual([
      'a boot-2 7',
      'b boot-1 2',
    ]);
  });

  it('a proxy that was started again is one; two programs under one id are two, so that the slower one is waited for', async () => {
    const { bus, ids } = await started();
    bus.report(proxyReport('a', 5));
    bus.report(proxyReport('a', 2, { bootId: 'boot-2' }));
    expect(ids()).toEqual(['a@2']);
    bus.report(proxyReport('a', 5));
    bus.report(proxyReport('a', 2, { bootId: 'boot-2' }));
    expect(ids().sort()).toEqual(['a@2', 'a@5']);
  });

  it('invariant 9: reports under ever new ids are bounded; meanwhile nothing is concluded, and it ends when they end', async () => {
    const { bus, clock, registry } = await started(proxyReport('real', 1));
    for (let id = 0; id < 25_000; id += 1) bus.report(proxyReport(`forged-${id}`, 1));
    expect([registry.reports().length, registry.complete]).toEqual([10_000, false]);
    for (let seconds = 0; seconds < 10; seconds += 1) {
      bus.report(proxyReport('real', 2));
      clock.advance(1_000);
    }
    expect([registry.reports().map(({ proxyId }) => proxyId), registry.complete]).toEqual([['real'], true]);
  });

  it('many reports at once are told once, and nobody is told after leaving', async () => {
    const { bus, registry } = await started();
    let calls = 0;
    const off = registry.onChange(() => (calls += 1));
    await told();
    calls = 0;
    for (let id = 0; id < 1_000; id += 1) bus.report(proxyReport(`p${id}`, 1));
    await told();
    expect(calls).toBe(1);
    off();
    bus.report(proxyReport('p', 1));
    await told();
    expect(calls).toBe(1);
  });

  it('after the shutdown no timer is left and no report is taken', async () => {
    const { bus, clock, registry, ids } = await started();
    registry.onApplicationShutdown();
    bus.report(proxyReport('a', 1));
    expect([clock.pending, ids()]).toEqual([0, []]);
  });
});
