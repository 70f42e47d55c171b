import type { Stage } from '../plan/plan.js';
import type { Verdict } from './judge-proportion.js';
import {
  type AvailabilityVerdict,
  isOver,
  judgeWindow,
  type MeasuredBoth,
  type StabilityVerdict,
  type WindowJudgement,
  worst,
} from './judge-window.js';

/** What was measured since a point in time that `recentWindows` gave. */
export interface MeasuredRecently extends MeasuredBoth {
  /** Of that window. */
  share: number;
}

/** Plain JSON. */
export interface StageJudgement {
  /** The figures are of all of the stage, the verdicts also of what was measured last. */
  stability: StabilityVerdict;
  availability: AvailabilityVerdict;
  /** The worst of both dimensions. */
  verdict: Verdict;
  /** The baseline is over as well: it is not the candidate alone. */
  shared: boolean;
  /** What makes the verdict, for people; null when it is a pass. */
  reason: string | null;
}

/**
 * The verdict on what was measured of a stage so far, by all of it and by what was measured last alone; that can only be against the
 * candidate. May be asked at any time and as often as one likes.
 */
export function judgeStage(stage: Stage, measured: MeasuredBoth, recently: readonly MeasuredRecently[]): StageJudgement {
  const whole = judgeWindow(stage, measured, 1);
  const recent = recently.map((window) => judgeWindow(stage, window, window.share));
  const stability = worst([whole.stability.verdict, ...recent.map((one) => one.stability.verdict).filter(isOver)]);
  const availability = worst([whole.availability.verdict, ...recent.map((one) => one.availability.verdict).filter(isOver)]);
  const verdict = worst([stability, availability]);
  const recentOver = recent.flatMap(({ findings }) => findings.filter((one) => isOver(one.verdict)));
  const over = [...whole.findings.filter((one) => isOver(one.verdict)), ...recentOver];
  const shared = over.length > 0 && over.every((one) => one.shared);
  return {
    stability: { ...whole.stability, verdict: stability },
    availability: { ...whole.availability, verdict: availability },
    verdict,
    shared,
    reason: verdict === 'pass' ? null : explain(verdict, shared, whole.findings, recentOver),
  };
}

type Findings = WindowJudgement['findings'];

/** Only what made the verdict. */
function explain(verdict: Verdict, shared: boolean, whole: Findings, recent: Findings): string {
  const reasons = whole.filter((one) => one.verdict === verdict).map(({ reason }) => reason);
  const recentReasons = recent.filter((one) => one.verdict === verdict).map(({ reason }) => `lately ${reason}`);
  const told = [verdict.replaceAll('_', ' '), (reasons.length > 0 ? reasons : recentReasons).join('; ')].join(': ');
  return shared ? `${told}; the baseline fails as well over the same time, so it is not the candidate alone` : told;
}
