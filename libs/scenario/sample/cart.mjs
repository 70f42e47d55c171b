// The shop's service. GET /healthz · GET /total?prices=100,250 · any /items (echo) · GET /slow?ms=200 (an answer that takes its time) ·
// POST /campaign (begins one, which nothing but a bug of 2.1.0 notices).
import { createServer } from 'node:http';
import * as price from './price.mjs';

const MAX_BODY_BYTES = 1_000_000;
const MAX_SLOW_MS = 30_000;
const who = {
  version: Number(process.env.FABRIC_VERSION),
  artifactVersion: process.env.FABRIC_ARTIFACT_VERSION,
  instance: process.env.FABRIC_INSTANCE_ID,
};
let stopping = false;

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://cart');
  if (url.pathname === '/healthz') return answer(response, 200, { status: 'ok' });
  if (url.pathname === '/total') return total(response, url);
  if (url.pathname === '/items') return echo(request, response);
  if (url.pathname === '/slow') {
    const delayMs = Math.min(Number(url.searchParams.get('ms')) || 0, MAX_SLOW_MS);
    setTimeout(() => answer(response, 200, { ...who, delayMs }), delayMs);
    return undefined;
  }
  if (url.pathname === '/campaign') {
    price.beginCampaign?.();
    return answer(response, 200, who);
  }
  return answer(response, 404, { ...who, error: 'not found' });
});

function total(response, url) {
  try {
    answer(response, 200, { ...who, total: price.total(pricesOf(url)) });
  } catch (error) {
    answer(response, 500, { ...who, error: error.message });
  }
}

function pricesOf(url) {
  return (url.searchParams.get('prices') ?? '').split(',').filter(Boolean).map(Number);
}

function echo(request, response) {
  const chunks = [];
  let bytes = 0;
  request.on('data', (chunk) => {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  });
  request.on('end', () => {
    if (bytes > MAX_BODY_BYTES) return answer(response, 413, { ...who, error: 'too large' });
    const body = Buffer.concat(chunks).toString();
    return answer(response, 200, { ...who, method: request.method, url: request.url, headers: request.headers, body });
  });
}

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json', ...(stopping ? { connection: 'close' } : {}) });
  response.end(JSON.stringify(body));
}

// Longer than any proxy keeps an idle connection: it is the proxy that closes it, never a race between the two.
server.keepAliveTimeout = 120_000;
server.listen(Number(process.env.PORT), '127.0.0.1', () => log('listening'));

process.on('SIGTERM', () => {
  stopping = true;
  server.close(() => {
    log('stopped');
    process.exit(0);
  });
  server.closeIdleConnections();
  log('stopping');
});

function log(message) {
  process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), program: 'cart', ...who, message })}\n`);
}
