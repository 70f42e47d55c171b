import type { Run, RunInstance } from './run.js';
import { type ObservedInstance, planRun } from './run-plan.js';

const NOW = new Date('2026-01-01T00:00:00Z');

function run(patch: Partial<Run> & { type?: Run['program']['type'] } = {}): Run {
  const { type = 'service', ...rest } = patch;
  return {
    runId: 'r1',
    program: { namespace: 'default', app: 'shop', version: 2, type, name: 'cart' },
    artifact: { name: 'shop', version: '2.0.0' },
    hostId: 'h1',
    status: 'PENDING',
    desiredInstances: 1,
    revision: 1,
    createdAt: NOW,
    startedAt: null,
    stoppingAt: null,
    stoppedAt: null,
    drainSeconds: 30,
    routeRevision: null,
    exit: null,
    error: null,
    ...rest,
  };
}

function row(uid: string, patch: Partial<RunInstance> = {}): RunInstance {
  return {
    uid,
    runId: 'r1',
    instanceId: uid,
    ordinal: Number(uid.slice(1)),
    url: null,
    status: 'STARTING',
    startedAt: NOW,
    restarts: 0,
    routable: false,
    ttlSeconds: null,
    expiresAt: null,
    leaving: null,
    ...patch,
  };
}

function seen(status: ObservedInstance['status'], patch: Partial<ObservedInstance> = {}): ObservedInstance {
  return { status, url: 'http://127.0.0.1:4000', restarts: 0, exit: null, reason: null, ...patch };
}

function plan(theRun: Run, rows: RunInstance[], observed: Record<string, ObservedInstance> = {}) {
  let next = 100;
  return planRun(theRun, rows, new Map(Object.entries(observed)), () => `n${next++}`, NOW);
}

const ready = { status: 'RUNNING', routable: true, url: 'http://127.0.0.1:4000' } as const;

describe('planRun', () => {
  it('starts as many instances as are wanted', () => {
    const { launch, save, status, routesChange } = plan(run({ desiredInstances: 3 }), []);
    expect(launch.map(({ ordinal }) => ordinal)).toEqual([0, 1, 2]);
    expect(save).toHaveLength(3);
    expect([status, routesChange]).toEqual(['STARTING', false]);
  });

  it('starts an instance again that the runtime does not know (the control plane was killed before it could)', () => {
    const { launch } = plan(run({ status: 'STARTING' }), [row('i0')]);
    expect(launch.map(({ uid }) => uid)).toEqual(['i0']);
  });

  it('a service is RUNNING, and in the routes, from its first ready instance on', () => {
    const result = plan(run({ status: 'STARTING', desiredInstances: 2 }), [row('i0'), row('i1')], {
      i0: seen('ready'),
      i1: seen('starting', { url: null }),
    });
    expect([result.status, result.routesChange]).toEqual(['RUNNING', true]);
    expect(result.save).toEqual([row('i0', ready)]);
  });

  it('nothing to do when everything is as it should be', () => {
    const result = plan(run({ status: 'RUNNING' }), [row('i0', ready)], { i0: seen('ready') });
    expect(result).toMatchObject({ save: [], launch: [], retire: [], routesChange: false, status: 'RUNNING' });
  });

  it('a crashed instance leaves the routes and the run stays RUNNING', () => {
    const result = plan(run({ status: 'RUNNING' }), [row('i0', ready)], { i0: seen('restarting', { restarts: 1 }) });
    expect([result.status, result.routesChange]).toEqual(['RUNNING', true]);
    expect(result.save[0]).toMatchObject({ status: 'RESTARTING', routable: false, restarts: 1 });
  });

  it('a restarted instance with another address is a change of routes', () => {
    const result = plan(run({ status: 'RUNNING' }), [row('i0', ready)], { i0: seen('ready', { url: 'http://127.0.0.1:4001' }) });
    expect(result.routesChange).toBe(true);
  });

  it('a run made smaller retires the newest instances and keeps the others', () => {
    const result = plan(run({ status: 'RUNNING', desiredInstances: 1 }), [row('i0', ready), row('i1', ready)], {
      i0: seen('ready'),
      i1: seen('ready'),
    });
    expect(result.retire.map(({ uid }) => uid)).toEqual(['i1']);
    expect(result.routesChange).toBe(true);
  });

  it('a run made larger fills the free ordinals', () => {
    const result = plan(run({ status: 'RUNNING', desiredInstances: 3 }), [row('i1', ready)], { i1: seen('ready') });
    expect(result.launch.map(({ ordinal }) => ordinal)).toEqual([0, 2]);
  });

  it('instances that are leaving count neither as wanted nor as surplus', () => {
    const leaving = row('i1', { leaving: { routeRevision: 4, at: NOW } });
    const result = plan(run({ status: 'RUNNING', desiredInstances: 1 }), [row('i0', ready), leaving], {
      i0: seen('ready'),
      i1: seen('ready'),
    });
    expect(result).toMatchObject({ retire: [], launch: [], routesChange: false });
  });

  it('a service fails when all its instances have failed, not before', () => {
    const rows = [row('i0', ready), row('i1', ready)];
    const half = plan(run({ status: 'RUNNING', desiredInstances: 2 }), rows, {
      i0: seen('failed', { reason: 'crash loop' }),
      i1: seen('ready'),
    });
    expect(half.status).toBe('RUNNING');
    const all = plan(run({ status: 'RUNNING', desiredInstances: 2 }), rows, {
      i0: seen('failed', { reason: 'crash loop', exit: { code: 1, signal: null } }),
      i1: seen('failed'),
    });
    expect(all).toMatchObject({ status: 'FAILED', error: 'crash loop', exit: { code: 1, signal: null }, routesChange: true, launch: [] });
  });

  it('a flow is COMPLETED when it has ended well, FAILED when it has not', () => {
    const flow = run({ type: 'flow', status: 'RUNNING' });
    expect(plan(flow, [row('i0')], { i0: seen('completed', { exit: { code: 0, signal: null } }) })).toMatchObject({
      status: 'COMPLETED',
      exit: { code: 0 },
    });
    expect(plan(flow, [row('i0')], { i0: seen('failed', { reason: 'exit code 3', exit: { code: 3, signal: null } }) })).toMatchObject({
      status: 'FAILED',
      error: 'exit code 3',
    });
  });

  it('workers and flows never change routes', () => {
    for (const type of ['worker', 'flow'] as const) {
      const result = plan(run({ type, status: 'STARTING' }), [row('i0')], { i0: seen('ready') });
      expect([result.status, result.routesChange, result.save[0]?.routable]).toEqual(['RUNNING', false, false]);
    }
  });
});
