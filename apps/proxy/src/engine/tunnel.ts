import type { Socket } from 'node:net';

/** Longest silence on a tunnel of which one side has ended. */
const HALF_CLOSED_IDLE_MS = 10_000;

export interface TunnelOptions {
  /** What the client sent before the switch. */
  early: Buffer | null;
  /** What the instance sent behind its 101. */
  rest: Buffer;
  /** Longest silence, in milliseconds. */
  idleMs: number;
  onEnd(): void;
}

/** Joins two connections: bytes go both ways as they are, each side may end before the other, a broken side takes the other with it. */
export function joinTunnel(sides: { client: Socket; instance: Socket }, options: TunnelOptions): void {
  const { client, instance } = sides;
  const both = [client, instance];
  for (const socket of both) {
    for (const event of ['data', 'end', 'drain']) socket.removeAllListeners(event);
    socket.allowHalfOpen = true;
    socket.setTimeout(options.idleMs, () => end());
    const onLastWord = () => {
      // The other side may still answer, but not hold the tunnel open.
      for (const either of both) either.setTimeout(Math.min(HALF_CLOSED_IDLE_MS, options.idleMs));
    };
    if (socket.readableEnded) onLastWord();
    else socket.once('end', onLastWord);
    socket.once('error', () => end());
  }
  let ended = false;
  let open = both.length;
  const end = () => {
    if (ended) return;
    ended = true;
    options.onEnd();
  };
  for (const socket of both) {
    socket.once('close', () => {
      open -= 1;
      // A side that vanished without saying goodbye takes the other with it.
      if (open === 0 || !socket.readableEnded) end();
    });
  }
  if (options.early !== null) instance.write(options.early);
  if (options.rest.length > 0) client.write(options.rest);
  client.pipe(instance);
  instance.pipe(client);
  client.resume();
  instance.resume();
}
