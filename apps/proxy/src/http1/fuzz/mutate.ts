import { FIELDS } from './generate.js';
import type { Random } from './random.js';

/** Zero to four small changes, at the places where readers have been known to disagree. `others` are streams to take parts from. */
export function mutate(random: Random, stream: string, others: readonly string[]): string {
  let mutated = stream;
  for (let left = random.below(5); left > 0; left--) mutated = random.pick(MUTATIONS)(random, mutated, others);
  return mutated.slice(0, MAX_BYTES);
}

/** Cuts a stream into pieces as packets might: often in one, sometimes byte by byte, mostly anywhere. */
export function split(random: Random, stream: string): Buffer[] {
  const bytes = Buffer.from(stream, 'latin1');
  const most = random.pick([bytes.length, bytes.length, 1, 3, 20, 200]);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = most === bytes.length ? most : 1 + random.below(most);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

type Mutation = (random: Random, stream: string, others: readonly string[]) => string;

const MAX_BYTES = 20_000;
const PIECES = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\n\n',
  '\x00',
  '\t',
  ' ',
  ':',
  ',',
  ';',
  '"',
  '0',
  '5',
  'f',
  '-',
  '+',
  '_',
  '\x0b',
  '\x7f',
  '\x80',
  '\xff',
  '\\',
  '#',
  '@',
  '/',
];

const MUTATIONS: readonly Mutation[] = [
  (random, stream) => splice(stream, random.below(stream.length + 1), 0, random.pick(PIECES)),
  (random, stream) => splice(stream, random.below(stream.length + 1), 1, random.pick(PIECES)),
  (random, stream) => splice(stream, random.below(stream.length + 1), 1, String.fromCharCode(random.below(256))),
  (random, stream) => splice(stream, random.below(stream.length + 1), 1 + random.below(4), ''),
  (random, stream) => splice(stream, afterLine(random, stream), 0, `${random.pick(FIELDS)}\r\n`),
  (random, stream) => splice(stream, afterLine(random, stream), 0, `${random.pick(FIELDS)}\r\n`),
  (random, stream) => splice(stream, afterLine(random, stream), 0, random.pick([' ', '\t', '\r\n', '\n', '\r'])),
  (random, stream) => {
    const from = random.below(stream.length + 1);
    return splice(stream, from, 0, stream.slice(from, from + 1 + random.below(20)));
  },
  (random, stream) => {
    const at = stream.indexOf('\r\n', random.below(stream.length + 1));
    return at < 0 ? stream : splice(stream, at, 2, random.pick(['\n', '\r', '\r\r\n', '\n\r', ' \r\n', '\r\n ']));
  },
  (random, stream) => {
    const at = stream.search(/\d/);
    return at < 0 ? stream : splice(stream, at + random.below(stream.length - at), 1, String(random.below(10)));
  },
  (random, stream, others) => {
    const other = random.pick(others);
    return stream.slice(0, random.below(stream.length + 1)) + other.slice(random.below(other.length + 1));
  },
];

function splice(stream: string, at: number, removed: number, added: string): string {
  return stream.slice(0, at) + added + stream.slice(at + removed);
}

function afterLine(random: Random, stream: string): number {
  const at = stream.indexOf('\r\n', random.below(stream.length + 1));
  return at < 0 ? stream.length : at + 2;
}
