import { NO_BODY } from '../framing.js';
import { HeadInput } from '../head-input.js';
import { REQUEST_HEAD_LIMITS, RESPONSE_HEAD_LIMITS } from '../limits.js';
import { RequestHead } from '../request-head.js';
import { ResponseHead } from '../response-head.js';
import { REQUEST_FIELDS_OF_PROXY, writeRequestHead } from '../write-request.js';
import { RESPONSE_FIELDS_OF_PROXY, writeResponseHead } from '../write-response.js';

/** `node apps/proxy/dist/http1/bench/main.js`: nanoseconds of CPU time a head, best and median of the rounds. */
const WRK = 'GET /a/b HTTP/1.1\r\nHost: 127.0.0.1:8081\r\n\r\n';
const BROWSER = [
  'GET /namespaces/default/apps/shop/services/cart/methods/items?page=2 HTTP/1.1',
  'Host: shop.example.com',
  'Connection: keep-alive',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
  'Accept-Encoding: gzip, deflate, br',
  'Accept-Language: en-GB,en;q=0.9',
  'Cookie: session=0123456789abcdef',
  '',
  '',
].join('\r\n');
const NGINX = [
  'HTTP/1.1 200 OK',
  'Server: nginx/1.22.1',
  'Date: Mon, 23 Nov 2026 09:00:00 GMT',
  'Content-Type: text/plain',
  'Content-Length: 2',
  'Connection: keep-alive',
  '',
  '',
].join('\r\n');

const ADDED_TO_REQUEST =
  'X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: shop.example.com\r\nX-Request-Id: 0123456789abcdef0123456789abcdef\r\nX-App-Version: 2\r\n';
const ADDED_TO_RESPONSE =
  'X-App-Version: 2\r\nX-Artifact-Version: 1.2.0\r\nX-Route-Reason: weighted\r\nX-Request-Id: 0123456789abcdef0123456789abcdef\r\n';

const ROUNDS = 15;
const HEADS = 200_000;
const out = Buffer.allocUnsafe(4096);
const requestHead = new RequestHead();
const requestInput = new HeadInput(REQUEST_HEAD_LIMITS.headBytes);
const responseHead = new ResponseHead();
const responseInput = new HeadInput(RESPONSE_HEAD_LIMITS.headBytes);

function scanRequest(bytes: Buffer): void {
  requestInput.begin();
  requestHead.begin();
  if (requestInput.read(requestHead, bytes, 0, bytes.length) !== bytes.length) throw new Error('not scanned');
}

function rewriteRequest(bytes: Buffer): number {
  scanRequest(bytes);
  const text = requestInput.text(requestHead);
  const target = text.slice(requestHead.pathStart, requestHead.targetEnd);
  const rewrite = { target, host: null, dropped: REQUEST_FIELDS_OF_PROXY, upgrade: false };
  const written = writeRequestHead(requestHead, text, rewrite, ADDED_TO_REQUEST);
  return out.write(written, 'latin1');
}

function scanResponse(bytes: Buffer): void {
  responseInput.begin();
  responseHead.begin(false);
  if (responseInput.read(responseHead, bytes, 0, bytes.length) !== bytes.length || responseHead.framing === NO_BODY)
    throw new Error('not scanned');
}

function rewriteResponse(bytes: Buffer): number {
  scanResponse(bytes);
  const rewrite = { dropped: RESPONSE_FIELDS_OF_PROXY, connection: 'unsaid', chunked: false } as const;
  const written = writeResponseHead(responseHead, responseInput.text(responseHead), rewrite, ADDED_TO_RESPONSE);
  return out.write(written, 'latin1');
}

function measure(name: string, head: string, run: (bytes: Buffer) => unknown): void {
  const bytes = Buffer.from(head, 'latin1');
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < HEADS; i++) run(bytes);
    const { user, system } = process.cpuUsage(before);
    rounds.push(((user + system) * 1000) / HEADS);
  }
  rounds.sort((a, b) => a - b);
  const [best, median] = [rounds[0]!, rounds[ROUNDS >> 1]!];
  process.stdout.write(
    `${name.padEnd(34)} ${String(bytes.length).padStart(4)} bytes  best ${best.toFixed(0).padStart(5)} ns  median ${median.toFixed(0).padStart(5)} ns\n`,
  );
}

measure('request, wrk: scan', WRK, scanRequest);
measure('request, wrk: scan and rewrite', WRK, rewriteRequest);
measure('request, browser: scan', BROWSER, scanRequest);
measure('request, browser: scan and rewrite', BROWSER, rewriteRequest);
measure('response, nginx: scan', NGINX, scanResponse);
measure('response, nginx: scan and rewrite', NGINX, rewriteResponse);
