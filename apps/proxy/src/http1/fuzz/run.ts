import type { StreamCase } from '../corpus/case.js';
import { REQUEST_CASES } from '../corpus/request-cases.js';
import { RESPONSE_CASES } from '../corpus/response-cases.js';
import { compare, compareForwarded, type Verdict } from './compare.js';
import { generateRequests, generateResponses } from './generate.js';
import { mutate, split } from './mutate.js';
import { NodeReader } from './node-reading.js';
import { readRequests, readResponses } from './own-reading.js';
import { Random } from './random.js';
import type { Reading } from './reading.js';

export interface FuzzOptions {
  kind: 'requests' | 'responses';
  /** Number of streams. */
  count: number;
  /** The stream number n of a seed is always the same. */
  seed: number;
  /** Stop after this many differences. */
  maxDifferences: number;
  onProgress?: (done: number) => void;
}

export interface FuzzResult {
  streams: number;
  /** Messages that both read, and read alike. */
  messages: number;
  verdicts: Record<string, number>;
  /** Why we refused, with how many of these streams Node read on. */
  stricter: Record<string, number>;
  differences: Difference[];
}

interface Difference {
  number: number;
  why: string;
  pieces: string[];
  toHead: boolean;
  own: Reading;
  node: Reading;
}

/**
 * Reads generated and mutated streams, split into pieces, with our scanners and with node:http, and compares the readings. Then writes what we
 * accepted as the proxy sends it on, and has node:http read that: a message must not become another one on its way.
 */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const seeds = (options.kind === 'requests' ? REQUEST_CASES : RESPONSE_CASES).filter(({ bytes }) => bytes.length < 1000);
  const corpus = seeds.map(({ bytes }) => bytes);
  const reader = new NodeReader();
  const result: FuzzResult = { streams: 0, messages: 0, verdicts: {}, stricter: {}, differences: [] };
  for (let number = 0; number < options.count && result.differences.length < options.maxDifferences; number++) {
    const random = new Random(Math.imul(options.seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b));
    const { stream, toHead } = make(random, options.kind, seeds);
    const pieces = split(random, mutate(random, stream, corpus));
    let forwarded = '';
    const forward = (bytes: string): void => {
      forwarded += bytes;
    };
    const own = options.kind === 'requests' ? readRequests(pieces, forward) : readResponses(pieces, toHead, forward);
    const read = (from: Buffer[]): Promise<Reading> =>
      options.kind === 'requests' ? reader.requests(from) : reader.responses(from, toHead);
    let node = await read(pieces);
    let verdict: Verdict = compare(own, node);
    if (verdict.kind !== 'different' && own.messages[0]?.complete === true) {
      node = await read([Buffer.from(forwarded, 'latin1')]);
      const why = compareForwarded(own, node);
      if (why !== null) verdict = { kind: 'different', why: `${why}: ${JSON.stringify(forwarded)}` };
    }
    const label = verdict.kind === 'nodeStricter' ? verdict.known : verdict.kind;
    result.streams++;
    result.verdicts[label] = (result.verdicts[label] ?? 0) + 1;
    if (verdict.kind === 'same') result.messages += own.messages.length;
    if (verdict.kind === 'stricter') result.stricter[own.refused ?? ''] = (result.stricter[own.refused ?? ''] ?? 0) + 1;
    if (verdict.kind === 'different') {
      result.differences.push({ number, why: verdict.why, pieces: pieces.map((piece) => piece.toString('latin1')), toHead, own, node });
    }
    if (number % 10_000 === 9_999) options.onProgress?.(number + 1);
  }
  return result;
}

function make(random: Random, kind: FuzzOptions['kind'], seeds: readonly StreamCase[]): { stream: string; toHead: boolean } {
  if (random.chance(0.3)) {
    const seed = random.pick(seeds);
    return { stream: seed.bytes, toHead: seed.toHead ?? false };
  }
  if (kind === 'requests') return { stream: generateRequests(random), toHead: false };
  return { stream: generateResponses(random), toHead: random.chance(0.1) };
}
