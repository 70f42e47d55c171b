import { isDeepStrictEqual } from 'node:util';
import type { StreamCase } from './corpus/case.js';
import { REQUEST_CASES } from './corpus/request-cases.js';
import { RESPONSE_CASES } from './corpus/response-cases.js';
import { readRequests, readResponses } from './fuzz/own-reading.js';
import type { Reading } from './fuzz/reading.js';
import { REFUSALS } from './scan-error.js';

const KINDS = [
  { kind: 'request', cases: REQUEST_CASES, read: (pieces: Buffer[]) => readRequests(pieces) },
  { kind: 'response', cases: RESPONSE_CASES, read: (pieces: Buffer[], row: StreamCase) => readResponses(pieces, row.toHead ?? false) },
];

describe.each(KINDS)('a stream of $kind bytes', ({ cases, read }) => {
  it.each(cases.map((row) => [row.section, row.name, row] as const))('§%s %s', (_section, _name, row) => {
    expect(outcome(read([Buffer.from(row.bytes, 'latin1')], row))).toBe(expected(row));
  });

  it('reads the same from two pieces, split anywhere, as from one', () => {
    for (const row of cases) {
      const bytes = Buffer.from(row.bytes, 'latin1');
      const whole = read([bytes], row);
      for (const at of splits(bytes.length)) {
        const reading = read([bytes.subarray(0, at), bytes.subarray(at)], row);
        if (!isDeepStrictEqual(reading, whole)) expect({ row: row.name, at, reading }).toEqual({ row: row.name, at, reading: whole });
      }
    }
  });

  it('leaves the bytes as they are', () => {
    for (const row of cases) {
      const bytes = Buffer.from(row.bytes, 'latin1');
      read([bytes], row);
      expect(bytes.toString('latin1')).toBe(row.bytes);
    }
  });

  it('reads the same byte by byte', () => {
    for (const row of cases) {
      const bytes = Buffer.from(row.bytes, 'latin1');
      const pieces = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
      expect({ row: row.name, reading: read(pieces, row) }).toEqual({ row: row.name, reading: read([bytes], row) });
    }
  });

  it('waits or refuses when the stream stops early, and never makes up a message', () => {
    for (const row of cases.filter((each) => typeof each.outcome === 'number' && each.bytes.length < 2000)) {
      const bytes = Buffer.from(row.bytes, 'latin1');
      const whole = read([bytes], row);
      for (let length = 0; length < bytes.length; length++) {
        const cut = read([bytes.subarray(0, length)], row);
        expect({ row: row.name, length, refused: cut.refused }).toEqual({ row: row.name, length, refused: null });
        expect(cut.messages.map(({ start }) => start)).toEqual(whole.messages.slice(0, cut.messages.length).map(({ start }) => start));
      }
    }
  });
});

it('has a case for every way to be refused', () => {
  const covered = new Set([...REQUEST_CASES, ...RESPONSE_CASES].map((row) => row.outcome));
  expect(Object.keys(REFUSALS).filter((key) => !covered.has(key as keyof typeof REFUSALS))).toEqual([]);
});

function outcome(reading: Reading): number | string {
  return reading.refused ?? reading.messages.filter(({ complete }) => complete).length;
}

function expected(row: StreamCase): number | string {
  return typeof row.outcome === 'number' ? row.outcome : REFUSALS[row.outcome].reason;
}

/** Every position of what is short, and of the long ones those near both ends. */
function splits(length: number): number[] {
  return Array.from({ length }, (_, at) => at).filter((at) => length < 1000 || at < 100 || length - at < 100);
}
