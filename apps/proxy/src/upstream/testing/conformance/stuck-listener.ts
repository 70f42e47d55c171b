import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { InstanceState } from '../../instance.js';

/** Listens, then its only thread waits for ever: the kernel takes a few connections in its name, and no more. */
const PROGRAM = `
const server = require('node:net').createServer();
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  require('node:fs').writeSync(1, String(server.address().port));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;

const FILLERS = 16;

/** An instance to which a connection neither comes about nor fails. */
export async function stuckListener(): Promise<{ state: InstanceState; close(): Promise<void> }> {
  const child = spawn(process.execPath, ['-e', PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  const fillers: Socket[] = [];
  const first = new Promise<void>((resolve) => {
    for (let i = 0; i < FILLERS; i += 1) {
      const socket = connect({ port: Number(port), host: '127.0.0.1' }, resolve);
      socket.on('error', () => undefined);
      fillers.push(socket);
    }
  });
  await first;
  return {
    state: new InstanceState({ id: 'stuck', url: `http://127.0.0.1:${port}` }),
    close: async () => {
      for (const socket of fillers) socket.destroy();
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}
