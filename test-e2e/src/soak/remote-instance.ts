import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually, sendHttp } from '@app-fabric/scenario';
import { freePort } from '../harness/free-port.js';

const CART = fileURLToPath(new URL('../../../libs/scenario/sample/cart.mjs', import.meta.url));
const START_TIMEOUT_MS = 20_000;
/** `ttlSeconds` of a registration; a heartbeat comes four times as often. */
const TTL_SECONDS = 4;

/** The sample's cart as a process of somebody else's, registered by its URL, with heartbeats. */
export class RemoteInstance {
  private heart: NodeJS.Timeout | null = null;
  private beating: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly id: string,
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly register: (json: object, wait?: number) => Promise<unknown>,
  ) {}

  /** Starts the process and registers it. `register` is the PUT of this instance. */
  static async start(
    id: string,
    environment: Record<string, string>,
    register: (json: object, wait?: number) => Promise<unknown>,
  ): Promise<RemoteInstance> {
    const port = await freePort();
    const child = spawn(process.execPath, [CART], {
      env: { PATH: process.env.PATH ?? '', ...environment, PORT: String(port), FABRIC_INSTANCE_ID: id },
      stdio: 'ignore',
    });
    const instance = new RemoteInstance(id, `http://127.0.0.1:${port}`, child, register);
    await eventually(`${instance.url} answers`, START_TIMEOUT_MS, async () => {
      if (child.exitCode !== null) throw new Error(`${id} ended with ${child.exitCode}`);
      return (await sendHttp('GET', `${instance.url}/healthz`)).status === 200 ? true : undefined;
    });
    await instance.beat(10);
    instance.heart = setInterval(() => {
      instance.beating = instance.beat().catch(() => undefined);
    }, TTL_SECONDS * 250);
    return instance;
  }

  /** No heartbeat comes any more, also none that is on its way. */
  async silence(): Promise<void> {
    if (this.heart) clearInterval(this.heart);
    await this.beating;
  }

  /** SIGTERM, in-flight requests finished; it must have been taken out of the routes before. */
  terminate(): Promise<void> {
    return this.end('SIGTERM');
  }

  crash(): Promise<void> {
    return this.end('SIGKILL');
  }

  private beat(wait?: number): Promise<unknown> {
    return this.register({ url: this.url, ttlSeconds: TTL_SECONDS }, wait);
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill(signal);
    await once(this.child, 'exit');
  }
}
