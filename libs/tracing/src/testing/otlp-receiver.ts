import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { type ReceivedSpan, readSpans } from './read-spans.js';

/** How it answers: as it should, after so long, with an error, or never. */
export type Behaviour = 'well' | { afterMs: number } | { status: number } | 'never';

/** A receiver of OTLP over HTTP, as a collector is one. It keeps the spans of what it has answered well. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** What was posted, whatever it was answered. */
  readonly posts: { path: string; headers: IncomingHttpHeaders; spans: number }[] = [];
  behaviour: Behaviour = 'well';
  private readonly waiting = new Set<() => void>();
  private readonly server = createServer((request, response) => this.take(request, response));

  /** @param port 0 takes a free one */
  static async start(port = 0): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    await new Promise<void>((resolve) => receiver.server.listen(port, '127.0.0.1', resolve));
    return receiver;
  }

  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Resolves with what `find` gives of all spans as soon as that is not undefined; rejects after `withinMs` with the names of those that came. */
  async until<T>(find: (spans: readonly ReceivedSpan[]) => T | undefined, withinMs = 20_000): Promise<T> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const found = find(this.spans);
      if (found !== undefined) return found;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`not among the spans that came: ${this.spans.map(({ kind, name }) => `${kind} ${name}`).join(', ')}`);
      await this.next(left);
    }
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async next(withinMs: number): Promise<void> {
    let wake: () => void = () => undefined;
    const came = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.waiting.add(wake);
    const timer = setTimeout(wake, withinMs);
    await came;
    clearTimeout(timer);
    this.waiting.delete(wake);
  }

  private take(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const spans = readSpans(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
      this.posts.push({ path: request.url ?? '', headers: request.headers, spans: spans.length });
      this.answer(response, spans);
      for (const wake of this.waiting) wake();
    });
  }

  private answer(response: ServerResponse, spans: readonly ReceivedSpan[]): void {
    const { behaviour } = this;
    if (behaviour === 'never') return;
    const failed = typeof behaviour === 'object' && 'status' in behaviour;
    if (!failed) this.spans.push(...spans);
    // An empty body is an `ExportTraceServiceResponse` that has nothing to say.
    const send = () => response.writeHead(failed ? behaviour.status : 200, { 'Content-Type': 'application/x-protobuf' }).end();
    if (typeof behaviour === 'object' && 'afterMs' in behaviour) setTimeout(send, behaviour.afterMs);
    else send();
  }
}
