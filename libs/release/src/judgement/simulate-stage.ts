import { judgeProportion, type Verdict } from './judge-proportion.js';
import { ALPHA } from './judge-stage.js';

/**
 * Plays one stage of `requests` and judges after every failure; between failures the evidence against a candidate only falls, so this
 * finds all that judging after every request would.
 * @param random from 0 up to, not including, 1
 * @returns the request at which the candidate is found over the threshold, null if it never is
 */
export function simulateStage(
  rate: number,
  threshold: number,
  requests: number,
  random: () => number,
): { request: number; verdict: Verdict } | null {
  let at = 0;
  for (let failures = 1; ; failures += 1) {
    at += 1 + Math.floor(Math.log1p(-random()) / Math.log1p(-rate));
    if (at > requests) return null;
    const { verdict } = judgeProportion(
      { requests: at, failures },
      { requests: 0, failures: 0 },
      { threshold, alpha: ALPHA.errors, minRequests: 'auto', severeFactor: 10 },
    );
    if (verdict === 'moderate' || verdict === 'severe') return { request: at, verdict };
  }
}
