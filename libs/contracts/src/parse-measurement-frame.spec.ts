import { type Ended, Meter } from '@app-fabric/measurement';
import fc from 'fast-check';
import type { MeasurementFrame } from './measurement-frame.js';
import { parseMeasurementFrame } from './parse-measurement-frame.js';

const OK: Ended = { status: 200, proxyError: null, cut: false, bytesIn: 1, bytesOut: 2, latencyMs: 3, upstreamMs: 2 };

function frame(): MeasurementFrame {
  const meter = new Meter();
  for (const one of [OK, OK, { ...OK, status: 502, proxyError: 'upstream_reset' }]) meter.end(one);
  const place = { namespace: 'default', app: 'shop', service: 'cart', version: 2, instance: 'a' };
  return {
    format: 1,
    proxyId: 'proxy-1',
    source: '5f0c0c9e-3a53-4f0e-8c53-0d6a1c1d7f7e',
    sequence: 7,
    uptimeMs: 12_345.5,
    ageMs: 0,
    series: [
      { id: 1, ...place, inFlight: 4, measures: meter.read() },
      { id: 2, ...place, version: null, instance: null, inFlight: 0, measures: new Meter().read() },
    ],
    errors: [
      {
        ageMs: 12.5,
        ...place,
        status: 502,
        code: 'upstream_reset',
        method: 'GET',
        pathTemplate: '/orders/{}',
        traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
        requestId: 'r-1',
      },
    ],
  };
}

/** A frame with one place changed; `path` as in `series.0.id`. */
function changed(path: string, value: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(frame())) as Record<string, unknown>;
  const steps = path.split('.');
  const last = steps.pop() as string;
  let at = copy;
  for (const step of steps) at = at[step] as Record<string, unknown>;
  at[last] = value;
  return copy;
}

describe('parseMeasurementFrame', () => {
  it('takes a frame as it was sent', () => {
    expect(parseMeasurementFrame(JSON.parse(JSON.stringify(frame())))).toEqual({ ok: true, value: frame() });
  });

  it('ignores what it does not know', () => {
    expect(parseMeasurementFrame(changed('colour', 'red'))).toEqual({ ok: true, value: frame() });
  });

  const counts = 'series.0.measures.latency.counts';
  const bad: [path: string, value: unknown, reason: RegExp][] = [
    ['format', 2, /frame.format must be 1/],
    ['proxyId', 'a b', /proxyId must be a name/],
    ['source', '', /source must be a name/],
    ['source', "x'; DROP TABLE", /source must be a name/],
    ['sequence', 0, /sequence/],
    ['sequence', 2 ** 53, /sequence/],
    ['uptimeMs', -1, /uptimeMs/],
    ['ageMs', Number.POSITIVE_INFINITY, /ageMs/],
    ['ageMs', null, /ageMs/],
    ['series', {}, /series must be a list/],
    ['series', new Array(1_001).fill(null), /at most 1000/],
    ['series.1.id', 1, /names 1 twice/],
    ['series.0.id', -1, /id/],
    ['series.0.namespace', '', /namespace must be a name/],
    ['series.0.app', '_other', /app must be a name/],
    ['series.0.version', 0, /version/],
    ['series.0.version', '2', /version/],
    ['series.0.instance', undefined, /instance must be a name/],
    ['series.0.inFlight', -1, /inFlight/],
    ['series.0.measures', null, /measures must be an object/],
    ['series.0.measures.status', [0, 0, 3], /must have 6 entries/],
    ['series.0.measures.status.2', -1, /status\[2\]/],
    ['series.0.measures.status.2', 1.5, /status\[2\]/],
    ['series.0.measures.status', new Array(6).fill(2 ** 53 - 1), /beyond what can be counted/],
    ['series.0.measures.errors', 4, /errors must be a whole number from 0 to 3/],
    ['series.0.measures.proxyErrors', { upstream_reset: 4 }, /from 1 to 3/],
    ['series.0.measures.proxyErrors', { 'Bad Code': 1 }, /must be a code/],
    ['series.0.measures.proxyErrors', JSON.parse('{"__proto__": 1}'), /must be a code/],
    ['series.0.measures.proxyErrors', Object.fromEntries(Array.from({ length: 66 }, (_, index) => [`c${index}`, 1])), /at most 65/],
    ['series.0.measures.bytesIn', '1', /bytesIn/],
    ['series.0.measures.weighted', -1, /weighted/],
    ['series.0.measures.latency.sumUs', -1, /sumUs/],
    [counts, [5], /must be pairs/],
    [counts, [5, 0], /must be above 0/],
    [counts, [5, 1, 5, 1], /above the one before/],
    [counts, [9, 1, 5, 1], /above the one before/],
    [counts, [896, 1], /below 896/],
    [counts, [5, 4], /holds 4 values of 3 requests/],
    [counts, new Array(1_793).fill(0), /at most 1792/],
    ['errors', new Array(51).fill(null), /at most 50/],
    ['errors.0.status', 1_000, /status/],
    ['errors.0.code', 'A', /must be a code/],
    ['errors.0.method', 'GET /', /method/],
    ['errors.0.pathTemplate', '/a\0b', /pathTemplate must be a path/],
    ['errors.0.pathTemplate', `/${'a'.repeat(256)}`, /pathTemplate must be a path/],
    ['errors.0.traceId', 'xyz', /trace id/],
    ['errors.0.requestId', 'a\nb', /requestId/],
  ];
  it.each(bad)('refuses %s = %j', (path, value, reason) => {
    const parsed = parseMeasurementFrame(changed(path, value));
    expect(parsed.ok ? 'accepted' : parsed.reason).toMatch(reason);
  });

  it('never throws, whatever comes', () => {
    fc.assert(fc.property(fc.jsonValue(), (input) => typeof parseMeasurementFrame(input).ok === 'boolean'));
    const places = ['series', 'series.0', 'series.0.measures', 'series.0.measures.status', counts, 'errors', 'errors.0', 'sequence'];
    fc.assert(
      fc.property(
        fc.constantFrom(...places),
        fc.jsonValue(),
        (path, value) => typeof parseMeasurementFrame(changed(path, value)).ok === 'boolean',
      ),
    );
  });
});
