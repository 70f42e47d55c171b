import { METHODS } from 'node:http';
import { fieldKind, OTHER } from '../field-names.js';
import type { Message, Reading } from './reading.js';

/**
 * same: every message we accepted, Node read alike, and no more. stricter: we refused at a point where Node went on.
 * nodeStricter: Node refused something that we accepted, of a known class. different: two readings of one stream, the thing that must not be.
 */
export type Verdict = { kind: 'same' | 'stricter' } | { kind: 'nodeStricter'; known: string } | { kind: 'different'; why: string };

/** Judges our reading of a stream by Node's. */
export function compare(own: Reading, node: Reading): Verdict {
  for (const [i, message] of own.messages.entries()) {
    const other = node.messages[i];
    if (other === undefined) {
      if (node.refused === null) return different(`message ${i} is missing in Node's reading`);
      return nodeRefuses(message, node.refused);
    }
    const why = differenceOf(message, other, own.refused !== null && i === own.messages.length - 1, node.refused);
    if (why !== null) return why.startsWith('known: ') ? { kind: 'nodeStricter', known: why } : different(`message ${i}: ${why}`);
    // Node forgets the rest of a packet after a request with an upgrade that nobody wants, so that the packets decide what it reads.
    if (offersUpgrade(message)) return { kind: 'same' };
  }
  if (node.messages.length > own.messages.length) {
    return own.refused === null
      ? different(`Node reads ${node.messages.length} messages, not ${own.messages.length}`)
      : { kind: 'stricter' };
  }
  return own.refused !== null && node.refused === null ? { kind: 'stricter' } : { kind: 'same' };
}

/**
 * Judges what we sent on by Node's reading of it: each message that we read whole has to arrive, with the same method or status, content and
 * trailers, and nothing else before the end. `null`: it does.
 */
export function compareForwarded(own: Reading, node: Reading): string | null {
  for (const [i, message] of own.messages.entries()) {
    if (!message.complete) return null;
    const other = node.messages[i];
    const known = KNOWN.some(({ code, applies }) => node.refused === code && applies(message));
    if (other === undefined) return known ? null : `forwarded message ${i} is missing in Node's reading (${node.refused})`;
    if (firstWord(message.start) !== firstWord(other.start))
      return `forwarded message ${i}: "${message.start}" is "${other.start}" to Node`;
    if (!other.complete || other.body !== message.body) return `forwarded message ${i}: another body`;
    if (!sameList(other.trailers, allowedTrailers(message.trailers))) return `forwarded message ${i}: other trailers`;
  }
  return node.messages.length > own.messages.length ? 'Node reads more messages than were forwarded' : null;
}

/** Those that may stand in a trailer section: what belongs in a head is dropped on the way. */
function allowedTrailers(pairs: readonly string[]): string[] {
  const isAllowed = (name: string) => fieldKind(Buffer.from(name, 'latin1'), 0, name.length) === OTHER;
  return pairs.filter((_, i) => isAllowed(pairs[i - (i % 2)]!));
}

/** The method, or for a response its status: the version is always that of the proxy. */
function firstWord(start: string): string {
  return start.startsWith('HTTP/') ? start.slice(9) : start.slice(0, start.indexOf(' '));
}

function differenceOf(own: Message, node: Message, refusedInside: boolean, nodeRefused: string | null): string | null {
  if (own.start !== node.start) return `"${own.start}" is "${node.start}" to Node`;
  if (!sameList(own.fields, node.fields)) return 'other fields';
  if (own.complete) {
    if (!node.complete) return nodeRefused === null ? 'unfinished to Node' : `Node refuses its content (${nodeRefused})`;
    if (own.body !== node.body) return 'another body';
    return sameList(own.trailers, node.trailers) ? null : 'other trailers';
  }
  // What was cut short only has to begin alike: one of the two may have seen the fault some bytes earlier.
  const alike = own.body.startsWith(node.body) || node.body.startsWith(own.body);
  if (!alike) return 'another beginning of a body';
  if (!refusedInside && node.complete) return 'finished to Node, unfinished to us';
  if (!refusedInside && nodeRefused === null && own.body !== node.body) return 'more or less of an unfinished body';
  return null;
}

function nodeRefuses(message: Message, refused: string): Verdict {
  const known = KNOWN.find(({ code, applies }) => refused === code && applies(message));
  return known === undefined ? different(`Node refuses it: ${refused}`) : { kind: 'nodeStricter', known: known.name };
}

/** Where Node is stricter than we are, each on purpose. */
const KNOWN: readonly { name: string; code: string; applies(message: Message): boolean }[] = [
  {
    name: 'methods that Node has not in its list',
    code: 'HPE_INVALID_METHOD',
    applies: ({ start }) => !METHODS.includes(start.slice(0, start.indexOf(' '))),
  },
];

function offersUpgrade({ fields }: Message): boolean {
  const has = (name: string, word: string): boolean =>
    fields.some((text, i) => i % 2 === 0 && text.toLowerCase() === name && fields[i + 1]!.toLowerCase().includes(word));
  return has('upgrade', '') && has('connection', 'upgrade');
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}

function different(why: string): Verdict {
  return { kind: 'different', why };
}
