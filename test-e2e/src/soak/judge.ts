import type { Timeline } from './timeline.js';

/** One request as its client saw it. */
export interface Outcome {
  method: 'GET' | 'POST';
  /** The version that it was pinned to. */
  pin: number | null;
  startedAt: number;
  endedAt: number;
  /** 0: no head of an answer came. */
  status: number;
  /** `X-App-Version` of the answer. */
  version: number | null;
  /** `X-Route-Reason` of the answer. */
  reason: string | null;
  /** The proxy's error code, where it made the answer itself. */
  code: string | null;
  /** What is wrong with an answer that came: cut, or not what was asked for. */
  defect: string | null;
}

/** An instance that was killed. */
export interface Crash {
  version: number;
  killedAt: number;
  /** When its process was gone. */
  goneAt: number;
}

export type Judgement = 'served' | 'not_running' | 'lost_in_crash' | { wrong: string };

/** How long a proxy on a busy machine may take to read that its connections to a dead process are closed. */
const NOTICE_MS = 1_000;

/**
 * What every request is held to. Permitted besides a good answer:
 * - `not_running`: 503 version_unavailable for a pin to a version that was not up all of the time. A pin never falls back.
 * - `lost_in_crash`: what was in flight on a killed instance and must not be sent twice: a POST that was cut off (nobody knows whether
 *   the instance has acted on it), or an answer that had begun. Of them no more than requests can be in flight, which the caller counts.
 */
export function judge(outcome: Outcome, timeline: Timeline, crashes: readonly Crash[]): Judgement {
  const { pin, startedAt, endedAt, status, version, code, defect } = outcome;
  if (status === 503 && code === 'version_unavailable' && pin !== null) {
    return timeline.mustRun(pin, startedAt, endedAt) ? { wrong: `503 for a pin to version ${pin}, which runs` } : 'not_running';
  }
  const cutOff = (outcome.method === 'POST' && status === 502 && code === 'upstream_reset') || defect === CUT;
  if (cutOff && crashOf(outcome, crashes) !== undefined) return 'lost_in_crash';
  if (status !== 200) return { wrong: `status ${status} ${code ?? ''}` };
  if (defect !== null) return { wrong: defect };
  if (version === null) return { wrong: 'no X-App-Version' };
  if (pin !== null && version !== pin) return { wrong: `pinned to version ${pin}, answered by ${version}` };
  if (!timeline.mayRun(version, startedAt, endedAt)) return { wrong: `answered by version ${version}, which does not run` };
  if (pin === null && !timeline.mayHaveWeight(version, startedAt, endedAt)) return { wrong: `answered by version ${version} at 0 %` };
  const wantedReason = pin === null ? 'weighted' : 'pinned';
  if (outcome.reason !== wantedReason) return { wrong: `X-Route-Reason is ${outcome.reason}, not ${wantedReason}` };
  return 'served';
}

/** The defect of an answer that broke off. */
export const CUT = 'the answer was cut';

/** The crash that explains a request that was cut off. */
export function crashOf({ version, startedAt, endedAt }: Outcome, crashes: readonly Crash[]): Crash | undefined {
  return crashes.find((crash) => crash.version === version && crash.killedAt <= endedAt && startedAt <= crash.goneAt + NOTICE_MS);
}
