import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { type ReceivedLine, readLogLines } from './read-log-lines.js';
import { type ReceivedSpan, readSpans } from './read-spans.js';

/** How it answers: as it should, after so long, with an error, or never. */
export type Behaviour = 'well' | { afterMs: number } | { status: number } | 'never';

/** A receiver of OTLP over HTTP, as a collector is one. It keeps the spans of what it has answered well. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  readonly lines: ReceivedLine[] = [];
  /** What was posted of spans, whatever it was answered. */
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
  until<T>(find: (spans: readonly ReceivedSpan[]) => T | undefined, withinMs = 20_000): Promise<T> {
    const came = () => this.spans.map(({ kind, name }) => `${kind} ${name}`);
    return this.found(() => find(this.spans), came, withinMs);
  }

  /** The same of log lines. */
  untilLine<T>(find: (lines: readonly ReceivedLine[]) => T | undefined, withinMs = 20_000): Promise<T> {
    return this.found(
      () => find(this.lines),
      () => this.lines.map(({ body }) => String(body)),
      withinMs,
    );
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async found<T>(find: () => T | undefined, came: () => string[], withinMs: number): Promise<T> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`not among what came: ${came().join(', ')}`);
      await this.next(left);
    }
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
      const sent = Buffer.concat(chunks);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      if (request.url?.endsWith('/v1/logs')) {
        const lines = readLogLines(body);
        this.answer(response, () => this.lines.push(...lines));
      } else {
        const spans = readSpans(body);
        this.posts.push({ path: request.url ?? '', headers: request.headers, spans: spans.length });
        this.answer(response, () => this.spans.push(...spans));
      }
      for (const wake of this.waiting) wake();
    });
  }

  private answer(response: ServerResponse, keep: () => void): void {
    const { behaviour } = this;
    if (behaviour === 'never') return;
    const failed = typeof behaviour === 'object' && 'status' in behaviour;
    if (!failed) keep();
    // An empty body is a response that has nothing to say.
    const send = () => response.writeHead(failed ? behaviour.status : 200, { 'Content-Type': 'application/x-protobuf' }).end();
    if (typeof behaviour === 'object' && 'afterMs' in behaviour) setTimeout(send, behaviour.afterMs);
    else send();
  }
}
