import type { RequestFields } from './fields.js';
import { LOOP_FIELD, withHop } from './hops.js';

/** What a request came with that is said to the instance anew. */
export interface ForwardedInput {
  fields: RequestFields;
  remoteAddress: string;
  encrypted: boolean;
}

/**
 * The field lines that replace those of the client. `X-Forwarded-For` is always appended to: an instance that needs the truth takes the last
 * entry. The others come from the client only when the setting says that a trusted proxy sends them; otherwise they are what this proxy sees.
 * Ends in the middle of the last line, with what stands in front of our own prefix: that and a CRLF have to follow.
 *
 * @param trustForwarded true when a trusted proxy stands in front: its -Proto and -Host are kept, and our prefix is put behind its own
 */
export function forwardedStart({ fields, remoteAddress, encrypted }: ForwardedInput, trustForwarded: boolean): string {
  const proto = (trustForwarded ? fields.value('x-forwarded-proto') : undefined) ?? (encrypted ? 'https' : 'http');
  const host = (trustForwarded ? fields.value('x-forwarded-host') : undefined) ?? fields.value('host');
  const hostLine = host === undefined ? '' : `X-Forwarded-Host: ${host}\r\n`;
  const outerPrefix = trustForwarded ? (fields.value('x-forwarded-prefix') ?? '').replace(/\/+$/, '') : '';
  return (
    `X-Forwarded-For: ${clientsOf(fields, remoteAddress)}\r\nX-Forwarded-Proto: ${proto}\r\n${hostLine}` +
    `${LOOP_FIELD}: ${withHop(fields)}\r\nX-Forwarded-Prefix: ${outerPrefix}`
  );
}

/** What the instance is told of one attempt. @param tracestate '': none */
export function attemptLines(version: number | string, requestId: string, traceparent: string, tracestate: string): string {
  return `${attemptStart(version)}${attemptEnd(requestId, traceparent, tracestate)}`;
}

/** Its beginning, the same for all requests to one version. */
export function attemptStart(version: number | string): string {
  return `X-App-Version: ${version}\r\nX-Request-Id: `;
}

export function attemptEnd(requestId: string, traceparent: string, tracestate: string): string {
  const lines = `${requestId}\r\ntraceparent: ${traceparent}\r\n`;
  return tracestate === '' ? lines : `${lines}tracestate: ${tracestate}\r\n`;
}

function clientsOf(fields: RequestFields, remoteAddress: string): string {
  const own = plainAddress(remoteAddress);
  const before = fields.values('x-forwarded-for');
  return before.length === 0 ? own : [...before.filter((value) => value !== ''), own].join(', ');
}

/** IPv4 in IPv6 form is how Node shows clients on a dual-stack socket. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
