import type { Measures } from '@app-fabric/measurement';

/**
 * What one process of a proxy has counted, sent every second. Values are cumulative since the start of the series: a frame that is lost
 * loses nothing, the next one says the same and more. Times are ages, so that no two clocks need to agree.
 */
export interface MeasurementFrame {
  format: 1;
  /** The proxy. */
  proxyId: string;
  /** The process that has counted, anew at each start: numbers of two sources are never compared. */
  source: string;
  /** 1 and up, one more with each frame of the source. */
  sequence: number;
  /** How long the source lives. */
  uptimeMs: number;
  /** How long before it was sent the frame was made. */
  ageMs: number;
  series: MeasuredSeries[];
  /** A sample of what went wrong since the frame before. */
  errors: ErrorSample[];
}

export interface MeasuredSeries {
  /** Among the series of this source. A series that was given up and came back has another one. */
  id: number;
  namespace: string;
  app: string;
  service: string;
  /** Null: no version was chosen. */
  version: number | null;
  /** Null: the version as a whole, whatever the instance. Instances are counted beside, not instead. */
  instance: string | null;
  /** Requests that have not ended, now. */
  inFlight: number;
  measures: Measures;
}

/** One request that ended as an error. */
export interface ErrorSample {
  /** How long before the frame was made the request ended. */
  ageMs: number;
  namespace: string;
  app: string;
  service: string;
  version: number | null;
  instance: string | null;
  /** Sent to the client. */
  status: number;
  /** Of the failure that the proxy made; null: the answer is the instance's. */
  code: string | null;
  method: string;
  /** The path with what varies taken out, e.g. `/orders/{}`. */
  pathTemplate: string;
  traceId: string | null;
  requestId: string;
}

/** `characters`: of the JSON. */
export const FRAME_BOUNDS = { series: 1_000, errors: 50, codes: 65, characters: 256 * 1024 } as const;
