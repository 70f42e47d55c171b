import type { Ended } from '@app-fabric/measurement';
import { ProxyMetrics } from '../metrics/proxy-metrics.js';
import { FrameSource } from './frame-source.js';
import { TrafficMeters } from './traffic-meters.js';

const OK: Ended = { status: 200, proxyError: null, cut: false, bytesIn: 0, bytesOut: 0, latencyMs: 1, upstreamMs: 1 };
const CART = { namespace: 'default', app: 'shop', service: 'cart' };

function bench() {
  const meters = new TrafficMeters(
    new ProxyMetrics({ inFlight: () => 0, inFlightByRoute: () => [], ejected: () => [], unmeasured: () => 0 }),
  );
  let now = 5_000;
  const source = new FrameSource(meters, () => now);
  const advance = (ms: number) => {
    now += ms;
  };
  return { meters, source, advance };
}

describe('FrameSource', () => {
  it('says nothing while there is nothing to say', () => {
    const { source } = bench();
    for (let second = 0; second < 200; second += 1) expect(source.take()).toEqual([]);
  });

  it('says what was counted, cumulative, of versions and instances, numbered', () => {
    const { meters, source, advance } = bench();
    const version = meters.versionOf(CART, 1);
    const instance = meters.instanceOf(version, 'a')!;
    version.meter.end(OK);
    instance.meter.end(OK);
    advance(1_500);
    const [frame, ...more] = source.take();
    expect(more).toEqual([]);
    expect(frame).toMatchObject({ sequence: 1, uptimeMs: 1_500, errors: [] });
    expect(frame!.series).toMatchObject([
      { ...CART, version: 1, instance: null, measures: { status: [0, 0, 1, 0, 0, 0] } },
      { ...CART, version: 1, instance: 'a', measures: { status: [0, 0, 1, 0, 0, 0] } },
    ]);
    version.meter.end(OK);
    expect(source.take()).toMatchObject([{ sequence: 2, series: [{ measures: { status: [0, 0, 2, 0, 0, 0] } }, {}] }]);
  });

  it('says it again for a while, then once a minute: a lost frame loses nothing', () => {
    const { meters, source } = bench();
    meters.versionOf(CART, 1).meter.end(OK);
    const said = Array.from({ length: 180 }, () => source.take().length);
    expect(said.slice(0, 16)).toEqual(new Array(16).fill(1));
    expect(said.slice(16).reduce((a, b) => a + b, 0)).toBe(3);
  });

  it('goes on for as long as a request is in flight', () => {
    const { meters, source } = bench();
    const { meter } = meters.versionOf(CART, null);
    meter.inFlight = 1;
    for (let second = 0; second < 100; second += 1) expect(source.take()).toMatchObject([{ series: [{ version: null, inFlight: 1 }] }]);
  });

  it('gives up what has been idle for an hour; what comes again is another series, so nothing is counted from the old one', () => {
    const { meters, source } = bench();
    const version = meters.versionOf(CART, 1);
    meters.instanceOf(version, 'a')!.meter.end(OK);
    version.meter.end(OK);
    for (let second = 0; second < 3_700; second += 1) source.take();
    expect([...meters.all()]).toEqual([]);
    const again = meters.versionOf(CART, 1);
    expect([again.id === version.id, again.meter.ended]).toEqual([false, 0]);
  });

  it('invariant 9: many series make many frames, none of them large', () => {
    const { meters, source } = bench();
    for (let number = 1; number <= 3_000; number += 1)
      for (let ms = 1; ms < 100; ms += 10) meters.versionOf(CART, number).meter.end({ ...OK, latencyMs: ms });
    const frames = source.take();
    expect(frames.flatMap(({ series }) => series)).toHaveLength(3_000);
    expect(frames.map(({ sequence }) => sequence)).toEqual(frames.map((_, index) => index + 1));
    for (const frame of frames) expect(JSON.stringify(frame).length).toBeLessThan(128 * 1_024);
  });

  it('invariant 9: too many versions and instances share one, which is nobody’s', () => {
    const { meters } = bench();
    for (let number = 1; number <= 10_000; number += 1) meters.versionOf(CART, number);
    const one = meters.versionOf(CART, 10_001);
    expect(one).toBe(meters.overflow);
    expect([...meters.all()]).toHaveLength(10_000);
    expect(meters.instanceOf(one, 'a')).toBeNull();
  });

  it('invariant 9: samples errors, not too many of one version, and none twice', () => {
    const { source, advance } = bench();
    const error = { ...CART, instance: 'a', status: 500, code: null, method: 'GET', pathTemplate: '/', traceId: null, requestId: 'r' };
    for (let version = 1; version <= 20; version += 1)
      for (let count = 0; count < 50; count += 1) source.failed({ ...error, version, endedAtMs: 5_000 });
    advance(300);
    const [frame] = source.take();
    expect(frame!.errors).toHaveLength(50);
    expect(frame!.errors.filter(({ version }) => version === 1)).toHaveLength(10);
    expect(frame!.errors[0]).toEqual({ ...error, version: 1, ageMs: 300 });
    expect(source.take()).toEqual([]);
  });
});
