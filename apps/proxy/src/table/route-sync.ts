import type { RawSnapshot, RouteMessage, SubscriberBus } from '@app-fabric/bus';
import {
  type ProxyReport,
  parseRouteChange,
  parseRouteDocument,
  type RouteDocument,
  type RouteHead,
  type RouteSnapshot,
} from '@app-fabric/contracts';
import type { Clock } from './clock.js';
import { readRevision, readStep } from './raw-change.js';

/** Time between two looks at the head of the store: between these, evenly spread, so that many proxies do not ask at once. */
const CHECK_MIN_MS = 2_000;
const CHECK_MAX_MS = 3_000;
/** After a failed read, and the pause between two reads of the whole state in any case. */
const RETRY_MS = 500;
/** Changes that may wait while the whole state is being read. More than that: it is read again. */
const QUEUE_LIMIT = 1_000;

/** What is routed by: where {@link RouteSync} puts documents it has accepted. */
export interface RouteSink {
  /** Throws when the document cannot be compiled; then nothing has changed. */
  put(key: string, document: RouteDocument): void;
  remove(key: string): void;
}

export type Rejection = NonNullable<ProxyReport['lastRejection']>;

export interface RouteSyncOptions {
  bus: SubscriberBus;
  sink: RouteSink;
  clock: Clock;
  /** 0 ≤ x < 1 */
  random: () => number;
  /** Called after each change of {@link RouteSync.applied}, of the documents, or of the last rejection. */
  onChange: () => void;
  onRejection: () => void;
  log: { info(fields: object, text: string): void; warn(fields: object, text: string): void };
}

/**
 * Keeps the table in step with the control plane, whatever is lost on the way.
 *
 * Order: subscribe, then read everything; then take changes one by one as long as each names the previous one. A gap, a foreign epoch, a
 * reset, a reconnect or a periodic look that finds another head leads to reading everything again. An empty store changes nothing: it
 * was flushed, and the publisher will fill it.
 *
 * Three positions matter. `seen`: the last step of the stream that was looked at. `applied`: up to where every step is really routed by.
 * They differ when a document was rejected: then `applied` stays before the oldest rejected step until that app gets an acceptable
 * document, so that nobody who waits for the rejected change is told that it is done. Other apps are updated meanwhile.
 */
export class RouteSync {
  readonly #options: RouteSyncOptions;
  readonly #documents = new Map<string, RouteDocument>();
  /** Key → revision of the document that was refused, where no acceptable one has followed. */
  readonly #rejected = new Map<string, number>();
  #seen: RouteHead | null = null;
  #source: 'none' | 'snapshot' | 'live' = 'none';
  #lastRejection: Rejection | null = null;
  #queue: unknown[] = [];
  #subscribed = false;
  #reading: Promise<void> | null = null;
  #readAgain = false;
  #stopCheck: (() => void) | null = null;
  #stopRetry: (() => void) | null = null;
  #unlisten: (() => void) | null = null;
  #storeDown = false;
  #closed = false;

  constructor(options: RouteSyncOptions) {
    this.#options = options;
  }

  /** Where the documents come from: nothing yet, the snapshot of a former life, or the store. */
  get source(): 'none' | 'snapshot' | 'live' {
    return this.#source;
  }

  get seen(): RouteHead | null {
    return this.#seen;
  }

  get applied(): RouteHead | null {
    if (this.#seen === null) return null;
    let revision = this.#seen.revision;
    for (const rejected of this.#rejected.values()) revision = Math.min(revision, rejected - 1);
    return { epoch: this.#seen.epoch, revision: Math.max(0, revision) };
  }

  get lastRejection(): Rejection | null {
    return this.#lastRejection;
  }

  get documents(): ReadonlyMap<string, RouteDocument> {
    return this.#documents;
  }

  /** Resolves after the first attempt to read the state, successful or not; further attempts go on until {@link close}. */
  async start(): Promise<void> {
    this.#unlisten = this.#options.bus.onConnection((connected) => {
      if (connected) void this.#check();
    });
    this.#scheduleCheck();
    await this.#resync();
  }

  /** Takes the snapshot on disk, unless the store has been read meanwhile. */
  loadSnapshot(snapshot: RouteSnapshot): void {
    if (this.#source !== 'none') return;
    for (const document of snapshot.documents) this.#put(keyOf(document), document);
    this.#seen = { epoch: snapshot.epoch, revision: snapshot.revision };
    this.#source = 'snapshot';
    this.#options.onChange();
  }

  close(): void {
    this.#closed = true;
    this.#stopCheck?.();
    this.#stopRetry?.();
    this.#unlisten?.();
    this.#queue = [];
  }

  #onMessage(message: RouteMessage): void {
    if (this.#closed) return;
    if (message.type === 'reset') {
      void this.#resync();
      return;
    }
    if (this.#reading === null) {
      this.#takeChange(message.change);
      return;
    }
    if (this.#queue.length < QUEUE_LIMIT) this.#queue.push(message.change);
    else {
      this.#queue = [];
      this.#readAgain = true;
    }
  }

  /** One step of the stream. Anything that does not continue what was seen leads to reading everything. */
  #takeChange(input: unknown): void {
    const seen = this.#seen;
    const step = readStep(input);
    if (step === null) {
      this.#reject('', seen?.revision ?? 0, 'not a route change');
      this.#options.onChange();
      void this.#resync();
      return;
    }
    if (seen === null || this.#source !== 'live' || step.epoch !== seen.epoch) {
      void this.#resync();
      return;
    }
    if (step.revision <= seen.revision) return;
    if (step.previous !== seen.revision) {
      this.#options.log.info({ seen: seen.revision, previous: step.previous, revision: step.revision }, 'gap in the route changes');
      void this.#resync();
      return;
    }
    const parsed = parseRouteChange(input);
    this.#seen = { epoch: step.epoch, revision: step.revision };
    if (!parsed.ok) this.#reject(step.key, step.revision, parsed.reason);
    else if (parsed.value.document === null) this.#remove(step.key);
    else if (keyOf(parsed.value.document) !== step.key) this.#reject(step.key, step.revision, 'the document is of another app');
    else this.#put(step.key, parsed.value.document);
    this.#options.onChange();
  }

  /** Reads everything, once at a time; a call during a read makes it happen once more. */
  #resync(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (this.#reading !== null) {
      this.#readAgain = true;
      return this.#reading;
    }
    this.#reading = this.#read().finally(() => {
      this.#reading = null;
      const queue = this.#queue;
      this.#queue = [];
      // The first one may start another read; the rest then waits for it.
      for (const change of queue) this.#onMessage({ type: 'change', change });
      if (this.#readAgain) {
        this.#readAgain = false;
        // Not at once: a store that keeps answering with something else must not keep us busy.
        this.#retryLater();
      }
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    const { bus, log } = this.#options;
    try {
      if (!this.#subscribed) {
        await bus.subscribe((message) => this.#onMessage(message));
        this.#subscribed = true;
      }
      const snapshot = await bus.readAll();
      if (this.#closed) return;
      if (this.#storeDown) log.info({}, 'the route store answers again');
      this.#storeDown = false;
      if (snapshot !== null) this.#takeAll(snapshot);
    } catch (error) {
      if (this.#closed) return;
      if (!this.#storeDown) log.warn({ err: error }, 'the route store does not answer; routing goes on with what is known');
      this.#storeDown = true;
      this.#retryLater();
    }
  }

  #takeAll(snapshot: RawSnapshot): void {
    const seen = this.#seen;
    const sameStream = seen !== null && seen.epoch === snapshot.epoch;
    if (sameStream && snapshot.revision < seen.revision) return; // an older state of what we know
    const foreign = seen !== null && !sameStream;
    if (foreign) this.#rejected.clear();
    for (const [key, raw] of snapshot.documents) {
      const parsed = parseRouteDocument(raw);
      if (!parsed.ok) {
        this.#reject(key, readRevision(raw) ?? snapshot.revision, parsed.reason);
        continue;
      }
      if (keyOf(parsed.value) !== key) {
        this.#reject(key, parsed.value.revision, `the document is of ${keyOf(parsed.value)}`);
        continue;
      }
      // Documents are immutable for their revision: what is known need not be compiled again.
      const known = this.#documents.get(key);
      if (sameStream && known?.revision === parsed.value.revision && !this.#rejected.has(key)) continue;
      this.#put(key, parsed.value);
    }
    for (const key of [...this.#documents.keys(), ...this.#rejected.keys()]) if (!snapshot.documents.has(key)) this.#remove(key);
    this.#seen = { epoch: snapshot.epoch, revision: snapshot.revision };
    if (this.#source !== 'live' || foreign)
      this.#options.log.info({ ...this.#seen, apps: this.#documents.size }, 'routes read from the store');
    this.#source = 'live';
    this.#options.onChange();
  }

  #put(key: string, document: RouteDocument): void {
    try {
      this.#options.sink.put(key, document);
    } catch (error) {
      this.#reject(key, document.revision, error instanceof Error ? error.message : String(error));
      return;
    }
    this.#documents.set(key, document);
    this.#rejected.delete(key);
  }

  #remove(key: string): void {
    this.#options.sink.remove(key);
    this.#documents.delete(key);
    this.#rejected.delete(key);
  }

  #reject(key: string, revision: number, reason: string): void {
    const known = this.#rejected.get(key);
    // A message without a readable key belongs to no app: the read that follows tells what is true.
    if (key !== '') this.#rejected.set(key, Math.min(known ?? revision, revision));
    this.#lastRejection = { revision, key, reason: reason.slice(0, 500), at: new Date(this.#options.clock.now()).toISOString() };
    this.#options.onRejection();
    if (known !== revision) this.#options.log.warn({ key, revision, reason }, 'route document rejected; the former one stays');
  }

  async #check(): Promise<void> {
    if (this.#closed || this.#reading !== null) return;
    if (this.#source !== 'live' || !this.#subscribed) {
      await this.#resync();
      return;
    }
    try {
      const head = await this.#options.bus.head();
      const seen = this.#seen;
      if (head === null || seen === null || this.#closed) return;
      if (head.epoch !== seen.epoch || head.revision > seen.revision) await this.#resync();
    } catch {
      // The next look comes anyway, and the connection is reported elsewhere.
    }
  }

  #scheduleCheck(): void {
    if (this.#closed) return;
    const delayMs = CHECK_MIN_MS + this.#options.random() * (CHECK_MAX_MS - CHECK_MIN_MS);
    this.#stopCheck = this.#options.clock.after(delayMs, () => {
      void this.#check().finally(() => this.#scheduleCheck());
    });
  }

  #retryLater(): void {
    if (this.#closed || this.#stopRetry !== null) return;
    this.#stopRetry = this.#options.clock.after(RETRY_MS, () => {
      this.#stopRetry = null;
      void this.#resync();
    });
  }
}

function keyOf(document: RouteDocument): string {
  return `${document.routes.namespace}/${document.routes.app}`;
}
