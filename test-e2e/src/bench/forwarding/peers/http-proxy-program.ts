import { Agent, createServer, ServerResponse } from 'node:http';
import httpProxyModule from 'http-proxy';
import type { Backend } from '../backend.js';
import { WEIGHTS_BP } from '../weights.js';

// node http-proxy-program.js PORT BACKEND: http-proxy as its readme shows it, with kept connections and a weighted pick.

const [port = '', backend = ''] = process.argv.slice(2);
const versions = Object.entries(JSON.parse(backend) as Backend).map(([version, ports]) => ({
  weight: WEIGHTS_BP[Number(version) as keyof typeof WEIGHTS_BP],
  targets: ports.map((one) => `http://127.0.0.1:${one}`),
}));
const total = versions.reduce((sum, { weight }) => sum + weight, 0);

function pick(): string {
  let point = Math.random() * total;
  for (const { weight, targets } of versions) {
    point -= weight;
    if (point < 0) return targets[Math.floor(Math.random() * targets.length)]!;
  }
  throw new Error('the weights do not add up');
}

const proxy = httpProxyModule.createProxyServer({ agent: new Agent({ keepAlive: true, maxFreeSockets: 256 }) });
proxy.on('error', (error, _request, response) => {
  if (response instanceof ServerResponse) response.writeHead(502).end(error.message);
});
const server = createServer((request, response) => proxy.web(request, response, { target: pick() }));
server.keepAliveTimeout = 600_000;
server.listen(Number(port), '127.0.0.1');
