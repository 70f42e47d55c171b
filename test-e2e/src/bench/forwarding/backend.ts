import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../harness/free-port.js';
import { findProgram, LOAD_CPU, type Workbench } from '../workbench.js';
import { untilListening } from './listening.js';
import { PATHS } from './paths.js';
import type { WEIGHTS_BP } from './weights.js';

const INSTANCES_PER_VERSION = 2;

const FILES = { '64k': 64 * 1024, '1m': 1024 * 1024 };
const LARGEST_UPLOAD = 2 * 1024 * 1024;

/** Ports of the instances, by version. */
export type Backend = Record<keyof typeof WEIGHTS_BP, number[]>;

/** The instances behind the proxies: nginx, or a program of Node's where that is missing. */
export async function startBackend(bench: Workbench): Promise<{ backend: Backend; program: 'nginx' | 'node' }> {
  const backend: Backend = { 1: [], 2: [], 3: [] };
  for (const ports of Object.values(backend)) for (let index = 0; index < INSTANCES_PER_VERSION; index += 1) ports.push(await freePort());
  const folder = await bench.subfolder('backend');
  for (const [name, bytes] of Object.entries(FILES)) {
    await writeFile(join(folder, name), '');
    await truncate(join(folder, name), bytes);
  }
  const ports = Object.values(backend).flat();
  const nginx = findProgram('nginx');
  if (nginx === null) {
    const file = fileURLToPath(new URL('node-backend.js', import.meta.url));
    const args = [file, ...ports.map(String)];
    await bench.startServer({ name: 'backend', program: process.execPath, args, cpu: LOAD_CPU }, () => untilListening(ports));
    return { backend, program: 'node' };
  }
  const sink = await freePort();
  await writeFile(join(folder, 'nginx.conf'), backendConfig(ports, sink, folder));
  const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')];
  await bench.startServer({ name: 'backend', program: nginx, args, cpu: LOAD_CPU }, () => untilListening([...ports, sink]));
  return { backend, program: 'nginx' };
}

/** Lines that any nginx needs to run from a folder, as whoever has started it. */
export function nginxFrame(folder: string): { main: string; http: string } {
  // Without it the worker of a root's nginx is nobody, who may not write to the folder.
  const user = process.getuid?.() === 0 ? 'user root;\n' : '';
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `  ${name}_temp_path ${join(folder, `${name}-temp`)};`);
  return {
    main: `${user}daemon off;\npid ${join(folder, 'nginx.pid')};\nworker_processes 1;\nevents { worker_connections 4096; }`,
    http: ['  access_log off;', '  keepalive_requests 1000000000;', '  keepalive_timeout 600s;', ...temp].join('\n'),
  };
}

/**
 * `return` answers before it has read a body, and a proxy need not send on what nobody reads. An upload is therefore read whole first,
 * in memory, as a real instance would: nginx does that for a body that it might have to pass on.
 */
function backendConfig(ports: readonly number[], sink: number, folder: string): string {
  const { main, http } = nginxFrame(folder);
  return `${main}
http {
${http}
  sendfile on;
  tcp_nodelay on;
  upstream sink { server 127.0.0.1:${sink}; keepalive 64; }
  server {
${ports.map((port) => `    listen 127.0.0.1:${port};`).join('\n')}
    root ${folder};
    client_max_body_size 0;
    location = /${PATHS.small} { default_type text/plain; return 200 "hello\\n"; }
    location = /${PATHS.upload} {
      client_body_buffer_size ${LARGEST_UPLOAD};
      proxy_pass_request_body off;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
      proxy_method GET;
      proxy_pass http://sink;
    }
  }
  server { listen 127.0.0.1:${sink}; location / { return 200 "taken\\n"; } }
}
`;
}
