import type { PublishingClock } from '../publishing-clock.js';

/** Time that stands still until a test moves it. */
export class FakePublishingClock implements PublishingClock {
  private now = 1_000;
  private timers: { atMs: number; everyMs: number | null; callback: () => void }[] = [];

  nowMs(): number {
    return this.now;
  }

  every(ms: number, callback: () => void): () => void {
    return this.add(ms, ms, callback);
  }

  after(ms: number, callback: () => void): () => void {
    return this.add(ms, null, callback);
  }

  /** Calls back what is due, in order. What that sets going is not waited for. */
  advance(ms: number): void {
    const endMs = this.now + ms;
    for (;;) {
      const next = this.timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.now = next.atMs;
      if (next.everyMs === null) this.timers = this.timers.filter((timer) => timer !== next);
      else next.atMs += next.everyMs;
      next.callback();
    }
    this.now = endMs;
  }

  get pending(): number {
    return this.timers.length;
  }

  private add(ms: number, everyMs: number | null, callback: () => void): () => void {
    const timer = { atMs: this.now + ms, everyMs, callback };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }
}
