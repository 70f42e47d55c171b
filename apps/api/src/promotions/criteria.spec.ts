import fc from 'fast-check';
import type { MetricCriteria, Stage } from '../pipelines/pipeline.js';
import { type Interval, missingFor, type PromotionFacts, soakOf } from './criteria.js';

const DAY_MS = 86_400_000;
const NOW = new Date('2026-03-10T12:00:00Z');
const ago = (ms: number) => new Date(NOW.getTime() - ms);

const stageOf = (patch: { minSoak?: string; metrics?: MetricCriteria; checks?: string[] }): Stage => ({
  namespace: 'test',
  minSoak: patch.minSoak ?? null,
  criteria: { metrics: patch.metrics ?? {}, checks: patch.checks ?? [] },
  requiresApproval: false,
  plan: null,
});
const GOOD: PromotionFacts = {
  ran: [{ from: ago(2 * DAY_MS), to: null }],
  traffic: { requests: 1_000, errorRate: 0.001, availability: 0.999, latencyMs: { p50: 20, p99: 200 } },
  checks: new Map([
    ['review', 'passed'],
    ['load', 'passed'],
  ]),
  rejection: null,
  approved: true,
};
const ALL = stageOf({
  minSoak: '1d',
  metrics: { maxErrorRate: 0.001, minAvailability: 0.999, minRequests: 1_000, maxLatencyMs: { p50: 20, p99: 200 } },
  checks: ['review', 'load'],
});
const APPROVED = { requiresApproval: true };
const UNMEASURED = { requests: 0, errorRate: null, availability: null, latencyMs: { p50: null, p99: null } };

describe('what a version lacks to move on', () => {
  it('nothing, when everything is just so', () => {
    expect(missingFor(ALL, APPROVED, GOOD, NOW)).toEqual([]);
    expect(missingFor(ALL, APPROVED, { ...GOOD, ran: [{ from: ago(DAY_MS), to: null }] }, NOW)).toEqual([]);
  });

  it.each<[string, Partial<PromotionFacts>, object[]]>([
    [
      'a second of the soak',
      { ran: [{ from: ago(DAY_MS - 1_000), to: null }] },
      [{ criterion: 'minSoak', wanted: '1d', actual: '86399s' }],
    ],
    [
      'errors and availability',
      { traffic: { ...GOOD.traffic!, errorRate: 0.0011, availability: 0.9989 } },
      [
        { criterion: 'metrics.maxErrorRate', wanted: 0.001, actual: 0.0011 },
        { criterion: 'metrics.minAvailability', wanted: 0.999, actual: 0.9989 },
      ],
    ],
    ['requests', { traffic: { ...GOOD.traffic!, requests: 999 } }, [{ criterion: 'metrics.minRequests', wanted: 1_000, actual: 999 }]],
    [
      'speed',
      { traffic: { ...GOOD.traffic!, latencyMs: { p50: 21, p99: 201 } } },
      [
        { criterion: 'metrics.maxLatencyMs.p50', wanted: 20, actual: 21 },
        { criterion: 'metrics.maxLatencyMs.p99', wanted: 200, actual: 201 },
      ],
    ],
    [
      'any traffic: that is not good, and not bad',
      { traffic: UNMEASURED },
      [
        { criterion: 'metrics.maxErrorRate', wanted: 0.001, actual: null },
        { criterion: 'metrics.minAvailability', wanted: 0.999, actual: null },
        { criterion: 'metrics.minRequests', wanted: 1_000, actual: 0 },
        { criterion: 'metrics.maxLatencyMs.p50', wanted: 20, actual: null },
        { criterion: 'metrics.maxLatencyMs.p99', wanted: 200, actual: null },
      ],
    ],
    [
      'checks',
      { checks: new Map([['load', 'failed']]) },
      [
        { criterion: 'checks.review', wanted: 'passed', actual: null },
        { criterion: 'checks.load', wanted: 'passed', actual: 'failed' },
      ],
    ],
    ['an approval', { approved: false }, [{ criterion: 'approval', wanted: true, actual: false }]],
    [
      'a future, since it was rejected',
      { rejection: { check: 'load', namespace: 'beta', version: 4, by: 'qa', at: NOW.toISOString() } },
      [{ criterion: 'rejection', wanted: 'no failed validation', actual: 'load failed in beta' }],
    ],
  ])('%s', (_, facts, missing) => {
    expect(missingFor(ALL, APPROVED, { ...GOOD, ...facts }, NOW)).toEqual(missing);
  });

  it('a version that never ran lacks all of it', () => {
    const nothing: PromotionFacts = { ran: [], traffic: null, checks: new Map(), rejection: null, approved: false };
    const missing = missingFor(ALL, APPROVED, nothing, NOW);
    expect(missing.map(({ criterion }) => criterion)).toEqual([
      ...['minSoak', 'metrics.maxErrorRate', 'metrics.minAvailability', 'metrics.minRequests', 'metrics.maxLatencyMs.p50'],
      ...['metrics.maxLatencyMs.p99', 'checks.review', 'checks.load', 'approval'],
    ]);
    expect(missingFor(stageOf({}), { requiresApproval: false }, nothing, NOW)).toEqual([]);
  });

  it('asks only for what the stage says, and never less of a stage that asks for more', () => {
    const rate = fc.double({ min: 0, max: 1, noNaN: true });
    const metrics = fc.record(
      { maxErrorRate: rate, minAvailability: rate, minRequests: fc.integer({ min: 1, max: 2_000 }) },
      { requiredKeys: [] },
    );
    const traffic = fc.option(
      fc.record({
        requests: fc.integer({ min: 0, max: 2_000 }),
        errorRate: fc.option(rate),
        availability: fc.option(rate),
        latencyMs: fc.constant({ p50: null, p99: null }),
      }),
    );
    fc.assert(
      fc.property(metrics, traffic, fc.subarray(['review', 'load']), (some, measured, checks) => {
        const criteriaOf = (stage: Stage) =>
          missingFor(stage, { requiresApproval: false }, { ...GOOD, traffic: measured, checks: new Map() }, NOW);
        const less = criteriaOf(stageOf({ metrics: some, checks }));
        const more = criteriaOf(stageOf({ metrics: { maxErrorRate: 0, ...some }, checks: ['review', 'load'], minSoak: '90d' }));
        const asked = [...Object.keys(some).map((name) => `metrics.${name}`), ...checks.map((name) => `checks.${name}`)];
        for (const { criterion } of less) expect(asked).toContain(criterion);
        for (const one of less) expect(more).toContainEqual(one);
        if (measured === null) expect(less.map(({ criterion }) => criterion)).toEqual(expect.arrayContaining(asked));
      }),
    );
  });
});

describe('how long a version ran', () => {
  it.each<[string, Interval[], number]>([
    ['never', [], 0],
    ['once, and still', [{ from: ago(500), to: null }], 500],
    [
      'twice, with a break',
      [
        { from: ago(500), to: ago(400) },
        { from: ago(100), to: null },
      ],
      200,
    ],
    [
      'two programs at once',
      [
        { from: ago(500), to: ago(200) },
        { from: ago(400), to: ago(100) },
      ],
      400,
    ],
    [
      'one inside of another',
      [
        { from: ago(500), to: ago(100) },
        { from: ago(300), to: ago(200) },
      ],
      400,
    ],
    ['by a clock that is ahead', [{ from: ago(-500), to: null }], 0],
    ['until after now', [{ from: ago(500), to: ago(-500) }], 500],
  ])('%s', (_, ran, ms) => {
    expect(soakOf(ran, NOW)).toBe(ms);
  });

  it('is the number of moments in which anything ran, whatever the order', () => {
    const interval = fc
      .tuple(fc.integer({ min: -5, max: 50 }), fc.option(fc.integer({ min: 0, max: 50 })))
      .map(([fromMs, lengthMs]) => ({ fromMs, toMs: lengthMs === null ? null : fromMs + lengthMs }));
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 8 }), (intervals) => {
        const at = (ms: number) => new Date(NOW.getTime() + ms - 40);
        const ran = intervals.map(({ fromMs, toMs }) => ({ from: at(fromMs), to: toMs === null ? null : at(toMs) }));
        const moments = Array.from({ length: 60 }, (_, index) => index - 10).filter(
          (ms) => ms < 40 && intervals.some(({ fromMs, toMs }) => fromMs <= ms && (toMs === null || ms < toMs)),
        );
        expect(soakOf(ran, NOW)).toBe(moments.length);
        expect(soakOf(ran.toReversed(), NOW)).toBe(moments.length);
      }),
    );
  });
});
