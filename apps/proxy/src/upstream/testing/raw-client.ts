import { connect, type Socket } from 'node:net';

const DEADLINE_MS = 20_000;

export interface RawMessage {
  startLine: string;
  status: number;
  /** Flat list as on the wire. */
  headers: string[];
  body: Buffer;
  trailers: string;
}

/** One end of a TCP connection that speaks bytes: tests see exactly what is on the wire. */
export class RawPeer {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  #length = 0;
  #lastDataAt = 0;
  #ended = false;
  #closed = false;
  #reset = false;
  #wake: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#lastDataAt = Date.now();
      this.#notify();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.#notify();
    });
    socket.on('close', () => {
      this.#ended = true;
      this.#closed = true;
      this.#notify();
    });
    socket.on('error', (error: Error & { code?: string }) => {
      if (error.code === 'ECONNRESET') this.#reset = true;
    });
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<RawPeer> {
    const socket = connect({ port, host, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawPeer(socket);
  }

  /** Everything not yet read, joined only when somebody looks. */
  get #buffer(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  set #buffer(rest: Buffer) {
    this.#chunks = [rest];
    this.#length = rest.length;
  }

  get received(): string {
    return this.#buffer.toString('latin1');
  }

  /** The connection ended with a TCP reset, not politely. */
  get wasReset(): boolean {
    return this.#reset;
  }

  send(text: string | Buffer): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** The next message; `bodyless` for the answer to HEAD. */
  async readMessage(options: { bodyless?: boolean } = {}): Promise<RawMessage> {
    const head = await this.readHead();
    const value = (name: string) => {
      const at = head.headers.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name);
      return at === -1 ? undefined : head.headers[at + 1];
    };
    const isResponse = head.status > 0;
    if (options.bodyless || head.status === 204 || head.status === 304 || (head.status >= 100 && head.status < 200)) return head;
    if (value('transfer-encoding')?.toLowerCase() === 'chunked') {
      const parts: Buffer[] = [];
      for (;;) {
        const size = Number.parseInt(await this.#line(), 16);
        if (size === 0) break;
        parts.push(await this.readBytes(size));
        await this.#line();
      }
      let trailers = '';
      for (let line = await this.#line(); line !== ''; line = await this.#line()) trailers += `${line}\r\n`;
      return { ...head, body: Buffer.concat(parts), trailers };
    }
    const length = value('content-length');
    if (length !== undefined) return { ...head, body: await this.readBytes(Number(length)) };
    if (!isResponse) return head;
    await this.untilEnd();
    const body = this.#buffer;
    this.#buffer = Buffer.alloc(0);
    return { ...head, body };
  }

  async readHead(): Promise<RawMessage> {
    await this.#until(() => this.#buffer.includes('\r\n\r\n'), 'a message head');
    const end = this.#buffer.indexOf('\r\n\r\n');
    const [startLine = '', ...lines] = this.#buffer.subarray(0, end).toString('latin1').split('\r\n');
    this.#buffer = this.#buffer.subarray(end + 4);
    const headers: string[] = [];
    for (const line of lines) headers.push(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim());
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(startLine)?.[1] ?? 0);
    return { startLine, status, headers, body: Buffer.alloc(0), trailers: '' };
  }

  async readBytes(count: number): Promise<Buffer> {
    await this.#until(() => this.#length >= count, `${count} bytes`);
    const bytes = this.#buffer.subarray(0, count);
    this.#buffer = this.#buffer.subarray(count);
    return bytes;
  }

  /** Resolves when the other side has said that it sends nothing more. */
  untilEnd(): Promise<void> {
    return this.#until(() => this.#ended, 'the end of the connection');
  }

  /** All that comes until the other side has said that it sends nothing more. */
  async readToEnd(): Promise<string> {
    await this.untilEnd();
    const text = this.received;
    this.#buffer = Buffer.alloc(0);
    return text;
  }

  untilClosed(): Promise<void> {
    return this.#until(() => this.#closed, 'the close of the connection');
  }

  close(): void {
    this.socket.destroy();
  }

  /** TCP reset instead of a polite end. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  async #line(): Promise<string> {
    await this.#until(() => this.#buffer.includes('\r\n'), 'a line');
    const end = this.#buffer.indexOf('\r\n');
    const line = this.#buffer.subarray(0, end).toString('latin1');
    this.#buffer = this.#buffer.subarray(end + 2);
    return line;
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    const startedAt = Date.now();
    while (!done()) {
      // Silence counts, not duration: a busy machine is slow, a stalled connection is silent.
      const left = Math.max(startedAt, this.#lastDataAt) + DEADLINE_MS - Date.now();
      if (left <= 0 || this.#closed || (this.#ended && !what.startsWith('the '))) {
        throw new Error(
          `${this.#ended ? 'ended' : 'too late'} while waiting for ${what}; received ${JSON.stringify(this.received.slice(0, 500))}`,
        );
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resume of wake) resume();
  }
}

/** All values of a header in a flat list. */
export function valuesOf(headers: readonly string[], name: string): string[] {
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === name);
}
