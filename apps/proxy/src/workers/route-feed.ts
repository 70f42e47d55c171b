import type { RouteDocument } from '@app-fabric/contracts';
import { compileApp } from '@app-fabric/routing';
import { NOTHING_ROUTED, type RouteStanding } from '../request-side.js';
import type { RouteSink } from '../table/route-sync.js';
import { InstanceState } from '../upstream/instance.js';
import type { ToWorker } from './messages.js';

/** Documents in one message: a large table must not become one long message that holds both ends up. */
const DOCUMENTS_PER_MESSAGE = 200;

/** The routes as of one moment. Later ones have higher numbers. */
export interface Step {
  readonly number: number;
  readonly standing: RouteStanding;
  readonly hasTable: boolean;
}

export const NO_STEP: Step = { number: 0, standing: NOTHING_ROUTED, hasTable: false };

/** Keeps the accepted routes for workers: those that are there, and those that come later and begin with everything. */
export class RouteFeed implements RouteSink {
  readonly #documents = new Map<string, RouteDocument>();
  readonly #followers = new Set<RouteFollower>();
  #current = NO_STEP;

  get current(): Step {
    return this.#current;
  }

  /** Compiled here to be refused here: what workers are given, each of them can compile. */
  put(key: string, document: RouteDocument): void {
    compileApp(document.routes, (ref) => new InstanceState(ref));
    this.#documents.set(key, document);
    for (const follower of this.#followers) follower.note(key, document);
  }

  remove(key: string): void {
    this.#documents.delete(key);
    for (const follower of this.#followers) follower.note(key, null);
  }

  stepDone(standing: RouteStanding, hasTable: boolean): void {
    this.#current = { number: this.#current.number + 1, standing, hasTable };
    for (const follower of this.#followers) follower.flush();
  }

  follow(send: (message: ToWorker) => void, startsAt: Step): RouteFollower {
    const follower = new RouteFollower(send, () => this.#current, startsAt);
    for (const [key, document] of this.#documents) follower.note(key, document);
    this.#followers.add(follower);
    follower.flush();
    return follower;
  }

  unfollow(follower: RouteFollower): void {
    this.#followers.delete(follower);
  }
}

/**
 * One worker's way to the current step. One message is on its way at a time; what changes meanwhile waits, each app once, so a worker that is
 * slow costs no more memory than there are apps.
 */
export class RouteFollower {
  /** The last step that the worker routes by; before its first one, where the proxy stood when the worker was started. */
  applied: Step;
  /** The worker has answered for a whole step. */
  hasApplied = false;
  readonly #send: (message: ToWorker) => void;
  readonly #current: () => Step;
  readonly #waiting = new Map<string, RouteDocument | null>();
  /** What is on its way, `null`: a part of a step. */
  #sent: Step | null = null;
  #isSending = false;

  constructor(send: (message: ToWorker) => void, current: () => Step, startsAt: Step) {
    this.#send = send;
    this.#current = current;
    this.applied = startsAt;
  }

  note(key: string, document: RouteDocument | null): void {
    this.#waiting.set(key, document);
  }

  /** Sends what the worker lacks. To be called when a step is complete. */
  flush(): void {
    const current = this.#current();
    if (this.#isSending || (this.hasApplied && this.applied === current)) return;
    const put: RouteDocument[] = [];
    const removed: string[] = [];
    for (const [key, document] of this.#waiting) {
      if (put.length + removed.length >= DOCUMENTS_PER_MESSAGE) break;
      if (document === null) removed.push(key);
      else put.push(document);
      this.#waiting.delete(key);
    }
    const whole = this.#waiting.size === 0;
    this.#isSending = true;
    this.#sent = whole ? current : null;
    this.#send({ type: 'routes', put, removed, whole, hasTable: current.hasTable });
  }

  /** The worker has applied what was sent. */
  acknowledged(): void {
    this.#isSending = false;
    if (this.#sent !== null) {
      this.applied = this.#sent;
      this.hasApplied = true;
    }
    this.flush();
  }
}
