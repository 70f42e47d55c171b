import type { DataPathOptions } from '../data-path.js';
import type { DraftFrame } from '../measurements/frame-source.js';

/** What the primary tells a worker. Both ends are the same program, so nothing is parsed. Order is kept, nothing is lost while both live. */
export type ToWorker =
  /** The first message. */
  | { type: 'start'; options: DataPathOptions; share: number }
  /** `put`: documents as JSON. `whole`: with it the worker has everything of a step. One at a time, answered by `applied`. */
  | { type: 'routes'; put: string[]; removed: string[]; whole: boolean; hasTable: boolean }
  /** Comes with a socket. Answered by `took` before anything is read of it, or by `refused`. */
  | { type: 'connection'; id: number }
  /** The worker's part of what is limited for the proxy as a whole. */
  | { type: 'share'; share: number }
  | { type: 'metrics' }
  | { type: 'frames' }
  /** Let what runs finish, then exit. */
  | { type: 'stop'; graceMs: number };

/** What a worker tells the primary. */
export type FromWorker =
  /** `inFlight` is not older than the routes that it has applied: whoever waits for requests under the former routes finds them in it. */
  | { type: 'applied'; inFlight: Record<string, number> }
  | { type: 'took'; id: number }
  /** It stops, and takes no connections any more. */
  | { type: 'refused' }
  /** Every second. */
  | { type: 'state'; inFlight: Record<string, number>; connections: number }
  | { type: 'metrics'; metrics: object[] }
  /** Also without being asked, when it stops. */
  | { type: 'frames'; frames: DraftFrame[] }
  | { type: 'log'; level: 'info' | 'warn'; fields: object; text: string }
  /** Its last words before it exits. */
  | { type: 'crashed'; reason: string };

export const STATE_EVERY_MS = 1_000;
