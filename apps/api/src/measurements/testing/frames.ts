import type { ErrorSample, MeasuredSeries, MeasurementFrame } from '@app-fabric/contracts';
import { type Ended, Meter } from '@app-fabric/measurement';

export const OK: Ended = { status: 200, proxyError: null, cut: false, bytesIn: 5, bytesOut: 100, latencyMs: 20, upstreamMs: 10 };
export const FAILED: Ended = { ...OK, status: 502, proxyError: 'upstream_reset' };

export type SeriesPlace = Pick<MeasuredSeries, 'namespace' | 'app' | 'service' | 'version' | 'instance'>;

export function placeOf(app: string, version: number | null, instance: string | null = null, service = 'cart'): SeriesPlace {
  return { namespace: 'default', app, service, version, instance };
}

/** A process of a proxy, as far as frames go. */
export class FakeSource {
  private sequence = 0;
  private readonly meters = new Map<string, { id: number; place: SeriesPlace; meter: Meter }>();
  private pending: ErrorSample[] = [];

  constructor(
    readonly source: string,
    private readonly uptimeMs = 60_000,
  ) {}

  /** The version's series, and the instance's where there is one. */
  count(place: SeriesPlace, ...ended: Ended[]): void {
    for (const one of ended) {
      this.meterOf({ ...place, instance: null }).end(one);
      if (place.instance !== null) this.meterOf(place).end(one);
    }
  }

  meterOf(place: SeriesPlace): Meter {
    const key = JSON.stringify(place);
    const known = this.meters.get(key) ?? { id: this.meters.size, place, meter: new Meter() };
    this.meters.set(key, known);
    return known.meter;
  }

  sample(place: SeriesPlace, patch: Partial<ErrorSample> = {}): void {
    this.pending.push({
      ageMs: 0,
      ...place,
      status: 502,
      code: 'upstream_reset',
      method: 'GET',
      pathTemplate: '/orders/{}',
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      requestId: 'request-1',
      ...patch,
    });
  }

  frame(patch: Partial<MeasurementFrame> = {}): MeasurementFrame {
    this.sequence += 1;
    const series = [...this.meters.values()].map(({ id, place, meter }) => ({
      id,
      ...place,
      inFlight: meter.inFlight,
      measures: meter.read(),
    }));
    const errors = this.pending;
    this.pending = [];
    const { source, sequence, uptimeMs } = this;
    return { format: 1, proxyId: 'proxy-1', source, sequence, uptimeMs, ageMs: 0, series, errors, ...patch };
  }
}
