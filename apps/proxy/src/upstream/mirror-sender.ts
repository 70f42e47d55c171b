import http from 'node:http';
import https from 'node:https';
import type { HeaderList } from '../http/headers.js';
import type { InstanceState } from './instance.js';

/** Copies on their way at once. More are not sent: a slow version must not make this proxy hold requests for it. */
const MAX_AT_ONCE = 512;
/** To one instance: a version that hangs takes nothing away from the copies for others. */
const MAX_PER_INSTANCE = 64;
const TIMEOUT_MS = 10_000;

export interface MirroredRequest {
  instance: InstanceState;
  method: string;
  /** Path and query for the instance. */
  path: string;
  /** Without framing. */
  headers: HeaderList;
  body: Buffer | null;
}

/** Sends copies of requests and throws the answers away. Nothing of it can fail or delay anything else. */
export class MirrorSender {
  readonly #agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) };
  readonly #runningTo = new Map<InstanceState, number>();
  #running = 0;

  /** @param onEnd called once, when the copy is over or was not sent */
  send(copy: MirroredRequest, onEnd: (outcome: 'answered' | 'failed' | 'dropped') => void): void {
    const { instance } = copy;
    const runningTo = this.#runningTo.get(instance) ?? 0;
    if (this.#running >= MAX_AT_ONCE || runningTo >= MAX_PER_INSTANCE) {
      onEnd('dropped');
      return;
    }
    this.#running += 1;
    this.#runningTo.set(instance, runningTo + 1);
    let ended = false;
    const end = (outcome: 'answered' | 'failed') => {
      if (ended) return;
      ended = true;
      this.#running -= 1;
      const left = (this.#runningTo.get(instance) ?? 1) - 1;
      if (left === 0) this.#runningTo.delete(instance);
      else this.#runningTo.set(instance, left);
      onEnd(outcome);
    };
    const { protocol, hostname, port, basePath } = instance.address;
    try {
      const headers = [...copy.headers, 'Content-Length', String(copy.body?.length ?? 0)];
      const request = (protocol === 'https:' ? https : http).request({
        host: hostname,
        port,
        path: basePath + copy.path,
        method: copy.method,
        headers: copy.body === null ? [...copy.headers] : headers,
        agent: this.#agents[protocol],
        timeout: TIMEOUT_MS,
      });
      request.on('response', (answer) => {
        answer.on('error', () => end('failed'));
        answer.once('end', () => end('answered'));
        answer.once('close', () => end('failed'));
        answer.resume();
      });
      request.on('timeout', () => request.destroy());
      request.on('error', () => end('failed'));
      request.on('close', () => end('failed'));
      request.end(copy.body ?? undefined);
    } catch {
      // Characters in a head that Node's client refuses.
      end('failed');
    }
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }
}
