import { type Crash, crashOf, judge, type Outcome } from './judge.js';
import type { Timeline } from './timeline.js';

const KEPT_FAILURES = 20;

export interface Tallied {
  requests: number;
  served: number;
  /** Version → requests it has served. */
  byVersion: Record<string, number>;
  /** 503 for pins to versions that were not up: the right answer. */
  notRunning: number;
  /** Were in flight on a killed instance, and must not be sent twice. */
  lostInCrash: number;
  /** Everything else; has to be 0. */
  failures: number;
  firstFailures: readonly string[];
  latencyMs: { p50: number; p99: number; max: number };
}

/** Judges each request and counts. */
export class Tally {
  private requests = 0;
  private served = 0;
  private notRunning = 0;
  private failures = 0;
  private readonly byVersion: Record<string, number> = {};
  private readonly lost = new Map<Crash, number>();
  private readonly firstFailures: string[] = [];
  private readonly latenciesMs: number[] = [];
  private readonly beganAt = performance.now();

  /** `postClients`: how many POSTs can be in flight at once, so that no crash may cost more. */
  constructor(
    private readonly timeline: Timeline,
    private readonly crashes: readonly Crash[],
    private readonly postClients: number,
  ) {}

  add(outcome: Outcome): void {
    this.requests += 1;
    this.latenciesMs.push(outcome.endedAt - outcome.startedAt);
    const judgement = judge(outcome, this.timeline, this.crashes);
    if (judgement === 'served') {
      this.served += 1;
      this.byVersion[String(outcome.version)] = (this.byVersion[String(outcome.version)] ?? 0) + 1;
    } else if (judgement === 'not_running') this.notRunning += 1;
    else if (judgement === 'lost_in_crash') this.addLost(outcome);
    else this.fail(judgement.wrong, outcome);
  }

  result(): Tallied {
    const sorted = [...this.latenciesMs].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return {
      requests: this.requests,
      served: this.served,
      byVersion: this.byVersion,
      notRunning: this.notRunning,
      lostInCrash: [...this.lost.values()].reduce((sum, count) => sum + count, 0),
      failures: this.failures,
      firstFailures: this.firstFailures,
      latencyMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
    };
  }

  private addLost(outcome: Outcome): void {
    const crash = crashOf(outcome, this.crashes)!;
    const lost = (this.lost.get(crash) ?? 0) + 1;
    this.lost.set(crash, lost);
    if (lost > this.postClients) this.fail(`lost in a crash, as ${lost - 1} others in the same one`, outcome);
  }

  private fail(wrong: string, { method, pin, startedAt, endedAt, status, version }: Outcome): void {
    this.failures += 1;
    if (this.firstFailures.length >= KEPT_FAILURES) return;
    const [from, to] = [startedAt, endedAt].map((at) => ((at - this.beganAt) / 1_000).toFixed(3));
    const pinned = pin === null ? '' : ` pinned to ${pin}`;
    this.firstFailures.push(`${from} to ${to} s: ${method}${pinned}, status ${status}, version ${version}: ${wrong}`);
  }
}
