import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const PIECE = Buffer.alloc(256 * 1024, 'x');
/** A slow peer takes nothing at first, then this much at a time with a rest behind it: what sends to it always has more than it takes. */
const FIRST_REST_MS = 500;
const BURST_BYTES = 4 * 1024 * 1024;
const REST_MS = 30;

/** Takes `bytes` of a body slowly, and keeps nothing. Rejects when the connection ends before. */
async function takeSlowly(socket: Socket, alreadyTaken: number, bytes: number): Promise<void> {
  let taken = alreadyTaken;
  let untilRest = BURST_BYTES;
  const rest = (milliseconds: number) => {
    socket.pause();
    setTimeout(() => socket.resume(), milliseconds);
  };
  const all = new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      taken += chunk.length;
      untilRest -= chunk.length;
      if (taken >= bytes) resolve();
      else if (untilRest <= 0) {
        untilRest = BURST_BYTES;
        rest(REST_MS);
      }
    });
    socket.once('close', () => reject(new Error(`the connection ended after ${taken} of ${bytes} bytes`)));
  });
  rest(FIRST_REST_MS);
  await all;
  if (taken !== bytes) throw new Error(`${taken} bytes came, ${bytes} were sent`);
}

/** Sends `bytes` as fast as they are taken; resolves when the last ones are written, or the connection has ended. */
function pour(socket: Socket, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    let left = bytes;
    const more = () => {
      while (left > 0) {
        const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
        left -= piece.length;
        if (!socket.write(piece)) return;
      }
      resolve();
    };
    socket.on('drain', more).once('close', () => resolve());
    more();
  });
}

/** Reads one head; gives how many bytes of the body came with it. The socket is paused then. */
async function readHead(socket: Socket): Promise<{ head: string; bodyBytes: number }> {
  let text = '';
  for await (const chunk of pieces(socket)) {
    text += chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end >= 0) return { head: text.slice(0, end), bodyBytes: text.length - end - 4 };
  }
  throw new Error('the connection ended before the head');
}

async function* pieces(socket: Socket): AsyncGenerator<Buffer> {
  const chunks = socket.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    socket.pause();
    yield chunk as Buffer;
  }
}

/** An instance that answers GET with a body of `bytes` at full speed, and takes the body of anything else slowly. */
export async function startLargeInstance(bytes: number): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    void serve(socket, bytes).catch(() => socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

async function serve(socket: Socket, bytes: number): Promise<void> {
  const { head, bodyBytes } = await readHead(socket);
  if (head.startsWith('GET ')) {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\nConnection: close\r\n\r\n`);
    await pour(socket, bytes);
  } else {
    await takeSlowly(socket, bodyBytes, bytes);
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  }
  socket.end();
}

/** GET whose answer of `bytes` is read slowly. */
export async function downloadSlowly(url: string, bytes: number): Promise<void> {
  const socket = await open(url, 'GET', '');
  const { head, bodyBytes } = await readHead(socket);
  if (!head.startsWith('HTTP/1.1 200 ')) throw new Error(head);
  await takeSlowly(socket, bodyBytes, bytes);
  socket.destroy();
}

/** POST of `bytes`, sent as fast as they are taken; resolves with the answer of 200. */
export async function upload(url: string, bytes: number): Promise<void> {
  const socket = await open(url, 'POST', `Content-Length: ${bytes}\r\n`);
  const answered = readHead(socket);
  await Promise.race([pour(socket, bytes), answered]);
  const { head } = await answered;
  socket.destroy();
  if (!head.startsWith('HTTP/1.1 200 ')) throw new Error(head);
}

async function open(url: string, method: string, fields: string): Promise<Socket> {
  const { hostname, port, pathname, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`${method} ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`);
  return socket;
}
