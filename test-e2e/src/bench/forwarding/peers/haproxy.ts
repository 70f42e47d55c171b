import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../../harness/free-port.js';
import { findProgram, PROXY_CPU } from '../../workbench.js';
import type { Backend } from '../backend.js';
import { untilListening } from '../listening.js';
import { WEIGHTS_BP } from '../weights.js';
import type { Peer } from './peer.js';

export const haproxy: Peer = {
  name: 'HAProxy',
  install: 'apt-get install haproxy',
  isInstalled: () => findProgram('haproxy') !== null,
  async start(bench, backend) {
    const port = await freePort();
    const folder = await bench.subfolder('haproxy');
    await writeFile(join(folder, 'haproxy.cfg'), haproxyConfig(port, backend));
    const args = ['-db', '-f', join(folder, 'haproxy.cfg')];
    const command = { name: 'HAProxy', program: findProgram('haproxy')!, args, cpu: PROXY_CPU };
    const pid = await bench.startServer(command, () => untilListening([port]));
    return { name: 'HAProxy', pid, url: (path) => `http://127.0.0.1:${port}/${path}` };
  },
};

/** A weighted random pick over all instances, kept connections shared between clients; no logs, no checks. */
function haproxyConfig(port: number, backend: Backend): string {
  const servers = Object.entries(backend).flatMap(([version, ports]) =>
    ports.map((one, index) => {
      // Weights of HAProxy go up to 256.
      const weight = Math.max(1, Math.round(WEIGHTS_BP[Number(version) as keyof typeof WEIGHTS_BP] / 100));
      return `  server v${version}-${index} 127.0.0.1:${one} weight ${weight}`;
    }),
  );
  return `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend front
  bind 127.0.0.1:${port}
  default_backend instances
backend instances
  balance random
${servers.join('\n')}
`;
}
