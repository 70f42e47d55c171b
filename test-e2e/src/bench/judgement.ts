import { type Behaviour, type ReleasePlan, STANDARD_PLAN, simulateErrors, simulateStage } from '@app-fabric/release';
import { formatTable } from '@app-fabric/scenario';

const RUNS = 1000;
const THRESHOLD = 0.0001;
const REQUESTS = 100 / THRESHOLD;

type Found = ReturnType<typeof simulateErrors>;

/** The operating curve: how often, and after how many requests, a candidate is found over, by how bad it is. */
export function operatingCurve(): string {
  const rows = [0.5, 1, 2, 5, 10, 100, 1000].map((factor) =>
    row(`errors ${factor} ×`, () => simulateErrors(factor * THRESHOLD, THRESHOLD, REQUESTS, Math.random)),
  );
  return formatTable([['true rate / threshold', ...FOUND], ...rows]);
}

/** The same over all dimensions together, with limits of latency, judged every 50 requests. */
export function operatingCurveOfAll(): string {
  const half: Behaviour = { error: 0.005, left: 0, slow: 0.25, slowest: 0.005 };
  const candidates: [string, Behaviour][] = [
    ['all at half of their limits', half],
    ['errors 10 ×', { ...half, error: 0.1 }],
    ['clients leave 10 ×', { ...half, left: 0.1 }],
    ['p99 over: 10 % above its limit', { ...half, slow: 0.3, slowest: 0.1 }],
    ['p50 over: 70 % above its limit', { ...half, slow: 0.7 }],
  ];
  const rows = candidates.map(([name, candidate]) =>
    row(name, () => simulateStage(STAGE, { candidate, baseline: half }, { requests: 10_000, every: 50, window: 500 }, Math.random)),
  );
  return formatTable([['candidate', ...FOUND], ...rows]);
}

const FOUND = ['found over', 'as severe', 'requests until: median', '99 %'];

const STAGE: ReleasePlan['stages'][number] = {
  ...STANDARD_PLAN.stages[2]!,
  stability: { maxErrorRate: 0.01, maxLatencyMs: { p50: 15, p99: 30 }, maxLatencyRatio: 1.5 },
  availability: { min: 0.99 },
};

function row(name: string, run: () => Found): string[] {
  const runs = Array.from({ length: RUNS }, run);
  const found = runs.filter((one) => one !== null);
  const delays = found.map(({ request }) => request).sort((one, other) => one - other);
  const share = (part: number) => `${((100 * part) / RUNS).toFixed(1)} %`;
  const delay = (quantile: number) => delays[Math.floor(quantile * (delays.length - 1))]?.toLocaleString('en') ?? '-';
  return [name, share(found.length), share(found.filter(({ verdict }) => verdict === 'severe').length), delay(0.5), delay(0.99)];
}
