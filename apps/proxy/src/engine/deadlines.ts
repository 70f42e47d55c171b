import type { Expiring } from './engine-context.js';

const MAX_TICK_MS = 250;
const MIN_TICK_MS = 5;
/** No timer is cheaper than this: a tick looks at every connection, instead of a timer for each step of each request. */
const TICKS_PER_TIMEOUT = 8;

/**
 * All timeouts of the engine. A connection writes down until when it waits; each tick ends those that are late, so that a timeout
 * is late by at most an eighth of itself. The clock goes on by at most two ticks at once: after the process was held up, what has arrived in
 * the meantime is read before anybody is called late.
 */
export class Deadlines {
  now = 1;
  readonly #members = new Set<Expiring>();
  readonly #tickMs: number;
  readonly #timer: NodeJS.Timeout;
  #lastMs: number;

  /** @param shortestMs the shortest timeout in use; @param clock milliseconds, monotonic */
  constructor(
    shortestMs: number,
    private readonly clock: () => number,
  ) {
    this.#tickMs = Math.min(MAX_TICK_MS, Math.max(MIN_TICK_MS, Math.floor(shortestMs / TICKS_PER_TIMEOUT)));
    this.#lastMs = clock();
    this.#timer = setInterval(() => this.tick(), this.#tickMs);
    this.#timer.unref();
  }

  add(member: Expiring): void {
    this.#members.add(member);
  }

  remove(member: Expiring): void {
    this.#members.delete(member);
  }

  tick(): void {
    const ms = this.clock();
    this.now += Math.min(ms - this.#lastMs, 2 * this.#tickMs);
    this.#lastMs = ms;
    for (const member of this.#members) if (member.deadline !== 0 && member.deadline <= this.now) member.expired();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
