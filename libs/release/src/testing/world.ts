import { act, type Request } from '../course/act.js';
import { decide } from '../course/decide.js';
import type { Evidence } from '../course/evidence.js';
import { startRelease } from '../course/start.js';
import type { ReleaseEvent, ReleaseState, Wanted } from '../course/state.js';
import type { ReleaseAction } from '../course/transitions.js';
import type { MeasuredBoth } from '../judgement/judge-window.js';
import { recentWindows } from '../judgement/recent-windows.js';
import type { ReleasePlan } from '../plan/plan.js';
import { measured } from './stages.js';

const START = Date.UTC(2026, 0, 1);
const TICK_MS = 5_000;
/** Where nothing depends on it; short enough to count as watched. */
const LONG_TICK_MS = 30_000;

/** A world in which a release runs: a clock that only the test moves, proxies and instances that follow what is wanted, traffic. */
export class World {
  now = START;
  state: ReleaseState;
  readonly events: (ReleaseEvent & { at: number })[] = [];
  /** What the next decisions see, besides what the world itself knows. */
  sees: Partial<Evidence> = {};
  /** Ticks that proxies and instances need to follow. */
  lagTicks = 1;
  requestsPerTick = 100_000;
  /** Fractions of the requests of either version that fail. */
  failing = { candidate: 0, baseline: 0 };

  private followed: Wanted | null = null;
  private followedAt = START;
  private ticksUntilFollowed = 0;
  /** What was counted until when, in all. */
  private readonly counted: Totals[] = [{ at: START, candidate: { requests: 0, errors: 0 }, baseline: { requests: 0, errors: 0 } }];

  constructor(readonly plan: ReleasePlan) {
    const { state, events } = startRelease(plan, START, 'admin', null);
    this.state = state;
    this.record(events);
  }

  /** The engine looks once, `ms` after it last did. */
  tick(ms = TICK_MS): void {
    this.now += ms;
    this.follow();
    this.serve();
    const { state, events } = decide({ state: this.state, plan: this.plan, now: this.now, evidence: this.evidence() });
    this.state = state;
    this.record(events);
  }

  run(ms: number, every = LONG_TICK_MS): void {
    for (const end = this.now + ms; this.now + every <= end; ) this.tick(every);
  }

  /** Until it is so; false after `most` ticks. */
  runUntil(done: (state: ReleaseState) => boolean, most = 10_000): boolean {
    for (let ticks = 0; ticks < most && !done(this.state); ticks += 1) this.tick(LONG_TICK_MS);
    return done(this.state);
  }

  act(action: ReleaseAction, more: Partial<Request> = {}): readonly ReleaseAction[] | null {
    const done = act({ state: this.state, plan: this.plan, now: this.now, action, by: 'admin', reason: null, ...more });
    if ('refused' in done) return done.refused;
    this.state = done.state;
    this.record(done.events);
    return null;
  }

  evidence(): Evidence {
    const { judgedFrom, sequence } = this.state;
    const recent = judgedFrom === null ? [] : recentWindows(judgedFrom, this.now);
    const ready = sameWorld(this.followed, this.state.wanted);
    return {
      sequence,
      ready,
      appliedAt: ready ? this.followedAt : null,
      waitingFor: ready ? null : 'the world has not followed',
      held: false,
      beforeHooks: 'none',
      measured: judgedFrom === null ? null : this.countedSince(judgedFrom),
      recently: recent.map(({ from, share }) => ({ ...this.countedSince(from), share })),
      candidateFailure: null,
      manualChange: null,
      ...this.sees,
    };
  }

  private follow(): void {
    if (!this.state.wanted.enforced || sameWorld(this.followed, this.state.wanted)) {
      this.ticksUntilFollowed = this.lagTicks;
      return;
    }
    this.ticksUntilFollowed -= 1;
    if (this.ticksUntilFollowed > 0) return;
    this.followed = this.state.wanted;
    this.followedAt = this.now;
    this.ticksUntilFollowed = this.lagTicks;
  }

  private serve(): void {
    const share = (this.followed?.candidateWeightBp ?? 0) / 10_000;
    const { candidate, baseline } = this.counted.at(-1)!;
    const add = ({ requests, errors }: Count, part: number, failing: number): Count => {
      const more = Math.round(this.requestsPerTick * part);
      return { requests: requests + more, errors: errors + Math.round(more * failing) };
    };
    this.counted.push({
      at: this.now,
      candidate: add(candidate, share, this.failing.candidate),
      baseline: add(baseline, 1 - share, this.failing.baseline),
    });
  }

  private countedSince(from: number): MeasuredBoth {
    const now = this.counted.at(-1)!;
    const before = this.counted[this.indexBefore(from)]!;
    const difference = (version: 'candidate' | 'baseline') =>
      measured(now[version].requests - before[version].requests, now[version].errors - before[version].errors);
    return { candidate: difference('candidate'), baseline: difference('baseline') };
  }

  /** Of the last that was counted until `from`; they are in order. */
  private indexBefore(from: number): number {
    let [low, high] = [0, this.counted.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.counted[middle]!.at <= from) low = middle;
      else high = middle;
    }
    return low;
  }

  private record(events: readonly ReleaseEvent[]): void {
    for (const event of events) this.events.push({ ...event, at: this.now });
  }
}

interface Count {
  requests: number;
  errors: number;
}

interface Totals {
  at: number;
  candidate: Count;
  baseline: Count;
}

function sameWorld(one: Wanted | null, other: Wanted): boolean {
  return one !== null && JSON.stringify({ ...one, enforced: true }) === JSON.stringify({ ...other, enforced: true });
}
