import { connect } from 'node:net';
import { eventually } from '@app-fabric/scenario';

const START_TIMEOUT_MS = 20_000;

/** Resolves when all ports on 127.0.0.1 take connections. */
export async function untilListening(ports: readonly number[]): Promise<void> {
  for (const port of ports)
    await eventually(`127.0.0.1:${port} takes connections`, START_TIMEOUT_MS, async () =>
      (await takesConnections(port)) ? true : undefined,
    );
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
