import type { DraftFrame } from '../measurements/frame-source.js';
import type { Clock } from '../table/clock.js';
import { Receiver } from './acceptor.js';
import type { Ending, Fork, WorkerProcess } from './fork-worker.js';
import type { FromWorker } from './messages.js';
import type { RouteFollower } from './route-feed.js';

export interface WorkerListener {
  /** Routes were applied (`applied`), or the worker told its state. */
  heard(applied: boolean, somethingEnded: boolean): void;
  took(connectionId: number): void;
  refused(): void;
  counted(connections: number): void;
  measured(frames: readonly DraftFrame[]): void;
  said(level: 'info' | 'warn', fields: object, text: string): void;
  /** The last call. */
  gone(ending: Ending): void;
}

/** One worker as its primary knows it. */
export class Worker {
  readonly process: WorkerProcess;
  readonly receiver: Receiver;
  /** Given right after the process was made. */
  routes!: RouteFollower;
  inFlight: Readonly<Record<string, number>> = {};
  /** What it last said that it has counted. */
  counted: object[] = [];
  /** Since when connections go to it, by the clock. */
  servingSince: number | null = null;
  /** Ticks since it was last heard. */
  silentTicks = 0;
  /** Why it ends, where it could say so. */
  reason: string | null = null;
  readonly #listener: WorkerListener;
  readonly #asking: Record<'metrics' | 'frames', (() => void)[]> = { metrics: [], frames: [] };

  constructor(
    readonly index: number,
    fork: Fork,
    listener: WorkerListener,
  ) {
    this.#listener = listener;
    this.process = fork({
      message: (message) => this.#onMessage(message),
      gone: (ending) => {
        this.#answered('metrics');
        this.#answered('frames');
        listener.gone(ending);
      },
    });
    this.receiver = new Receiver((id, socket) => this.process.send({ type: 'connection', id }, socket));
  }

  get serving(): boolean {
    return this.servingSince !== null;
  }

  /** Has it bring `counted` up to date, or tell its frames. Resolves without that when there is no answer in time, or never will be. */
  async ask(what: 'metrics' | 'frames', clock: Clock, timeoutMs: number): Promise<void> {
    const asking = this.#asking[what];
    const answered = new Promise<void>((resolve) => asking.push(resolve));
    if (asking.length === 1) this.process.send({ type: what });
    const cancel = clock.after(timeoutMs, () => this.#answered(what));
    await answered;
    cancel();
  }

  #onMessage(message: FromWorker): void {
    this.silentTicks = 0;
    switch (message.type) {
      case 'applied':
        this.routes.acknowledged();
        this.#listener.heard(true, this.#takeInFlight(message.inFlight));
        break;
      case 'state':
        this.#listener.counted(message.connections);
        this.#listener.heard(false, this.#takeInFlight(message.inFlight));
        break;
      case 'took':
        this.#listener.took(message.id);
        break;
      case 'refused':
        this.#listener.refused();
        break;
      case 'metrics':
        this.counted = message.metrics;
        this.#answered('metrics');
        break;
      case 'frames':
        this.#listener.measured(message.frames);
        this.#answered('frames');
        break;
      case 'log':
        this.#listener.said(message.level, message.fields, message.text);
        break;
      case 'crashed':
        this.reason = message.reason;
        break;
    }
  }

  /** True when an instance has none left: somebody may be waiting for that. */
  #takeInFlight(inFlight: Record<string, number>): boolean {
    const before = this.inFlight;
    this.inFlight = inFlight;
    return Object.keys(before).some((id) => inFlight[id] === undefined);
  }

  #answered(what: 'metrics' | 'frames'): void {
    for (const resolve of this.#asking[what].splice(0)) resolve();
  }
}
