import { request as httpRequest } from 'node:http';

const REQUEST_TIMEOUT_MS = 60_000;

export interface FabricRequest {
  /** Sent as JSON, unless `raw` is given. */
  json?: unknown;
  raw?: Buffer | string;
  contentType?: string;
  headers?: Record<string, string>;
  /** `Prefer: wait=N`, seconds. */
  wait?: number;
  ifMatch?: string;
}

export interface FabricAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** Parsed when the answer is JSON, else the text. Untyped on purpose: black-box callers check what they read. */
  // biome-ignore lint/suspicious/noExplicitAny: what an API answers is what the caller wants to find out
  body: any;
}

/** An answer that the caller did not expect. */
export class UnexpectedAnswerError extends Error {
  readonly code = 'unexpected_answer';

  constructor(
    call: string,
    readonly answer: FabricAnswer,
  ) {
    super(`${call} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
}

/** A small client of the REST API, as a script would write it. Paths are given from the app's namespace collection on: `/namespaces/…`. */
export class FabricClient {
  constructor(
    readonly api: string,
    private readonly token: string,
  ) {}

  /** Resolves with whatever the API answered. Rejects only when there is no answer at all. */
  send(method: string, path: string, options: FabricRequest = {}): Promise<FabricAnswer> {
    return sendHttp(method, `${this.api}/v1${path}`, {
      ...options,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(options.wait === undefined ? {} : { prefer: `wait=${options.wait}` }),
        ...(options.ifMatch === undefined ? {} : { 'if-match': options.ifMatch }),
        ...options.headers,
      },
    });
  }

  /** {@link send}, and the body. Throws {@link UnexpectedAnswerError} on anything but 2xx. */
  async call(method: string, path: string, options: FabricRequest = {}): Promise<FabricAnswer['body']> {
    const answer = await this.send(method, path, options);
    if (answer.status < 200 || answer.status > 299) throw new UnexpectedAnswerError(`${method} ${path}`, answer);
    return answer.body;
  }
}

/** One HTTP request on a connection of its own. */
export function sendHttp(method: string, url: string, options: FabricRequest = {}): Promise<FabricAnswer> {
  const payload = options.raw ?? (options.json === undefined ? undefined : JSON.stringify(options.json));
  const contentType = options.contentType ?? (options.raw === undefined ? 'application/json' : 'application/gzip');
  const headers = {
    ...(payload === undefined ? {} : { 'content-type': contentType, 'content-length': String(Buffer.byteLength(payload)) }),
    ...options.headers,
  };
  return new Promise((resolve, reject) => {
    let answered = false;
    const request = httpRequest(url, { method, headers, agent: false, timeout: REQUEST_TIMEOUT_MS }, (response) => {
      answered = true;
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = /[/+]json/.test(String(response.headers['content-type']));
        try {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: isJson && text ? JSON.parse(text) : text });
        } catch (error) {
          reject(error);
        }
      });
    });
    request.on('timeout', () => request.destroy(new Error(`${method} ${url}: no answer within ${REQUEST_TIMEOUT_MS} ms`)));
    // A server may refuse a large body before it has read it: the answer counts, not the broken upload.
    request.on('error', (error) => {
      if (!answered) reject(error);
    });
    request.end(payload);
  });
}

/** Asks again until `read` gives something, at most `timeoutMs`. For states that other programs reach in their own time. */
export async function eventually<T>(what: string, timeoutMs: number, read: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await read();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
