import { lookup } from 'node:dns';
import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { WebhookHosts } from './webhook-hosts.js';

const MAX_HEAD_BYTES = 16_384;
/** Of an answer's body, for the log; what is behind is not read. */
const SHOWN_BYTES = 1_024;

export interface WebhookPost {
  url: string;
  body: string;
  headers: Readonly<Record<string, string>>;
  /** For all of it. */
  timeoutMs: number;
}

export interface WebhookAnswer {
  /** Null: there was none. */
  status: number | null;
  /** Why there was none, for people. */
  error: string | null;
  /** The beginning of its body. */
  response: string | null;
  retryAfter: string | undefined;
}

/**
 * Posts once. A redirect is an answer like any other: it is not followed. The head decides: of the body only the beginning is read, and
 * it may break off. Never rejects.
 */
export async function postWebhook(
  { url, body, headers, timeoutMs }: WebhookPost,
  hosts: WebhookHosts,
  stopped: AbortSignal,
): Promise<WebhookAnswer> {
  const target = new URL(url);
  const refusal = hosts.refusal(target);
  if (refusal !== null) return noAnswer(refusal);
  const timeout = AbortSignal.timeout(timeoutMs);
  const options: RequestOptions = {
    method: 'POST',
    // No connection is kept: receivers are called rarely.
    agent: false,
    lookup: guardedLookup(hosts),
    maxHeaderSize: MAX_HEAD_BYTES,
    headers: { 'Content-Type': 'application/json', 'User-Agent': 'app-fabric', 'Content-Length': Buffer.byteLength(body), ...headers },
    signal: AbortSignal.any([timeout, stopped]),
  };
  return new Promise((resolve) => {
    let answered = false;
    const request: ClientRequest = (target.protocol === 'https:' ? httpsRequest : httpRequest)(target, options, (response) => {
      answered = true;
      void beginning(response).then((text) => {
        request.destroy();
        resolve({ status: response.statusCode ?? null, error: null, response: text, retryAfter: response.headers['retry-after'] });
      });
    });
    request.on('error', (error) => {
      if (!answered) resolve(noAnswer(timeout.aborted ? `no answer within ${timeoutMs / 1_000} s` : error.message));
    });
    request.end(body);
  });
}

/** Resolves at its end, at the bound, or when it breaks off. */
function beginning(response: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    const done = () => resolve(Buffer.concat(parts).subarray(0, SHOWN_BYTES).toString('utf8').replaceAll('\0', ''));
    response.on('data', (part: Buffer) => {
      parts.push(part);
      bytes += part.length;
      if (bytes >= SHOWN_BYTES) done();
    });
    response.on('error', done);
    response.on('close', done);
  });
}

/** Refuses an address that may not be called, whatever name led to it. */
function guardedLookup(hosts: WebhookHosts): LookupFunction {
  return (hostname, options, callback) =>
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const refusal = error
        ? null
        : (addresses.map(({ address }) => hosts.addressRefusal(address)).find((found) => found !== null) ?? null);
      const failure = error ?? (refusal === null ? null : Object.assign(new Error(`${hostname}: ${refusal}`), { code: 'EACCES' }));
      const first = addresses?.[0];
      if (failure || first === undefined) callback(failure ?? new Error(`${hostname} has no address`), '', 0);
      else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
}

function noAnswer(error: string): WebhookAnswer {
  return { status: null, error: error.slice(0, 500), response: null, retryAfter: undefined };
}
