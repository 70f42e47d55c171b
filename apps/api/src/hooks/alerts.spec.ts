import { type ReleaseStatus, STANDARD_PLAN, startRelease } from '@app-fabric/release';
import { alertsOf } from './alerts.js';
import type { ToldEvent, ToldRelease } from './payload.js';

const AT = new Date('2026-11-26T12:00:00Z');
const RELEASE: ToldRelease = {
  id: 'b54ee6ef-8a05-4a5c-9de0-5f8a4b1c6c43',
  namespace: 'default',
  app: 'shop',
  candidate: 2,
  baseline: 1,
  plan: STANDARD_PLAN,
  state: startRelease(STANDARD_PLAN, 0, 'admin', null).state,
};

const event = (from: ReleaseStatus, to: ReleaseStatus): ToldEvent => ({
  sequence: 7,
  at: AT,
  type: 'zeroed',
  from,
  to,
  stageIndex: 0,
  candidateWeightBp: { from: 500, to: 0 },
  by: null,
  reason: 'too many errors',
  evidence: null,
});
const told = (from: ReleaseStatus, to: ReleaseStatus, wanted = true) =>
  alertsOf(RELEASE, event(from, to), wanted).map(({ labels, endsAt }) => [
    labels.alertname,
    endsAt === AT.toISOString() ? 'resolved' : 'firing',
  ]);

describe('what an event is to an alert manager', () => {
  const cases: [ReleaseStatus, ReleaseStatus, string[][]][] = [
    ['pending', 'running', []],
    ['running', 'running', []],
    ['running', 'completed', []],
    ['running', 'paused', [['FabricReleasePaused', 'firing']]],
    ['paused', 'running', [['FabricReleasePaused', 'resolved']]],
    ['paused', 'paused', [['FabricReleasePaused', 'firing']]],
    ['running', 'awaiting_approval', [['FabricReleaseAwaitingApproval', 'firing']]],
    ['awaiting_approval', 'promoting', [['FabricReleaseAwaitingApproval', 'resolved']]],
    [
      'paused',
      'zeroed',
      [
        ['FabricReleasePaused', 'resolved'],
        ['FabricReleaseZeroed', 'firing'],
      ],
    ],
    ['zeroed', 'aborted', [['FabricReleaseZeroed', 'resolved']]],
    ['rolling_back', 'rolled_back', [['FabricReleaseRolledBack', 'firing']]],
  ];
  it.each(cases)('from %s to %s', (from, to, expected) => expect(told(from, to)).toEqual(expected));

  it('what is not wanted does not fire, and resolves all the same', () => {
    expect(told('running', 'zeroed', false)).toEqual([]);
    expect(told('paused', 'zeroed', false)).toEqual([['FabricReleasePaused', 'resolved']]);
  });

  it('says which release it is by labels that never change, and the rest by annotations', () => {
    const [fired] = alertsOf(RELEASE, event('running', 'zeroed'), true);
    const [resolved] = alertsOf({ ...RELEASE, state: { ...RELEASE.state, stageIndex: 2 } }, event('zeroed', 'running'), true);
    expect(fired!.labels).toEqual({
      alertname: 'FabricReleaseZeroed',
      severity: 'critical',
      namespace: 'default',
      app: 'shop',
      release: RELEASE.id,
      candidate: '2',
      baseline: '1',
    });
    expect(resolved!.labels).toEqual(fired!.labels);
    expect(fired!.annotations).toEqual({
      summary: 'Release of version 2 of default/shop is zeroed (stage initial)',
      description: 'too many errors',
    });
    expect(fired).toMatchObject({ startsAt: AT.toISOString(), endsAt: '2026-12-03T12:00:00.000Z' });
  });
});
