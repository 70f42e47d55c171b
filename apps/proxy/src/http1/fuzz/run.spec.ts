import { compare, compareForwarded } from './compare.js';
import { NodeReader } from './node-reading.js';
import { readRequests, readResponses } from './own-reading.js';
import type { Message, Reading } from './reading.js';
import { fuzz } from './run.js';

/** The long run is a command, see main.ts; these few thousand are other ones for every seed one cares to write here. */
describe('never two readings of one byte stream', () => {
  for (const kind of ['requests', 'responses'] as const) {
    it(`reads 4,000 streams of ${kind} as Node does, or refuses them`, async () => {
      const result = await fuzz({ kind, count: 4000, seed: 20, maxDifferences: 3 });
      expect(result.differences).toEqual([]);
      expect(result.streams).toBe(4000);
      // The run is worth something only if a good part of what it makes is accepted by both.
      expect(result.messages).toBeGreaterThan(800);
    }, 120_000);
  }

  it('makes the same stream from the same seed', async () => {
    const run = () => fuzz({ kind: 'requests', count: 200, seed: 7, maxDifferences: 3 });
    expect(await run()).toEqual(await run());
  });
});

describe('the readers that the fuzz compares', () => {
  const stream = (text: string): Buffer[] => [Buffer.from(text, 'latin1')];

  it('both see pipelined requests, content and trailers', async () => {
    const pieces = stream(
      'POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-T: 1\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok',
    );
    const own = readRequests(pieces);
    expect(own.messages.map(({ start, body, trailers }) => ({ start, body, trailers }))).toEqual([
      { start: 'POST /a HTTP/1.1', body: 'hello', trailers: ['X-T', '1'] },
      { start: 'POST /b HTTP/1.1', body: 'ok', trailers: [] },
    ]);
    expect(await new NodeReader().requests(pieces)).toEqual(own);
  });

  it('both see interim responses and content that ends with the connection', async () => {
    const pieces = stream('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n\r\nall of it');
    const own = readResponses(pieces, false);
    expect(own.messages.map(({ start, body, complete }) => ({ start, body, complete }))).toEqual([
      { start: 'HTTP/1.1 103', body: '', complete: true },
      { start: 'HTTP/1.1 200', body: 'all of it', complete: true },
    ]);
    expect(await new NodeReader().responses(pieces, false)).toEqual(own);
  });
});

describe('compare', () => {
  const message: Message = { start: 'GET / HTTP/1.1', fields: ['Host', 'h'], body: 'ab', trailers: [], complete: true };
  const reading = (changes: Partial<Message> = {}, refused: string | null = null): Reading => ({
    messages: [{ ...message, ...changes }],
    refused,
  });
  const nothing = (refused: string | null): Reading => ({ messages: [], refused });

  const CASES: { name: string; own: Reading; node: Reading; kind: string }[] = [
    { name: 'the same', own: reading(), node: reading(), kind: 'same' },
    { name: 'another target', own: reading(), node: reading({ start: 'GET /x HTTP/1.1' }), kind: 'different' },
    { name: 'another field', own: reading(), node: reading({ fields: ['Host', 'i'] }), kind: 'different' },
    { name: 'another body', own: reading(), node: reading({ body: 'abc' }), kind: 'different' },
    { name: 'another trailer', own: reading(), node: reading({ trailers: ['A', 'b'] }), kind: 'different' },
    { name: 'an end that Node does not see', own: reading(), node: reading({ complete: false }), kind: 'different' },
    { name: 'an end that we do not see', own: reading({ complete: false }), node: reading(), kind: 'different' },
    { name: 'one message more to Node', own: nothing(null), node: reading(), kind: 'different' },
    { name: 'one message less to Node', own: reading(), node: nothing(null), kind: 'different' },
    { name: 'refused by Node', own: reading(), node: nothing('HPE_STRICT'), kind: 'different' },
    { name: 'refused by us', own: nothing('bad_host'), node: reading(), kind: 'stricter' },
    { name: 'refused by both', own: nothing('bad_host'), node: nothing('HPE_STRICT'), kind: 'same' },
    { name: 'a method of our own', own: reading({ start: 'PURL / HTTP/1.1' }), node: nothing('HPE_INVALID_METHOD'), kind: 'nodeStricter' },
  ];
  it.each(CASES)('$name: $kind', ({ own, node, kind }) => {
    expect(compare(own, node).kind).toBe(kind);
  });

  it('wants what is sent on to arrive whole, and nothing more', () => {
    expect(compareForwarded(reading(), reading({ start: 'GET /y HTTP/1.1' }))).toBeNull();
    expect(compareForwarded(reading({ complete: false }), nothing(null))).toBeNull();
    for (const node of [
      nothing(null),
      reading({ start: 'PUT / HTTP/1.1' }),
      reading({ body: 'a' }),
      reading({ complete: false }),
      reading({ trailers: ['a', 'b'] }),
    ]) {
      expect(compareForwarded(reading(), node)).not.toBeNull();
    }
    expect(compareForwarded(reading(), { messages: [message, message], refused: null })).not.toBeNull();
  });
});
