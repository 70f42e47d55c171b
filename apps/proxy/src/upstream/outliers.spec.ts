import { InstanceState } from './instance.js';
import { Outliers } from './outliers.js';

const FAILURES = 3;

function bench(count: number) {
  let now = 1_000;
  const events: string[] = [];
  const outliers = new Outliers<string>({
    policy: { consecutiveFailures: FAILURES, baseEjectionMs: 100, maxEjectionMs: 350 },
    now: () => now,
    trialMs: 50,
    onEject: ({ id }, label, forMs) => events.push(`${id} of ${label} for ${forMs}`),
  });
  const peers = Array.from({ length: count }, (_, i) => new InstanceState({ id: `i${i}`, url: `http://127.0.0.1:${i + 1}` }));
  const fail = (instance: InstanceState, times = FAILURES) => {
    for (let i = 0; i < times; i += 1) outliers.failed(instance, false, peers, 'v1');
  };
  const pass = (ms: number) => {
    now += ms;
  };
  const usable = () => peers.filter(outliers.usable).map(({ id }) => id);
  return { outliers, peers, events, fail, pass, usable, ejected: () => [...outliers.ejected] };
}

describe('issue 3: outliers', () => {
  it('consecutive failures eject an instance; a success in between starts the count anew', () => {
    const { outliers, peers, fail, usable, events } = bench(2);
    const [first] = peers as [InstanceState];
    fail(first, FAILURES - 1);
    outliers.succeeded(first, false);
    fail(first, FAILURES - 1);
    expect(usable()).toEqual(['i0', 'i1']);
    fail(first, 1);
    expect([usable(), events]).toEqual([['i1'], ['i0 of v1 for 100']]);
  });

  it('never more than half of a version, and never the only one, however often they fail', () => {
    for (const [count, most] of [
      [1, 0],
      [2, 1],
      [3, 1],
      [5, 2],
      [6, 3],
    ] as const) {
      const { peers, fail, usable, ejected } = bench(count);
      for (let round = 0; round < 3; round += 1) for (const instance of peers) fail(instance, 10);
      expect([usable().length, ejected().length]).toEqual([count - most, most]);
    }
  });

  it('what could not be ejected goes as soon as there is room', () => {
    const { outliers, peers, fail, pass, usable } = bench(2);
    const [first, second] = peers as [InstanceState, InstanceState];
    fail(first);
    fail(second);
    expect(usable()).toEqual(['i1']);
    pass(100);
    outliers.begin(first);
    outliers.succeeded(first, true);
    fail(second, 1);
    expect(usable()).toEqual(['i0']);
  });

  it('one trial at a time once the time is over; a success readmits', () => {
    const { outliers, peers, fail, pass, usable, ejected } = bench(2);
    const [first] = peers as [InstanceState];
    fail(first);
    pass(99);
    expect([outliers.usable(first), outliers.begin(first)]).toEqual([false, false]);
    pass(1);
    expect(outliers.usable(first)).toBe(true);
    expect(outliers.begin(first)).toBe(true);
    expect([outliers.usable(first), outliers.begin(first)]).toEqual([false, false]);
    outliers.succeeded(first, true);
    expect([usable(), ejected()]).toEqual([['i0', 'i1'], []]);
    fail(first, FAILURES - 1);
    expect(usable()).toEqual(['i0', 'i1']);
  });

  it('what was on its way before the ejection neither readmits nor prolongs', () => {
    const { outliers, peers, fail, pass, events } = bench(2);
    const [first] = peers as [InstanceState];
    fail(first);
    outliers.succeeded(first, false);
    expect(outliers.usable(first)).toBe(false);
    pass(90);
    fail(first, 20);
    pass(10);
    expect(outliers.usable(first)).toBe(true);
    expect(events).toHaveLength(1);
  });

  it('each failed trial doubles the time, up to the bound; a time of health as long as the last ejection begins anew', () => {
    const { outliers, peers, fail, pass, events } = bench(2);
    const [first] = peers as [InstanceState];
    fail(first);
    for (const forMs of [100, 200, 350, 350]) {
      pass(forMs);
      expect(outliers.begin(first)).toBe(true);
      outliers.failed(first, true, peers, 'v1');
    }
    pass(350);
    outliers.begin(first);
    outliers.succeeded(first, true);
    pass(349);
    fail(first);
    pass(350);
    outliers.begin(first);
    outliers.succeeded(first, true);
    pass(350);
    fail(first);
    expect(events.map((text) => Number(text.split(' ').at(-1)))).toEqual([100, 200, 350, 350, 350, 350, 100]);
  });

  it('a trial that says nothing, or does not end, is followed by another', () => {
    const { outliers, peers, fail, pass } = bench(2);
    const [first] = peers as [InstanceState];
    fail(first);
    pass(100);
    outliers.begin(first);
    outliers.undecided(first);
    expect(outliers.begin(first)).toBe(true);
    pass(49);
    expect(outliers.begin(first)).toBe(false);
    pass(1);
    expect(outliers.begin(first)).toBe(true);
    // The first of them ends after all, when the second has long readmitted the instance: an ordinary failure.
    outliers.succeeded(first, true);
    outliers.failed(first, true, peers, 'v1');
    expect(outliers.usable(first)).toBe(true);
  });

  it('when healthy peers leave, those nearest to their trial come back: at least half stays', () => {
    const { outliers, peers, fail, pass, usable } = bench(4);
    const [first, second, third, fourth] = peers as [InstanceState, InstanceState, InstanceState, InstanceState];
    fail(second);
    pass(1);
    fail(first);
    expect(usable()).toEqual(['i2', 'i3']);
    outliers.settle([first, second, third, fourth]);
    expect(usable()).toEqual(['i2', 'i3']);
    outliers.settle([first, second, third]);
    expect(usable()).toEqual(['i1', 'i2', 'i3']);
    outliers.settle([first]);
    expect(usable()).toEqual(['i0', 'i1', 'i2', 'i3']);
  });

  it('what is known of an instance goes with it, and one that is leaving is not ejected any more', () => {
    const { outliers, peers, fail, usable, ejected } = bench(2);
    const [first] = peers as [InstanceState];
    fail(first);
    outliers.forget(first);
    expect([usable(), ejected()]).toEqual([['i0', 'i1'], []]);
    first.leaving = true;
    fail(first, 10);
    expect(ejected()).toEqual([]);
  });

  it('0 switches it off', () => {
    const onEject = () => {
      throw new Error('must not eject');
    };
    const outliers = new Outliers<string>({
      policy: { consecutiveFailures: 0, baseEjectionMs: 100, maxEjectionMs: 100 },
      now: () => 1,
      trialMs: 1,
      onEject,
    });
    const [first, second] = [1, 2].map((port) => new InstanceState({ id: `${port}`, url: `http://127.0.0.1:${port}` }));
    for (let i = 0; i < 100; i += 1) outliers.failed(first as InstanceState, false, [first, second] as InstanceState[], 'v1');
    expect(outliers.usable(first as InstanceState)).toBe(true);
  });
});
