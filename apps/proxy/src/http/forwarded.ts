import type { RequestFields } from './fields.js';
import { LOOP_FIELD, withHop } from './hops.js';

/** What a request came with that is said to the instance anew. */
export interface ForwardedInput {
  fields: RequestFields;
  remoteAddress: string;
  encrypted: boolean;
}

/** What of it is different for each request, or each attempt. */
export interface Passage {
  /** The part of the path that was cut off. */
  prefix: string;
  requestId: string;
  version: number;
  traceparent: string;
  /** '': none. */
  tracestate: string;
}

/**
 * The field lines that replace those of the client. `X-Forwarded-For` is always appended to: an instance that needs the truth takes the last
 * entry. The others come from the client only when the setting says that a trusted proxy sends them; otherwise they are what this proxy sees.
 * Ends in the middle of the last line, with what stands in front of our own prefix: {@link passageLines} goes on.
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

/** Goes on after {@link forwardedStart}. */
export function passageLines({ prefix, requestId, version, traceparent, tracestate }: Passage): string {
  const stateLine = tracestate === '' ? '' : `tracestate: ${tracestate}\r\n`;
  return `${prefix}\r\nX-App-Version: ${version}\r\nX-Request-Id: ${requestId}\r\ntraceparent: ${traceparent}\r\n${stateLine}`;
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
