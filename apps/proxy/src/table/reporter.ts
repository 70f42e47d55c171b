import type { SubscriberBus } from '@app-fabric/bus';
import type { ProxyReport } from '@app-fabric/contracts';
import type { Clock } from './clock.js';

const REPORT_EVERY_MS = 1_000;
/** Between two reports: a thousand changes a second must not become a thousand reports, which cost more than the changes. */
const REST_MS = 5;
/** Rests grow to this while so many changes come during each: one after another, each told before the next, are not held up. */
const LONGEST_REST_MS = 20;
const MANY = 4;

/**
 * Tells the control plane what this proxy routes by: every second, and at once when something was applied. One report is on its way
 * at a time, so that an old one can never overtake a new one, and after each comes a short rest.
 */
export class Reporter {
  readonly #bus: SubscriberBus;
  readonly #clock: Clock;
  readonly #describe: () => Omit<ProxyReport, 'leaving' | 'at'>;
  #sending: Promise<void> | null = null;
  #stopRest: (() => void) | null = null;
  #restMs = REST_MS;
  #restedAtMs = 0;
  /** Since the last report. */
  #changes = 0;
  #stopTimer: (() => void) | null = null;
  #closed = false;

  constructor(bus: SubscriberBus, clock: Clock, describe: () => Omit<ProxyReport, 'leaving' | 'at'>) {
    this.#bus = bus;
    this.#clock = clock;
    this.#describe = describe;
  }

  start(): void {
    this.now();
    this.#schedule();
  }

  /** Something changed that somebody may be waiting for. */
  now(): void {
    if (this.#closed) return;
    this.#changes += 1;
    if (this.#sending !== null || this.#stopRest !== null) return;
    const leftMs = this.#restedAtMs - this.#clock.now();
    if (leftMs > 0) {
      // Not longer than a rest takes: the clock may have been set back.
      this.#rest(Math.min(leftMs, this.#restMs));
      return;
    }
    this.#restMs = REST_MS;
    this.#report();
  }

  /** The last report, with `leaving`: nobody needs to wait for this proxy any more. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopTimer?.();
    this.#stopRest?.();
    await this.#sending;
    await this.#send(true);
  }

  /** Only while there is something to tell: a timer after each report would cost more than the report of a single change. */
  #rest(ms: number): void {
    this.#stopRest = this.#clock.after(ms, () => {
      this.#stopRest = null;
      this.#restMs = this.#changes >= MANY ? Math.min(2 * this.#restMs, LONGEST_REST_MS) : REST_MS;
      this.#report();
    });
  }

  #report(): void {
    this.#changes = 0;
    this.#sending = this.#send(false).finally(() => {
      this.#sending = null;
      this.#restedAtMs = this.#clock.now() + this.#restMs;
      if (this.#changes > 0 && !this.#closed) this.#rest(this.#restMs);
    });
  }

  #schedule(): void {
    this.#stopTimer = this.#clock.after(REPORT_EVERY_MS, () => {
      this.now();
      if (!this.#closed) this.#schedule();
    });
  }

  async #send(leaving: boolean): Promise<void> {
    try {
      await this.#bus.report({ ...this.#describe(), leaving, at: new Date(this.#clock.now()).toISOString() });
    } catch {
      // The transport is down. The next report says the same and more; the connection is shown in the metrics and /readyz.
    }
  }
}
