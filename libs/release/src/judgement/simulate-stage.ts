import type { Stage } from '../plan/plan.js';
import { judgeProportion, type Verdict } from './judge-proportion.js';
import { ALPHA, judgeStage, type Measured } from './judge-stage.js';
import type { Latency } from './latency.js';

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
export const DURATIONS_MS = [10, 20, 40] as const;

/** Plays one stage in all its dimensions, the baseline beside the candidate, and judges after every `every` requests of the candidate. */
export function simulateStage(
  stage: Stage,
  { candidate, baseline }: { candidate: Behaviour; baseline: Behaviour },
  { requests, every }: { requests: number; every: number },
  random: Random,
): Found {
  const [ofCandidate, ofBaseline] = [new Tally(candidate), new Tally(baseline)];
  const perCandidate = (10_000 - stage.weightBp) / stage.weightBp;
  for (let request = every; request <= requests; request += every) {
    ofCandidate.add(every, random);
    ofBaseline.add(Math.round(every * perCandidate), random);
    const { verdict } = judgeStage(stage, { candidate: ofCandidate.read(), baseline: ofBaseline.read() });
    if (isOver(verdict)) return { request, verdict };
  }
  return null;
}

class Tally {
  private requests = 0;
  private errors = 0;
  private left = 0;
  private readonly durations = [0, 0, 0];

  constructor(private readonly behaviour: Behaviour) {}

  add(requests: number, random: Random): void {
    const { error, left, slow, slowest } = this.behaviour;
    for (let request = 0; request < requests; request += 1) {
      const outcome = random();
      if (outcome < error) this.errors += 1;
      else if (outcome < error + left) this.left += 1;
      const speed = random();
      this.durations[speed < slowest ? 2 : speed < slow ? 1 : 0]! += 1;
    }
    this.requests += requests;
  }

  read(): Measured {
    const { requests, errors, left, durations } = this;
    const latency: Latency = {
      total: requests,
      quantileMs: (q) => {
        const rank = Math.max(1, Math.ceil(q * requests));
        if (requests === 0) return null;
        return rank <= durations[0]! ? DURATIONS_MS[0] : rank <= durations[0]! + durations[1]! ? DURATIONS_MS[1] : DURATIONS_MS[2];
      },
      slowerThan: (ms) => DURATIONS_MS.reduce((sum, duration, index) => (duration > ms ? sum + durations[index]! : sum), 0),
    };
    return { requests, errors, unserved: errors + left, latency };
  }
}

function isOver(verdict: Verdict): boolean {
  return verdict === 'moderate' || verdict === 'severe';
}
