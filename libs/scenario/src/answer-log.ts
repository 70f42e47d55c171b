import type { TrafficAnswer, TrafficCount } from './traffic.js';

/** More answers than this are not kept: the log is for minutes. */
const MAX_ANSWERS = 2_000_000;

/** Every answer that the traffic got, so that one can count afterwards what was sent and answered in a given time. */
export class AnswerLog {
  private readonly answers: TrafficAnswer[] = [];

  add(answer: TrafficAnswer): void {
    if (this.answers.length === MAX_ANSWERS) throw new Error(`more than ${MAX_ANSWERS} answers`);
    this.answers.push(answer);
  }

  /** Sent at or after the one, and answered before the other. */
  between(fromMs: number, untilMs: number): TrafficCount {
    const count: TrafficCount = { requests: 0, byVersion: {}, failures: 0 };
    for (const { sentAtMs, endedAtMs, version, failure } of this.answers) {
      if (sentAtMs < fromMs || endedAtMs >= untilMs) continue;
      count.requests += 1;
      if (version !== undefined) count.byVersion[version] = (count.byVersion[version] ?? 0) + 1;
      if (failure !== undefined) count.failures += 1;
    }
    return count;
  }

  failures(): TrafficAnswer[] {
    return this.answers.filter(({ failure }) => failure !== undefined);
  }
}
