import type { SubscriberBus } from '@app-fabric/bus';
import type { MeasurementFrame } from '@app-fabric/contracts';
import type { Clock } from '../table/clock.js';
import type { DraftFrame } from './frame-source.js';

const EVERY_MS = 1_000;
/** What could not be sent is thinned out to one batch for each of these: as fine as time is kept. */
const SLOT_MS = 10_000;
/** An hour. */
const MAX_WAITING = 360;
const MAX_WAITING_FRAMES = 2_000;

export interface FrameSenderOptions {
  bus: SubscriberBus;
  clock: Clock;
  /** Milliseconds, monotonic. */
  now: () => number;
  proxyId: string;
  /** Asked once a second. */
  take: () => Promise<DraftFrame[]>;
}

interface Waiting {
  madeAtMs: number;
  draft: DraftFrame;
}

/**
 * Sends what was counted every second. While the bus is down it keeps one batch for each ten seconds, so that afterwards everything is counted
 * when it happened: the last batch of ten seconds says all that the ones before it said, but for their samples of errors. A frame whose fate is
 * unknown is sent again.
 */
export class FrameSender {
  readonly #bus: SubscriberBus;
  readonly #clock: Clock;
  readonly #proxyId: string;
  readonly #take: () => Promise<DraftFrame[]>;
  readonly #now: () => number;
  /** By ten seconds, oldest first. */
  readonly #waiting: Waiting[][] = [];
  #sending: Promise<void> | null = null;
  #stopTimer: (() => void) | null = null;
  #closed = false;

  constructor({ bus, clock, now, proxyId, take }: FrameSenderOptions) {
    this.#bus = bus;
    this.#clock = clock;
    this.#now = now;
    this.#proxyId = proxyId;
    this.#take = take;
  }

  start(): void {
    this.#stopTimer = this.#clock.after(EVERY_MS, () => {
      this.#sending ??= this.#send().finally(() => {
        this.#sending = null;
      });
      if (!this.#closed) this.start();
    });
  }

  /** Sends what there is, once. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopTimer?.();
    await this.#sending;
    await this.#send();
  }

  async #send(): Promise<void> {
    const frames = await this.#take();
    const madeAtMs = this.#now();
    if (frames.length > 0) this.#keep(frames.map((draft) => ({ madeAtMs, draft })));
    while (this.#bus.connected) {
      const [batch] = this.#waiting;
      const [first] = batch ?? [];
      if (batch === undefined || first === undefined) return;
      const { draft, madeAtMs: madeAt } = first;
      const frame: MeasurementFrame = { ...draft, proxyId: this.#proxyId, ageMs: Math.max(0, this.#now() - madeAt) };
      try {
        await this.#bus.sendMeasurements(frame);
      } catch {
        return; // the next round tries again; that the transport is down is shown in the metrics and /readyz
      }
      batch.shift();
      if (batch.length === 0) this.#waiting.shift();
    }
  }

  #keep(batch: Waiting[]): void {
    const last = this.#waiting.at(-1);
    if (last !== undefined && slotOf(last) === slotOf(batch)) {
      this.#waiting.pop();
      batch.unshift(...last.filter(({ draft }) => draft.errors.length > 0));
    }
    this.#waiting.push(batch);
    let frames = this.#waiting.reduce((sum, one) => sum + one.length, 0);
    while (this.#waiting.length > 1 && (this.#waiting.length > MAX_WAITING || frames > MAX_WAITING_FRAMES))
      frames -= this.#waiting.shift()?.length ?? 0;
  }
}

function slotOf(batch: readonly Waiting[]): number {
  return Math.floor((batch.at(-1)?.madeAtMs ?? 0) / SLOT_MS);
}
