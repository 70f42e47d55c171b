import type { Stage } from '../plan/plan.js';
import { isAlike, type Verdict } from './judge-proportion.js';
import type { Latency } from './latency.js';
import { confidenceInterval, type Interval, mixtureFor, refutes } from './proportion.js';

const QUANTILES = { p50: 0.5, p99: 0.99 } as const;
type QuantileName = keyof typeof QUANTILES;

/** Fewer requests than this say little about the slowest hundredth. */
const MIN_REQUESTS = 100;
const TOTAL_BP = 10_000;
const NOTHING: Latency = { total: 0, quantileMs: () => null, slowerThan: () => 0 };

export interface LatencyVerdict extends Interval {
  verdict: Verdict;
  quantile: QuantileName;
  /** Against a fixed limit, or a multiple of the baseline's quantile over the same time. */
  against: 'limit' | 'baseline';
  /** Null: the baseline's is not known. */
  limitMs: number | null;
  valueMs: number | null;
  baselineMs: number | null;
  /**
   * Share of the candidate's requests that were slower than the limit, with its confidence sequence. Against the baseline: slower than that multiple
   * of the highest that the baseline's quantile may be by what is known.
   */
  slower: number;
  requests: number;
  /** The baseline is over the fixed limit as well. */
  shared: boolean;
}

interface Limit {
  quantile: QuantileName;
  /** Milliseconds, or so many times the baseline's quantile. */
  limit: { ms: number } | { ratio: number };
}

/**
 * A limit of a quantile is one of a proportion: "p99 at most 200 ms" says that at most 1 % of the requests take longer than 200 ms, so the same confidence
 * sequence judges it. Against the baseline, half of alpha goes to the highest value that its quantile may have, the other half to
 * the share of the candidate's requests above the allowed multiple of that. Source: Howard, Ramdas 2022, "Sequential estimation of quantiles with
 * applications to A/B testing and best-arm identification", Bernoulli 28(3); with the mixture martingale of `proportion.ts` as the bound.
 * @param alpha of all limits together
 */
export function judgeLatency(stage: Stage, candidate: Latency | null, baseline: Latency | null, alpha: number): LatencyVerdict[] {
  const limits = limitsOf(stage, baseline ?? NOTHING);
  return limits.map((limit) => judgeLimit(stage, limit, candidate ?? NOTHING, baseline ?? NOTHING, alpha / limits.length));
}

/** With all traffic on the candidate there is no baseline over the same time: what is relative to it is left out. */
function limitsOf({ stability: { maxLatencyMs, maxLatencyRatio }, weightBp }: Stage, baseline: Latency): Limit[] {
  const names = Object.keys(QUANTILES) as QuantileName[];
  const fixed = names.flatMap((quantile) => {
    const ms = maxLatencyMs?.[quantile];
    return ms === undefined ? [] : [{ quantile, limit: { ms } }];
  });
  const alone = weightBp === TOTAL_BP && baseline.total === 0;
  if (maxLatencyRatio === undefined || alone) return fixed;
  return [...fixed, ...names.map((quantile) => ({ quantile, limit: { ratio: maxLatencyRatio } }))];
}

function judgeLimit(stage: Stage, { quantile, limit }: Limit, candidate: Latency, baseline: Latency, alpha: number): LatencyVerdict {
  const q = QUANTILES[quantile];
  const allowed = allowedShare(q);
  const valueMs = candidate.quantileMs(q);
  const baselineMs = baseline.quantileMs(q);
  const { limitMs, certainMs, side } = 'ms' in limit ? { limitMs: limit.ms, certainMs: limit.ms, side: alpha } : relative(limit.ratio);
  const over = certainMs === null ? { lower: 0, upper: 1 } : slowerThan(candidate, certainMs);
  const needed = stage.minRequests === 'auto' ? MIN_REQUESTS : stage.minRequests;
  return {
    verdict: verdictOf(),
    quantile,
    against: 'ms' in limit ? 'limit' : 'baseline',
    limitMs,
    valueMs,
    baselineMs,
    slower: certainMs === null || candidate.total === 0 ? 0 : candidate.slowerThan(certainMs) / candidate.total,
    ...over,
    requests: candidate.total,
    shared: 'ms' in limit && over.lower > allowed && isAlike(over, slowerThan(baseline, limit.ms), allowed),
  };

  function relative(ratio: number) {
    const highestMs = highestQuantile(baseline, q, alpha / 2);
    const times = (ms: number | null) => (ms === null ? null : ms * ratio);
    return { limitMs: times(baselineMs), certainMs: times(highestMs), side: alpha / 2 };
  }

  function verdictOf(): Verdict {
    if (certainMs !== null && over.lower > allowed) {
      return slowerThan(candidate, certainMs * stage.severeFactor).lower > allowed ? 'severe' : 'moderate';
    }
    if (candidate.total < needed || certainMs === null || limitMs === null || valueMs === null) return 'not_enough_data';
    return valueMs > limitMs ? 'minor' : 'pass';
  }

  function slowerThan(latency: Latency, ms: number): Interval {
    return confidenceInterval(latency.slowerThan(ms), latency.total, side, mixtureFor(allowed));
  }
}

/**
 * The highest that the quantile may be, in milliseconds: the smallest duration of which it is known that no more than the allowed share
 * of the requests is slower. Null: too few requests for any.
 */
function highestQuantile(latency: Latency, q: number, alpha: number): number | null {
  const { total } = latency;
  const allowed = allowedShare(q);
  const mixture = { a: 0.5, b: 0.5 / allowed };
  const known = (slower: number) => slower < allowed * total && refutes(slower, total, allowed, alpha, mixture);
  if (!known(0)) return null;
  let most = 0;
  let tooMany = Math.ceil(allowed * total);
  while (tooMany - most > 1) {
    const middle = Math.floor((most + tooMany) / 2);
    if (known(middle)) most = middle;
    else tooMany = middle;
  }
  return latency.quantileMs((total - most) / total);
}

/** Without the rounding, 1 - 0.99 is a little more than a hundredth. */
function allowedShare(q: number): number {
  return Number((1 - q).toPrecision(9));
}
