import { judgeStage, type StageJudgement } from '../judgement/judge-stage.js';
import { formatDuration } from '../plan/duration.js';
import type { ReleasePlan } from '../plan/plan.js';
import { type Evidence, LONGEST_UNWATCHED_MS } from './evidence.js';
import { findingOf } from './finding.js';
import { observeMsOf, pause, stageOf } from './moves.js';
import { observed, passTime } from './pass-time.js';
import { endObservation, respondAtOnce } from './respond.js';
import type { ReleaseState } from './state.js';
import { because, move, type Step } from './step.js';
import { isTerminal } from './transitions.js';

const TOTAL_BP = 10_000;

export interface Situation {
  state: ReleaseState;
  plan: ReleasePlan;
  now: number;
  evidence: Evidence;
}

/** `judgement` is null where there is nothing to judge. The state changes with every decision, if only in `decidedAt`. */
export type Decision = Step & { judgement: StageJudgement | null };

/** What the engine does next, asked for every few seconds. One stage is entered at most. */
export function decide({ state: before, plan, now, evidence }: Situation): Decision {
  if (isTerminal(before.status) || evidence.sequence !== before.sequence) return { state: before, events: [], judgement: null };
  const state = passTime(before, now, evidence.measuredMs ?? 0);
  const step: Step = { state, events: [] };
  if (evidence.manualChange !== null && state.wanted.enforced) {
    const cause = because(`the distribution was changed by hand: ${evidence.manualChange}`);
    return { ...pause(step, 'manual_change', cause), judgement: null };
  }
  const judged = state.judgedFrom === null ? null : evidence.measured;
  const judgement = judged === null ? null : judgeStage(stageOf(plan, state), judged, evidence.recently);
  const finding = findingOf(judgement, evidence);
  const next = respondAtOnce(step, plan, finding) ?? proceed({ step, plan, evidence, decidedBefore: before.decidedAt }, finding);
  return { ...next, judgement };
}

interface Course {
  step: Step;
  plan: ReleasePlan;
  evidence: Evidence;
  /** When the decision before was made. */
  decidedBefore: number;
}

function proceed(course: Course, finding: ReturnType<typeof findingOf>): Step {
  const { step, plan, evidence } = course;
  const { status, phase, observeUntil, decidedAt } = step.state;
  switch (status) {
    case 'pending':
    case 'running':
    case 'extended':
      if (phase === 'preparing') return setStageWeight(course);
      if (phase === 'shifting') return evidence.ready ? startObservation(course) : waitOn(course);
      return observeUntil === null || decidedAt < observeUntil ? step : endObservation(step, plan, finding);
    case 'zeroed':
      return confirmZero(course);
    case 'rolling_back':
      return goBack(course);
    case 'promoting':
      return goToAll(course);
    default:
      return step;
  }
}

function setStageWeight(course: Course): Step {
  const { step, plan, evidence } = course;
  const { state } = step;
  const { name, weightBp } = stageOf(plan, state);
  if (evidence.beforeHooks === 'failed') {
    const why = evidence.hookFailure ? `: ${evidence.hookFailure}` : '';
    return pause(step, 'hook', because(`a hook before stage ${name} failed${why}`));
  }
  if (!evidence.ready) return waitOn(course);
  if (evidence.beforeHooks === 'running') return step;
  return move(step, 'weight_set', because(`stage ${name}: ${weightBp / 100} %`), {
    status: state.status === 'pending' ? 'running' : state.status,
    phase: 'shifting',
    judgedFrom: state.judgedFrom ?? state.decidedAt,
    wanted: { ...state.wanted, candidateWeightBp: weightBp },
  });
}

/** What never comes about is said by a pause; everything is still enforced, and goes on when it is resumed. */
function waitOn({ step, plan, evidence, decidedBefore }: Course): Step {
  const { state } = step;
  const { name, progressDeadlineMs } = stageOf(plan, state);
  const passedMs = evidence.held ? 0 : Math.min(state.decidedAt - decidedBefore, LONGEST_UNWATCHED_MS);
  const waitedMs = state.waitedMs + passedMs;
  if (waitedMs < progressDeadlineMs) return { ...step, state: { ...state, waitedMs } };
  const what = evidence.waitingFor ?? 'what it asks for is not there';
  return pause(step, 'no_progress', because(`stage ${name} does not come about within ${formatDuration(progressDeadlineMs)}: ${what}`));
}

/** From when it was ready, also if nobody looked then, as far as that time was measured. */
function startObservation({ step, plan, evidence, decidedBefore }: Course): Step {
  const { state } = step;
  const now = state.decidedAt;
  const stageStartedAt = Math.min(now, Math.max(evidence.appliedAt ?? now, decidedBefore));
  const passedMs = now - stageStartedAt;
  const lostMs = passedMs - observed(passedMs, evidence.measuredMs ?? 0);
  return move(step, 'observation_started', because(`stage ${stageOf(plan, state).name} is observed`), {
    phase: 'observing',
    judgedFrom: stageStartedAt,
    stageStartedAt,
    observeUntil: stageStartedAt + observeMsOf(plan, state) + state.extendedMs + lostMs,
  });
}

function confirmZero({ step, evidence }: Course): Step {
  const { phase, reason } = step.state;
  if (phase === 'observing' || !evidence.ready) return step;
  return move(step, 'zero_confirmed', { by: null, reason, evidence: { appliedAt: evidence.appliedAt } }, { phase: 'observing' });
}

function goBack({ step, evidence }: Course): Step {
  const { phase, wanted, reason, decidedAt } = step.state;
  if (!evidence.ready) return step;
  if (phase === 'shifting') {
    return move(step, 'stopping_candidate', because(reason), { phase: 'stopping', wanted: { ...wanted, candidate: 'stop' } });
  }
  return move(step, 'rolled_back', because(reason), {
    status: 'rolled_back',
    wanted: { ...wanted, enforced: false },
    endedAt: decidedAt,
  });
}

function goToAll(course: Course): Step {
  const { step, evidence } = course;
  const { phase, wanted, judgedFrom, decidedAt } = step.state;
  if (!evidence.ready) return waitOn(course);
  const cause = because('all traffic goes to the candidate');
  if (phase === 'preparing') {
    return move(step, 'weight_set', cause, {
      phase: 'shifting',
      judgedFrom: judgedFrom ?? decidedAt,
      wanted: { ...wanted, candidateWeightBp: TOTAL_BP },
    });
  }
  return move(step, 'completed', cause, { status: 'completed', wanted: { ...wanted, enforced: false }, endedAt: decidedAt });
}
