import { type LoggedRequest, RequestLog, type RequestLogPolicy } from './request-log.js';

const REQUEST: LoggedRequest = {
  route: { namespace: 'default', app: 'shop', service: 'cart', version: '2' },
  method: 'GET',
  path: '/orders/4711?token=secret',
  requestId: 'r-1',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  runId: 'run-1',
  instance: null,
  reason: 'weighted',
  status: 200,
  outcome: 'complete',
  problem: null,
  startedAt: 1_000,
  attemptAt: 1_001,
};

function bench(policy: Partial<RequestLogPolicy> = {}, random = seeded()) {
  const lines: { level: string; fields: Record<string, unknown>; text: string }[] = [];
  const write = (level: string) => (fields: object, text: string) => void lines.push({ level, fields: { ...fields }, text });
  const clock = { ms: 1_010.25 };
  const log = new RequestLog({
    log: { info: write('info'), warn: write('warn') },
    policy: { ratio: 1, linesPerSecond: 20, ...policy },
    now: () => clock.ms,
    random,
  });
  return { log, lines, clock };
}

describe('the line of a request', () => {
  it('says whose it was, how it ended and how long it took; of the path only words, no header and no query', () => {
    const { log, lines } = bench();
    log.write(false, REQUEST);
    expect(lines).toEqual([
      {
        level: 'info',
        text: 'request',
        fields: {
          requestId: 'r-1',
          traceId: '0af7651916cd43dd8448eb211c80319c',
          spanId: 'b7ad6b7169203331',
          namespace: 'default',
          app: 'shop',
          service: 'cart',
          version: '2',
          runId: 'run-1',
          routeReason: 'weighted',
          method: 'GET',
          path: '/orders/{}',
          status: 200,
          outcome: 'complete',
          durationMs: 10.3,
          upstreamMs: 9.3,
        },
      },
    ]);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  it('of a failure is a warning with code and detail', () => {
    const { log, lines } = bench();
    log.write(true, { ...REQUEST, status: 502, problem: { code: 'upstream_reset', detail: 'The instance closed the connection.' } });
    const fields = expect.objectContaining({ status: 502, code: 'upstream_reset', detail: 'The instance closed the connection.' });
    expect(lines).toEqual([{ level: 'warn', text: 'request failed', fields }]);
  });
});

describe('which requests get a line', () => {
  const sampled = (ratio: number, requests: number) => {
    const { log } = bench({ ratio });
    let count = 0;
    for (let i = 0; i < requests; i++) if (log.sample()) count += 1;
    return count;
  };

  it('none with 0, all with 1, else the share, whatever the pattern of the requests', () => {
    expect(sampled(0, 100_000)).toBe(0);
    expect(sampled(1, 1_000)).toBe(1_000);
    const mean = 100_000 * 0.02;
    expect(Math.abs(sampled(0.02, 100_000) - mean)).toBeLessThan(5 * Math.sqrt(mean));
    expect(sampled(0.000001, 1_000)).toBeLessThan(5);
  });

  it('so many lines a second; what is left out is counted, and failures have a bound of their own', () => {
    const { log, lines, clock } = bench({ linesPerSecond: 3 });
    for (let i = 0; i < 10; i++) log.write(false, REQUEST);
    expect(lines).toHaveLength(3);
    for (let i = 0; i < 10; i++) log.write(true, REQUEST);
    expect(lines).toHaveLength(6);
    clock.ms += 1_000;
    log.write(true, REQUEST);
    log.write(false, REQUEST);
    expect(lines.slice(6).map(({ fields }) => fields.suppressed)).toEqual([7, 7]);
    expect(lines.slice(0, 6).map(({ fields }) => fields.suppressed)).toEqual(Array(6).fill(undefined));
  });
});

function seeded(): () => number {
  let state = 7;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
