import { RecordingTracing } from '@app-fabric/tracing/testing';
import { routeDocument } from '../table/testing/fake-bus.js';
import { call, cleanUp, PATH, running, shop } from '../testing/proxy-bench.js';
import { ApplySpans } from './apply-spans.js';

afterEach(cleanUp);

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const trace = { traceparent: `00-${TRACE}-b7ad6b7169203331-01`, tracestate: 'a=1' };

async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition was not met in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('issue 4: a change of routes, seen from a proxy', () => {
  it('is applied as work of whoever made it', async () => {
    const tracing = new RecordingTracing();
    const { bus, proxy, one, two } = await running(undefined, undefined, { tracing, proxyId: 'p-1' });
    bus.publish(2, { ...shop(2, { 1: [one], 2: [two] }, { 1: 0, 2: 10_000 }), trace });
    await eventually(() => tracing.spans.some(({ ended }) => ended));
    expect(tracing.spans).toMatchObject([
      {
        name: 'apply routes',
        kind: 'consumer',
        parent: { traceId: TRACE, spanId: 'b7ad6b7169203331', tracestate: 'a=1' },
        error: null,
        attributes: { 'fabric.app': 'shop', 'fabric.route.revision': 2, 'fabric.proxy.id': 'p-1' },
      },
    ]);
    expect(
      (await call(`${proxy.proxyUrl}${PATH}/services/cart/methods/x`, { traceparent: `00-${TRACE}-b7ad6b7169203331-00` })).status,
    ).toBe(200);
    expect(tracing.spans).toHaveLength(1);
  });

  it('a missed change is recorded when it is caught up with; what was there at the start is not', async () => {
    const tracing = new RecordingTracing();
    const { bus, one } = await running(undefined, undefined, { tracing });
    bus.store('e1', 3, [{ ...shop(3, { 1: [one] }, { 1: 10_000 }), trace }]);
    bus.publish(4, routeDocument('other', 4));
    await eventually(() => tracing.spans.some(({ ended }) => ended));
    expect(tracing.spans.map(({ attributes }) => attributes['fabric.route.revision'])).toEqual([3]);
  });

  const ignored: [string, object | undefined][] = [
    ['no trace', undefined],
    ['an unsampled one', { traceparent: `00-${TRACE}-b7ad6b7169203331-00` }],
    ['a malformed one', { traceparent: 'x' }],
    ['something else', { traceparent: 7 }],
  ];
  for (const [title, given] of ignored) {
    it(`leaves nothing, and the change is applied: ${title}`, async () => {
      const tracing = new RecordingTracing();
      const { bus, proxy, one } = await running(undefined, undefined, { tracing });
      bus.publish(2, { ...shop(2, { 1: [one] }, { 1: 10_000 }), trace: given } as never);
      await eventually(async () => (await call(`${proxy.adminUrl}/readyz`)).json().revision === 2);
      expect(tracing.spans).toEqual([]);
    });
  }

  it('a refused document is an error, with the reason', () => {
    const tracing = new RecordingTracing();
    const spans = new ApplySpans(tracing, () => 'p-1');
    const document = { ...routeDocument('a', 5), trace };
    spans.came(document);
    spans.refused(document, 'version 2 is listed twice');
    spans.applied(5);
    expect(tracing.spans).toMatchObject([
      { ended: true, error: 'route_document_rejected', attributes: { 'fabric.rejection': 'version 2 is listed twice' } },
    ]);
  });

  it('ends when all of the proxy has it, and keeps no more than a hundred', () => {
    const tracing = new RecordingTracing();
    const spans = new ApplySpans(tracing, () => 'p-1');
    for (let revision = 1; revision <= 300; revision += 1) spans.came({ ...routeDocument('a', revision), trace });
    expect(tracing.spans).toHaveLength(100);
    spans.applied(40);
    spans.applied(null);
    expect(tracing.spans.filter(({ ended }) => ended)).toHaveLength(40);
    spans.applied(1_000);
    expect(tracing.spans.every(({ ended }) => ended)).toBe(true);
  });
});
