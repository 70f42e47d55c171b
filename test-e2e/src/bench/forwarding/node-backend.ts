import { createServer } from 'node:http';
import { PATHS } from './paths.js';

// node node-backend.js PORT...: what the backend's nginx does, where there is none.

const ANSWERS = new Map([
  [`/${PATHS.small}`, Buffer.from('hello\n')],
  [`/${PATHS['64 KiB']}`, Buffer.alloc(64 * 1024)],
  [`/${PATHS['1 MiB']}`, Buffer.alloc(1024 * 1024)],
  [`/${PATHS.upload}`, Buffer.from('taken\n')],
]);

for (const port of process.argv.slice(2)) {
  const server = createServer((request, response) => {
    const body = ANSWERS.get(request.url ?? '');
    request.resume().once('end', () => response.writeHead(body ? 200 : 404, { 'content-length': body?.length ?? 0 }).end(body));
  });
  server.keepAliveTimeout = 600_000;
  server.listen(Number(port), '127.0.0.1');
}
