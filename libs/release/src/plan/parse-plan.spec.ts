import fc from 'fast-check';
import { MAX_STAGES, parsePlan } from './parse-plan.js';
import { instancesFor } from './plan.js';
import { toPlanDocument } from './plan-document.js';
import { STANDARD_PLAN } from './standard-plan.js';

const STAGE = { name: 'one', weight: 5, observe: '2h', stability: { maxErrorRate: 0.0001 }, availability: { min: 0.999 } };
const CHANGE = (change: object) => ({ stages: [{ ...STAGE, ...change }] });

describe('parsePlan', () => {
  it('fills in what a stage does not say', () => {
    expect(parsePlan({ stages: [STAGE] }).plan?.stages).toEqual([
      {
        name: 'one',
        weightBp: 500,
        instances: null,
        observeMs: 7_200_000,
        stability: { maxErrorRate: 0.0001 },
        availability: { min: 0.999 },
        minRequests: 'auto',
        onAnomaly: { minor: 'extend', moderate: 'zero', severe: 'rollback' },
        approval: 'auto',
        maxExtensions: 3,
        severeFactor: 10,
        progressDeadlineMs: 600_000,
        hooks: {},
      },
    ]);
  });

  it('reads everything that a stage can say, and writes it again', () => {
    const document = {
      stages: [
        {
          ...STAGE,
          weight: 12.34,
          instances: '50%',
          observe: '90s',
          stability: { maxErrorRate: 0.01, maxLatencyMs: { p50: 20, p99: 200.5 }, maxLatencyRatio: 1.5 },
          minRequests: 500,
          onAnomaly: { minor: 'pause', moderate: 'rollback', severe: 'zero' },
          approval: 'manual',
          maxExtensions: 0,
          severeFactor: 5,
          progressDeadline: '3m',
          hooks: { before: [{ flow: 'migrate', timeout: '5m' }], afterZeroing: [{ webhook: 'https://example.com/hook', timeout: '10s' }] },
        },
        { ...STAGE, name: 'two', weight: 12.34, instances: 3 },
      ],
    };
    const { plan } = parsePlan(document);
    expect(toPlanDocument(plan!)).toMatchObject(document);
    expect(parsePlan(JSON.parse(JSON.stringify(toPlanDocument(plan!)))).plan).toEqual(plan);
  });

  it.each<[string, unknown, string, RegExp]>([
    ['no object', null, '', /object/],
    ['a list', [], '', /object/],
    ['no stages', {}, 'stages', /list/],
    ['an empty list', { stages: [] }, 'stages', /at least one/],
    ['too many stages', { stages: Array(MAX_STAGES + 1).fill(STAGE) }, 'stages', /21 entries, at most 20/],
    ['a stage that is no object', { stages: [5] }, 'stages.0', /object/],
    ['an unknown field', { stages: [STAGE], extra: 1 }, 'extra', /not known/],
    ['an unknown field of a stage', CHANGE({ wait: '2h' }), 'stages.0.wait', /not known/],
    ['an unknown field further inside', CHANGE({ stability: { maxErrorRate: 0.1, p99: 5 } }), 'stages.0.stability.p99', /not known/],
    ['what every object has', CHANGE({ hooks: { constructor: [] } }), 'stages.0.hooks.constructor', /not known/],
    ['no name', CHANGE({ name: undefined }), 'stages.0.name', /a name/],
    ['a bad name', CHANGE({ name: 'a b' }), 'stages.0.name', /a name/],
    ['a name twice', { stages: [STAGE, STAGE] }, 'stages.1.name', /another stage/],
    ['no weight', CHANGE({ weight: undefined }), 'stages.0.weight', /percentage/],
    ['weight 0', CHANGE({ weight: 0 }), 'stages.0.weight', /above 0/],
    ['a negative weight', CHANGE({ weight: -5 }), 'stages.0.weight', /above 0/],
    ['a weight over 100', CHANGE({ weight: 100.01 }), 'stages.0.weight', /at most 100/],
    ['a third decimal', CHANGE({ weight: 5.001 }), 'stages.0.weight', /two decimals/],
    ['NaN', CHANGE({ weight: Number.NaN }), 'stages.0.weight', /percentage/],
    ['a weight as text', CHANGE({ weight: '5' }), 'stages.0.weight', /percentage/],
    ['weights that fall', { stages: [STAGE, { ...STAGE, name: 'two', weight: 4.99 }] }, 'stages.1.weight', /falls from 5 to 4.99/],
    ['no instances', CHANGE({ instances: 0 }), 'stages.0.instances', /whole number/],
    ['half an instance', CHANGE({ instances: 1.5 }), 'stages.0.instances', /whole number/],
    ['more than all', CHANGE({ instances: '101%' }), 'stages.0.instances', /100%/],
    ['no time', CHANGE({ observe: undefined }), 'stages.0.observe', /time like/],
    ['a bad time', CHANGE({ observe: '2 hours' }), 'stages.0.observe', /time like/],
    ['no time at all', CHANGE({ observe: '0s' }), 'stages.0.observe', /above 0/],
    ['a time without end', CHANGE({ observe: '91d' }), 'stages.0.observe', /at most "90d"/],
    ['no criteria of stability', CHANGE({ stability: undefined }), 'stages.0.stability', /object/],
    ['a percentage as a rate', CHANGE({ stability: { maxErrorRate: 1 } }), 'stages.0.stability.maxErrorRate', /fraction/],
    ['no errors at all', CHANGE({ stability: { maxErrorRate: 0 } }), 'stages.0.stability.maxErrorRate', /fraction/],
    [
      'a limit of 0',
      CHANGE({ stability: { maxErrorRate: 0.1, maxLatencyMs: { p99: 0 } } }),
      'stages.0.stability.maxLatencyMs.p99',
      /number/,
    ],
    [
      'faster than the baseline',
      CHANGE({ stability: { maxErrorRate: 0.1, maxLatencyRatio: 0.5 } }),
      'stages.0.stability.maxLatencyRatio',
      /from 1/,
    ],
    ['always available', CHANGE({ availability: { min: 1 } }), 'stages.0.availability.min', /fraction/],
    ['a minimum of 0', CHANGE({ minRequests: 0 }), 'stages.0.minRequests', /whole number/],
    ['a minimum that is a word', CHANGE({ minRequests: 'some' }), 'stages.0.minRequests', /whole number/],
    ['an unknown response', CHANGE({ onAnomaly: { minor: 'ignore' } }), 'stages.0.onAnomaly.minor', /one of extend, pause/],
    ['an unknown approval', CHANGE({ approval: true }), 'stages.0.approval', /one of auto, manual/],
    ['too many extensions', CHANGE({ maxExtensions: 101 }), 'stages.0.maxExtensions', /from 0 to 100/],
    ['a deadline without a unit', CHANGE({ progressDeadline: 600 }), 'stages.0.progressDeadline', /90s/],
    ['severe below the threshold', CHANGE({ severeFactor: 0.5 }), 'stages.0.severeFactor', /from 1/],
    ['a hook of nothing', CHANGE({ hooks: { before: [{}] } }), 'stages.0.hooks.before.0', /either/],
    ['a hook of both', CHANGE({ hooks: { before: [{ flow: 'a', webhook: 'http://a' }] } }), 'stages.0.hooks.before.0', /either/],
    ['a hook that is no URL', CHANGE({ hooks: { before: [{ webhook: 'file:///etc' }] } }), 'stages.0.hooks.before.0.webhook', /URL/],
    [
      'a hook with a password, which everybody would read',
      CHANGE({ hooks: { before: [{ webhook: 'https://me:secret@a.com/' }] } }),
      'stages.0.hooks.before.0.webhook',
      /without user/,
    ],
    ['too many hooks', CHANGE({ hooks: { before: Array(6).fill({ flow: 'a' }) } }), 'stages.0.hooks.before', /at most 5/],
  ])('refuses %s', (_, document, path, message) => {
    const { errors } = parsePlan(document);
    expect(errors).toContainEqual({ path, message: expect.stringMatching(message) });
  });

  it('tells all errors at once, and at most 20', () => {
    const bad = { name: 5, weight: 0, observe: 'soon', stability: {}, availability: {} };
    expect(parsePlan({ stages: [bad] }).errors).toHaveLength(5);
    expect(parsePlan({ stages: Array(10).fill(bad) }).errors).toHaveLength(20);
    expect(parsePlan(Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`f${i}`, 1]))).errors).toHaveLength(20);
  });

  it('never throws, and what it accepts it reads again the same', () => {
    const value = fc.oneof(fc.constantFrom(5, 20, 0.5, '2h', '50%', null, 'auto', 'manual', {}, []), fc.jsonValue());
    const stage = fc.record(
      {
        name: fc.constantFrom('a', 'b', 5),
        weight: value,
        observe: value,
        stability: fc.record({ maxErrorRate: value, maxLatencyMs: value }),
        availability: fc.record({ min: value }),
        instances: value,
        hooks: value,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.record({ stages: fc.array(stage, { maxLength: 3 }) }), fc.jsonValue()), (document) => {
        const { plan, errors } = parsePlan(document);
        if (plan === undefined) expect(errors?.length).toBeGreaterThan(0);
        else expect(parsePlan(toPlanDocument(plan)).plan).toEqual(plan);
      }),
    );
  });
});

describe('STANDARD_PLAN', () => {
  it('is the table of a canary release', () => {
    const rows = toPlanDocument(STANDARD_PLAN).stages.map(({ name, instances, weight, observe, stability, availability, onAnomaly }) => [
      ...[name, instances, weight, observe, stability.maxErrorRate, availability.min],
      ...[onAnomaly.minor, onAnomaly.moderate, onAnomaly.severe],
    ]);
    expect(rows).toEqual([
      ['initial', 1, 5, '2h', 0.0001, 0.999, 'extend', 'zero', 'rollback'],
      ['small-scale', 2, 20, '4h', 0.00005, 0.9995, 'extend', 'zero', 'rollback'],
      ['medium', '50%', 50, '8h', 0.00001, 0.9998, 'extend', 'zero', 'rollback'],
      ['full', '100%', 100, '1d', 0.00001, 0.9998, 'extend', 'rollback', 'rollback'],
    ]);
  });

  it('is a plan that could have been written by hand', () => {
    expect(parsePlan(toPlanDocument(STANDARD_PLAN)).plan).toEqual(STANDARD_PLAN);
  });
});

describe('instancesFor', () => {
  it.each([
    [{ count: 2 }, 10, 2],
    [{ percent: 50 }, 4, 2],
    [{ percent: 50 }, 3, 2],
    [{ percent: 1 }, 1, 1],
    [{ percent: 50 }, 0, 1],
    [{ percent: 100 }, 7, 7],
  ])('%j of %p is %p', (rule, baseline, expected) => {
    expect(instancesFor(rule, baseline)).toBe(expected);
  });
});
