import type { ReleaseStatus } from './state.js';

export const RELEASE_ACTIONS = [
  'pause',
  'resume',
  'extend',
  'approve',
  'advance',
  'promote',
  'zero',
  'restore',
  'rollback',
  'abort',
] as const;
export type ReleaseAction = (typeof RELEASE_ACTIONS)[number];

interface Ways {
  /** What somebody may ask for, and where it leads: one of several, as the stage is the last, or as it was paused from. */
  actions: Partial<Record<ReleaseAction, readonly ReleaseStatus[]>>;
  /** Where the engine may go by itself. */
  decisions: readonly ReleaseStatus[];
}

const NEXT_STAGE = ['running', 'extended', 'promoting'] as const;
const BACK = { zero: ['zeroed'], rollback: ['rolling_back'], abort: ['aborted'] } as const;
const WATCHED: Ways = {
  actions: { pause: ['paused'], extend: ['extended'], advance: NEXT_STAGE, promote: ['promoting'], ...BACK },
  decisions: [...NEXT_STAGE, 'paused', 'awaiting_approval', 'zeroed', 'rolling_back'],
};

/** Every transition that there is. Nothing else changes a status. */
export const TRANSITIONS: Record<ReleaseStatus, Ways> = {
  pending: {
    actions: { pause: ['paused'], rollback: ['rolling_back'], abort: ['aborted'] },
    decisions: ['running', 'paused', 'zeroed', 'rolling_back'],
  },
  running: WATCHED,
  extended: WATCHED,
  paused: {
    actions: {
      resume: ['pending', 'running', 'extended', 'awaiting_approval', 'zeroed', 'rolling_back', 'promoting'],
      advance: NEXT_STAGE,
      promote: ['promoting'],
      ...BACK,
    },
    decisions: ['paused', 'zeroed', 'rolling_back'],
  },
  awaiting_approval: {
    actions: { pause: ['paused'], extend: ['extended'], approve: NEXT_STAGE, advance: NEXT_STAGE, promote: ['promoting'], ...BACK },
    decisions: ['paused', 'zeroed', 'rolling_back'],
  },
  zeroed: { actions: { restore: ['running', 'extended'], rollback: ['rolling_back'], abort: ['aborted'] }, decisions: ['paused'] },
  rolling_back: { actions: { abort: ['aborted'] }, decisions: ['paused', 'rolled_back'] },
  promoting: { actions: { pause: ['paused'], ...BACK }, decisions: ['paused', 'zeroed', 'rolling_back', 'completed'] },
  rolled_back: { actions: {}, decisions: [] },
  completed: { actions: {}, decisions: [] },
  aborted: { actions: {}, decisions: [] },
};

export function allowedActions(status: ReleaseStatus): ReleaseAction[] {
  return RELEASE_ACTIONS.filter((action) => TRANSITIONS[status].actions[action] !== undefined);
}

/** It has ended: nothing is wanted any more, nothing can be asked for. */
export function isTerminal(status: ReleaseStatus): boolean {
  const { actions, decisions } = TRANSITIONS[status];
  return decisions.length === 0 && Object.keys(actions).length === 0;
}
