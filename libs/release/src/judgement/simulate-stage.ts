import type { Stage } from '../plan/plan.js';
import { judgeProportion, type Verdict } from './judge-proportion.js';
import { judgeStage } from './judge-stage.js';
import { ALPHA, isOver, type Measured } from './judge-window.js';
import type { Latency } from './latency.js';
import { recentWindows } from './recent-windows.js';

/** From 0 up to, not including, 1. */
type Random = () => number;

/** The request at which a candidate was found over, null if it never was. */
type Found = { request: number; verdict: Verdict } | null;

/**
 * Plays one stage of `requests` that fail at `rate`, and judges after every failure; between failures the evidence against a candidate only
 * falls, so this finds all that judging after every request would.
 */
export function simulateErrors(rate: number, threshold: number, requests: number, random: Random): Found {
  const options = { threshold, alpha: ALPHA.errors, minRequests: 'auto', severeFactor: 10 } as const;
  let at = 0;
  for (let failures = 1; ; failures += 1) {
    at += 1 + Math.floor(Math.log1p(-random()) / Math.log1p(-rate));
    if (at > requests) return null;
    const { verdict } = judgeProportion({ requests: at, failures }, { requests: 0, failures: 0 }, options);
    if (isOver(verdict)) return { request: at, verdict };
  }
}

/** Probabilities of one request. */
export interface Behaviour {
  error: number;
  /** The client leaves before an answer. */
  left: number;
  /** Takes `DURATIONS_MS[1]` or longer. */
  slow: number;
  /** Takes `DURATIONS_MS[2]`. */
  slowest: number;
}

/** The durations that a simulated request has. */
const DURATIONS_MS = [10, 20, 40] as const;

/**
 * Plays one stage in all its dimensions, the baseline beside the candidate, and judges after every `every` requests of the candidate, and of
 * those since the last but one of the windows, which are `window` requests long.
 */
export function simulateStage(
  stage: Stage,
  { candidate, baseline }: { candidate: Behaviour; baseline: Behaviour },
  { requests, every, window }: { requests: number; every: number; window: number },
  random: Random,
): Found {
  const [ofCandidate, ofBaseline] = [new Tally(candidate), new Tally(baseline)];
  const perCandidate = (10_000 - stage.weightBp) / stage.weightBp;
  for (let request = every; request <= requests; request += every) {
    ofCandidate.add(every, random);
    ofBaseline.add(Math.round(every * perCandidate), random);
    const recently = recentWindows(0, request, [window]).map(({ from, share }) => ({
      candidate: ofCandidate.since(from),
      baseline: ofBaseline.since(from),
      share,
    }));
    const { verdict } = judgeStage(stage, { candidate: ofCandidate.since(0), baseline: ofBaseline.since(0) }, recently);
    if (isOver(verdict)) return { request, verdict };
    if (request % window === 0) for (const tally of [ofCandidate, ofBaseline]) tally.mark(request);
  }
  return null;
}

/** Requests, errors, clients that left, and requests by duration. */
type Counts = readonly number[];

class Tally {
  private readonly counts = [0, 0, 0, 0, 0, 0];
  private readonly marks = new Map<number, Counts>([[0, [0, 0, 0, 0, 0, 0]]]);

  constructor(private readonly behaviour: Behaviour) {}

  add(requests: number, random: Random): void {
    const { error, left, slow, slowest } = this.behaviour;
    for (let request = 0; request < requests; request += 1) {
      const outcome = random();
      const speed = random();
      if (outcome < error + left) this.counts[outcome < error ? 1 : 2]! += 1;
      this.counts[speed < slowest ? 5 : speed < slow ? 4 : 3]! += 1;
    }
    this.counts[0]! += requests;
  }

  mark(at: number): void {
    this.marks.set(at, [...this.counts]);
  }

  since(mark: number): Measured {
    const before = this.marks.get(mark)!;
    const [requests, errors, left, ...durations] = this.counts.map((count, index) => count - before[index]!) as [number, number, number];
    return { requests, errors, unserved: errors + left, latency: latencyOf(durations) };
  }
}

function latencyOf(counts: Counts): Latency {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return {
    total,
    quantileMs: (q) => {
      const rank = Math.max(1, Math.ceil(q * total));
      if (total === 0) return null;
      return DURATIONS_MS[rank <= counts[0]! ? 0 : rank <= counts[0]! + counts[1]! ? 1 : 2];
    },
    slowerThan: (ms) => DURATIONS_MS.reduce((sum, duration, index) => (duration > ms ? sum + counts[index]! : sum), 0),
  };
}
