import { addMeasures, type Measures, noMeasures, requestsOf } from '@app-fabric/measurement';
import { type Bucket, bucketKey, Ledger, type StoredBaseline } from './ledger.js';
import { FAILED, FakeSource, OK, placeOf } from './testing/frames.js';

const START = Date.UTC(2026, 0, 1);
const TICKS = 500;
const REQUESTS = 1_000_000;

/** What the database would hold. */
class Store {
  readonly baselines = new Map<string, StoredBaseline>();
  readonly buckets = new Map<string, Bucket>();
  readonly sources = new Set<string>();

  account(frame: ReturnType<FakeSource['frame']>, nowMs: number, agoMs: number): void {
    const { sources, baselines } = this;
    const rolledUp = { 60: 0, 3600: 0 };
    const ledger = new Ledger({
      nowMs,
      rolledUp,
      sources,
      baselines,
      instances: new Map(),
      observations: new Map(),
      apps: new Set(['default/shop']),
    });
    ledger.take(frame, agoMs);
    for (const [key, baseline] of ledger.baselines) baselines.set(key, baseline);
    for (const source of ledger.sources.keys()) sources.add(source);
    for (const bucket of ledger.buckets()) {
      const known = this.buckets.get(bucketKey(bucket));
      this.buckets.set(bucketKey(bucket), known ? { ...bucket, measures: addMeasures(known.measures, bucket.measures) } : bucket);
    }
  }

  total(version: number): Measures {
    const found = [...this.buckets.values()].filter((bucket) => bucket.version === version && bucket.instance === null);
    return found.reduce((sum, { measures }) => addMeasures(sum, measures), noMeasures());
  }
}

/** Numbers that are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

it('issue 4: 1,000,000 requests through two proxies, frames dropped, doubled and late, one proxy killed: totals are what the instances counted', () => {
  const random = seeded(7);
  const store = new Store();
  let sources = [new FakeSource('a'), new FakeSource('b')];
  const counted = [0, 0, 0];
  const failed = [0, 0, 0];
  let sinceFrame = [0, 0];
  let lost = 0;
  let late: { frame: ReturnType<FakeSource['frame']>; madeAtMs: number }[] = [];
  const perTick = REQUESTS / TICKS / 2;
  for (let tick = 1; tick <= TICKS; tick += 1) {
    const nowMs = START + tick * 1_000;
    for (const [index, source] of sources.entries()) {
      for (let request = 0; request < perTick; request += 1) {
        const version = random() < 0.9 ? 1 : 2;
        const fails = version === 2 && random() < 0.05;
        source.count(placeOf('shop', version, `v${version}`), fails ? FAILED : OK);
        counted[version]! += 1;
        if (fails) failed[version]! += 1;
      }
      sinceFrame[index]! += perTick;
      // The second proxy is killed just before it would have told of its last second; another takes its place.
      if (index === 1 && tick === TICKS / 2) {
        lost += sinceFrame[1]!;
        sinceFrame = [sinceFrame[0]!, 0];
        sources = [sources[0]!, new FakeSource('c')];
        continue;
      }
      const frame = source.frame();
      // What is told in the end, and just before the kill, arrives.
      const must = tick === TICKS || (index === 1 && tick === TICKS / 2 - 1);
      const fate = must ? 1 : random();
      if (fate < 0.3) continue;
      if (fate < 0.5) late.push({ frame, madeAtMs: nowMs });
      else {
        store.account(frame, nowMs, 0);
        if (fate < 0.7) store.account(frame, nowMs, 0);
      }
      sinceFrame[index] = 0;
    }
    const due = late.filter(() => random() < 0.2);
    late = late.filter((one) => !due.includes(one));
    for (const { frame, madeAtMs } of due) store.account(frame, nowMs, nowMs - madeAtMs);
  }
  const totals = [1, 2].map((version) => store.total(version));
  expect(counted[1]! + counted[2]!).toBe(REQUESTS);
  expect(lost).toBe(perTick);
  expect(totals.reduce((sum, measures) => sum + requestsOf(measures), 0)).toBe(REQUESTS - lost);
  expect(totals[0]!.errors).toBe(0);
  expect(failed[2]! - totals[1]!.errors).toBeLessThanOrEqual(lost);
  const instances = [...store.buckets.values()].filter(({ instance }) => instance !== null);
  expect(instances.reduce((sum, { measures }) => sum + requestsOf(measures), 0)).toBe(REQUESTS - lost);
}, 60_000);
