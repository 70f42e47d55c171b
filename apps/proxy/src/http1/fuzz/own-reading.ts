import { ChunkedBody } from '../chunked-body.js';
import { type FieldBlock, REFUSED } from '../field-block.js';
import { BY_LENGTH, CHUNKED, type Framing, NO_BODY, UNTIL_CLOSE } from '../framing.js';
import { HeadInput } from '../head-input.js';
import { REQUEST_HEAD_LIMITS, RESPONSE_HEAD_LIMITS } from '../limits.js';
import { RequestHead } from '../request-head.js';
import { ResponseHead } from '../response-head.js';
import { REQUEST_FIELDS_OF_PROXY, writeRequestHead } from '../write-request.js';
import { RESPONSE_FIELDS_OF_PROXY, writeResponseHead } from '../write-response.js';
import type { Message, Reading } from './reading.js';

/** Gets what goes on to the other side: written heads, and content byte for byte. */
export type Forward = (bytes: string) => void;

/** Reads a stream with our own scanners, as the engine will: head by head, body by body, from the pieces as they come. */
export function readRequests(pieces: readonly Buffer[], forward?: Forward): Reading {
  const head = new RequestHead();
  return read(pieces, {
    head,
    input: new HeadInput(REQUEST_HEAD_LIMITS.headBytes),
    begin: () => head.begin(),
    start: (text) => `${head.method} ${text.slice(head.targetStart, head.targetEnd)} HTTP/1.${head.minorVersion}`,
    write: (text) => {
      const path = text.slice(head.pathStart, head.targetEnd);
      const target = path.startsWith('/') || path === '*' ? path : `/${path}`;
      const dropped = REQUEST_FIELDS_OF_PROXY;
      return writeRequestHead(head, text, { target, host: null, dropped, upgrade: false }, 'X-Request-Id: 7\r\n');
    },
    forward,
    isLast: () => !head.keepAlive || head.method === 'CONNECT',
  });
}

export function readResponses(pieces: readonly Buffer[], toHead: boolean, forward?: Forward): Reading {
  const head = new ResponseHead();
  return read(pieces, {
    head,
    input: new HeadInput(RESPONSE_HEAD_LIMITS.headBytes),
    begin: () => head.begin(toHead),
    start: () => `HTTP/1.${head.minorVersion} ${head.status}`,
    write: (text) =>
      writeResponseHead(
        head,
        text,
        {
          dropped: RESPONSE_FIELDS_OF_PROXY,
          connection: head.framing === UNTIL_CLOSE ? 'close' : 'unsaid',
          chunked: head.framing === CHUNKED,
        },
        'X-App-Version: 2\r\n',
      ),
    forward,
    isLast: () => !head.isInterim,
  });
}

interface Reader {
  head: RequestHead | ResponseHead;
  input: HeadInput;
  begin(): void;
  start(text: string): string;
  /** The head for the other side. */
  write(text: string): string;
  forward: Forward | undefined;
  /** No further message is read after this one. */
  isLast(): boolean;
}

function read(pieces: readonly Buffer[], reader: Reader): Reading {
  const { head, input } = reader;
  const reading: Reading = { messages: [], refused: null };
  const body = new ChunkedBody();
  let message: Message | null = null;
  let left = 0;
  const beginHead = (): void => {
    input.begin();
    reader.begin();
    message = null;
  };
  beginHead();
  for (const piece of pieces) {
    let p = 0;
    while (p < piece.length) {
      if (message === null) {
        p = input.read(head, piece, p, piece.length);
        if (p === REFUSED) return { ...reading, refused: head.refusal!.reason };
        if (p < 0) break;
        const text = input.text(head);
        message = {
          start: reader.start(text),
          fields: pairs(head.fields, text),
          body: '',
          trailers: [],
          complete: head.framing === NO_BODY,
        };
        reading.messages.push(message);
        reader.forward?.(reader.write(text));
        left = head.contentLength;
        body.begin();
      } else {
        const end = readBody(message, head.framing, piece, p);
        if (end === REFUSED) return { ...reading, refused: body.refusal!.reason };
        if (head.framing === CHUNKED) {
          reader.forward?.(piece.toString('latin1', p, body.passEnd) + (body.done ? body.trailerSection : ''));
        } else reader.forward?.(piece.toString('latin1', p, end < 0 ? piece.length : end));
        if (end < 0) break;
        p = end;
      }
      if (message.complete) {
        if (reader.isLast()) return reading;
        beginHead();
      }
    }
  }
  // The end of the stream ends a close-delimited body.
  if (message !== null && head.framing === UNTIL_CLOSE) (message as Message).complete = true;
  return reading;

  function readBody(to: Message, framing: Framing, piece: Buffer, start: number): number {
    if (framing === CHUNKED) {
      const end = body.scan(piece, start, piece.length, (bytes, from, until) => {
        to.body += bytes.toString('latin1', from, until);
      });
      if (body.done) {
        to.complete = true;
        to.trailers = body.trailerPairs;
      }
      return end;
    }
    const end = framing === BY_LENGTH ? Math.min(piece.length, start + left) : piece.length;
    to.body += piece.toString('latin1', start, end);
    left -= end - start;
    to.complete = framing === BY_LENGTH && left === 0;
    return end;
  }
}

function pairs(fields: FieldBlock, text: string): string[] {
  const list: string[] = [];
  for (let i = 0; i < fields.count; i++) {
    list.push(text.slice(fields.nameStart(i), fields.nameEnd(i)), text.slice(fields.valueStart(i), fields.valueEnd(i)));
  }
  return list;
}
