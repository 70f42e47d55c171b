import { ANSWER_CUT, isError } from '@app-fabric/measurement';
import type { ExchangeResult } from '../upstream/forwarder.js';
import type { VersionSeries } from './traffic-meters.js';
import { type RequestRecord, TrafficRecorder } from './traffic-recorder.js';

/** Counts nothing of requests, for a proxy that is to be nothing but a proxy. Whether one was an error is still said, for the log. */
export class UncountedTraffic extends TrafficRecorder {
  override begin(series: VersionSeries, instance: string, startedAt: number): RequestRecord {
    return { series, metered: null, instance, startedAt, attemptAt: startedAt, proxyError: null };
  }

  override again(record: RequestRecord, instance: string): void {
    record.instance = instance;
  }

  override end(record: RequestRecord, { status, outcome }: ExchangeResult): boolean {
    return isError(status, outcome === 'cut' ? ANSWER_CUT : record.proxyError);
  }

  override refused(_series: VersionSeries | null, status: number, code: string): boolean {
    return isError(status, code);
  }
}
