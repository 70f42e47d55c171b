import { get } from 'node:http';
import { connect } from 'node:net';
import { messageOf } from './runtime-error.js';

const HOST = '127.0.0.1';

/** One look at a service: null when it is well, else why not. Takes at most `timeoutMs`; never rejects. */
export async function probe(port: number, healthPath: string | undefined, timeoutMs: number, signal: AbortSignal): Promise<string | null> {
  const limit = new AbortController();
  const abort = () => limit.abort();
  const timer = setTimeout(abort, timeoutMs);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await (healthPath === undefined ? probePort(port, limit.signal) : probePath(port, healthPath, limit.signal));
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

function probePort(port: number, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: HOST, port });
    const finish = (result: string | null) => {
      socket.destroy();
      resolve(result);
    };
    const onAbort = () => finish(`port ${port} does not accept connections in time`);
    socket.once('connect', () => finish(null));
    socket.once('error', (error) => finish(`port ${port} does not accept connections: ${error.message}`));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

function probePath(port: number, path: string, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    const failed = (error: unknown) => resolve(`${path} does not answer${signal.aborted ? ' in time' : `: ${messageOf(error)}`}`);
    try {
      const request = get({ host: HOST, port, path, agent: false, signal, headers: { 'user-agent': 'app-fabric-health' } }, (response) => {
        const status = response.statusCode ?? 0;
        resolve(status >= 200 && status < 300 ? null : `${path} answers ${status}`);
        response.on('error', () => undefined);
        request.destroy(); // the body says nothing to us, and may be endless
      });
      request.on('error', failed);
    } catch (error) {
      failed(error); // a path that cannot be sent
    }
  });
}
