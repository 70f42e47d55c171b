import { RELEASE_STATUSES, type ReleaseStatus } from './state.js';
import { allowedActions, isTerminal, TRANSITIONS } from './transitions.js';

describe('TRANSITIONS', () => {
  it.each<[ReleaseStatus, string]>([
    ['pending', 'pause rollback abort'],
    ['running', 'pause extend advance promote zero rollback abort'],
    ['extended', 'pause extend advance promote zero rollback abort'],
    ['paused', 'resume advance promote zero rollback abort'],
    ['awaiting_approval', 'pause extend approve advance promote zero rollback abort'],
    ['zeroed', 'restore rollback abort'],
    ['rolling_back', 'abort'],
    ['promoting', 'pause zero rollback abort'],
    ['rolled_back', ''],
    ['completed', ''],
    ['aborted', ''],
  ])('%s allows: %s', (status, actions) => {
    expect(allowedActions(status).join(' ')).toBe(actions);
  });

  it('ends in three ways', () => {
    expect(RELEASE_STATUSES.filter(isTerminal)).toEqual(['rolled_back', 'completed', 'aborted']);
  });

  it('reaches every status, and an end from every status', () => {
    const next = (status: ReleaseStatus) => [...TRANSITIONS[status].decisions, ...Object.values(TRANSITIONS[status].actions).flat()];
    const from = (status: ReleaseStatus) => {
      const reached = new Set<ReleaseStatus>([status]);
      for (const one of reached) for (const other of next(one)) reached.add(other);
      return reached;
    };
    expect([...from('pending')].sort()).toEqual([...RELEASE_STATUSES].sort());
    for (const status of RELEASE_STATUSES) expect([status, [...from(status)].some(isTerminal)]).toEqual([status, true]);
  });
});
