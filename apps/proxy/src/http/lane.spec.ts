import type { RouteChoice } from '@app-fabric/routing';
import { TrafficMeters } from '../measurements/traffic-meters.js';
import { ProxyMetrics } from '../metrics/proxy-metrics.js';
import type { InstanceState } from '../upstream/instance.js';
import { Lanes } from './lane.js';

const CART = { namespace: 'default', app: 'shop', service: 'cart' };

function choice(version: number): RouteChoice<InstanceState> {
  const compiled = { version, versionText: String(version), artifactVersion: `${version}.0.0`, runId: null, instances: [], limiter: null };
  return { ok: true, version: compiled, reason: 'weighted', byAffinity: false };
}

describe('what requests of one choice share', () => {
  const metrics = new ProxyMetrics({ inFlight: () => 0, inFlightByRoute: () => [], unmeasured: () => 0, ejected: () => [] });
  const meters = new TrafficMeters(metrics);
  const lanes = new Lanes(meters);

  it('is made once, and says the version in both directions', () => {
    const first = choice(1);
    const lane = lanes.of(first, CART);
    expect(lanes.of(first, CART)).toBe(lane);
    expect(lane.series).toBe(meters.versionOf(CART, 1));
    expect(lane.attemptStart).toBe('X-App-Version: 1\r\nX-Request-Id: ');
    expect(lane.answerStart).toBe('X-App-Version: 1\r\nX-Artifact-Version: 1.0.0\r\nX-Route-Reason: weighted\r\nX-Request-Id: ');
  });

  it('counts in what is counted, also after its series was given up', () => {
    const second = choice(2);
    const { series } = lanes.of(second, CART);
    meters.forget(() => true);
    expect(lanes.of(second, CART).series).not.toBe(series);
    expect(lanes.of(second, CART).series).toBe(meters.versionOf(CART, 2));
  });
});
