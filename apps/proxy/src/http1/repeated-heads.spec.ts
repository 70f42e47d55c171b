import { NEED_MORE, REFUSED } from './field-block.js';
import { CONNECTION } from './field-names.js';
import { generateRequests, generateResponses } from './fuzz/generate.js';
import { mutate } from './fuzz/mutate.js';
import { Random } from './fuzz/random.js';
import { HeadInput } from './head-input.js';
import { RequestHead } from './request-head.js';
import { ResponseHead } from './response-head.js';

interface Scanner {
  head: RequestHead | ResponseHead;
  begin(toHead: boolean): void;
}

const requests = (): Scanner => {
  const head = new RequestHead();
  return { head, begin: () => head.begin() };
};
const responses = (): Scanner => {
  const head = new ResponseHead();
  return { head, begin: (toHead) => head.begin(toHead) };
};

/** Everything that a scanner says of a head that it has taken, and of one that it has refused the reason. */
function told(result: number, { head }: Scanner, input: HeadInput): string {
  if (result < 0) return JSON.stringify({ result, refusal: head.refusal });
  const { fields } = head;
  const places = Array.from({ length: fields.count }, (_, field) => [
    fields.kinds[field],
    fields.nameStart(field),
    fields.nameEnd(field),
    fields.valueStart(field),
    fields.valueEnd(field),
    fields.lineEnd(field),
  ]);
  const plain = Object.entries(head).filter(([, value]) => typeof value !== 'object');
  // How far it has come is its own affair.
  const { phase: _, position: __, ...said } = Object.fromEntries(plain) as Record<string, unknown>;
  const { seen, repeated, start, end } = fields;
  // Without the field nobody asks for its options.
  const { close, keepAlive, upgrade, namesFields } = head.connection;
  const connection = fields.indexOf(CONNECTION) < 0 ? null : { close, keepAlive, upgrade, namesFields };
  return JSON.stringify({ result, text: input.text(head), said, connection, seen, repeated, start, end, places });
}

/** Reads one head, which may be the begin of more, in up to three pieces; returns the index after it in `bytes`, or a negative result. */
function read(cuts: readonly number[], bytes: Buffer, scanner: Scanner, input: HeadInput, toHead: boolean): number {
  scanner.begin(toHead);
  input.begin();
  let start = 0;
  for (const cut of [...cuts, bytes.length]) {
    // Memory that is overwritten at once, as the engine's is.
    const piece = Buffer.from(bytes.subarray(start, cut));
    const result = input.read(scanner.head, piece, 0, piece.length);
    if (result >= 0) input.text(scanner.head);
    if (result >= 0) return start + result;
    if (result === REFUSED) return REFUSED;
    start = cut;
  }
  return NEED_MORE;
}

describe('a head with the bytes of the one before', () => {
  const KINDS = [
    { kind: 'requests', make: requests, generate: generateRequests },
    { kind: 'responses', make: responses, generate: generateResponses },
  ] as const;
  it.each(KINDS)('means what a fresh scanner says that it means: $kind', ({ make, generate }) => {
    const random = new Random(11);
    let repeats = 0;
    let refusals = 0;
    for (let stream = 0; stream < 150; stream++) {
      const known = Array.from({ length: 2 }, () => generate(random));
      const kept = make();
      const keptInput = new HeadInput(16_384);
      for (let turn = 0; turn < 20; turn++) {
        const text = random.pick(known);
        const bytes = Buffer.from(random.chance(0.2) ? mutate(random, text, known) : text, 'latin1');
        const cuts = random.chance(0.8) ? [] : [1 + random.below(bytes.length), 1 + random.below(bytes.length)].sort((a, b) => a - b);
        const toHead = random.chance(0.2);
        const fresh = make();
        const freshInput = new HeadInput(16_384);
        const expected = read(cuts, bytes, fresh, freshInput, toHead);
        const result = read(cuts, bytes, kept, keptInput, toHead);
        expect(told(result, kept, keptInput)).toBe(told(expected, fresh, freshInput));
        if (keptInput.repeated) repeats += 1;
        if (result === REFUSED) refusals += 1;
      }
    }
    // The comparison is worth something only if both are seen.
    expect(repeats).toBeGreaterThan(300);
    expect(refusals).toBeGreaterThan(30);
  });

  it('is scanned anew when it answers a HEAD, where the one before did not', () => {
    const { head } = responses();
    const input = new HeadInput(16_384);
    const bytes = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
    const framings = [false, true, true, false].map((toHead) => {
      expect(read([], bytes, { head, begin: () => head.begin(toHead) }, input, toHead)).toBe(bytes.length);
      return [head.framing, input.repeated];
    });
    expect(framings).toEqual([
      [1, false],
      [0, false],
      [0, true],
      [1, false],
    ]);
  });

  it('is not remembered when it is long', () => {
    const scanner = requests();
    const input = new HeadInput(16_384);
    const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: h\r\nX-A: ${'b'.repeat(5_000)}\r\n\r\n`);
    for (let turn = 0; turn < 2; turn++) expect(read([], bytes, scanner, input, false)).toBe(bytes.length);
    expect(input.repeated).toBe(false);
  });
});
