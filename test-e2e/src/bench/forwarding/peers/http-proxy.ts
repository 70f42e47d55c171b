import { fileURLToPath } from 'node:url';
import { freePort } from '../../../harness/free-port.js';
import { PROXY_CPU } from '../../workbench.js';
import { untilListening } from '../listening.js';
import type { Peer } from './peer.js';

export const httpProxy: Peer = {
  name: 'http-proxy',
  install: 'part of the project',
  isInstalled: () => true,
  async start(bench, backend) {
    const port = await freePort();
    const file = fileURLToPath(new URL('http-proxy-program.js', import.meta.url));
    const args = [file, String(port), JSON.stringify(backend)];
    const command = { name: 'http-proxy', program: process.execPath, args, cpu: PROXY_CPU, env: { NODE_ENV: 'production' } };
    const pid = await bench.startServer(command, () => untilListening([port]));
    return { name: 'http-proxy', pid, url: (path) => `http://127.0.0.1:${port}/${path}` };
  },
};
