import { Reporter } from './reporter.js';
import { FakeBus } from './testing/fake-bus.js';
import { FakeClock, settled } from './testing/fake-clock.js';

function bench() {
  const bus = new FakeBus();
  const clock = new FakeClock();
  const state = { revision: 1 };
  const reporter = new Reporter(bus, clock, () => ({
    proxyId: 'p',
    bootId: 'b',
    adminUrl: 'http://a',
    applied: { epoch: 'e', revision: state.revision },
    seenRevision: state.revision,
    rejected: [],
    lastRejection: null,
    inFlight: {},
  }));
  return { bus, clock, state, reporter };
}

describe('Reporter', () => {
  it('reports at once, then every second', async () => {
    const { bus, clock, reporter } = bench();
    reporter.start();
    await settled();
    expect(bus.reports).toHaveLength(1);
    await clock.advance(3_000);
    expect(bus.reports).toHaveLength(4);
    await reporter.close();
  });

  it('reports a change at once; changes during a report, or just after it, make one more, with the newest state', async () => {
    const { bus, clock, state, reporter } = bench();
    reporter.start();
    for (let revision = 2; revision <= 50; revision += 1) {
      state.revision = revision;
      reporter.now();
    }
    await settled();
    await clock.advance(10);
    expect(bus.reports.map((report) => report.applied?.revision)).toEqual([1, 50]);
    await clock.advance(10);
    state.revision = 51;
    reporter.now();
    await settled();
    state.revision = 52;
    reporter.now();
    await settled();
    expect(bus.reports.map((report) => report.applied?.revision)).toEqual([1, 50, 51]);
    await clock.advance(10);
    expect(bus.reports.map((report) => report.applied?.revision)).toEqual([1, 50, 51, 52]);
    await reporter.close();
  });

  it('does not rest longer for changes of which each waits for the one before to be told', async () => {
    const { bus, clock, state, reporter } = bench();
    reporter.start();
    await settled();
    for (let change = 0; change < 20; change += 1) {
      const told = bus.reports.length;
      state.revision += 1;
      reporter.now();
      await clock.advance(5);
      expect(bus.reports).toHaveLength(told + 1);
    }
    await reporter.close();
  });

  it('rests longer while changes come all the time, and then no longer', async () => {
    const { bus, clock, state, reporter } = bench();
    reporter.start();
    const change = () => {
      state.revision += 1;
      reporter.now();
    };
    for (let ms = 0; ms < 400; ms += 1) {
      change();
      await clock.advance(1);
    }
    // The first ones 5 and 10 ms after one another, then every 20.
    expect(bus.reports.length).toBeGreaterThan(15);
    expect(bus.reports.length).toBeLessThan(25);
    await clock.advance(100);
    const before = bus.reports.length;
    change();
    await settled();
    change();
    await clock.advance(5);
    expect(bus.reports).toHaveLength(before + 2);
    await reporter.close();
  });

  it('goes on when the transport was down, and says goodbye last', async () => {
    const { bus, clock, reporter } = bench();
    bus.down = true;
    reporter.start();
    await clock.advance(2_000);
    bus.down = false;
    await clock.advance(1_000);
    expect(bus.reports).toHaveLength(1);
    await reporter.close();
    await clock.advance(5_000);
    expect(bus.reports.map((report) => report.leaving)).toEqual([false, true]);
  });
});
