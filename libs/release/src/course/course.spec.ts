import { parsePlan } from '../plan/parse-plan.js';
import type { ReleasePlan } from '../plan/plan.js';
import { STANDARD_PLAN } from '../plan/standard-plan.js';
import { makeStage } from '../testing/stages.js';
import { World } from '../testing/world.js';
import { decide } from './decide.js';
import type { ReleaseState } from './state.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const HOUR_LONG: ReleasePlan = {
  stages: [
    makeStage({ name: 'few', weightBp: 500, instances: { count: 1 } }),
    makeStage({ name: 'some', weightBp: 2_000, instances: { count: 2 } }),
    makeStage({ name: 'all', weightBp: 10_000, instances: { percent: 100 } }),
  ],
};

const isObserving = ({ phase, status }: ReleaseState) => phase === 'observing' && status !== 'zeroed';
const inStage = (index: number) => (state: ReleaseState) => state.stageIndex === index && isObserving(state);

/** In the middle of the observation of a stage. */
function atStage(index: number, plan = HOUR_LONG): World {
  const world = new World(plan);
  expect(world.runUntil(inStage(index))).toBe(true);
  world.run(MINUTE_MS);
  return world;
}

const history = ({ events }: World) => events.map(({ type, candidateWeightBp }) => `${type} ${candidateWeightBp.to / 100}`);

describe('a good release', () => {
  it('goes through the whole standard plan, each stage for its full time from when it was ready', () => {
    const world = new World(STANDARD_PLAN);
    expect(world.runUntil(({ status }) => status === 'completed')).toBe(true);
    expect(history(world)).toEqual([
      'started 0',
      ...['weight_set 5', 'observation_started 5', 'stage_passed 5'],
      ...['stage_entered 5', 'weight_set 20', 'observation_started 20', 'stage_passed 20'],
      ...['stage_entered 20', 'weight_set 50', 'observation_started 50', 'stage_passed 50'],
      ...['stage_entered 50', 'weight_set 100', 'observation_started 100', 'stage_passed 100'],
      ...['promoting 100', 'weight_set 100', 'completed 100'],
    ]);
    const at = (type: string) => world.events.filter((event) => event.type === type).map((event) => event.at);
    const passed = at('stage_passed');
    expect(at('observation_started').map((began, index) => passed[index]! - began)).toEqual([2, 4, 8, 24].map((hours) => hours * HOUR_MS));
    expect(world.state).toMatchObject({ wanted: { enforced: false, candidateWeightBp: 10_000 }, endedAt: world.now });
  });

  it('adds instances before it raises the weight, and raises it only when they run', () => {
    const world = atStage(0);
    world.lagTicks = 3;
    world.runUntil(({ stageIndex }) => stageIndex === 1);
    expect(world.state).toMatchObject({ phase: 'preparing', wanted: { candidateInstances: { count: 2 }, candidateWeightBp: 500 } });
    world.run(2 * 30_000);
    expect(world.state.wanted.candidateWeightBp).toBe(500);
    world.tick();
    expect(world.state).toMatchObject({ phase: 'shifting', wanted: { candidateInstances: { count: 2 }, candidateWeightBp: 2_000 } });
  });

  it('observes from when the weight was confirmed', () => {
    const world = new World(HOUR_LONG);
    world.runUntil(({ phase }) => phase === 'shifting');
    world.sees = { ready: false, held: true };
    world.run(HOUR_MS);
    expect(world.state).toMatchObject({ status: 'running', phase: 'shifting', stageStartedAt: null, observeUntil: null });
    world.sees = { ready: true, appliedAt: world.now + 2_000 };
    world.tick();
    expect(world.state).toMatchObject({ stageStartedAt: world.now - 3_000, observeUntil: world.now - 3_000 + HOUR_MS });
  });

  it('does not believe that a weight was confirmed before it was seen not to be', () => {
    const world = new World(HOUR_LONG);
    world.runUntil(({ phase }) => phase === 'shifting');
    world.sees = { ready: false, held: true };
    world.run(HOUR_MS);
    world.sees = { ready: true, appliedAt: world.now - HOUR_MS };
    world.tick();
    expect(world.state.stageStartedAt).toBe(world.now - 5_000);
  });

  it('waits for approval where the plan says so, and goes on with it', () => {
    const world = atStage(0, { stages: [makeStage({ approval: 'manual' }), makeStage({ name: 'two', approval: 'manual' })] });
    world.run(3 * HOUR_MS);
    expect(world.state).toMatchObject({ status: 'awaiting_approval', stageIndex: 0, wanted: { candidateWeightBp: 2_000 } });
    expect(world.act('approve')).toBeNull();
    expect(world.state).toMatchObject({ status: 'running', stageIndex: 1 });
    world.run(3 * HOUR_MS);
    expect(world.act('approve')).toBeNull();
    expect(world.state.status).toBe('promoting');
  });

  it('takes a plan whose last stage is not all for one that ends with all', () => {
    const world = atStage(0, { stages: [makeStage({ weightBp: 5_000, instances: { percent: 50 } })] });
    world.runUntil(({ status }) => status === 'promoting');
    expect(world.state.wanted).toMatchObject({ candidateWeightBp: 5_000, candidateInstances: { percent: 100 } });
    world.runUntil(({ status }) => status === 'completed');
    expect(history(world).slice(-3)).toEqual(['promoting 50', 'weight_set 100', 'completed 100']);
  });
});

describe('what never comes about', () => {
  const WAITS = { ready: false, waitingFor: '0 of 1 instance run' };
  const reasons = ({ events }: World) => events.filter(({ type }) => type === 'paused').map(({ reason }) => reason);

  it.each<[when: string, until: (state: ReleaseState) => boolean]>([
    ['instances of the first stage', ({ status }) => status === 'pending'],
    ['a weight on all proxies', ({ phase }) => phase === 'shifting'],
    ['instances of a later stage', ({ stageIndex, phase }) => stageIndex === 1 && phase === 'preparing'],
    ['instances for all traffic', ({ status }) => status === 'promoting'],
  ])('pauses at the deadline with what is missing, and goes on where it was: %s', (_when, until) => {
    const world = new World({ stages: HOUR_LONG.stages.map((stage) => ({ ...stage, progressDeadlineMs: 5 * MINUTE_MS })) });
    world.runUntil(until);
    const { status, phase, stageIndex, entry } = world.state;
    world.sees = WAITS;
    world.run(5 * MINUTE_MS - 30_000);
    expect([world.state.status, reasons(world)]).toEqual([status, []]);
    world.run(30_000);
    const { name } = HOUR_LONG.stages[stageIndex]!;
    expect(reasons(world)).toEqual([`stage ${name} does not come about within 5m: 0 of 1 instance run`]);
    expect(world.state).toMatchObject({ status: 'paused', paused: { from: status, cause: 'no_progress' }, wanted: { enforced: true } });
    expect(world.act('resume')).toBeNull();
    expect(world.state).toMatchObject({ status, phase, stageIndex, entry });
    world.run(4 * MINUTE_MS);
    expect(world.state.status).toBe(status);
    world.sees = {};
    expect(world.runUntil((state) => state.status === 'completed')).toBe(true);
  });

  it('is not said while people hold it up, of time in which nobody looked, or of a zeroing and a rollback', () => {
    const world = new World(HOUR_LONG);
    world.sees = { ...WAITS, held: true };
    world.run(2 * HOUR_MS);
    world.sees = WAITS;
    world.tick(5 * HOUR_MS);
    expect(world.state.status).toBe('pending');
    world.sees = {};
    world.runUntil(isObserving);
    world.act('zero');
    world.sees = WAITS;
    world.run(2 * HOUR_MS);
    expect(world.state.status).toBe('zeroed');
    world.act('rollback');
    world.run(2 * HOUR_MS);
    expect(world.state.status).toBe('rolling_back');
  });
});

describe('time that nobody watched', () => {
  const DAY_MS = 24 * HOUR_MS;

  it('does not count as observed, however long the engine was away', () => {
    const world = atStage(0);
    const { observeUntil } = world.state;
    world.tick(DAY_MS);
    expect(world.state).toMatchObject({ status: 'running', stageIndex: 0, observeUntil: observeUntil! + DAY_MS });
    world.run(HOUR_MS - 2 * MINUTE_MS);
    expect(world.state.stageIndex).toBe(0);
    world.run(MINUTE_MS);
    expect(world.state.stageIndex).toBe(1);
  });

  it('counts as far as requests were measured in it', () => {
    const world = atStage(0);
    const { observeUntil } = world.state;
    world.sees = { measuredMs: 20 * MINUTE_MS };
    world.tick(DAY_MS);
    expect(world.state.observeUntil).toBe(observeUntil! + DAY_MS - 20 * MINUTE_MS);
    world.sees = { measuredMs: 2 * DAY_MS };
    world.tick(DAY_MS);
    expect(world.state).toMatchObject({ stageIndex: 1, phase: 'preparing' });
  });

  it('lets no stage race through, though all of it was measured', () => {
    const world = atStage(0);
    world.sees = { measuredMs: 30 * DAY_MS };
    world.tick(30 * DAY_MS);
    expect(world.state).toMatchObject({ stageIndex: 1, phase: 'preparing', wanted: { candidateWeightBp: 500 } });
    world.sees = {};
    world.runUntil(inStage(1));
    expect(world.state.observeUntil).toBe(world.state.stageStartedAt! + HOUR_MS);
  });

  it('counts neither when a weight was confirmed while the engine was away', () => {
    const world = new World(HOUR_LONG);
    world.runUntil(({ phase }) => phase === 'shifting');
    world.sees = { ready: true, appliedAt: world.now + MINUTE_MS, measuredMs: 10 * MINUTE_MS };
    const began = world.now + MINUTE_MS;
    world.tick(DAY_MS);
    expect(world.state).toMatchObject({ stageStartedAt: began, observeUntil: world.now + HOUR_MS - 10 * MINUTE_MS });
  });

  it('is none while it is paused', () => {
    const world = atStage(0);
    const { observeUntil } = world.state;
    world.act('pause');
    world.run(5 * HOUR_MS, MINUTE_MS);
    expect(world.state).toMatchObject({ status: 'paused', stageIndex: 0 });
    world.act('resume');
    expect(world.state).toMatchObject({ status: 'running', phase: 'observing', observeUntil: observeUntil! + 5 * HOUR_MS });
  });

  it('is none for a clock that goes back', () => {
    const world = atStage(0);
    const { observeUntil, decidedAt } = world.state;
    world.tick(-DAY_MS);
    expect(world.state).toMatchObject({ observeUntil, decidedAt });
  });
});

describe('an anomaly', () => {
  it('that is minor extends the observation, and pauses when that was of no use', () => {
    const world = atStage(1);
    world.requestsPerTick = 0;
    world.sees = { measured: { candidate: { requests: 100, errors: 2, unserved: 2, latency: null }, baseline: HEALTHY } };
    world.run(HOUR_MS);
    expect(world.state).toMatchObject({ status: 'extended', extensions: 1, stageIndex: 1, wanted: { candidateWeightBp: 2_000 } });
    world.run(2 * HOUR_MS);
    expect(world.state).toMatchObject({ status: 'extended', extensions: 3 });
    world.run(HOUR_MS);
    expect(world.state).toMatchObject({ status: 'paused', reason: expect.stringMatching(/^minor: 2 % of 100 .* after 3 extensions$/) });
  });

  it('that is over when the extension ends lets the release go on', () => {
    const world = atStage(0);
    world.sees = { measured: { candidate: { requests: 100, errors: 2, unserved: 2, latency: null }, baseline: HEALTHY } };
    world.run(HOUR_MS);
    world.sees = {};
    world.run(HOUR_MS);
    expect(world.state).toMatchObject({ status: 'running', stageIndex: 1, extensions: 0 });
  });

  it('too little data extends and then pauses: it is no pass and no fail', () => {
    const world = atStage(0);
    world.sees = { measured: { candidate: { requests: 99, errors: 0, unserved: 0, latency: null }, baseline: HEALTHY } };
    world.run(3 * HOUR_MS);
    expect(world.state).toMatchObject({ status: 'extended', extensions: 3 });
    world.run(HOUR_MS);
    expect(world.state).toMatchObject({ status: 'paused', stageIndex: 0, reason: expect.stringMatching(/^not enough data: /) });
    expect(world.state.wanted).toMatchObject({ enforced: true, candidateWeightBp: 500 });
  });

  it('that cannot be measured at all does the same', () => {
    const world = atStage(0);
    world.sees = { measured: null };
    world.run(5 * HOUR_MS);
    expect(world.state).toMatchObject({ status: 'paused', reason: expect.stringMatching(/nothing was measured/) });
  });

  it('that is moderate takes the traffic away at once and leaves the instances', () => {
    const world = atStage(1);
    world.failing.candidate = 0.05;
    world.tick();
    expect(world.state).toMatchObject({ status: 'zeroed', phase: 'shifting', reason: expect.stringMatching(/^moderate: /) });
    expect(world.state.wanted).toEqual({
      enforced: true,
      candidateWeightBp: 0,
      candidateInstances: { count: 2 },
      candidate: 'run',
      restoreBaseline: false,
    });
    world.run(MINUTE_MS);
    expect(world.state).toMatchObject({ status: 'zeroed', phase: 'observing' });
    expect(world.events.at(-1)).toMatchObject({ type: 'zero_confirmed', evidence: { appliedAt: expect.any(Number) } });
    world.run(48 * HOUR_MS, MINUTE_MS);
    expect(world.state.status).toBe('zeroed');
  });

  it('that is severe rolls back at once, and stops the candidate when its weight is confirmed to be 0', () => {
    const world = atStage(1);
    world.failing.candidate = 0.5;
    world.lagTicks = 2;
    world.tick();
    expect(world.state).toMatchObject({ status: 'rolling_back', reason: expect.stringMatching(/^severe: /) });
    expect(world.state.wanted).toMatchObject({ candidateWeightBp: 0, candidate: 'run', restoreBaseline: true });
    world.tick();
    expect(world.state.wanted.candidate).toBe('run');
    world.tick();
    expect(world.state).toMatchObject({ status: 'rolling_back', phase: 'stopping', wanted: { candidate: 'stop', restoreBaseline: true } });
    world.run(MINUTE_MS);
    expect(world.state).toMatchObject({ status: 'rolled_back', wanted: { enforced: false }, reason: expect.stringMatching(/^severe: /) });
  });

  it('changes nothing any more when the release goes back already', () => {
    for (const action of ['rollback', 'zero'] as const) {
      const world = atStage(1);
      world.act(action);
      const told = world.events.length;
      world.sees = { ready: false, candidateFailure: 'its run has FAILED' };
      world.run(MINUTE_MS);
      expect(world.events).toHaveLength(told);
    }
  });

  it('of both versions pauses, says so, and does not blame the candidate', () => {
    const world = atStage(1);
    world.failing = { candidate: 0.5, baseline: 0.5 };
    world.run(HOUR_MS);
    expect(world.state).toMatchObject({ status: 'paused', stageIndex: 1, reason: expect.stringMatching(/the baseline fails as well/) });
    expect(world.state.wanted.candidateWeightBp).toBe(2_000);
    world.failing = { candidate: 0, baseline: 0 };
    world.act('resume');
    expect(world.state).toMatchObject({ status: 'running', phase: 'shifting', judgedFrom: world.now });
    world.run(HOUR_MS + MINUTE_MS);
    expect(world.state).toMatchObject({ status: 'running', stageIndex: 2 });
  });

  it('of the candidate alone is answered also while an outage of both has paused the release', () => {
    const world = atStage(1);
    world.failing = { candidate: 0.05, baseline: 0.05 };
    world.run(MINUTE_MS);
    world.failing = { candidate: 1, baseline: 0 };
    world.run(2 * HOUR_MS);
    expect(world.state.status).toBe('rolled_back');
  });

  it('is answered while somebody has paused it, and while it waits for approval', () => {
    const paused = atStage(1);
    paused.act('pause');
    paused.failing.candidate = 0.05;
    paused.tick();
    expect(paused.state.status).toBe('zeroed');

    const waiting = atStage(0, { stages: [makeStage({ approval: 'manual' })] });
    waiting.run(HOUR_MS);
    waiting.failing.candidate = 1;
    waiting.tick();
    expect(waiting.state.status).toBe('rolling_back');
  });

  it('is answered while the next stage is prepared', () => {
    const world = atStage(0);
    world.lagTicks = 1_000;
    world.runUntil(({ stageIndex }) => stageIndex === 1);
    world.failing.candidate = 1;
    world.run(MINUTE_MS);
    expect(world.state).toMatchObject({ status: 'rolling_back', stageIndex: 1 });
  });

  it('is a candidate that cannot run, of which nothing is measured', () => {
    const world = atStage(1);
    world.sees = { candidateFailure: 'its run has FAILED: exit code 1' };
    world.tick();
    expect(world.state).toMatchObject({
      status: 'rolling_back',
      reason: 'severe: the candidate does not run: its run has FAILED: exit code 1',
    });
    const pending = new World(HOUR_LONG);
    pending.sees = { candidateFailure: 'its run has FAILED' };
    pending.tick();
    expect(pending.state.status).toBe('rolling_back');
  });

  it.each([
    ['pause', 'paused', 2_000],
    ['zero', 'zeroed', 0],
    ['rollback', 'rolling_back', 0],
    ['extend', 'running', 2_000],
  ] as const)('is answered as the plan says: %s', (response, status, candidateWeightBp) => {
    const onAnomaly = { minor: response, moderate: response, severe: response };
    for (const errors of [60, 1_000]) {
      const world = atStage(0, { stages: [makeStage({ onAnomaly })] });
      world.sees = { measured: { candidate: { requests: 2_000, errors, unserved: errors, latency: null }, baseline: HEALTHY } };
      world.tick();
      expect(world.state).toMatchObject({ status, wanted: { candidateWeightBp } });
    }
    const minor = atStage(0, { stages: [makeStage({ onAnomaly })] });
    minor.sees = { measured: { candidate: { requests: 100, errors: 2, unserved: 2, latency: null }, baseline: HEALTHY } };
    minor.tick();
    expect(minor.state.status).toBe('running');
    minor.run(HOUR_MS);
    expect(minor.events.map(({ to }) => to)).toContain(response === 'extend' ? 'extended' : status);
    expect(minor.state.wanted).toMatchObject({ candidateWeightBp });
  });

  it('that the plan does not answer keeps the stage from passing', () => {
    const onAnomaly = { minor: 'extend', moderate: 'extend', severe: 'extend' } as const;
    const world = atStage(0, { stages: [makeStage({ onAnomaly })] });
    world.failing.candidate = 1;
    world.run(5 * HOUR_MS);
    expect(world.state).toMatchObject({ status: 'paused', stageIndex: 0 });
  });
});

const HEALTHY = { requests: 100_000, errors: 0, unserved: 0, latency: null };

describe('hooks before a stage', () => {
  it('are waited for before the weight is raised', () => {
    const world = new World(HOUR_LONG);
    world.sees = { beforeHooks: 'running' };
    world.run(MINUTE_MS);
    expect(world.state).toMatchObject({ status: 'pending', wanted: { candidateWeightBp: 0 } });
    world.sees = { beforeHooks: 'passed' };
    world.tick();
    expect(world.state).toMatchObject({ status: 'running', wanted: { candidateWeightBp: 500 } });
  });

  it('that fail stop the release; resumed, they run again', () => {
    const world = atStage(0);
    world.sees = { beforeHooks: 'failed' };
    world.runUntil(({ status }) => status === 'paused');
    expect(world.state).toMatchObject({
      stageIndex: 1,
      entry: 2,
      reason: 'a hook before stage some failed',
      wanted: { candidateWeightBp: 500 },
    });
    world.sees = {};
    world.act('resume');
    expect(world.state).toMatchObject({ status: 'running', phase: 'preparing', stageIndex: 1, entry: 3 });
    expect(world.runUntil(inStage(1))).toBe(true);
  });
});

describe('a change of the distribution by hand', () => {
  it.each<[string, World]>([
    ['running', atStage(1)],
    ['paused', paused()],
    ['zeroed', zeroed()],
    ['promoting', promoting()],
    ['rolling_back', rollingBack()],
    ['pending', new World(HOUR_LONG)],
  ])('pauses a release that is %s, and nothing is enforced until it is resumed', (status, world) => {
    expect(world.state.status).toBe(status);
    world.sees = { manualChange: 'revision 7 by bob' };
    world.tick();
    expect(world.state).toMatchObject({
      status: 'paused',
      wanted: { enforced: false },
      reason: 'the distribution was changed by hand: revision 7 by bob',
    });
    const { events } = world;
    const told = events.length;
    world.failing.candidate = 1;
    world.run(HOUR_MS);
    expect(events).toHaveLength(told);
    world.failing.candidate = 0;
    world.sees = {};
    expect(world.act('resume')).toBeNull();
    expect(world.state.wanted.enforced).toBe(true);
    expect(world.state.status).toBe(status === 'paused' ? 'running' : status);
    expect(world.runUntil((state) => state.endedAt !== null || state.status === 'zeroed')).toBe(true);
  });

  function paused(): World {
    const world = atStage(1);
    world.act('pause');
    return world;
  }

  function zeroed(): World {
    const world = atStage(1);
    world.act('zero');
    return world;
  }

  function promoting(): World {
    const world = atStage(1);
    world.act('promote');
    return world;
  }

  function rollingBack(): World {
    const world = atStage(1);
    world.act('rollback');
    return world;
  }
});

describe('actions', () => {
  it('are refused with those that are allowed', () => {
    const world = atStage(0);
    const before = world.state;
    expect(world.act('restore')).toEqual(['pause', 'extend', 'advance', 'promote', 'zero', 'rollback', 'abort']);
    expect(world.state).toBe(before);
  });

  it('extend: by the time of the stage, or as long as was said', () => {
    const world = atStage(0);
    const { observeUntil } = world.state;
    world.act('extend');
    expect(world.state).toMatchObject({ status: 'extended', extensions: 1, observeUntil: observeUntil! + HOUR_MS });
    world.act('extend', { extendMs: MINUTE_MS });
    expect(world.state).toMatchObject({ extensions: 2, observeUntil: observeUntil! + HOUR_MS + MINUTE_MS });
  });

  it('extend: before the observation has begun', () => {
    const world = new World(HOUR_LONG);
    world.runUntil(({ phase }) => phase === 'shifting');
    world.act('extend', { extendMs: MINUTE_MS });
    world.runUntil(inStage(0));
    expect(world.state).toMatchObject({ status: 'extended', observeUntil: world.state.stageStartedAt! + HOUR_MS + MINUTE_MS });
  });

  it('advance: to the next stage without waiting, after the last one to all', () => {
    const world = atStage(0);
    world.act('advance', { by: 'bob', reason: 'looks good' });
    expect(world.state).toMatchObject({ stageIndex: 1, phase: 'preparing', reason: 'looks good' });
    expect(world.events.at(-1)).toMatchObject({ type: 'stage_entered', by: 'bob', reason: 'looks good' });
    world.act('advance');
    world.act('advance');
    expect(world.state.status).toBe('promoting');
    expect(world.runUntil(({ status }) => status === 'completed')).toBe(true);
  });

  it('promote: to all, by instances first', () => {
    const world = atStage(0);
    world.act('promote');
    expect(world.state.wanted).toMatchObject({ candidateWeightBp: 500, candidateInstances: { percent: 100 } });
    world.run(MINUTE_MS);
    expect(history(world).slice(-3)).toEqual(['promoting 5', 'weight_set 100', 'completed 100']);
  });

  it('abort: leaves everything as it is', () => {
    const world = atStage(1);
    world.act('abort');
    expect(world.state).toMatchObject({ status: 'aborted', endedAt: world.now, wanted: { enforced: false, candidateWeightBp: 2_000 } });
    world.run(HOUR_MS);
    expect(world.events.at(-1)?.type).toBe('aborted');
  });

  it('restore: through the stages before in a quarter of their time, then the one that failed for twice its time', () => {
    const world = atStage(1);
    world.act('zero');
    world.run(MINUTE_MS);
    world.act('restore');
    expect(world.state).toMatchObject({
      status: 'running',
      stageIndex: 0,
      wanted: { candidateWeightBp: 0, candidateInstances: { count: 2 } },
    });
    world.runUntil(inStage(0));
    expect(world.state.observeUntil! - world.state.stageStartedAt!).toBe(HOUR_MS / 4);
    world.runUntil(inStage(1));
    expect(world.state).toMatchObject({ status: 'extended', extensions: 1, restoreUntilStage: null });
    expect(world.state.observeUntil! - world.state.stageStartedAt!).toBe(2 * HOUR_MS);
    world.runUntil(({ status }) => status === 'completed');
    expect(history(world).filter((line) => line.startsWith('weight_set'))).toEqual(
      [5, 20, 5, 20, 100, 100].map((weight) => `weight_set ${weight}`),
    );
  });

  it('restore: zeroed again on its way, it still goes up to the stage that failed first', () => {
    const world = atStage(2);
    for (const action of ['zero', 'restore'] as const) world.act(action);
    world.runUntil(inStage(1));
    world.act('zero');
    world.act('restore');
    expect(world.state).toMatchObject({ stageIndex: 0, restoreUntilStage: 2 });
  });
});

describe('decide', () => {
  it('decides nothing by what was gathered for another state', () => {
    const world = atStage(1);
    const evidence = world.evidence();
    world.act('zero');
    const { state, events } = decide({ state: world.state, plan: HOUR_LONG, now: world.now, evidence });
    expect(state).toBe(world.state);
    expect(events).toEqual([]);
  });

  it('gives the judgement that it decided by', () => {
    const world = atStage(1);
    const { judgement } = decide({ state: world.state, plan: HOUR_LONG, now: world.now, evidence: world.evidence() });
    expect(judgement).toMatchObject({ verdict: 'pass', stability: { errorRate: 0 } });
  });

  it('goes through a plan as it is written', () => {
    const { plan } = parsePlan({
      stages: [{ name: 'all', weight: 100, observe: '10s', stability: { maxErrorRate: 0.1 }, availability: { min: 0.5 } }],
    });
    const world = new World(plan!);
    expect(world.runUntil(({ status }) => status === 'completed', 10)).toBe(true);
  });
});
