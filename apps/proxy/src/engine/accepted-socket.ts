import { Socket, type SocketConstructorOpts } from 'node:net';

/** What `net` does with what it has read, see `onread` of `net.connect`. */
export interface OnRead {
  /** Where the next read goes. */
  buffer(): Buffer;
  /** `false` stops reading. */
  callback(bytes: number, buffer: Uint8Array): boolean;
}

/** The part of `net`'s handle that is needed to move it. */
interface Handle {
  reading: boolean;
  readStop(): number;
}

/**
 * An accepted connection that reads into memory of ours, as `onread` does for one that was opened. `net` has no way to say so for those that a server
 * or another process hands out (Node 20 to 24): they get 64 KiB of new memory for each read and go through a stream, which costs as much as all else
 * that is done for a small request. So the handle moves to a socket that was made with `onread`. Where it cannot be had (a socket that is gone, or a Node that keeps it to itself),
 * the result is the socket as it was, which then has to be read by its events: the same, only slower.
 */
export function readInto(accepted: Socket, onread: OnRead): Socket {
  const from = accepted as { _handle?: Handle | null };
  const handle = from._handle;
  if (accepted.destroyed || typeof handle?.readStop !== 'function') return accepted;
  handle.reading = false;
  handle.readStop();
  from._handle = null;
  const socket = new Socket({ handle, onread, allowHalfOpen: true } as SocketConstructorOpts);
  // A server counts its connections by the sockets it has made.
  socket.once('close', () => accepted.destroy());
  return socket;
}
