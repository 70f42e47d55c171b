import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../../harness/free-port.js';
import { findProgram, PROXY_CPU } from '../../workbench.js';
import { type Backend, nginxFrame } from '../backend.js';
import { untilListening } from '../listening.js';
import { WEIGHTS_BP } from '../weights.js';
import type { Peer } from './peer.js';

export const nginx: Peer = {
  name: 'nginx',
  install: 'apt-get install nginx-light',
  isInstalled: () => findProgram('nginx') !== null,
  async start(bench, backend) {
    const port = await freePort();
    const folder = await bench.subfolder('nginx');
    await writeFile(join(folder, 'nginx.conf'), nginxConfig(port, backend, folder));
    const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')];
    const command = { name: 'nginx', program: findProgram('nginx')!, args, cpu: PROXY_CPU };
    const pid = await bench.startServer(command, () => untilListening([port]));
    return { name: 'nginx', pid, url: (path) => `http://127.0.0.1:${port}/${path}` };
  },
};

/**
 * The least that does the job: a weighted split and kept connections; no ids, counters or logs. Bodies are passed on as they come, with
 * buffers large enough for few system calls, and never through a file on disk, which would be nginx's default for large ones.
 */
function nginxConfig(port: number, backend: Backend, folder: string): string {
  const { main, http } = nginxFrame(folder);
  const versions = Object.entries(WEIGHTS_BP);
  const shares = versions.map(([version, bp], index) => `    ${index === versions.length - 1 ? '*' : `${bp / 100}%`} version${version};`);
  const upstreams = Object.entries(backend).map(([version, ports]) => {
    const servers = ports.map((one) => `server 127.0.0.1:${one};`).join(' ');
    return `  upstream version${version} { ${servers} keepalive 128; keepalive_requests 1000000000; keepalive_timeout 600s; }`;
  });
  return `${main}
http {
${http}
  split_clients "$connection-$connection_requests" $version {
${shares.join('\n')}
  }
${upstreams.join('\n')}
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 0;
    client_body_buffer_size 64k;
    location / {
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering off;
      proxy_buffer_size 16k;
      proxy_buffers 16 32k;
      proxy_busy_buffers_size 256k;
      proxy_max_temp_file_size 0;
      proxy_pass http://$version;
    }
  }
}
`;
}
