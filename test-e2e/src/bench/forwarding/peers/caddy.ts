import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../../harness/free-port.js';
import { findProgram, PROXY_CPU } from '../../workbench.js';
import type { Backend } from '../backend.js';
import { untilListening } from '../listening.js';
import type { Peer } from './peer.js';

export const caddy: Peer = {
  name: 'Caddy',
  install: 'apt-get install caddy',
  isInstalled: () => findProgram('caddy') !== null,
  async start(bench, backend) {
    const port = await freePort();
    const folder = await bench.subfolder('caddy');
    await writeFile(join(folder, 'Caddyfile'), caddyConfig(port, backend));
    const args = ['run', '--adapter', 'caddyfile', '--config', join(folder, 'Caddyfile')];
    // As many threads as it has cores, which it would count before it is told to keep to one.
    const env = { GOMAXPROCS: '1', XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
    const command = { name: 'Caddy', program: findProgram('caddy')!, args, cpu: PROXY_CPU, env };
    const pid = await bench.startServer(command, () => untilListening([port]));
    return { name: 'Caddy', pid, url: (path) => `http://127.0.0.1:${port}/${path}` };
  },
};

/** Random over all instances: it has no weights. */
function caddyConfig(port: number, backend: Backend): string {
  const instances = Object.values(backend)
    .flat()
    .map((one) => `127.0.0.1:${one}`);
  return `{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  bind 127.0.0.1
  reverse_proxy ${instances.join(' ')} {
    lb_policy random
    transport http {
      keepalive_idle_conns_per_host 128
    }
  }
}
`;
}
