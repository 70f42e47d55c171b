import { judgeStage, type StageJudgement } from '../judgement/judge-stage.js';
import type { ReleasePlan } from '../plan/plan.js';
import type { Evidence } from './evidence.js';
import { observeMsOf, pause, stageOf } from './moves.js';
import { observed, passTime } from './pass-time.js';
import { endOfObservation, safetyNet } from './respond.js';
import type { ReleaseState } from './state.js';
import { type Cause, move, type Step } from './step.js';
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
  if (isTerminal(before.status)) return { state: before, events: [], judgement: null };
  const state = passTime(before, now, evidence.measuredMs ?? 0);
  const step: Step = { state, events: [] };
  if (evidence.manualChange !== null && state.wanted.enforced) {
    return { ...pause(step, 'manual_change', because(`the distribution was changed by hand: ${evidence.manualChange}`)), judgement: null };
  }
  const judgement = state.judgedFrom === null || evidence.measured === null ? null : judgeStage(stageOf(plan, state), evidence.measured);
  const saved = safetyNet(step, plan, judgement, evidence);
  return { ...(saved ?? proceed(step, { state, plan, now, evidence }, judgement)), judgement };
}

function proceed(step: Step, situation: Situation, judgement: StageJudgement | null): Step {
  switch (step.state.status) {
    case 'pending':
    case 'running':
    case 'extended':
      return proceedInStage(step, situation, judgement);
    case 'zeroed':
      return confirmZero(step, situation);
    case 'rolling_back':
      return proceedBack(step, situation);
    case 'promoting':
      return proceedToAll(step, situation);
    default:
      return step;
  }
}

function proceedInStage(step: Step, situation: Situation, judgement: StageJudgement | null): Step {
  const { state } = step;
  const { plan, now, evidence } = situation;
  const stage = stageOf(plan, state);
  switch (state.phase) {
    case 'preparing': {
      if (evidence.beforeHooks === 'failed') return pause(step, 'hook', because(`a hook before stage ${stage.name} failed`));
      if (!evidence.ready || evidence.beforeHooks === 'running') return step;
      const status = state.status === 'pending' ? 'running' : state.status;
      const wanted = { ...state.wanted, candidateWeightBp: stage.weightBp };
      return move(step, 'weight_set', because(`stage ${stage.name}: ${stage.weightBp / 100} %`), {
        status,
        phase: 'shifting',
        judgedFrom: state.judgedFrom ?? now,
        wanted,
      });
    }
    case 'shifting':
      return evidence.ready ? startObservation(step, situation) : step;
    default:
      if (state.observeUntil === null || now < state.observeUntil) return step;
      return endOfObservation(step, plan, now, judgement);
  }
}

/** From when it was ready, also if nobody looked then, as far as that time was measured. */
function startObservation(step: Step, { plan, now, evidence }: Situation): Step {
  const { state } = step;
  const stageStartedAt = Math.min(now, Math.max(evidence.appliedAt ?? now, state.judgedFrom ?? now));
  const passedMs = now - stageStartedAt;
  const lostMs = passedMs - observed(passedMs, evidence.measuredMs ?? 0);
  const observeUntil = stageStartedAt + observeMsOf(plan, state) + state.extendedMs + lostMs;
  return move(step, 'observation_started', because(`stage ${stageOf(plan, state).name} is observed`), {
    phase: 'observing',
    stageStartedAt,
    observeUntil,
  });
}

function confirmZero(step: Step, { evidence }: Situation): Step {
  if (step.state.phase === 'observing' || !evidence.ready) return step;
  const cause = { ...because(step.state.reason), evidence: { appliedAt: evidence.appliedAt } };
  return move(step, 'zero_confirmed', cause, { phase: 'observing' });
}

function proceedBack(step: Step, { now, evidence }: Situation): Step {
  const { state } = step;
  if (!evidence.ready) return step;
  if (state.phase !== 'stopping') {
    return move(step, 'stopping_candidate', because(state.reason), { phase: 'stopping', wanted: { ...state.wanted, candidate: 'stop' } });
  }
  const wanted = { ...state.wanted, enforced: false };
  return move(step, 'rolled_back', because(state.reason), { status: 'rolled_back', wanted, endedAt: now });
}

function proceedToAll(step: Step, { now, evidence }: Situation): Step {
  const { state } = step;
  if (!evidence.ready) return step;
  if (state.phase === 'preparing') {
    const wanted = { ...state.wanted, candidateWeightBp: TOTAL_BP };
    return move(step, 'weight_set', because('all traffic goes to the candidate'), {
      phase: 'shifting',
      judgedFrom: state.judgedFrom ?? now,
      wanted,
    });
  }
  const wanted = { ...state.wanted, enforced: false };
  return move(step, 'completed', because('all traffic goes to the candidate'), { status: 'completed', wanted, endedAt: now });
}

function because(reason: string | null): Cause {
  return { by: null, reason, evidence: null };
}
