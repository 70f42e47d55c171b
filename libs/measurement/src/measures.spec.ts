import fc from 'fast-check';
import { addMeasures, type Measures, noMeasures, requestsOf, subtractMeasures } from './measures.js';
import { type Ended, Meter } from './meter.js';
import { isError } from './outcome.js';
import { summarize } from './summary.js';

const OK: Ended = { status: 200, proxyError: null, cut: false, bytesIn: 1, bytesOut: 10, latencyMs: 2, upstreamMs: 1 };

const ended: fc.Arbitrary<Ended> = fc.record({
  status: fc.constantFrom(0, 101, 200, 204, 301, 404, 429, 500, 502, 503, 599),
  proxyError: fc.constantFrom(null, null, 'upstream_reset', 'throttled', '__proto__'),
  cut: fc.boolean(),
  bytesIn: fc.nat(1_000),
  bytesOut: fc.nat(1_000),
  latencyMs: fc.double({ min: 0, max: 100_000, noNaN: true }),
  upstreamMs: fc.option(fc.double({ min: 0, max: 100_000, noNaN: true })),
});

function measuresOf(requests: readonly Ended[]): Measures {
  const meter = new Meter();
  for (const one of requests) meter.end(one);
  return meter.read();
}

describe('isError, the one definition', () => {
  it.each<[status: number, proxyError: string | null, error: boolean, why: string]>([
    [200, null, false, 'an answer'],
    [404, null, false, 'the client’s fault'],
    [429, 'throttled', false, 'refused on purpose'],
    [413, 'body_too_large', false, 'the client’s fault, said by the proxy'],
    [500, null, true, '5xx of an instance'],
    [599, null, true, '5xx of an instance'],
    [502, 'upstream_connect_failed', true, 'no connection'],
    [504, 'upstream_timeout', true, 'no answer'],
    [503, 'no_instance', true, 'nobody to ask'],
    [200, 'answer_cut', true, 'half an answer'],
    [200, 'answer_late', false, 'the client or the instance was slow'],
    [0, null, false, 'the client left'],
    [0, 'answer_cut', false, 'the client left'],
  ])('status %s, proxy error %s: %s (%s)', (status, proxyError, error) => {
    expect(isError(status, proxyError)).toBe(error);
  });
});

describe('Measures', () => {
  it('add up, whatever the order, and come apart again', () => {
    fc.assert(
      fc.property(fc.array(ended), fc.array(ended), (a, b) => {
        const sum = addMeasures(measuresOf(a), measuresOf(b));
        expect(sum).toEqual(addMeasures(measuresOf(b), measuresOf(a)));
        expect(sum).toEqual(measuresOf([...a, ...b]));
        expect(subtractMeasures(sum, measuresOf(a))).toEqual(measuresOf(b));
        expect(requestsOf(sum)).toBe(a.length + b.length);
      }),
    );
  });

  it('survive JSON', () => {
    fc.assert(
      fc.property(fc.array(ended), (requests) => {
        const measures = measuresOf(requests);
        expect(JSON.parse(JSON.stringify(measures))).toEqual(measures);
      }),
    );
  });

  it.each<[string, Partial<Measures>]>([
    ['requests', { status: [0, 0, 1, 0, 0, 0] }],
    ['errors', { errors: 1 }],
    ['failures', { proxyErrors: { upstream_reset: 1 } }],
    ['bytes', { bytesOut: 1 }],
  ])('a counter that went down (%s) is told', (_name, before) => {
    expect(subtractMeasures(noMeasures(), { ...noMeasures(), ...before })).toBeNull();
  });

  it('invariant 9: codes beyond the first 64 are one', () => {
    const { proxyErrors } = measuresOf(Array.from({ length: 100 }, (_, index) => ({ ...OK, proxyError: `code${index}` })));
    expect([Object.keys(proxyErrors).length, proxyErrors.other]).toEqual([65, 36]);
  });
});

describe('summarize', () => {
  it('rates are fractions; a client that left got no answer, and is no error', () => {
    const requests = [
      ...Array.from({ length: 90 }, () => OK),
      ...Array.from({ length: 5 }, () => ({ ...OK, status: 500 })),
      ...Array.from({ length: 3 }, () => ({ ...OK, status: 0 })),
      { ...OK, cut: true },
      { ...OK, status: 502, proxyError: 'upstream_reset', upstreamMs: null },
    ];
    expect(summarize(measuresOf(requests), 50)).toEqual({
      requests: 100,
      errors: 7,
      errorRate: 0.07,
      availability: 0.9,
      ratePerSecond: 2,
      latencyMs: { p50: expect.closeTo(2, 1), p90: expect.closeTo(2, 1), p99: expect.closeTo(2, 1) },
      upstreamLatencyMs: { p50: expect.closeTo(1, 1), p90: expect.closeTo(1, 1), p99: expect.closeTo(1, 1) },
      byStatus: { '0xx': 3, '2xx': 91, '5xx': 6 },
      byProxyError: { answer_cut: 1, upstream_reset: 1 },
    });
  });

  it('without requests nothing is said of rates: neither good nor bad', () => {
    expect(summarize(noMeasures(), 10)).toEqual({
      requests: 0,
      errors: 0,
      errorRate: null,
      availability: null,
      ratePerSecond: 0,
      latencyMs: { p50: null, p90: null, p99: null },
      upstreamLatencyMs: { p50: null, p90: null, p99: null },
      byStatus: {},
      byProxyError: {},
    });
  });
});
