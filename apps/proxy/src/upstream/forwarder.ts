import type { AddressInfo, Socket } from 'node:net';
import type { Asked } from '../http/asked.js';
import type { RequestFields } from '../http/fields.js';
import type { Problem, RenderedProblem } from '../http/problems.js';
import type { InstanceState } from './instance.js';

/**
 * What moves bytes: it owns the connections of clients and of instances, and knows nothing of versions. Everything else – which
 * instance, which headers, what an error looks like, what is counted – it asks of the {@link Gateway}.
 */
export interface Forwarder {
  /** Rejects when the address cannot be had. */
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Takes a connection that another process has accepted, as one of its own, or closes it where there are too many. False: no more are taken. */
  accept(socket: Socket): boolean;
  /** Clients' connections that are open. */
  readonly connections: number;
  /** The instance has left the table: idle connections to it are closed, busy ones are not used again. */
  release(instance: InstanceState): void;
  /**
   * Lets what runs finish for at most `graceMs`, then cuts it off. For the first `lameDuckMs` of it, new requests are still answered, each as the last
   * on its connection: whoever has one in flight does not meet a closed door. Nobody connected: nobody is waited for.
   */
  close(graceMs: number): Promise<void>;
}

export type CreateForwarder = (gateway: Gateway, limits: ForwarderLimits) => Forwarder;

/** Decides about requests. Called by a forwarder; never throws. */
export interface Gateway {
  /** Called once for each request head. The result's `end` is called exactly once. */
  open(head: RequestHead): Exchange | Refusal;
  /** The answer to what is no request: a broken head, a timeout before the head was complete. */
  refuseUnparsed(problem: Problem): RenderedProblem;
}

/** Valid during {@link Gateway.open} only. */
export interface RequestHead {
  method: string;
  /** The request target as on the wire. */
  target: string;
  fields: RequestFields;
  remoteAddress: string;
  encrypted: boolean;
  /**
   * What the gateway has read out of it, and puts here. A forwarder may leave it for the next head of the same connection when that has the very same
   * bytes; for any other head it is `null`.
   */
  asked: Asked | null;
}

/** A request that the proxy answers itself. */
export interface Refusal {
  kind: 'refusal';
  answer: RenderedProblem;
  /** @param status sent to the client; 0 when it left before the answer */
  end(status: number): void;
}

/** A request on its way to an instance. */
export interface Exchange {
  kind: 'exchange';
  /** Where the next attempt goes. */
  readonly instance: InstanceState;
  /** Path and query for the instance, as sent by the client. */
  readonly path: string;
  /** Field lines, each with its CRLF, that replace the client's of the same names: those that are one and the same string whenever the head is the same. */
  readonly sharedLines: string;
  /** The others, which another attempt may have others of. */
  readonly requestLines: string;
  /** As well; they stand in every answer, whoever made it, and replace the instance's of the same names. */
  readonly answerLines: string;
  /** The request is to be copied; `null`: it is not. */
  readonly copy: RequestCopy | null;
  /** After a failed attempt that may be repeated without anything being done twice. True when `instance` now says where to try again. */
  retry(failure: RetryableFailure): boolean;
  /** The answer when there is nothing left to try. */
  problem(problem: Problem): RenderedProblem;
  end(result: ExchangeResult): void;
}

/** A copy of a request for another version. Whatever becomes of it, the original does not feel it. */
export interface RequestCopy {
  /** With a larger body there is no copy. */
  readonly maxBodyBytes: number;
  /** Called at most once, when the request's body is whole. `null`: it has none. */
  send(body: Buffer | null): void;
}

/** `stale_connection`: a kept connection was closed by the instance just when it was used again. */
export type RetryableFailure = 'connect_failed' | 'stale_connection' | 'reset';

export interface ExchangeResult {
  /** Status sent to the client; 0 when the connection ended before an answer. */
  status: number;
  /** How it ended: a whole answer; an answer cut short by the instance; by the proxy, because it took too long; the client went away. */
  outcome: 'complete' | 'cut' | 'late' | 'client_gone';
  /** Of the bodies, as on the wire; of an upgraded connection, what passed after the upgrade. */
  bytesIn: number;
  bytesOut: number;
}

/** Every bound of the data path. Times in milliseconds; 0 switches a limit off only where it says so. */
export interface ForwarderLimits {
  /** Request line and headers together → 431. */
  headBytes: number;
  /** Request target → 414. */
  targetBytes: number;
  /** Request body → 413. 0: no limit. */
  bodyBytes: number;
  /** Until the head of a request is complete → 408. */
  headTimeoutMs: number;
  /** How long a client's connection may rest between two requests. */
  clientIdleMs: number;
  /** Until an instance has accepted the connection → 502. */
  connectTimeoutMs: number;
  /** From the last byte of the request to the head of the answer → 504. */
  responseTimeoutMs: number;
  /** From the head of a request to the end of its answer; 0: no limit. Not for upgraded connections. → 408 while its body comes, then 504; an answer that has begun is cut. */
  requestTimeoutMs: number;
  /** A request's body must come at least so fast, after a time as long as `headTimeoutMs` → 408; 0: no limit. Waiting for the instance does not count, and neither does what comes when the answer has begun. */
  minBodyBytesPerSecond: number;
  /** Longest silence inside a body, either way. */
  streamIdleMs: number;
  /** Longest silence on an upgraded connection. */
  tunnelIdleMs: number;
  /** How long a connection to an instance is kept for the next request; shortened by the instance's own `Keep-Alive: timeout`. */
  instanceIdleMs: number;
  connectionsPerInstance: number;
  /** Requests that may wait for one of them to come free; more are answered with 503. */
  queuePerInstance: number;
  /** How long they wait → 503. */
  queueTimeoutMs: number;
  clientConnections: number;
  /** After the beginning of a stop, how long new requests are still taken. */
  lameDuckMs: number;
}

/** Attempts for one request, the first included: it is tried once more. */
export const MAX_ATTEMPTS = 2;

/** RFC 9110 §9.2.2: sending it twice has the effect of sending it once. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
