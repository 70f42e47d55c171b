import type { AddressInfo } from 'node:net';
import { Counter, Gauge, Registry } from 'prom-client';
import type { DataPathOptions } from '../data-path.js';
import type { DraftFrame } from '../measurements/frame-source.js';
import type { RequestSide, RouteStanding } from '../request-side.js';
import type { Clock } from '../table/clock.js';
import { Acceptor } from './acceptor.js';
import { type Ending, type Fork, forkWorker } from './fork-worker.js';
import type { ToWorker } from './messages.js';
import { MetricsSum } from './metrics-sum.js';
import { restartDelayMs } from './restart-delay.js';
import { NO_STEP, RouteFeed, type Step } from './route-feed.js';
import { Worker } from './worker.js';

const TICK_MS = 1_000;
/** A worker that says nothing for so many ticks is stuck. Counted, not measured: a machine that slept must not kill them all. */
const SILENT_TICKS = 30;
/** Who has served for this long is replaced at once when it ends. */
const STABLE_MS = 2_000;
const METRICS_TIMEOUT_MS = 1_000;
/** Half the time between two rounds: a worker that is stuck does not hold up what others have counted. */
const FRAMES_TIMEOUT_MS = 500;
/** That came too late, or last, and were not taken yet. */
const MAX_FRAMES = 2_000;
/** Beyond the time that requests are given at a stop. */
const EXIT_GRACE_MS = 2_000;

export interface WorkerSideOptions {
  count: number;
  /** For each worker. */
  dataPath: DataPathOptions;
  /** After a stop has begun, how long connections are still accepted: the workers answer each once more. */
  lameDuckMs: number;
  clock: Clock;
  log: { info(fields: object, text: string): void; warn(fields: object, text: string): void };
  /** Something of `standing` or `inFlight` has changed that somebody may be waiting for. */
  onChange: () => void;
  /** For tests. */
  fork?: Fork;
}

interface Slot {
  readonly index: number;
  worker: Worker | null;
  /** Workers of this slot that ended soon after their start, in a row. */
  failures: number;
  cancelRestart: () => void;
  /** Its first worker has served, or ended. */
  settled: boolean;
}

/**
 * Requests are taken by worker processes, which are replaced when they end. This process accepts connections and hands them over, gives the
 * workers their routes, and sums what they say: to everybody else the proxy is one.
 */
export class WorkerSide implements RequestSide {
  readonly sink = new RouteFeed();
  readonly #options: WorkerSideOptions;
  readonly #acceptor = new Acceptor();
  readonly #sum = new MetricsSum();
  readonly #frames: DraftFrame[] = [];
  readonly #slots: readonly Slot[];
  readonly #registry = new Registry();
  readonly #ended: Counter;
  #served: () => void = () => undefined;
  #hasServed = false;
  #stopTicks: () => void = () => undefined;
  #onGone: () => void = () => undefined;
  #closing = false;

  constructor(options: WorkerSideOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.count }, (_, index) => ({
      index,
      worker: null,
      failures: 0,
      cancelRestart: () => undefined,
      settled: false,
    }));
    const registers = [this.#registry];
    this.#ended = new Counter({ name: 'fabric_proxy_worker_exits_total', help: 'Workers that ended without being told to.', registers });
    const serving = () => this.#serving().length;
    new Gauge({
      name: 'fabric_proxy_workers',
      help: 'Workers that take requests.',
      registers,
      collect() {
        this.set(serving());
      },
    });
  }

  listen(host: string, port: number): Promise<AddressInfo> {
    return this.#acceptor.listen(host, port);
  }

  /** Resolves when each worker has served or failed once, and at least one serves. */
  async start(): Promise<void> {
    const served = new Promise<void>((resolve) => {
      this.#served = resolve;
    });
    this.#tick();
    for (const slot of this.#slots) this.#fork(slot);
    this.#tellShares();
    await served;
  }

  routesChanged(standing: RouteStanding, hasTable: boolean): void {
    this.sink.stepDone(standing, hasTable);
  }

  /** Of the worker that is furthest behind. Without any, nothing is routed by anything older than what the next one will begin with. */
  get standing(): RouteStanding {
    const { lastRejection } = this.sink.current.standing;
    return { ...this.#slowest().standing, lastRejection };
  }

  /** One that serves is enough; of several, a connection may come to any. */
  get ready(): boolean {
    const serving = this.#serving();
    return serving.length > 0 && serving.every((worker) => worker.routes.applied.hasTable);
  }

  inFlight(): Record<string, number> {
    const sum = new Map<string, number>();
    for (const { inFlight } of this.#workers()) for (const [id, count] of Object.entries(inFlight)) sum.set(id, (sum.get(id) ?? 0) + count);
    return Object.fromEntries(sum);
  }

  async metrics(): Promise<Registry> {
    const { clock } = this.#options;
    await Promise.all(this.#workers().map((worker) => worker.ask('metrics', clock, METRICS_TIMEOUT_MS)));
    // Some may have ended meanwhile: they are in the sum of those that are gone.
    return Registry.merge([this.#registry, this.#sum.sum(this.#workers().map((worker) => worker.counted))]);
  }

  async frames(): Promise<DraftFrame[]> {
    const { clock } = this.#options;
    await Promise.all(this.#workers().map((worker) => worker.ask('frames', clock, FRAMES_TIMEOUT_MS)));
    return this.#frames.splice(0);
  }

  describe(): Record<string, unknown> {
    const list = this.#workers().map(({ index, process, serving, routes, receiver }) => ({
      index,
      pid: process.pid,
      serving,
      revision: routes.hasApplied ? (routes.applied.standing.applied?.revision ?? null) : null,
      connections: receiver.connections,
    }));
    return { workers: { wanted: this.#options.count, serving: this.#serving().length, waiting: this.#acceptor.waiting, list } };
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    for (const slot of this.#slots) slot.cancelRestart();
    const stop: ToWorker = { type: 'stop', graceMs };
    for (const worker of this.#workers()) worker.process.send(stop);
    const { clock, lameDuckMs } = this.#options;
    const cancelLameDuck = clock.after(Math.min(lameDuckMs, graceMs), () => this.#acceptor.close());
    const cancelKill = clock.after(graceMs + EXIT_GRACE_MS, () => {
      for (const worker of this.#workers()) worker.process.kill();
    });
    await new Promise<void>((resolve) => {
      this.#onGone = () => {
        if (this.#workers().length === 0) resolve();
      };
      this.#onGone();
    });
    cancelLameDuck();
    cancelKill();
    this.#acceptor.close();
    this.#stopTicks();
  }

  #fork(slot: Slot): void {
    const { fork = forkWorker, dataPath, log } = this.#options;
    const startsAt = this.#hasServed ? this.#slowest() : NO_STEP;
    const worker: Worker = new Worker(slot.index, fork, {
      heard: (applied, somethingEnded) => this.#heard(slot, worker, applied || somethingEnded),
      said: (level, fields, text) => log[level]({ ...fields, worker: slot.index, pid: worker.process.pid }, text),
      took: (id) => this.#acceptor.arrived(worker.receiver, id),
      refused: () => this.#acceptor.remove(worker.receiver),
      counted: (connections) => this.#acceptor.counted(worker.receiver, connections),
      measured: (frames) => {
        this.#frames.push(...frames);
        this.#frames.splice(0, this.#frames.length - MAX_FRAMES);
      },
      gone: (ending) => this.#gone(slot, worker, ending),
    });
    slot.worker = worker;
    worker.process.send({ type: 'start', options: dataPath, share: this.#share() });
    worker.routes = this.sink.follow((message) => worker.process.send(message), startsAt);
  }

  #heard(slot: Slot, worker: Worker, matters: boolean): void {
    if (!worker.serving && worker.routes.hasApplied) {
      worker.servingSince = this.#options.clock.now();
      this.#acceptor.add(worker.receiver);
      this.#settle(slot);
    }
    if (matters) this.#options.onChange();
  }

  #gone(slot: Slot, worker: Worker, { code, signal }: Ending): void {
    const { clock, log, onChange } = this.#options;
    slot.worker = null;
    this.sink.unfollow(worker.routes);
    this.#acceptor.remove(worker.receiver);
    this.#sum.retire(worker.counted);
    onChange();
    if (this.#closing) {
      this.#onGone();
      return;
    }
    this.#ended.inc();
    const wasStable = worker.servingSince !== null && clock.now() - worker.servingSince >= STABLE_MS;
    slot.failures = wasStable ? 0 : slot.failures + 1;
    const delayMs = restartDelayMs(slot.failures);
    const what = { worker: slot.index, pid: worker.process.pid, code, signal, failures: slot.failures, restartInMs: delayMs };
    log.warn(worker.reason === null ? what : { ...what, reason: worker.reason }, 'a proxy worker has ended; another takes its place');
    this.#tellShares();
    slot.cancelRestart = clock.after(delayMs, () => {
      this.#fork(slot);
      this.#tellShares();
    });
    this.#settle(slot);
  }

  #settle(slot: Slot): void {
    slot.settled = true;
    if (this.#hasServed || this.#serving().length === 0 || !this.#slots.every(({ settled }) => settled)) return;
    this.#hasServed = true;
    this.#served();
  }

  #tick(): void {
    this.#stopTicks = this.#options.clock.after(TICK_MS, () => {
      this.#acceptor.tick();
      for (const worker of this.#workers()) {
        worker.silentTicks += 1;
        if (worker.silentTicks !== SILENT_TICKS) continue;
        this.#options.log.warn({ worker: worker.index, pid: worker.process.pid }, 'a proxy worker says nothing any more and is killed');
        worker.process.kill();
      }
      this.#tick();
    });
  }

  #slowest(): Step {
    let slowest = this.sink.current;
    for (const { routes } of this.#workers()) if (routes.applied.number < slowest.number) slowest = routes.applied;
    return slowest;
  }

  /** Each living worker has an equal part: connections are spread evenly, and together they never let more through than the whole. */
  #share(): number {
    return 1 / Math.max(1, this.#workers().length);
  }

  #tellShares(): void {
    const message: ToWorker = { type: 'share', share: this.#share() };
    for (const worker of this.#workers()) worker.process.send(message);
  }

  #workers(): Worker[] {
    return this.#slots.flatMap(({ worker }) => (worker === null ? [] : [worker]));
  }

  #serving(): Worker[] {
    return this.#workers().filter((worker) => worker.serving);
  }
}
