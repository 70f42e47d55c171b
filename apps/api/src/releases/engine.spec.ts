import type { StoredEvent } from './release.js';
import { Killed } from './testing/crashing-transactions.js';
import { type EngineReplica, ReleaseBench } from './testing/release-bench.js';

const LIMITS = { observe: '30s', stability: { maxErrorRate: 0.01 }, availability: { min: 0.99 } };
const PLAN = {
  stages: [
    { name: 'one', weight: 5, instances: 1, ...LIMITS },
    { name: 'two', weight: 20, instances: 2, ...LIMITS },
    { name: 'all', weight: 100, instances: '100%', ...LIMITS },
  ],
};
const TICK_SECONDS = 5;
const MAX_TICKS = 100;

/** What people do, and what happens, at which tick. */
type Script = Record<number, (bench: ReleaseBench, id: string) => unknown>;

const SCRIPTS: Record<string, Script> = {
  'a good one': {},
  'one that fails at once at 20 %: rolled back': {
    10: ({ traffic }) => {
      traffic[2] = { perSecond: 100, failing: 0.5 };
    },
  },
  'one that is over at 20 %: zeroed, restored, completed': {
    8: ({ traffic }) => {
      traffic[2] = { perSecond: 100, failing: 0.05 };
    },
    30: async (bench, id) => {
      bench.traffic[2] = { perSecond: 100, failing: 0 };
      await bench.act(id, 'restore');
    },
  },
  'paused, resumed, advanced and rolled back by hand': {
    4: (bench, id) => bench.act(id, 'pause'),
    8: (bench, id) => bench.act(id, 'resume'),
    11: (bench, id) => bench.act(id, 'advance'),
    14: (bench, id) => bench.act(id, 'rollback'),
  },
};

/** Everything of a run that must be the same, however it went. */
interface History {
  events: StoredEvent[];
  weights: string[];
  instances: Record<string, number>;
}

describe('the engine', () => {
  let bench: ReleaseBench;
  beforeAll(async () => {
    bench = await ReleaseBench.create();
  });
  beforeEach(() => bench.reset());
  afterAll(() => bench.close());

  /** Plays a script to the release's end; `look` makes an engine look, until nothing is to be done any more at that time. */
  async function play(script: Script, look: (id: string) => Promise<void>): Promise<History> {
    const id = await bench.start(PLAN);
    for (let tick = 0; (await bench.get(id)).state.endedAt === null; tick += 1) {
      if (tick > MAX_TICKS) throw new Error(`it does not end: ${JSON.stringify((await bench.get(id)).state)}`);
      await script[tick]?.(bench, id);
      await look(id);
      await bench.pass(TICK_SECONDS);
    }
    return { events: await bench.events(id), weights: await bench.weights(), instances: await bench.instances() };
  }

  /** Looks until it has come to rest. */
  async function settle(id: string, step: () => Promise<unknown>): Promise<void> {
    for (let before = -1; ; ) {
      await step();
      const { state } = await bench.get(id);
      if (state.sequence === before) return;
      before = state.sequence;
    }
  }

  const known = new Map<Script, History>();
  const undisturbed = async (script: Script) => {
    const found = known.get(script);
    if (found) return found;
    const replica = bench.replica();
    const history = await play(script, (id) => settle(id, () => bench.step(replica, id)));
    known.set(script, history);
    await bench.reset();
    return history;
  };

  it.each(Object.entries(SCRIPTS))('%s', async (name, script) => {
    const { events, weights, instances } = await undisturbed(script);
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
    for (const [index, event] of events.entries()) {
      const before = events[index - 1];
      expect([event.from, event.candidateWeightBp.from]).toEqual(before ? [before.to, before.candidateWeightBp.to] : ['pending', 0]);
    }
    const expected: Record<string, [status: string, weights: string[], instances: Record<string, number>]> = {
      'a good one': ['completed', ['1:100', '1:95 2:5', '1:80 2:20', '2:100'], { 1: 2, 2: 2 }],
      'one that fails at once at 20 %: rolled back': ['rolled_back', ['1:100', '1:95 2:5', '1:80 2:20', '1:100'], { 1: 2 }],
      'one that is over at 20 %: zeroed, restored, completed': [
        'completed',
        ['1:100', '1:95 2:5', '1:80 2:20', '1:100', '1:95 2:5', '1:80 2:20', '2:100'],
        { 1: 2, 2: 2 },
      ],
      'paused, resumed, advanced and rolled back by hand': ['rolled_back', ['1:100', '1:95 2:5', '1:80 2:20', '2:100', '1:100'], { 1: 2 }],
    };
    expect([events.at(-1)!.to, weights, instances]).toEqual(expected[name]);
  });

  describe.each(Object.entries(SCRIPTS))('issue 5: %s', (_name, script) => {
    it('killed at every moment and started again: the same history, nothing done twice', async () => {
      const expected = await undisturbed(script);
      let kills = 0;
      const killed = await play(script, async (id) => {
        for (let moment = 1; ; moment += 1) {
          const transactions = bench.crashing();
          transactions.dieAt(moment);
          const survived = await bench.step(bench.replica(transactions), id).then(
            () => true,
            (error: unknown) => {
              if (!(error instanceof Killed)) throw error;
              return false;
            },
          );
          if (!survived) kills += 1;
          else if (!transactions.isDead) break;
        }
        const replica = bench.replica();
        await settle(id, () => bench.step(replica, id));
      });
      expect(killed).toEqual(expected);
      expect(kills).toBeGreaterThan(50);
    }, 120_000);

    it('two engines at once: the same history, nothing done twice', async () => {
      const expected = await undisturbed(script);
      const both: EngineReplica[] = [bench.replica(), bench.replica()];
      const together = await play(script, (id) => settle(id, () => Promise.all(both.map((replica) => bench.step(replica, id)))));
      expect(together).toEqual(expected);
    }, 120_000);
  });
});
