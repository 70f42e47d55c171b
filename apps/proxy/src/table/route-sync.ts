import type { RawSnapshot, RouteMessage, SubscriberBus } from '@app-fabric/bus';
import {
  type ProxyReport,
  parseRouteChange,
  parseRouteDocument,
  type RouteDocument,
  type RouteHead,
  type RouteSnapshot,
} from '@app-fabric/contracts';
import { AcceptedDocuments } from './accepted-documents.js';
import type { Clock } from './clock.js';
import { parseJson, readRevision, readStep } from './raw-change.js';
import { type Rejection, Rejections } from './rejections.js';

/** Time between two looks at the head of the store: between these, evenly spread, so that many proxies do not ask at once. */
const CHECK_MIN_MS = 2_000;
const CHECK_MAX_MS = 3_000;
/** How long a change may take from the store to here. */
const ON_THE_WAY_MS = 250;
/** After a failed read, and the pause between two reads of the whole state in any case. */
const RETRY_MS = 500;
/** Changes that may wait while the whole state is being read. More than that: it is read again. */
const QUEUE_LIMIT = 2_000;
/** Documents that are taken in one go; then requests have their turn. About two milliseconds. */
const DOCUMENTS_IN_ONE_GO = 50;
/** What a report may say of a rejection; the key of an app is not longer. */
const MAX_KEY = 257;
const MAX_REASON = 500;

/** What is routed by: where {@link RouteSync} puts documents it has accepted. */
export interface RouteSink {
  /** `json`: the same as text. Throws when the document cannot be compiled; then nothing has changed. */
  put(key: string, document: RouteDocument, json: string): void;
  remove(key: string): void;
}

/** Looks on as documents come that are newer than what the proxy has seen. */
export interface ChangeWatcher {
  came(document: RouteDocument): void;
  /** It cannot be routed by. */
  refused(document: RouteDocument, reason: string): void;
}

export interface RouteSyncOptions {
  bus: SubscriberBus;
  sink: RouteSink;
  clock: Clock;
  /** 0 ≤ x < 1 */
  random: () => number;
  /** Called after each change of {@link RouteSync.applied}, of the documents, or of the last rejection. */
  onChange: () => void;
  onRejection: () => void;
  watcher?: ChangeWatcher | undefined;
  log: { info(fields: object, text: string): void; warn(fields: object, text: string): void };
}

/**
 * Keeps the table in step with the control plane, whatever is lost on the way.
 *
 * Order: subscribe, then read everything; then take changes one by one as long as each names the previous one. A gap, a foreign epoch, a
 * reset, a reconnect or a periodic look that finds a newer head while no change comes leads to reading everything again. An empty store changes nothing: it
 * was flushed, and the publisher will fill it.
 *
 * Two positions matter. `seen`: the last step of the stream that was looked at. `applied`: up to where every step is really routed by.
 * They differ when a document was rejected: then `applied` stays before the oldest rejected step until that app gets an acceptable
 * document. Other apps are updated meanwhile, and {@link told} says of which app what is missing.
 */
export class RouteSync {
  readonly #options: RouteSyncOptions;
  readonly #documents = new AcceptedDocuments();
  readonly #rejections = new Rejections();
  #seen: RouteHead | null = null;
  #source: 'none' | 'snapshot' | 'live' = 'none';
  #queue: unknown[] = [];
  /** A whole state that was read is on its way into the table. */
  #isTaking = false;
  #subscribed = false;
  #reading: Promise<void> | null = null;
  #readAgain = false;
  #stopCheck: (() => void) | null = null;
  #stopRetry: (() => void) | null = null;
  #stopLook: (() => void) | null = null;
  #unlisten: (() => void) | null = null;
  #storeDown = false;
  #closed = false;
  #knownCurrentAtMs: number;

  constructor(options: RouteSyncOptions) {
    this.#options = options;
    this.#knownCurrentAtMs = options.clock.now();
  }

  /** Since the routes were last known to be those of the store; when they never were, since the start. */
  get ageMs(): number {
    return Math.max(0, this.#options.clock.now() - this.#knownCurrentAtMs);
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
    return { epoch: this.#seen.epoch, revision: this.#rejections.applied(this.#seen.revision) };
  }

  /** What the control plane is told of how far this is. */
  get told(): Pick<ProxyReport, 'applied' | 'seenRevision' | 'rejected' | 'lastRejection'> {
    const { applied, lastRejection } = this;
    const progress = this.#seen === null ? { seenRevision: null, rejected: [] } : this.#rejections.told(this.#seen.revision);
    return { applied, lastRejection, ...progress };
  }

  get lastRejection(): Rejection | null {
    return this.#rejections.last;
  }

  get documents(): AcceptedDocuments {
    return this.#documents;
  }

  /** Resolves after the first attempt to read the state, successful or not; further attempts go on until {@link close}. */
  async start(): Promise<void> {
    this.#unlisten = this.#options.bus.onConnection((connected) => {
      if (connected) void this.#check({ anyLost: true });
    });
    this.#scheduleCheck();
    await this.#resync();
  }

  /** Takes the snapshot on disk, unless the store has been read meanwhile, or is just being taken: false then. */
  loadSnapshot(snapshot: RouteSnapshot): boolean {
    if (this.#source !== 'none' || this.#isTaking) return false;
    for (const document of snapshot.documents) this.#put(keyOf(document), document, JSON.stringify(document), false);
    this.#seen = { epoch: snapshot.epoch, revision: snapshot.revision };
    this.#source = 'snapshot';
    this.#options.onChange();
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#stopCheck?.();
    this.#stopRetry?.();
    this.#stopLook?.();
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
    else this.#put(step.key, parsed.value.document, JSON.stringify((input as { document: unknown }).document), true);
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
      this.#isTaking = true;
      if (snapshot !== null) await this.#takeAll(snapshot);
    } catch (error) {
      if (this.#closed) return;
      if (!this.#storeDown) log.warn({ err: error }, 'the route store does not answer; routing goes on with what is known');
      this.#storeDown = true;
      this.#retryLater();
    } finally {
      this.#isTaking = false;
    }
  }

  /** Changes that arrive meanwhile wait in the queue. Until all is taken, `seen` stays where it was: nobody is told too much. */
  async #takeAll(snapshot: RawSnapshot): Promise<void> {
    const seen = this.#seen;
    const sameStream = seen !== null && seen.epoch === snapshot.epoch;
    if (sameStream && snapshot.revision < seen.revision) return; // an older state of what we know
    const foreign = seen !== null && !sameStream;
    if (foreign) this.#rejections.clear();
    // Revisions of two epochs cannot be compared: what stays of the former one is older than anything.
    const heldOf = (key: string): number | null => (foreign && this.#heldRevision(key) !== null ? 0 : this.#heldRevision(key));
    let taken = 0;
    for (const [key, json] of snapshot.documents) {
      taken += 1;
      if (taken % DOCUMENTS_IN_ONE_GO === 0) await new Promise((resolve) => setImmediate(resolve));
      if (this.#closed) return;
      // What is known need not be read or compiled again.
      if (sameStream && this.#documents.isSame(key, json) && !this.#rejections.has(key)) continue;
      const raw = parseJson(json);
      const parsed = parseRouteDocument(raw);
      if (!parsed.ok) {
        this.#reject(key, readRevision(raw) ?? snapshot.revision, parsed.reason, heldOf(key));
        continue;
      }
      if (keyOf(parsed.value) !== key) {
        this.#reject(key, parsed.value.revision, `the document is of ${keyOf(parsed.value)}`, heldOf(key));
        continue;
      }
      this.#put(key, parsed.value, json, sameStream && parsed.value.revision > seen.revision, heldOf(key));
    }
    for (const key of [...this.#documents.keys(), ...this.#rejections.keys()]) if (!snapshot.documents.has(key)) this.#remove(key);
    this.#seen = { epoch: snapshot.epoch, revision: snapshot.revision };
    if (this.#source !== 'live' || foreign)
      this.#options.log.info({ ...this.#seen, apps: this.#documents.size }, 'routes read from the store');
    this.#source = 'live';
    this.#knownCurrentAtMs = this.#options.clock.now();
    this.#options.onChange();
  }

  #put(key: string, document: RouteDocument, json: string, isNews: boolean, heldRevision = this.#heldRevision(key)): void {
    if (isNews) this.#options.watcher?.came(document);
    try {
      this.#options.sink.put(key, document, json);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (isNews) this.#options.watcher?.refused(document, reason);
      this.#reject(key, document.revision, reason, heldRevision);
      return;
    }
    this.#documents.set(key, document.revision, json);
    this.#rejections.delete(key);
  }

  #remove(key: string): void {
    this.#options.sink.remove(key);
    this.#documents.delete(key);
    this.#rejections.delete(key);
  }

  #heldRevision(key: string): number | null {
    return this.#documents.revisionOf(key);
  }

  #reject(key: string, revision: number, reason: string, heldRevision = this.#heldRevision(key)): void {
    const at = new Date(this.#options.clock.now()).toISOString();
    const isNew = this.#rejections.add({ revision, key: key.slice(0, MAX_KEY), reason: reason.slice(0, MAX_REASON), at }, heldRevision);
    this.#options.onRejection();
    if (isNew) this.#options.log.warn({ key, revision, reason }, 'route document rejected; the former one stays');
  }

  /** `anyLost`: what was published while there was no connection does not come any more. */
  async #check({ anyLost } = { anyLost: false }): Promise<void> {
    if (this.#closed || this.#reading !== null) return;
    if (this.#source !== 'live' || !this.#subscribed) {
      await this.#resync();
      return;
    }
    try {
      const head = await this.#options.bus.head();
      const seen = this.#seen;
      if (head === null || seen === null || this.#closed) return;
      if (head.epoch !== seen.epoch || (anyLost && head.revision > seen.revision)) await this.#resync();
      else if (head.revision > seen.revision) this.#lookAgain(head, seen);
      else this.#knownCurrentAtMs = this.#options.clock.now();
    } catch {
      // The next look comes anyway, and the connection is reported elsewhere.
    }
  }

  /**
   * Changes may be on their way. As long as any come, nothing is missing that would not show as a gap; only when none does, the last ones
   * are lost. Reading a large table whenever the head is a step ahead would be most of the work where routes change all the time.
   */
  #lookAgain(head: RouteHead, seen: RouteHead): void {
    const atMs = this.#options.clock.now();
    this.#stopLook?.();
    this.#stopLook = this.#options.clock.after(ON_THE_WAY_MS, () => {
      this.#stopLook = null;
      if (this.#seen === seen) void this.#resync();
      else if (this.#seen?.epoch === head.epoch && this.#seen.revision >= head.revision)
        this.#knownCurrentAtMs = Math.max(this.#knownCurrentAtMs, atMs);
    });
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
