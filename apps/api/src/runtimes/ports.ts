import { createServer } from 'node:net';
import { RuntimeError } from './runtime-error.js';

const HOST = '127.0.0.1';
/**
 * Below the range from which Linux, macOS and the BSDs take ports for outgoing connections: otherwise any of those could take a port between
 * our look and the program's bind.
 */
const FIRST = 20_000;
const COUNT = 12_000;
const MAX_TRIES = 200;

/** Chooses loopback ports for programs; one port never goes to two instances of this runtime. */
export class Ports {
  private readonly held = new Set<number>();

  constructor(private readonly random: () => number) {}

  /** A port that is free now: `preferred` if possible. Give it back with {@link release}. */
  async take(preferred: number | null): Promise<number> {
    if (preferred !== null && (await this.tryTake(preferred))) return preferred;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const port = FIRST + Math.floor(this.random() * COUNT);
      if (await this.tryTake(port)) return port;
    }
    throw new RuntimeError('no_free_port', `no free port was found in ${MAX_TRIES} tries`, { transient: true });
  }

  /** Of a program that already runs. */
  hold(port: number): void {
    this.held.add(port);
  }

  release(port: number): void {
    this.held.delete(port);
  }

  private async tryTake(port: number): Promise<boolean> {
    if (this.held.has(port)) return false;
    this.held.add(port); // before the look: another instance may look at the same moment
    if (await isPortFree(port)) return true;
    this.held.delete(port);
    return false;
  }
}

function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: HOST, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
