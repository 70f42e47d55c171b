import { type InstanceRule, STANDARD_PLAN, startRelease, type Wanted } from '@app-fabric/release';
import type { Run, RunStatus } from '../programs/run.js';
import type { Release } from './release.js';
import { type Order, ordersFor, type ServiceStanding, taking } from './release-orders.js';

const ENTERED_MS = 1_000_000;

function standing(name: string, status: RunStatus | null, patch: Partial<Run> = {}, ready = 1, canStart = true): ServiceStanding {
  const run = { status, hostId: 'here', desiredInstances: 1, error: null, stoppedAt: null, ...patch } as Run;
  return { name, run: status === null ? null : run, ready, canStart };
}

function release(wanted: Partial<Wanted>, status: Release['state']['status'] = 'running', instances: Record<string, number> = { cart: 4 }) {
  const { state } = startRelease(STANDARD_PLAN, 0, 'ada', null);
  return {
    candidate: 2,
    baseline: 1,
    state: { ...state, status, wanted: { ...state.wanted, ...wanted } },
    base: { weights: new Map([[1, 10_000]]), revision: 1, instances },
    progress: { enteredAtMs: ENTERED_MS, routed: null, zeroing: null, judgement: null, waitingFor: null },
  };
}

describe('what a release wants of programs', () => {
  const half: InstanceRule = { percent: 50 };
  const start: Order = { type: 'start', version: 2, service: 'cart', instances: 2 };
  const scale: Order = { type: 'scale', version: 2, service: 'cart', instances: 2 };
  const external = { hostId: null, desiredInstances: 0 };

  it.each<[name: string, candidate: ServiceStanding, orders: Order[], missing: RegExp | null, failure: RegExp | null]>([
    ['it never ran', standing('cart', null), [start], /does not run yet/, null],
    ['it was stopped before', standing('cart', 'STOPPED'), [start], /does not run yet/, null],
    ['it failed before', standing('cart', 'FAILED', { stoppedAt: new Date(ENTERED_MS - 1) }), [start], /does not run yet/, null],
    [
      'it failed since',
      standing('cart', 'FAILED', { stoppedAt: new Date(ENTERED_MS), error: 'exit 1' }),
      [],
      /does not run/,
      /cart of version 2 failed: exit 1/,
    ],
    ['it cannot be started', standing('cart', null, {}, 0, false), [], /cannot be started from here/, null],
    ['it starts', standing('cart', 'STARTING', { desiredInstances: 2 }, 0), [], /0 of 2 instances/, null],
    ['too few are wanted', standing('cart', 'RUNNING', {}, 1), [scale], /1 of 2 instances/, null],
    ['too few have come up', standing('cart', 'RUNNING', { desiredInstances: 2 }, 1), [], /1 of 2 instances/, null],
    ['all have', standing('cart', 'RUNNING', { desiredInstances: 2 }, 2), [], null, null],
    ['there are more: none is taken away', standing('cart', 'RUNNING', { desiredInstances: 5 }, 5), [], null, null],
    ['they run elsewhere: one is enough', standing('cart', 'RUNNING', external, 1), [], null, null],
    ['they run elsewhere, none is left', standing('cart', 'RUNNING', external, 0), [], /0 of 1 instance /, null],
    ['somebody stops it', standing('cart', 'STOPPING'), [], /is stopping/, null],
  ])('half of the baseline’s instances: %s', (_, candidate, orders, missing, failure) => {
    const baseline = [standing('cart', 'RUNNING', { desiredInstances: 4 }, 4)];
    const found = ordersFor(release({ candidateInstances: half }), { candidate: [candidate], baseline });
    expect(found.orders).toEqual(orders);
    expect(found.missingElsewhere).toBe(missing?.source === 'cannot be started from here');
    for (const [text, wanted] of [
      [found.missing, missing],
      [found.failure, failure],
    ] as const)
      expect(wanted === null ? text : wanted.test(text ?? '')).toEqual(wanted === null ? null : true);
  });

  const both = { candidate: [standing('cart', 'RUNNING')], baseline: [standing('cart', 'STOPPED')] };

  it('stops the candidate once, and waits for its end', () => {
    const stop = release({ candidate: 'stop' }, 'rolling_back');
    expect(ordersFor(stop, both)).toMatchObject({ orders: [{ type: 'stop', version: 2 }], missing: 'version 2 is to be stopped' });
    expect(ordersFor(stop, { ...both, candidate: [standing('cart', 'STOPPING')] })).toMatchObject({
      orders: [],
      missing: 'version 2 is stopping',
    });
    expect(ordersFor(stop, { ...both, candidate: [standing('cart', 'KILLED')] })).toEqual({
      orders: [],
      missing: null,
      missingElsewhere: false,
      failure: null,
    });
  });

  it('brings the baseline back with the instances that it had', () => {
    const back = release({ restoreBaseline: true }, 'rolling_back');
    expect(ordersFor(back, both).orders).toEqual([{ type: 'start', version: 1, service: 'cart', instances: 4 }]);
    const small = { ...both, baseline: [standing('cart', 'RUNNING', { desiredInstances: 1 })] };
    expect(ordersFor(back, small)).toMatchObject({
      orders: [{ type: 'scale', version: 1, service: 'cart', instances: 4 }],
      missing: '1 of 4 instances of service cart of version 1 run',
    });
  });

  it('while its traffic is taken away, a candidate that does not run is not missed, and not started', () => {
    for (const status of ['zeroed', 'rolling_back'] as const)
      expect(ordersFor(release({}, status), { ...both, candidate: [standing('cart', 'FAILED')] })).toEqual({
        orders: [],
        missing: null,
        missingElsewhere: false,
        failure: null,
      });
  });

  it('does nothing while somebody else has taken over', () => {
    expect(ordersFor(release({ enforced: false }), { ...both, candidate: [standing('cart', null)] })).toEqual({
      orders: [],
      missing: null,
      missingElsewhere: false,
      failure: null,
    });
  });

  it('is about the services that the baseline runs, and what else can be had', () => {
    const services = [standing('cart', null, {}, 0, false), standing('pay', null, {}, 0, false), standing('new', null)];
    expect(taking(services, { cart: 1 }).map(({ name }) => name)).toEqual(['cart', 'new']);
    expect(taking(services, { other: 1 }).map(({ name }) => name)).toEqual(['cart', 'pay', 'new']);
  });
});
