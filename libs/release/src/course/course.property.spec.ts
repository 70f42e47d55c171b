import fc from 'fast-check';
import type { ReleasePlan } from '../plan/plan.js';
import { makeStage, measured } from '../testing/stages.js';
import { act } from './act.js';
import { decide } from './decide.js';
import type { Evidence } from './evidence.js';
import { startRelease } from './start.js';
import type { ReleaseEvent, ReleaseState } from './state.js';
import { allowedActions, isTerminal, RELEASE_ACTIONS, type ReleaseAction, TRANSITIONS } from './transitions.js';

const START = 1_000_000;
const HOUR_MS = 3_600_000;

const response = fc.constantFrom('extend' as const, 'pause' as const, 'zero' as const, 'rollback' as const);
const plans: fc.Arbitrary<ReleasePlan> = fc
  .array(
    fc.record({
      weightBp: fc.integer({ min: 1, max: 10_000 }),
      observeMs: fc.integer({ min: 1, max: 24 * HOUR_MS }),
      approval: fc.constantFrom('auto' as const, 'manual' as const),
      maxExtensions: fc.nat(2),
      instances: fc.constantFrom(null, { count: 2 }, { percent: 50 }),
      onAnomaly: fc.record({ minor: response, moderate: response, severe: response }),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((list) => {
    const weights = list.map(({ weightBp }) => weightBp).sort((one, other) => one - other);
    return { stages: list.map((changes, index) => makeStage({ ...changes, name: `stage-${index}`, weightBp: weights[index]! })) };
  });

/** [candidate, baseline] by verdict. */
const MEASURED = {
  pass: [measured(1_000), measured(1_000)],
  not_enough_data: [measured(5), measured(1_000)],
  minor: [measured(100, 2), measured(1_000)],
  moderate: [measured(2_000, 80), measured(1_000)],
  severe: [measured(1_000, 1_000), measured(1_000)],
  shared: [measured(1_000, 500), measured(10_000, 5_000)],
} as const;

interface Sight {
  decide: keyof typeof MEASURED;
  passedMs: number;
  ready: boolean;
  stale: boolean;
  beforeHooks: Evidence['beforeHooks'];
  unknown: boolean;
  failure: boolean;
  manual: boolean;
  measuredMs: number;
  appliedMsAgo: number;
}
type Happening = Sight | { act: ReleaseAction; passedMs: number };

const rarely = fc.integer({ min: 0, max: 19 }).map((one) => one === 0);
const mostly = rarely.map((one) => !one);
const passing = fc.oneof(fc.constant(5_000), fc.integer({ min: -HOUR_MS, max: 48 * HOUR_MS }));
const happenings: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record<Sight>({
      decide: fc.oneof(
        { weight: 6, arbitrary: fc.constant('pass' as const) },
        { weight: 1, arbitrary: fc.constantFrom(...(Object.keys(MEASURED) as (keyof typeof MEASURED)[])) },
      ),
      passedMs: passing,
      ready: mostly,
      stale: rarely,
      beforeHooks: fc.oneof(
        { weight: 9, arbitrary: fc.constant('none' as const) },
        { weight: 1, arbitrary: fc.constantFrom('running' as const, 'passed' as const, 'failed' as const) },
      ),
      unknown: rarely,
      failure: rarely,
      manual: rarely,
      measuredMs: fc.oneof(fc.constant(100 * HOUR_MS), fc.nat(HOUR_MS)),
      appliedMsAgo: fc.integer({ min: -1_000, max: HOUR_MS }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constantFrom(...RELEASE_ACTIONS), passedMs: passing }) },
);

interface Played {
  plan: ReleasePlan;
  now: number;
  state: ReleaseState;
  events: ReleaseEvent[];
  /** Of the observation that goes on, by the test's own account. */
  observedMs: number;
}

function sight({ state, now }: Played, seen: Sight): Evidence {
  const [candidate, baseline] = MEASURED[seen.decide];
  return {
    sequence: state.sequence - (seen.stale ? 1 : 0),
    ready: seen.ready,
    waitingFor: null,
    held: false,
    appliedAt: seen.ready ? now - seen.appliedMsAgo : null,
    beforeHooks: seen.beforeHooks,
    measured: seen.unknown ? null : { candidate, baseline },
    recently: [],
    measuredMs: seen.measuredMs,
    candidateFailure: seen.failure ? 'it has FAILED' : null,
    manualChange: seen.manual ? 'revision 7' : null,
  };
}

/** One happening; what must hold of every step is checked here. */
function play(before: Played, happening: Happening): Played {
  const now = before.now + happening.passedMs;
  const frozen = JSON.stringify(before.state);
  const step =
    'act' in happening
      ? act({ state: before.state, plan: before.plan, now, action: happening.act, by: 'admin', reason: null })
      : decide({ state: before.state, plan: before.plan, now, evidence: sight({ ...before, now }, happening) });
  expect(JSON.stringify(before.state)).toBe(frozen);
  if ('refused' in step) {
    expect(step.refused).toEqual(allowedActions(before.state.status));
    expect(step.refused).not.toContain((happening as { act: ReleaseAction }).act);
    return { ...before, now };
  }
  const { state, events } = step;
  expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  expect(JSON.parse(JSON.stringify(events))).toEqual(events);
  const ways = 'act' in happening ? TRANSITIONS[before.state.status].actions[happening.act]! : TRANSITIONS[before.state.status].decisions;
  if (state.status !== before.state.status) expect(ways).toContain(state.status);
  checkState(before.plan, state);
  checkWeight(before, happening, state, events);
  return { ...before, now, state, events: [...before.events, ...events], observedMs: checkObserved(before, happening, state, events) };
}

function checkState({ stages }: ReleasePlan, state: ReleaseState): void {
  const { status, wanted, endedAt, paused, stageIndex, observeUntil, stageStartedAt, judgedFrom } = state;
  expect([0, 10_000, ...stages.map(({ weightBp }) => weightBp)]).toContain(wanted.candidateWeightBp);
  expect(stages[stageIndex]).toBeDefined();
  expect(isTerminal(status)).toBe(endedAt !== null);
  expect(wanted.enforced).toBe(!isTerminal(status) && paused?.cause !== 'manual_change');
  expect(status === 'paused').toBe(paused !== null);
  expect(paused?.from).not.toBe('paused');
  expect(observeUntil === null).toBe(stageStartedAt === null || status === 'aborted');
  if (status === 'zeroed' || status === 'rolling_back' || status === 'rolled_back') expect(wanted.candidateWeightBp).toBe(0);
  if (status === 'completed') expect(wanted.candidateWeightBp).toBe(10_000);
  if (wanted.candidate === 'stop') expect(wanted).toMatchObject({ candidateWeightBp: 0, restoreBaseline: true });
  if (wanted.candidateWeightBp === 0) expect(judgedFrom).toBeNull();
}

/** It rises only when what was wanted before was there, one stage at a time, and falls only by a zeroing or a rollback. */
function checkWeight(before: Played, happening: Happening, state: ReleaseState, events: readonly ReleaseEvent[]): void {
  const [was, is] = [before.state.wanted.candidateWeightBp, state.wanted.candidateWeightBp];
  if (is < was) expect(events.map(({ to }) => to).some((to) => to === 'zeroed' || to === 'rolling_back')).toBe(true);
  if (is > was) expect(happening).toMatchObject({ ready: true, stale: false });
  expect(events.filter(({ type }) => type === 'weight_set').length).toBeLessThanOrEqual(1);
  const entered = events.filter(({ type }) => type === 'stage_entered').length;
  expect(entered).toBeLessThanOrEqual(1);
  if (!('act' in happening) && state.status !== 'promoting') expect(state.stageIndex - before.state.stageIndex).toBe(entered);
}

/** No stage passes before it was observed for all of its time, or a quarter on the way back. */
function checkObserved(before: Played, happening: Happening, state: ReleaseState, events: readonly ReleaseEvent[]): number {
  const measuredMs = 'act' in happening ? 0 : happening.measuredMs;
  const watched = (passedMs: number) => (passedMs <= 60_000 ? passedMs : Math.min(passedMs, measuredMs));
  const { status, phase, decidedAt, restoreUntilStage, stageIndex } = before.state;
  const goesOn = phase === 'observing' && (status === 'running' || status === 'extended');
  const observedMs = before.observedMs + (goesOn ? watched(state.decidedAt - decidedAt) : 0);
  if (events.some(({ type }) => type === 'observation_started')) return watched(state.decidedAt - state.stageStartedAt!);
  if (events.some(({ type }) => type === 'stage_passed')) {
    expect(observedMs).toBeGreaterThanOrEqual(before.plan.stages[stageIndex]!.observeMs / (restoreUntilStage === null ? 1 : 4));
  }
  return observedMs;
}

function begin(plan: ReleasePlan): Played {
  return { plan, now: START, observedMs: 0, ...startRelease(plan, START, 'admin', null) };
}

/** Also where the clock went back, no time is left in which nothing could be decided. */
const GOOD: Sight = {
  decide: 'pass',
  passedMs: 25 * HOUR_MS,
  ready: true,
  stale: false,
  beforeHooks: 'passed',
  unknown: false,
  failure: false,
  manual: false,
  measuredMs: 25 * HOUR_MS,
  appliedMsAgo: 0,
};

function playUntilEnd(played: Played, helping: readonly ReleaseAction[]): Played {
  let now = played;
  for (let steps = 0; steps < 200 && !isTerminal(now.state.status); steps += 1) {
    const action = helping.find((one) => allowedActions(now.state.status).includes(one));
    now = play(now, action === undefined ? GOOD : { act: action, passedMs: 5_000 });
  }
  return now;
}

describe('whatever happens to a release, in whatever order', () => {
  it('holds to its table and its weights; its history explains every status and weight; it finds an end', () => {
    const ends = new Set<string>();
    fc.assert(
      fc.property(plans, fc.array(happenings, { maxLength: 60 }), (plan, list) => {
        const played = list.reduce(play, begin(plan));
        ends.add(played.state.status);

        const { events, state } = played;
        expect(state.sequence).toBe(events.length);
        let [status, weightBp, stageIndex] = ['pending' as ReleaseEvent['to'], 0, 0];
        for (const event of events) {
          expect([event.from, event.candidateWeightBp.from]).toEqual([status, weightBp]);
          if (event.stageIndex !== stageIndex) expect(['stage_entered', 'promoting']).toContain(event.type);
          [status, weightBp, stageIndex] = [event.to, event.candidateWeightBp.to, event.stageIndex];
        }
        expect([status, weightBp, stageIndex]).toEqual([state.status, state.wanted.candidateWeightBp, state.stageIndex]);
        expect(events.at(-1)?.reason).toBe(state.reason);

        if (isTerminal(state.status)) return;
        expect(allowedActions(state.status)).toContain('abort');
        const rolledBack = playUntilEnd(played, ['rollback', 'resume']).state.status;
        expect(rolledBack).toBe('rolled_back');
        const helped = playUntilEnd(played, ['resume', 'approve', 'restore']).state;
        expect(helped.status).toBe(wasGoingBack(state) ? 'rolled_back' : 'completed');
      }),
      { numRuns: 100 },
    );
    expect(ends.size).toBeGreaterThanOrEqual(8);
  });

  it('decides the same again when what it decided was lost, and nothing once more when it was not', () => {
    fc.assert(
      fc.property(plans, fc.array(happenings, { maxLength: 40 }), happenings, (plan, list, last) => {
        const played = list.reduce(play, begin(plan));
        expect(play(played, last)).toEqual(play(played, last));
        if ('act' in last) return;
        const once = play(played, { ...last, stale: false });
        const evidence = sight({ ...played, now: once.now }, { ...last, stale: false });
        const again = decide({ state: once.state, plan, now: once.now, evidence });
        if (once.events.length > played.events.length) expect(again).toEqual({ state: once.state, events: [], judgement: null });
      }),
      { numRuns: 50 },
    );
  });
});

function wasGoingBack({ status, paused }: ReleaseState): boolean {
  return (paused?.from ?? status) === 'rolling_back';
}
