import type { StreamCase } from './case.js';

function ok(fields: string, body = ''): string {
  return `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`;
}
function chunked(body: string): string {
  return ok('Transfer-Encoding: chunked\r\n', body);
}
function status(line: string, fields = 'Content-Length: 0\r\n'): string {
  return `${line}\r\n${fields}\r\n`;
}

type Row = readonly [section: string, name: string, bytes: string, outcome: StreamCase['outcome'], toHead?: true];

const ROWS: readonly Row[] = [
  ['4', 'a plain response', ok('Content-Length: 2\r\n', 'ok'), 1],
  ['4', 'an empty reason', status('HTTP/1.1 200 '), 1],
  ['4', 'no space after the status', status('HTTP/1.1 200'), 1],
  ['4', 'a reason of any text', status('HTTP/1.1 404 Pas trouv\xe9,\t"non"'), 1],
  ['4', 'HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nall of it', 1],
  ['4', 'a status of its own', status('HTTP/1.1 999 Denied'), 1],
  ['4', 'a status below 100', status('HTTP/1.1 099 What'), 'statusLine'],
  ['4', 'a status of two digits', status('HTTP/1.1 20 What'), 'statusLine'],
  ['4', 'a status of four digits', status('HTTP/1.1 2000 What'), 'statusLine'],
  ['4', 'a status with a sign', status('HTTP/1.1 +20 What'), 'statusLine'],
  ['4', 'two spaces before the status', status('HTTP/1.1  200 OK'), 'statusLine'],
  ['4', 'HTTP/1.2', status('HTTP/1.2 200 OK'), 'version'],
  ['4', 'HTTP/2.0', status('HTTP/2.0 200 OK'), 'version'],
  ['4', 'another protocol', 'SSH-2.0-OpenSSH_9.2p1\r\n', 'statusLine'],
  ['4', 'ICY', 'ICY 200 OK\r\n\r\n', 'statusLine'],
  ['4', 'a NUL in the reason', status('HTTP/1.1 200 O\x00K'), 'statusLine'],
  ['4', 'an empty line before the status line', `\r\n${ok('')}`, 'statusLine'],
  ['4', 'nothing but a line end', 'HTTP/1.1\r\n\r\n', 'statusLine'],
  ['2.2', 'a bare LF after the status line', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n', 'bareLineFeed'],
  ['2.2', 'a bare LF after the status', 'HTTP/1.1 200\nContent-Length: 0\r\n\r\n', 'bareLineFeed'],
  ['2.2', 'a bare CR in the reason', 'HTTP/1.1 200 O\rK\r\n\r\n', 'bareCarriageReturn'],
  ['2.2', 'a bare LF after a field', 'HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n', 'bareLineFeed'],
  ['5.1', 'a space before the colon', ok('Content-Length : 0\r\n'), 'spaceBeforeColon'],
  ['5.2', 'a folded value', ok('Set-Cookie: a\r\n b\r\nContent-Length: 0\r\n'), 'obsoleteFold'],
  ['9110 5.5', 'a NUL in a value', ok('X-A: b\x00\r\n'), 'fieldValue'],
  ['6585 5', 'a head of more than 32 KiB', ok(`X-A: ${'b'.repeat(33000)}\r\n`), 'headTooLarge'],
  ['6585 5', 'a thousand fields', ok('X-A: b\r\n'.repeat(1_000)), 1],
  ['6.1', 'length and encoding', ok('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 'lengthAndEncoding'],
  ['6.1', 'length and encoding to a HEAD', ok('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'), 'lengthAndEncoding', true],
  ['6.1', 'an encoding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'encodingNotAllowed'],
  ['6.1', 'an encoding in a 204', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'encodingNotAllowed'],
  ['6.1', 'an encoding in a 103', 'HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'encodingNotAllowed'],
  ['6.1', 'an unknown coding', ok('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'), 'encodingUnknown'],
  ['6.3', 'chunked twice', ok('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'), 'encodingFraming'],
  ['6.3', 'an encoding that is not chunked', ok('Transfer-Encoding: identity\r\n', 'abc'), 'encodingFraming'],
  ['6.3', 'chunked with a tab after it', ok('Transfer-Encoding: chunked\t\r\n', '0\r\n\r\n'), 'encodingFraming'],
  ['6.3', 'a length with a tab after it', ok('Content-Length: 2\t\r\n', 'ok'), 'contentLength'],
  ['9.6', 'close in an interim response', `HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n${ok('Content-Length: 0\r\n')}`, 'connection'],
  ['6.3', 'two lengths', ok('Content-Length: 2\r\nContent-Length: 3\r\n', 'okk'), 'contentLengthRepeated'],
  ['6.3', 'two equal lengths', ok('Content-Length: 2\r\nContent-Length: 2\r\n', 'ok'), 'contentLengthRepeated'],
  ['6.3', 'a length with a sign', ok('Content-Length: +2\r\n', 'ok'), 'contentLength'],
  ['6.3', 'content until the end', ok('', 'all of it'), 1],
  ['6.3', 'content that is not all there', ok('Content-Length: 5\r\n', 'ok'), 0],
  ['6.3', 'a HEAD with a length', ok('Content-Length: 5\r\n'), 1, true],
  ['6.3', 'a HEAD with an encoding', ok('Transfer-Encoding: chunked\r\n'), 1, true],
  ['6.3', 'a HEAD with neither', ok(''), 1, true],
  ['6.3', 'a 204', 'HTTP/1.1 204 No Content\r\n\r\n', 1],
  ['9110 8.6', 'a 204 with a length of zero', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', 1],
  ['9110 8.6', 'a 204 with a length', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello', 'bodyNotAllowed'],
  ['9110 8.6', 'a 100 with a length', 'HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello', 'bodyNotAllowed'],
  ['6.3', 'a 304 with a length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', 1],
  ['6.3', 'a 304 without', 'HTTP/1.1 304 Not Modified\r\n\r\n', 1],
  [
    '9110 15.2',
    'interim responses',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok('Content-Length: 2\r\n', 'ok')}`,
    3,
  ],
  ['9110 15.2', 'an interim response of HTTP/1.0', `HTTP/1.0 100 Continue\r\n\r\n${ok('Content-Length: 0\r\n')}`, 'version'],
  [
    '9.3',
    'HTTP/1.0 with close and keep-alive',
    'HTTP/1.0 200 OK\r\nConnection: close, keep-alive\r\nContent-Length: 0\r\n\r\n',
    'connection',
  ],
  ['9110 15.2.2', 'a 101', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x00', 1],
  ['9110 15.2.2', 'a 101 without Upgrade', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n', 'connection'],
  ['9110 15.2.2', 'a 101 without the option', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n', 'connection'],
  ['7.1', 'chunks with extensions and trailers', chunked('5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n'), 1],
  ['7.1', 'a bare LF after a size', chunked('5\nhello\r\n0\r\n\r\n'), 'bareLineFeed'],
  ['7.1', 'a size that is no number', chunked('zz\r\n'), 'chunkSize'],
  ['7.1', 'data shorter than its size', chunked('6\r\nhello\r\n0\r\n\r\n'), 'chunkEnd'],
  ['7.1', 'no last chunk', chunked('5\r\nhello\r\n'), 0],
  ['9110 6.5.1', 'Set-Cookie in the trailer section', chunked('0\r\nSet-Cookie: a=b\r\n\r\n'), 1],
  ['9110 7.6.1', 'Connection names Content-Length', ok('Connection: Content-Length\r\nContent-Length: 2\r\n', 'ok'), 1],
  ['9110 7.6.1', 'a member of Connection that is no token', ok('Connection: a b\r\nContent-Length: 0\r\n'), 'connection'],
];

export const RESPONSE_CASES: readonly StreamCase[] = ROWS.map(([section, name, bytes, outcome, toHead]) => ({
  section,
  name,
  bytes,
  outcome,
  ...(toHead === true ? { toHead } : {}),
}));
