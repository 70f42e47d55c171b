import type { Evidence } from '@app-fabric/release';
import { itWithSessions } from '../testing/test-database.js';
import type { Release, StoredEvent } from './release.js';
import { type HooksStanding, ReleaseHooks } from './release-hooks.js';
import { type EngineReplica, ReleaseBench } from './testing/release-bench.js';

const LIMITS = { stability: { maxErrorRate: 0.01 }, availability: { min: 0.99 } };
const PLAN = {
  stages: [
    { name: 'one', weight: 5, instances: 1, observe: '1h', ...LIMITS },
    { name: 'two', weight: 20, instances: 2, observe: '4h', ...LIMITS },
    { name: 'all', weight: 100, instances: '100%', observe: '1d', ...LIMITS },
  ],
};
const HOUR_MS = 3_600_000;

class FakeHooks extends ReleaseHooks {
  outcome: Evidence['beforeHooks'] = 'running';
  asked: number[] = [];
  told: StoredEvent[] = [];

  async beforeStage(_tx: unknown, { state }: Release): Promise<HooksStanding> {
    this.asked.push(state.entry);
    return { beforeHooks: this.outcome };
  }

  async happened(_tx: unknown, _release: Release, events: readonly StoredEvent[]): Promise<void> {
    this.told.push(...events);
  }
}

describe('the engine and the world', () => {
  let bench: ReleaseBench;
  let engine: EngineReplica;
  let id: string;
  const last = async () => (await bench.weights()).at(-1);
  const step = async (times = 1) => {
    for (let count = 0; count < times; count += 1) await bench.step(engine, id);
    return bench.get(id);
  };

  beforeAll(async () => {
    bench = await ReleaseBench.create();
  });
  beforeEach(async () => {
    await bench.reset();
    engine = bench.replica();
    id = await bench.start(PLAN);
  });
  afterAll(() => bench.close());

  it('more weight only when the instances run: make before break', async () => {
    bench.readyInstances = 0;
    expect(await step(3)).toMatchObject({
      state: { status: 'pending' },
      progress: { waitingFor: '0 of 1 instance of service cart of version 2 run' },
    });
    expect(await last()).toBe('1:100');
    bench.readyInstances = null;
    await step(1);
    expect(await last()).toBe('1:95 2:5');
  });

  itWithSessions('a candidate that starts while the engine looks: its weight and what is said of it come together', async () => {
    let looks: () => void = () => undefined;
    const started = new Promise<void>((resolve) => {
      looks = resolve;
    }).then(() => bench.startCandidate()); // not in the transaction that looks
    bench.meanwhile = () => {
      looks();
      return started;
    };
    const { state } = await step(1);
    expect([state.wanted.candidateWeightBp, await last()]).toEqual([500, '1:95 2:5']);
  });

  it('a candidate whose instances never come up pauses the release at the deadline, and says why; resumed, it goes on', async () => {
    bench.readyInstances = 0;
    for (let minute = 0; minute < 10; minute += 1) {
      expect((await step(1)).state.status).toBe('pending');
      await bench.pass(60);
    }
    const { state } = await step(1);
    const reason = 'stage one does not come about within 10m: 0 of 1 instance of service cart of version 2 run';
    expect(state).toMatchObject({ status: 'paused', reason, wanted: { enforced: true } });
    bench.readyInstances = null;
    await bench.act(id, 'resume');
    await step(1);
    expect(await last()).toBe('1:95 2:5');
  });

  it('is observed only from when every live proxy has its weight', async () => {
    await step(1);
    bench.applied = false;
    expect((await step(4)).state).toMatchObject({ phase: 'shifting', stageStartedAt: null });
    bench.applied = true;
    expect((await step(1)).state).toMatchObject({ phase: 'observing' });
  });

  it('zeroed: confirmed only when the proxies have said so, and then no request that the distribution sent has come for a while', async () => {
    await step(3);
    bench.applied = false;
    await bench.act(id, 'zero');
    await bench.pass(1);
    expect((await step(1)).progress.zeroing).toMatchObject({ appliedAtMs: null, confirmedAtMs: null });
    bench.applied = true;
    expect((await step(1)).progress.zeroing).toMatchObject({ appliedAtMs: bench.clock.now, confirmedAtMs: null });
    for (let second = 0; second < 6; second += 1) {
      bench.weighted += 1; // still on its way
      await bench.pass(1);
      expect((await step(1)).progress.zeroing?.confirmedAtMs).toBeNull();
    }
    await bench.pass(2);
    expect((await step(1)).progress.zeroing?.confirmedAtMs).toBeNull();
    await bench.pass(1);
    expect((await step(1)).progress.zeroing?.confirmedAtMs).toBe(bench.clock.now);
    expect((await bench.events(id)).at(-1)).toMatchObject({
      type: 'zero_confirmed',
      evidence: { zeroing: { confirmedAtMs: bench.clock.now } },
    });
    expect(await bench.instances()).toEqual({ 1: 2, 2: 1 });
  });

  it('a plan of 29 hours, looked at every 50 minutes', async () => {
    for (let look = 0; look < 60 && (await bench.get(id)).state.endedAt === null; look += 1) {
      await step(3);
      const before = bench.clock.now;
      await bench.pass(3_000);
      await bench.measured(before, bench.clock.now);
    }
    const events = await bench.events(id);
    const at = (type: string) =>
      events.filter((event) => event.type === type).map(({ at }) => Math.round((at.getTime() - events[0]!.at.getTime()) / HOUR_MS));
    expect([at('stage_passed'), at('completed')]).toEqual([[2, 6, 30], [30]]);
  }, 120_000);

  it('overdue stages do not race forward: time in which nobody looked and nothing was measured is not observed', async () => {
    await step(3);
    const { observeUntil } = (await bench.get(id)).state;
    await bench.pass(10 * 86_400);
    expect((await step(5)).state).toMatchObject({ stageIndex: 0, phase: 'observing', observeUntil: observeUntil! + 10 * 24 * HOUR_MS });
  });

  it('a change by hand pauses it and is left alone; resumed, it puts its own weights back', async () => {
    await step(3);
    await bench.changeByHand({ 1: 50, 2: 50 });
    const paused = await step(3);
    expect(paused.state).toMatchObject({ status: 'paused', reason: expect.stringContaining('change of the weights by bob') });
    expect(await last()).toBe('1:50 2:50');
    await bench.act(id, 'resume');
    expect(await last()).toBe('1:95 2:5');
  });

  describe.each([
    ['shares it', { 1: 60, 2: 40 }],
    ['gives all to the candidate', { 2: 100 }],
  ])('a service that has weights of its own, and %s', (_what, weights) => {
    const changed = async () => {
      await step(3);
      await bench.changeByHand(weights, 'cart');
      await bench.act(id, 'resume');
      expect(await bench.overrideOf('cart')).toEqual(weights);
    };

    it('gives the candidate nothing after a zeroing, which is confirmed', async () => {
      await changed();
      await bench.act(id, 'zero');
      expect([await last(), await bench.overrideOf('cart')]).toEqual(['1:100', { 1: 100 }]);
      await step(1);
      await bench.pass(5);
      expect((await step(2)).progress.zeroing?.confirmedAtMs).toBe(bench.clock.now);
    });

    it('does not hold up a rollback', async () => {
      await changed();
      await bench.act(id, 'rollback');
      for (let look = 0; look < 5; look += 1) {
        await step(2);
        await bench.pass(5);
      }
      expect((await bench.get(id)).state.status).toBe('rolled_back');
      expect([await last(), await bench.overrideOf('cart'), await bench.instances()]).toEqual(['1:100', { 1: 100 }, { 1: 2 }]);
    });
  });

  it('weights that a service has of its own, without the candidate, stay as they are', async () => {
    await step(3);
    await bench.override('cart', { 1: 100 });
    await bench.act(id, 'zero');
    await step(2);
    expect([await bench.overrideOf('cart'), (await bench.weights()).length]).toEqual([{ 1: 100 }, 4]);
  });

  it('a candidate that ends by itself is rolled back, and not started again for that', async () => {
    await step(3);
    await bench.failCandidate();
    await bench.pass(5);
    expect((await step(5)).state.status).toBe('rolling_back');
    await bench.pass(5);
    await step(1);
    await bench.pass(5);
    expect((await step(5)).state).toMatchObject({ status: 'rolled_back', reason: expect.stringContaining('exited with code 1') });
    expect([await last(), await bench.instances()]).toEqual(['1:100', { 1: 2 }]);
  });

  it('frozen: no start, no more weight by call or by itself; what takes weight away is not held up', async () => {
    bench.freeze.why = 'frozen until Monday';
    expect(await step(3)).toMatchObject({ state: { status: 'pending' }, progress: { waitingFor: 'frozen until Monday' } });
    bench.freeze.why = null;
    await step(3);
    bench.freeze.why = 'frozen until Monday';
    await expect(bench.act(id, 'advance')).rejects.toMatchObject({ code: 'frozen', kind: 'conflict' });
    await bench.act(id, 'zero');
    expect(await last()).toBe('1:100');
    await expect(bench.act(id, 'restore')).rejects.toMatchObject({ code: 'frozen' });
    await bench.act(id, 'abort');
    await expect(bench.start(PLAN)).rejects.toMatchObject({ code: 'frozen' });
  });

  it('hooks before a stage are asked for its entry and waited for; all that happens is told in its transaction', async () => {
    const hooks = new FakeHooks();
    bench.hooks = hooks;
    engine = bench.replica();
    expect(await step(3)).toMatchObject({ state: { status: 'pending' }, progress: { waitingFor: 'hooks before the stage run' } });
    expect(new Set(hooks.asked)).toEqual(new Set([1]));
    hooks.outcome = 'failed';
    expect((await step(1)).state).toMatchObject({ status: 'paused', paused: { cause: 'hook' } });
    hooks.outcome = 'passed';
    await bench.act(id, 'resume');
    await step(2);
    expect(await last()).toBe('1:95 2:5');
    const stored = await bench.events(id);
    expect(hooks.told.map(({ sequence, type }) => [sequence, type])).toEqual(stored.slice(1).map(({ sequence, type }) => [sequence, type]));
  });
});
