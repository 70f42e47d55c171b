/** Where a trace stands: what `traceparent` and `tracestate` say (W3C Trace Context). */
export interface TraceContext {
  /** 32 lower-case hex digits, not all 0. */
  readonly traceId: string;
  /** Of the span that whoever gets this is a child of: 16 lower-case hex digits, not all 0. */
  readonly spanId: string;
  /** {@link SAMPLED}, and {@link RANDOM} where it came so. */
  readonly flags: number;
  /** As for the header; '' when there is none. */
  readonly tracestate: string;
}

export const SAMPLED = 1;
/** Trace Context level 2: the trace id is random. Passed on as it came. */
const RANDOM = 2;

/** What the recommendation asks to be passed on at least, and here at most. */
const MAX_TRACESTATE = 512;
const MAX_MEMBERS = 32;
/** When there is too much, longer entries go first (§3.3.1.5). */
const LONG_MEMBER = 128;
/** Longer ones are not looked at: a version 00 has 55 characters. */
const MAX_TRACEPARENT = 256;

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const KEY = /^(?:[a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/;
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/**
 * The context of a message, from the values of all its `traceparent` and `tracestate` fields. Null: none, or one that has to be replaced by
 * the root of a new trace (§3.2, §4.3): malformed, version `ff`, ids of zeros, or said more than once. Of later versions the known part is read.
 */
export function readTraceContext(traceparents: readonly string[], tracestates: readonly string[]): TraceContext | null {
  const [only] = traceparents;
  if (only === undefined || traceparents.length !== 1 || only.length > MAX_TRACEPARENT) return null;
  const match = TRACEPARENT.exec(only);
  if (match === null) return null;
  const [, version, traceId = '', spanId = '', flags = '', more] = match;
  if (version === 'ff' || (version === '00' && more !== undefined) || isZero(traceId) || isZero(spanId)) return null;
  const known = Number.parseInt(flags, 16) & (SAMPLED | RANDOM);
  return { traceId, spanId, flags: known, tracestate: readTracestate(tracestates) };
}

/** Always of version 00, whatever came. */
export function traceparentOf({ traceId, spanId, flags }: Omit<TraceContext, 'tracestate'>): string {
  return `00-${traceId}-${spanId}-0${flags}`;
}

/** One list of all fields, as it is passed on; '' when there is none or it cannot be read. What it holds too much of is left out. */
function readTracestate(values: readonly string[]): string {
  if (values.length === 0) return '';
  const members = values
    .join(',')
    .split(',')
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '');
  if (members.length > MAX_MEMBERS || !members.every(isMember)) return '';
  return shortened(members).join(',');
}

function isMember(member: string): boolean {
  const mark = member.indexOf('=');
  return mark > 0 && KEY.test(member.slice(0, mark)) && VALUE.test(member.slice(mark + 1));
}

/** Entries above 128 characters go first, then those at the end. */
function shortened(members: readonly string[]): readonly string[] {
  if (lengthOf(members) <= MAX_TRACESTATE) return members;
  const kept = members.filter((member) => member.length <= LONG_MEMBER);
  while (lengthOf(kept) > MAX_TRACESTATE) kept.pop();
  return kept;
}

function lengthOf(members: readonly string[]): number {
  return members.reduce((sum, member) => sum + member.length + 1, -1);
}

function isZero(digits: string): boolean {
  return /^0+$/.test(digits);
}
