import type { MeasurementFrame, Parsed, ProxyReport, RouteChange, RouteHead, RouteSnapshot } from '@app-fabric/contracts';

/**
 * The way of routes from control plane to proxies, and of reports back. Two transports: ioredis and in-process.
 * At-most-once delivery of messages is assumed (Redis pub/sub): whoever listens must be able to see a gap and read the state again.
 * Every method that talks to the transport rejects with {@link BusUnavailableError} when it cannot be reached; none hangs for longer than 2 s.
 */
export interface PublisherBus {
  /** The head as stored with the routes; `null` when nothing was ever published, or something of what is stored was lost. */
  head(): Promise<RouteHead | null>;
  /**
   * Atomically stores the app's document, moves the head and tells the subscribers. False, and nothing is changed, when the stored head is
   * not `previous` of the same epoch: something was lost, or somebody else publishes, and one more step would hide it.
   */
  publish(change: RouteChange): Promise<boolean>;
  /**
   * Atomically replaces everything stored by `snapshot` and tells the subscribers to read it again. False, and nothing is changed, when
   * {@link head} is not `expected` any more: whoever was paused since it looked cannot turn the clock back.
   */
  replaceAll(snapshot: RouteSnapshot, expected: RouteHead | null): Promise<boolean>;
  /** The proxies whose last report is less than 10 s old. */
  proxies(): Promise<ProxyReport[]>;
  /** Calls back for each report as it comes, unparsed reports dropped. Returns the unsubscribe. */
  onReport(listener: (report: ProxyReport) => void): () => void;
  /** The oldest frames that were not removed, in the order in which they came. One that is malformed is listed with the reason. */
  measurements(limit: number): Promise<StoredFrame[]>;
  /** They are accounted for. Until then they are kept, as far as there is room for them. */
  removeMeasurements(ids: readonly string[]): Promise<void>;
  /** True while the transport is connected. */
  readonly connected: boolean;
  onConnection(listener: (connected: boolean) => void): () => void;
  close(): Promise<void>;
}

/** A frame of measurements on the bus. */
export interface StoredFrame {
  /** Names it until it is removed. */
  id: string;
  /** How long it has been on the bus, by the bus's own clock. */
  storedMs: number;
  frame: Parsed<MeasurementFrame>;
}

/** What a data plane needs. `message` values are unparsed: the receiver decides whether it accepts them. */
export interface SubscriberBus {
  /** Resolves when changes are being received, so that a state read afterwards misses nothing. Survives reconnects by itself. */
  subscribe(listener: (message: RouteMessage) => void): Promise<void>;
  head(): Promise<RouteHead | null>;
  /** Everything stored; consistent (one transaction). `null` when nothing was ever published. */
  readAll(): Promise<RawSnapshot | null>;
  report(report: ProxyReport): Promise<void>;
  /** Resolves when the frame is stored. After a rejection it may be stored or not: send it again, it is not counted twice. */
  sendMeasurements(frame: MeasurementFrame): Promise<void>;
  readonly connected: boolean;
  onConnection(listener: (connected: boolean) => void): () => void;
  close(): Promise<void>;
}

/** `change` is one unparsed RouteChange; `reset` says that everything must be read again. */
export type RouteMessage = { type: 'change'; change: unknown } | { type: 'reset' };

export interface RawSnapshot extends RouteHead {
  /** By app key, each as the JSON text that is stored: a large state is several times as large once it is parsed. */
  documents: Map<string, string>;
}

export class BusUnavailableError extends Error {
  readonly code = 'bus_unavailable';
}
