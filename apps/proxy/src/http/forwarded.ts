import type { IdSource } from '@app-fabric/tracing';
import type { RequestFields } from './fields.js';
import { LOOP_FIELD, withHop } from './hops.js';
import { chooseRequestId } from './ids.js';

/** What the instance is told about the request beside the client's own headers. */
export interface ForwardedInput {
  fields: RequestFields;
  remoteAddress: string;
  encrypted: boolean;
  /** The part of the path that was cut off. */
  prefix: string;
  requestId: string;
  version: number;
  traceparent: string;
  /** '': none. */
  tracestate: string;
  /** True when a trusted proxy stands in front: its -Proto and -Host are kept, and our prefix is put behind its own. */
  trustForwarded: boolean;
}

/**
 * The headers that replace those of the client. `X-Forwarded-For` is always appended to: an instance that needs the truth takes the last
 * entry. The others come from the client only when the setting says that a trusted proxy sends them; otherwise they are what this proxy sees.
 */
export function forwardedHeaders(input: ForwardedInput): string[] {
  const { fields, trustForwarded, tracestate } = input;
  const list = [
    'X-Forwarded-For',
    clientsOf(fields, input.remoteAddress),
    'X-Forwarded-Proto',
    (trustForwarded ? fields.value('x-forwarded-proto') : undefined) ?? (input.encrypted ? 'https' : 'http'),
    'X-Forwarded-Prefix',
    trustForwarded ? (fields.value('x-forwarded-prefix') ?? '').replace(/\/+$/, '') + input.prefix : input.prefix,
    'X-Request-Id',
    input.requestId,
    'traceparent',
    input.traceparent,
    'X-App-Version',
    String(input.version),
    LOOP_FIELD,
    withHop(fields),
  ];
  const host = (trustForwarded ? fields.value('x-forwarded-host') : undefined) ?? fields.value('host');
  if (host !== undefined) list.push('X-Forwarded-Host', host);
  if (tracestate !== '') list.push('tracestate', tracestate);
  return list;
}

function clientsOf(fields: RequestFields, remoteAddress: string): string {
  const own = plainAddress(remoteAddress);
  const before = fields.values('x-forwarded-for');
  return before.length === 0 ? own : [...before.filter((value) => value !== ''), own].join(', ');
}

export function requestIdOf(fields: RequestFields, ids: IdSource): string {
  return chooseRequestId(fields.values('x-request-id'), ids);
}

/** IPv4 in IPv6 form is how Node shows clients on a dual-stack socket. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
