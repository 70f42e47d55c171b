import type { Socket } from 'node:net';
import { SHARED_BUFFER } from './read-buffer.js';

/** Up to here bytes go out as a part of one string with what stands around them; above, a buffer is cheaper. */
const STRING_BYTES = 8_192;

/** All bytes have left. */
export const LEFT = 0;
/** Some wait: a buffer that is not the shared one stays in use until they have left. */
const WAITING = 1;
/** As {@link WAITING}, and nothing more is to be sent before the socket's `drain`. */
export const FULL = 2;
export type Sent = typeof LEFT | typeof WAITING | typeof FULL;

/** Reused as long as all that was written from it has left at once. */
let scratch: Buffer | null = null;

/** Writes `before`, `bytes[start, end)` and `after` as one piece. `bytes` may be the shared buffer: what has not left when this returns is a copy of it. */
export function writePiece(socket: Socket, before: string, bytes: Buffer, start: number, end: number, after: string): Sent {
  const length = end - start;
  if (length === 0) {
    if (before !== '' || after !== '') socket.write(before + after, 'latin1');
  } else if (length <= STRING_BYTES) socket.write(before + bytes.toString('latin1', start, end) + after, 'latin1');
  else if (before === '' && after === '' && bytes !== SHARED_BUFFER)
    socket.write(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
  else writeCopy(socket, before, bytes, start, end, after);
  return sentBy(socket);
}

/** Most writes leave at once, which `write` does not say: it goes by the length alone. */
export function sentBy(socket: Socket): Sent {
  if (socket.writableLength === 0) return LEFT;
  return socket.writableNeedDrain ? FULL : WAITING;
}

function writeCopy(socket: Socket, before: string, bytes: Buffer, start: number, end: number, after: string): void {
  const behind = before.length + end - start;
  const length = behind + after.length;
  if (scratch === null || scratch.length < length) scratch = Buffer.allocUnsafeSlow(length + SPARE_BYTES);
  if (before !== '') scratch.write(before, 0, 'latin1');
  bytes.copy(scratch, before.length, start, end);
  if (after !== '') scratch.write(after, behind, 'latin1');
  socket.write(scratch.subarray(0, length));
  if (socket.writableLength > 0) scratch = null;
}

/** Heads differ in length: a new buffer has room for a longer one. */
const SPARE_BYTES = 4_096;
