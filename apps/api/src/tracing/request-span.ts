import { type Attributes, readTraceContext, serverAttributes, type Tracing } from '@app-fabric/tracing';
import type { NextFunction, Request, Response } from 'express';
import { requestIdOf } from '../http/request-context.js';
import { answeredStatus, routeOf } from '../http/request-log.js';
import type { Traces } from './traces.js';

/** The API itself: what machines ask every few seconds, and its description, are no work. */
const RECORDED = /^\/v1\//;
/** A path's parameters that say what a request is about. */
const SUBJECTS = { ns: 'fabric.namespace', app: 'fabric.app', v: 'fabric.version', svc: 'fabric.service', runId: 'fabric.run.id' } as const;
const MAX_METHOD = 16;

/** Middleware: the server's span of a request, by OpenTelemetry's conventions for HTTP; what is done for it is below that. */
export function requestSpan(traces: Traces) {
  const { tracing } = traces;
  return (request: Request, response: Response, next: NextFunction): void => {
    if (tracing === null || !RECORDED.test(request.path)) {
      next();
      return;
    }
    const span = startSpan(tracing, request);
    if (span === null) {
      next();
      return;
    }
    response.once('close', () => {
      const route = routeOf(request);
      const status = answeredStatus(response);
      if (route !== 'none') {
        span.rename(`${request.method} ${route}`);
        span.set({ 'http.route': route });
      }
      span.set({ 'http.response.status_code': status, ...subjectsOf(request) });
      if (status >= 500 || !response.writableFinished) span.fail(String(status));
      span.end();
    });
    // A stream goes on for days: what it asks after its first byte would make one trace without end.
    traces.within(span, () => !response.headersSent, next);
  };
}

function startSpan(tracing: Tracing, request: Request) {
  const sent = valuesOf(request, 'traceparent');
  const parent = sent.length === 0 ? null : readTraceContext(sent, valuesOf(request, 'tracestate'));
  const traceId = parent?.traceId ?? tracing.newId(16);
  if (!tracing.samples(traceId, parent)) return null;
  const { method, path, ip, protocol } = request;
  const userAgent = request.get('user-agent');
  return tracing.start({
    // Node's parser knows its methods: nobody can make up new ones.
    name: method.slice(0, MAX_METHOD),
    kind: 'server',
    parent,
    traceId,
    attributes: {
      'http.request.method': method,
      'url.scheme': protocol,
      'url.path': path,
      ...(ip === undefined ? {} : { 'client.address': ip }),
      ...serverAttributes(request.get('host')),
      ...(userAgent === undefined ? {} : { 'user_agent.original': userAgent }),
      'fabric.request.id': requestIdOf(request),
    },
  });
}

/** Each field as it came: Node would join what was said twice. */
function valuesOf({ rawHeaders }: Request, name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}

function subjectsOf({ params }: Request): Attributes {
  const found = Object.entries(SUBJECTS).flatMap(([name, attribute]) => {
    const value = params[name];
    return typeof value === 'string' ? [[attribute, value] as const] : [];
  });
  return Object.fromEntries(found);
}
