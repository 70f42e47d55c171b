import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { type SampleVersion, sampleTotal } from '@app-fabric/scenario';
import { CUT, type Outcome } from './judge.js';
import { oneOf, seeded } from './seeded.js';

const REQUEST_TIMEOUT_MS = 30_000;
const MAX_BODY_BYTES = 32_768;
const PRICES = [1250, 399, 2075];
/** Share of the requests that name their version, half of them by header, half by path. */
const PINNED = 0.4;

export interface LoadOptions {
  seed: number;
  /** Base URLs of one service's app through each proxy: `http://…/namespaces/{ns}/apps/{app}`. */
  apps: readonly string[];
  versions: readonly number[];
  /** Of each method, on each proxy; each has one request in flight and one kept connection. */
  clients: number;
  pauseMs: number;
  onOutcome(outcome: Outcome): void;
}

/** Constant load of GETs and of POSTs with bodies through kept connections, from {@link Load.start} to {@link Load.stop}. Nothing is sent twice. */
export class Load {
  private running = true;
  private readonly clients: Promise<void>[] = [];

  private constructor(private readonly options: LoadOptions) {
    for (const [index, app] of options.apps.entries())
      for (let number = 0; number < options.clients; number++)
        for (const method of ['GET', 'POST'] as const) this.clients.push(this.client(app, method, `${method} ${index} ${number}`));
  }

  static start(options: LoadOptions): Load {
    return new Load(options);
  }

  /** Lets what is in flight finish. */
  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.clients);
  }

  private async client(app: string, method: 'GET' | 'POST', name: string): Promise<void> {
    const { seed, versions, pauseMs, onOutcome } = this.options;
    const random = seeded(seed, name);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (this.running) {
      const pin = random() < PINNED ? oneOf(versions, random) : null;
      const byPath = pin !== null && random() < 0.5;
      const service = `${app}${byPath ? `/versions/${pin}` : ''}/services/cart/methods`;
      const headers = pin !== null && !byPath ? { 'x-app-version': String(pin) } : {};
      const body = method === 'POST' ? 'x'.repeat(1 + Math.floor(random() * MAX_BODY_BYTES)) : null;
      const url = body === null ? `${service}/total?prices=${PRICES.join(',')}` : `${service}/items`;
      onOutcome(await send({ agent, url, method, headers, body, chunked: random() < 0.3, pin }));
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    agent.destroy();
  }
}

interface Sent {
  agent: Agent;
  url: string;
  method: 'GET' | 'POST';
  headers: Record<string, string>;
  body: string | null;
  chunked: boolean;
  pin: number | null;
}

function send({ agent, url, method, headers, body, chunked, pin }: Sent): Promise<Outcome> {
  const startedAt = performance.now();
  const length = body === null || chunked ? {} : { 'content-length': String(body.length) };
  return new Promise((resolve) => {
    const end = (answer: IncomingMessage | null, text: string, defect: string | null) => {
      const header = (name: string) => (answer?.headers[name] as string | undefined) ?? null;
      const version = header('x-app-version');
      const status = answer?.statusCode ?? 0;
      resolve({
        method,
        pin,
        startedAt,
        endedAt: performance.now(),
        status,
        version: version === null ? null : Number(version),
        reason: header('x-route-reason'),
        code: status === 0 ? defect : status >= 400 ? codeOf(text) : null,
        defect: defect ?? (status === 200 ? defectOf(answer!, text, body) : null),
      });
    };
    const request = httpRequest(url, { agent, method, headers: { ...headers, ...length }, timeout: REQUEST_TIMEOUT_MS }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('error', () => end(answer, text, CUT));
      answer.on('end', () => end(answer, text, null));
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${REQUEST_TIMEOUT_MS} ms`)));
    request.on('error', (error: NodeJS.ErrnoException) => end(null, '', error.code ?? error.message));
    request.end(body ?? undefined);
  });
}

function codeOf(text: string): string {
  try {
    return String((JSON.parse(text) as { code?: unknown }).code);
  } catch {
    return text.slice(0, 200);
  }
}

/** What is wrong with a 200 of the sample's cart. */
function defectOf(answer: IncomingMessage, text: string, sent: string | null): string | null {
  try {
    const said = JSON.parse(text) as { version: number; artifactVersion: SampleVersion; total?: number; method?: string; body?: string };
    if (String(said.version) !== answer.headers['x-app-version']) return `answered by version ${said.version}, the header says otherwise`;
    if (said.artifactVersion !== answer.headers['x-artifact-version']) return `artifact ${said.artifactVersion}, the header says otherwise`;
    if (sent !== null) return said.method === 'POST' && said.body === sent ? null : 'the instance got another body';
    return said.total === sampleTotal(said.artifactVersion, PRICES) ? null : `total ${said.total}`;
  } catch {
    return `not JSON: ${text.slice(0, 100)}`;
  }
}
