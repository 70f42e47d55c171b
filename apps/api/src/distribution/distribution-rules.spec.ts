import {
  changesWhenRunning,
  changesWhenStopping,
  changesWhenZeroing,
  type DistributionChanges,
  type DistributionView,
  idleVersions,
  type RuleResult,
} from './distribution-rules.js';

type Percent = Record<number, number>;

const weights = (percent: Percent) =>
  new Map(Object.entries(percent).map(([version, share]) => [Number(version), Math.round(share * 100)]));

function view(app: Percent | null, running: Record<string, number[]>, overrides: Record<string, Percent> = {}): DistributionView {
  return {
    app: app && weights(app),
    overrides: new Map(Object.entries(overrides).map(([service, percent]) => [service, weights(percent)])),
    running: new Map(Object.entries(running).map(([service, versions]) => [service, new Set(versions)])),
  };
}

/** Changes as `{app: {…}, cart: {…}}` in percent; null: removed. */
function plain(changes: DistributionChanges): Record<string, Percent | null> {
  return Object.fromEntries(
    [...changes].map(([scope, map]) => [
      scope || 'app',
      map && Object.fromEntries([...map].map(([version, share]) => [version, share / 100])),
    ]),
  );
}

function outcome(result: RuleResult): unknown {
  return result.ok ? plain(result.changes) : result.refusal.code;
}

describe('CONTRACT §3 rule 1: the first version of a service to run while there is no distribution gets 100, every later one starts at 0', () => {
  const cases: [string, DistributionView, unknown][] = [
    ['the very first', view(null, {}), { app: { 2: 100 } }],
    ['a distribution is there', view({ 1: 100 }, { cart: [1] }), {}],
    ['a distribution is there, of versions that do not run', view({ 1: 100 }, {}), {}],
    ['others run and the distribution was deleted: the fallback stays in force', view(null, { cart: [1] }), {}],
    ['the service has an override', view(null, {}, { cart: { 1: 100 } }), {}],
  ];
  it.each(cases)('%s', (_label, before, expected) => {
    expect(plain(changesWhenRunning(before, 'cart', 2))).toEqual(expected);
  });
});

describe('CONTRACT §3 rule 2: stopping a version moves its weight to the versions still running in proportion', () => {
  const cases: [string, DistributionView, number, string[], unknown][] = [
    ['in proportion', view({ 1: 60, 2: 30, 3: 10 }, { cart: [1, 2, 3] }), 1, ['cart'], { app: { 2: 75, 3: 25 } }],
    [
      'largest remainder, lower version on ties',
      view({ 1: 33.34, 2: 33.33, 3: 33.33 }, { cart: [1, 2, 3] }),
      1,
      ['cart'],
      { app: { 2: 50, 3: 50 } },
    ],
    ['a version at 0 takes nothing with it', view({ 1: 100 }, { cart: [1, 2] }), 2, ['cart'], {}],
    ['stored weights change only with the last running service', view({ 1: 50, 2: 50 }, { cart: [1, 2], pay: [1, 2] }), 2, ['cart'], {}],
    ['both services at once', view({ 1: 50, 2: 50 }, { cart: [1, 2], pay: [1, 2] }), 2, ['cart', 'pay'], { app: { 1: 100 } }],
    [
      'an override moves by itself',
      view({ 1: 50, 2: 50 }, { cart: [1, 2], pay: [1, 2] }, { cart: { 1: 20, 2: 80 } }),
      2,
      ['cart'],
      { cart: { 1: 100 } },
    ],
    [
      'the override of a service that nothing runs any more is removed',
      view({ 1: 100 }, { cart: [2], pay: [1, 2] }, { cart: { 2: 100 } }),
      2,
      ['cart'],
      { cart: null },
    ],
  ];
  it.each(cases)('%s', (_label, before, version, services, expected) => {
    expect(outcome(changesWhenStopping(before, version, services, null))).toEqual(expected);
  });
});

describe('CONTRACT §3 rule 3: nobody can take over', () => {
  it('409 no_weight_to_take_over when the others that run all have 0', () => {
    expect(outcome(changesWhenStopping(view({ 1: 100 }, { cart: [1, 2] }), 1, ['cart'], null))).toBe('no_weight_to_take_over');
  });

  it('reallocate says where', () => {
    expect(outcome(changesWhenStopping(view({ 1: 100 }, { cart: [1, 2] }), 1, ['cart'], weights({ 2: 100 })))).toEqual({ app: { 2: 100 } });
  });

  it('reallocate to a version that does not run is refused', () => {
    expect(outcome(changesWhenStopping(view({ 1: 100 }, { cart: [1, 2] }), 1, ['cart'], weights({ 3: 100 })))).toBe('version_not_running');
    expect(outcome(changesWhenStopping(view({ 1: 100 }, { cart: [1, 2] }), 1, ['cart'], weights({ 1: 100 })))).toBe('version_not_running');
  });

  it('nothing else runs: the distribution is removed with it', () => {
    expect(outcome(changesWhenStopping(view({ 1: 100 }, { cart: [1] }), 1, ['cart'], null))).toEqual({ app: null });
  });

  it('one service alone whose other versions have 0: 409, and reallocate becomes its override', () => {
    const before = view({ 1: 100 }, { cart: [1, 2], pay: [1, 2] });
    expect(outcome(changesWhenStopping(before, 1, ['cart'], null))).toBe('no_weight_to_take_over');
    expect(outcome(changesWhenStopping(before, 1, ['cart'], weights({ 2: 100 })))).toEqual({ cart: { 2: 100 } });
  });

  it('reallocate to versions in which a service will not be running is refused: it would answer nobody', () => {
    const stopCart = (before: DistributionView, to: Percent) => outcome(changesWhenStopping(before, 1, ['cart'], weights(to)));
    const running = { cart: [1, 2], pay: [1, 2, 3] };
    expect(stopCart(view({ 1: 100 }, running), { 1: 100 })).toBe('version_not_running');
    expect(stopCart(view({ 1: 100 }, running), { 3: 100 })).toBe('version_not_running');
    expect(stopCart(view({ 1: 100 }, running, { cart: { 1: 100 } }), { 3: 100 })).toBe('version_not_running');
    expect(stopCart(view({ 1: 100 }, running, { cart: { 1: 100 } }), { 2: 50, 3: 50 })).toEqual({ cart: { 2: 50, 3: 50 } });
  });

  it('a service that would be left with versions at 0 only refuses the stop of the whole version', () => {
    const before = view({ 1: 50, 2: 50 }, { cart: [1, 2], pay: [1, 3] });
    expect(outcome(changesWhenStopping(before, 1, ['cart', 'pay'], null))).toBe('no_weight_to_take_over');
  });
});

describe('zeroing', () => {
  it('moves the share to the others in proportion', () => {
    expect(outcome(changesWhenZeroing(view({ 1: 60, 2: 30, 3: 10 }, { cart: [1, 2, 3] }), '', 3))).toEqual({
      app: { 1: 66.67, 2: 33.33 },
    });
  });

  it('gives nothing to a version with weight that does not run', () => {
    expect(outcome(changesWhenZeroing(view({ 1: 60, 2: 30, 3: 10 }, { cart: [1, 3] }), '', 3))).toEqual({ app: { 1: 100 } });
  });

  it('refuses when nobody else has weight; does nothing for a version at 0', () => {
    expect(outcome(changesWhenZeroing(view({ 1: 100 }, { cart: [1, 2] }), '', 1))).toBe('no_weight_to_take_over');
    expect(outcome(changesWhenZeroing(view({ 1: 100 }, { cart: [1, 2] }), '', 2))).toEqual({});
  });

  it('for one service starts from what it follows, and becomes its override', () => {
    expect(outcome(changesWhenZeroing(view({ 1: 90, 2: 10 }, { cart: [1, 2] }), 'cart', 2))).toEqual({ cart: { 1: 100 } });
  });
});

it('idleVersions names what has weight and does not run in the scope', () => {
  const before = view(null, { cart: [1, 2], pay: [1] });
  expect(idleVersions(before, '', weights({ 1: 50, 2: 30, 3: 20, 4: 0 }))).toEqual([3]);
  expect(idleVersions(before, 'pay', weights({ 1: 50, 2: 50 }))).toEqual([2]);
});
