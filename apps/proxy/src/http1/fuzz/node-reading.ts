import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import { Duplex } from 'node:stream';
import type { Message, Reading } from './reading.js';

/** The two ends of node:http on sockets in memory, with its strict parser. */
export class NodeReader {
  private readonly server: Server;
  private current: Reading = { messages: [], refused: null };

  constructor() {
    this.server = createServer({ insecureHTTPParser: false, requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 });
    this.server.maxHeadersCount = 0;
    this.server.on('request', (incoming) =>
      collect(this.current, `${incoming.method} ${incoming.url} HTTP/${incoming.httpVersion}`, incoming),
    );
    // Taken as a plain request, as the proxy without an upgrade does; without these two Node would answer by itself.
    this.server.on('checkContinue', (incoming) => this.server.emit('request', incoming));
    this.server.on('checkExpectation', (incoming) => this.server.emit('request', incoming));
    this.server.on('connect', (incoming) => {
      collect(this.current, `${incoming.method} ${incoming.url} HTTP/${incoming.httpVersion}`, incoming);
      this.current.messages.at(-1)!.complete = true;
    });
    this.server.on('clientError', (error: NodeJS.ErrnoException) => {
      this.current.refused ??= error.code ?? error.message;
    });
  }

  async requests(pieces: readonly Buffer[]): Promise<Reading> {
    const reading: Reading = { messages: [], refused: null };
    this.current = reading;
    const socket = new MemorySocket();
    this.server.emit('connection', socket);
    await feed(socket, pieces, reading);
    if (socket.answered.startsWith('HTTP/1.1 4')) reading.refused ??= socket.answered.slice(9, 12);
    return reading;
  }

  async responses(pieces: readonly Buffer[], toHead: boolean): Promise<Reading> {
    const reading: Reading = { messages: [], refused: null };
    const socket = new MemorySocket();
    const agent = new Agent({ keepAlive: false });
    agent.createConnection = () => socket;
    const outgoing = request({ method: toHead ? 'HEAD' : 'GET', agent, path: '/', insecureHTTPParser: false });
    outgoing.on('information', (info) => {
      const start = `HTTP/${info.httpVersion} ${info.statusCode}`;
      reading.messages.push({ start, fields: info.rawHeaders, body: '', trailers: [], complete: true });
    });
    outgoing.on('response', (incoming) => collect(reading, `HTTP/${incoming.httpVersion} ${incoming.statusCode}`, incoming));
    outgoing.on('upgrade', (incoming) => {
      collect(reading, `HTTP/${incoming.httpVersion} ${incoming.statusCode}`, incoming);
      reading.messages.at(-1)!.complete = true;
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET') reading.refused ??= error.code ?? error.message;
    });
    outgoing.end();
    await feed(socket, pieces, reading);
    return reading;
  }
}

function collect(reading: Reading, start: string, incoming: IncomingMessage): void {
  const message: Message = { start, fields: incoming.rawHeaders, body: '', trailers: [], complete: false };
  reading.messages.push(message);
  incoming.on('data', (data: Buffer) => {
    message.body += data.toString('latin1');
  });
  incoming.on('end', () => {
    message.complete = incoming.complete;
    message.trailers = incoming.rawTrailers;
  });
  incoming.on('error', () => {
    message.complete = false;
  });
}

async function feed(socket: MemorySocket, pieces: readonly Buffer[], reading: Reading): Promise<void> {
  await turn();
  for (const piece of pieces) {
    if (reading.refused !== null || socket.destroyed) break;
    socket.push(piece);
    await turn();
  }
  if (!socket.destroyed) socket.push(null);
  await turn();
  await turn();
  socket.destroy();
  await turn();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

class MemorySocket extends Duplex {
  answered = '';

  override _read(): void {
    // Pieces are pushed by feed().
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.answered.length < 64) this.answered += chunk.toString('latin1');
    done();
  }
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
