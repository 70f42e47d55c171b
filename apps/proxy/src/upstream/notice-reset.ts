import type { Socket } from 'node:net';

/** How often a client's connection that is not read is asked, in milliseconds. */
export const ASK_EVERY_MS = 1_000;

/**
 * Ends a connection that its peer has reset while it was not read. Node watches only what it reads from or has something to write to, so a client that is kept
 * waiting would be missed for as long as it is. A write of nothing puts nothing on the wire, and fails on a connection that was reset.
 */
export function noticeReset(socket: Socket): void {
  if (socket.isPaused() && socket.writable && socket.writableLength === 0) socket.write('');
}
