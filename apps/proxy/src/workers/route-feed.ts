import type { RouteDocument } from '@app-fabric/contracts';
import { checkApp } from '@app-fabric/routing';
import { NOTHING_ROUTED, type RouteStanding } from '../request-side.js';
import type { RouteSink } from '../table/route-sync.js';
import type { ToWorker } from './messages.js';

/** In one message: a large table must not become one long message that holds both ends up. */
const DOCUMENTS_PER_MESSAGE = 200;
const CHARACTERS_PER_MESSAGE = 1024 * 1024;

/** The routes as of one moment. Later ones have higher numbers. */
export interface Step {
  readonly number: number;
  readonly standing: RouteStanding;
  readonly hasTable: boolean;
}

export const NO_STEP: Step = { number: 0, standing: NOTHING_ROUTED, hasTable: false };

/** Keeps the accepted routes for workers: those that are there, and those that come later and begin with everything. */
export class RouteFeed implements RouteSink {
  /** As JSON text: the very strings that the sync keeps. */
  readonly #documents = new Map<string, string>();
  readonly #followers = new Set<RouteFollower>();
  #current = NO_STEP;

  get current(): Step {
    return this.#current;
  }

  /** Checked here to be refused here: what workers are given, each of them can compile. */
  put(key: string, document: RouteDocument, json: string): void {
    checkApp(document.routes);
    this.#documents.set(key, json);
    for (const follower of this.#followers) follower.note(key, json);
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
    for (const [key, json] of this.#documents) follower.note(key, json);
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
  readonly #waiting = new Map<string, string | null>();
  /** What is on its way, `null`: a part of a step. */
  #sent: Step | null = null;
  #isSending = false;

  constructor(send: (message: ToWorker) => void, current: () => Step, startsAt: Step) {
    this.#send = send;
    this.#current = current;
    this.applied = startsAt;
  }

  /** `null`: the app is gone. */
  note(key: string, json: string | null): void {
    this.#waiting.set(key, json);
  }

  /** Sends what the worker lacks. To be called when a step is complete. */
  flush(): void {
    const current = this.#current();
    if (this.#isSending || (this.hasApplied && this.applied === current)) return;
    const put: string[] = [];
    const removed: string[] = [];
    let characters = 0;
    for (const [key, json] of this.#waiting) {
      if (put.length + removed.length >= DOCUMENTS_PER_MESSAGE || characters >= CHARACTERS_PER_MESSAGE) break;
      if (json === null) removed.push(key);
      else put.push(json);
      characters += json?.length ?? key.length;
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
