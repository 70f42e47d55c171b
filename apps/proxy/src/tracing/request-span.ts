import { type Attributes, type Span, serverAttributes, type TraceContext, type Tracing, traceparentOf } from '@app-fabric/tracing';
import { plainAddress } from '../http/forwarded.js';
import { methodLabel } from '../metrics/route-requests.js';
import type { ExchangeResult, RequestHead } from '../upstream/forwarder.js';
import type { InstanceState } from '../upstream/instance.js';

/** Where a request was sent, for its spans. */
export interface RoutedTo {
  namespace: string;
  app: string;
  service: string;
  version: number;
  artifactVersion: string;
  /** Null: unknown. */
  runId: string | null;
  reason: string;
}

/**
 * What is recorded of one request, by OpenTelemetry's conventions for HTTP: the server's span, and below it one for each attempt at an instance.
 * Queries are left out: tokens have no place in a trace.
 */
export class RequestSpan {
  readonly #tracing: Tracing;
  readonly #server: Span;
  /** Names of spans and values of this attribute are few: a client may invent methods. */
  readonly #method: string;
  #routed: Attributes = {};
  #path = '';
  #attempt: Span | null = null;
  #attempts = 0;

  constructor(tracing: Tracing, head: RequestHead, requestId: string, parent: TraceContext | null, traceId: string) {
    const { method, target, fields, remoteAddress, encrypted } = head;
    const userAgent = fields.value('user-agent');
    this.#tracing = tracing;
    this.#method = methodLabel(method);
    this.#server = tracing.start({
      name: this.#name,
      kind: 'server',
      parent,
      traceId,
      attributes: {
        'http.request.method': this.#method,
        ...(this.#method === method ? {} : { 'http.request.method_original': method }),
        'url.scheme': encrypted ? 'https' : 'http',
        'url.path': pathOf(target),
        'client.address': plainAddress(remoteAddress),
        ...serverAttributes(fields.value('host')),
        ...(userAgent === undefined ? {} : { 'user_agent.original': userAgent }),
        'fabric.request.id': requestId,
      },
    });
  }

  get traceparent(): string {
    return traceparentOf(this.#server.context);
  }

  /** @param path for the instance */
  routed({ namespace, app, service, version, artifactVersion, runId, reason }: RoutedTo, path: string): void {
    this.#path = pathOf(path);
    this.#routed = {
      'fabric.namespace': namespace,
      'fabric.app': app,
      'fabric.service': service,
      'fabric.version': version,
      'fabric.artifact.version': artifactVersion,
    };
    if (runId !== null) this.#routed['fabric.run.id'] = runId;
    this.#server.rename(`${this.#name} ${app}/${service}`);
    this.#server.set(this.#routed);
    this.#server.set({ 'fabric.route.reason': reason });
  }

  /** A try at this instance begins. @returns the traceparent that it gets */
  attempt({ id, url, address }: InstanceState): string {
    this.#attempt = this.#tracing.start({
      name: this.#name,
      kind: 'client',
      parent: this.#server.context,
      attributes: {
        'fabric.instance.id': id,
        'http.request.method': this.#method,
        'server.address': address.hostname,
        'server.port': address.port,
        'url.full': (url.endsWith('/') ? url.slice(0, -1) : url) + this.#path,
      },
    });
    this.#attempt.set(this.#routed);
    if (this.#attempts > 0) this.#attempt.set({ 'http.request.resend_count': this.#attempts });
    this.#attempts += 1;
    return traceparentOf(this.#attempt.context);
  }

  /** Another one follows. */
  attemptFailed(failure: string): void {
    this.#attempt?.fail(failure);
    this.#attempt?.end();
    this.#attempt = null;
  }

  /** @param code of the answer that the proxy made itself; null: the instance's was passed on */
  ended({ status, outcome, bytesIn, bytesOut }: ExchangeResult, code: string | null, instance: InstanceState): void {
    const why = outcome === 'complete' ? code : outcome;
    // What the proxy answered itself is no status of the instance.
    const answered = code === null ? status : 0;
    if (answered !== 0) this.#attempt?.set({ 'http.response.status_code': answered });
    if (why !== null || answered >= 400) this.#attempt?.fail(why ?? String(answered));
    this.#attempt?.end();
    this.#server.set({ 'fabric.instance.id': instance.id, 'http.request.body.size': bytesIn, 'http.response.body.size': bytesOut });
    this.#end(status, why);
  }

  /** The proxy answered it without asking an instance. @param status 0: the client had left */
  refused(status: number, code: string): void {
    this.#end(status, code);
  }

  get #name(): string {
    return this.#method === '_OTHER' ? 'HTTP' : this.#method;
  }

  #end(status: number, why: string | null): void {
    if (status !== 0) this.#server.set({ 'http.response.status_code': status });
    // By the conventions an answer of 4xx is no failure of the server that gives it.
    const failed = status === 0 || status >= 500 || why === 'cut' || why === 'late';
    if (failed) this.#server.fail(why ?? String(status));
    else if (why !== null) this.#server.set({ 'error.type': why });
    this.#server.end();
  }
}

function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}
