import { Agent, request as httpRequest } from 'node:http';
import { SAMPLE_SERVICE, type SampleVersion, sampleTotal } from './sample-bundle.js';

const MAX_KEPT_FAILURES = 20;
const REQUEST_TIMEOUT_MS = 30_000;
const PRICES = [1250, 399, 2075];

export interface TrafficOptions {
  /** Base URLs of the proxies; requests go to them in turn. */
  proxies: readonly string[];
  namespace: string;
  app: string;
  /** Requests in flight at the same time: that many clients, each with one kept-alive connection per proxy. */
  clients: number;
  /** Rest of each client between two requests; 0 for as fast as it goes. */
  pauseMs: number;
  /** Told of every answer, also of none. */
  onAnswer?: (answer: TrafficAnswer) => void;
}

export interface TrafficAnswer {
  sentAtMs: number;
  /** Milliseconds since 1970, as {@link sentAtMs}. */
  endedAtMs: number;
  /** The answer's `X-App-Version`. */
  version?: string;
  failure?: string;
  /** The failure is a version's own answer, not one that was made on its behalf. */
  ownFailure?: boolean;
}

export interface TrafficCount {
  requests: number;
  /** App version (the answer's `X-App-Version`) → requests. */
  byVersion: Record<string, number>;
  failures: number;
}

/** One request answered with a status ≥ 400, a broken connection, or a body that does not fit its version header. */
export interface TrafficFailure {
  at: string;
  proxy: string;
  reason: string;
}

/**
 * Constant load on the sample's cart through the version-less endpoint. Runs from {@link Traffic.start} to {@link Traffic.stop};
 * nothing is retried, so each failure that a user would have seen is counted.
 */
export class Traffic {
  /** The first failures, for the report; {@link total} counts all. */
  readonly firstFailures: TrafficFailure[] = [];
  readonly total: TrafficCount = emptyCount();
  private readonly agent: Agent;
  private clients: Promise<void>[] = [];
  private running = false;
  private sent = 0;
  private window: { count: TrafficCount; from: number; wanted: number; done: () => void } | undefined;

  constructor(private readonly options: TrafficOptions) {
    this.agent = new Agent({ keepAlive: true, maxSockets: options.clients, maxTotalSockets: options.clients * options.proxies.length });
  }

  start(): void {
    if (this.running) throw new Error('traffic runs already');
    this.running = true;
    this.clients = Array.from({ length: this.options.clients }, () => this.client());
  }

  /** Counts the next `requests` requests, of those that are sent from now on. One window at a time. Rejects when the traffic is stopped. */
  async measure(requests: number): Promise<TrafficCount> {
    if (this.window) throw new Error('a window is being measured already');
    if (!this.running) throw new Error('no traffic to measure');
    const count = emptyCount();
    await new Promise<void>((done) => {
      this.window = { count, from: this.sent, wanted: requests, done };
    });
    this.window = undefined;
    if (count.requests < requests) throw new Error('the traffic was stopped while it was measured');
    return count;
  }

  /** Lets what is in flight finish. */
  async stop(): Promise<TrafficCount> {
    this.running = false;
    await Promise.all(this.clients);
    this.window?.done();
    this.agent.destroy();
    return this.total;
  }

  private async client(): Promise<void> {
    while (this.running) {
      const number = this.sent++;
      const proxy = this.options.proxies[number % this.options.proxies.length]!;
      const sentAtMs = Date.now();
      const answer = await this.send(proxy);
      this.options.onAnswer?.({ sentAtMs, endedAtMs: Date.now(), ...answer });
      this.count(number, proxy, answer);
      await rest(this.options.pauseMs);
    }
  }

  private send(proxy: string): Promise<Answer> {
    const { namespace, app } = this.options;
    const url = `${proxy}/namespaces/${namespace}/apps/${app}/services/${SAMPLE_SERVICE}/methods/total?prices=${PRICES.join(',')}`;
    return new Promise((resolve) => {
      const request = httpRequest(url, { agent: this.agent, timeout: REQUEST_TIMEOUT_MS }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('error', (error) => resolve({ failure: `answer broke off: ${error.message}` }));
        response.on('end', () => resolve(judge(response.statusCode ?? 0, response.headers, body)));
      });
      request.on('timeout', () => request.destroy(new Error(`no answer within ${REQUEST_TIMEOUT_MS} ms`)));
      request.on('error', (error: NodeJS.ErrnoException) => resolve({ failure: error.code ?? error.message }));
      request.end();
    });
  }

  private count(number: number, proxy: string, answer: Answer): void {
    add(this.total, answer);
    if (answer.failure && this.firstFailures.length < MAX_KEPT_FAILURES) {
      this.firstFailures.push({ at: new Date().toISOString(), proxy, reason: answer.failure });
    }
    const window = this.window;
    if (!window || number < window.from || window.count.requests >= window.wanted) return;
    add(window.count, answer);
    if (window.count.requests >= window.wanted) window.done();
  }
}

type Answer = Omit<TrafficAnswer, 'sentAtMs' | 'endedAtMs'>;

function judge(status: number, headers: Record<string, string | string[] | undefined>, body: string): Answer {
  const version = headers['x-app-version'];
  if (status >= 400) {
    const failure = `status ${status}: ${body.slice(0, 300)}`;
    return typeof version === 'string' ? { version, failure, ownFailure: isOwnAnswer(version, body) } : { failure };
  }
  if (typeof version !== 'string') return { failure: 'no X-App-Version in the answer' };
  try {
    const said = JSON.parse(body) as { version: number; artifactVersion: SampleVersion; total: number };
    if (String(said.version) !== version) return { version, failure: `header says version ${version}, body says ${said.version}` };
    if (said.artifactVersion !== headers['x-artifact-version']) return { version, failure: `artifact is ${said.artifactVersion}` };
    if (said.total !== sampleTotal(said.artifactVersion, PRICES)) return { version, failure: `total is ${said.total}` };
    return { version };
  } catch {
    return { version, failure: `not JSON: ${body.slice(0, 300)}` };
  }
}

/** The sample says in each answer which version it is; what the proxy makes does not. */
function isOwnAnswer(version: string, body: string): boolean {
  try {
    return String((JSON.parse(body) as { version?: number }).version) === version;
  } catch {
    return false;
  }
}

function add(count: TrafficCount, answer: Answer): void {
  count.requests += 1;
  if (answer.version) count.byVersion[answer.version] = (count.byVersion[answer.version] ?? 0) + 1;
  if (answer.failure) count.failures += 1;
}

function emptyCount(): TrafficCount {
  return { requests: 0, byVersion: {}, failures: 0 };
}

function rest(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    if (milliseconds > 0) setTimeout(resolve, milliseconds);
    else setImmediate(resolve);
  });
}
