/** Why a message was refused: an entry of {@link REFUSALS}, by identity. */
export interface Refusal {
  /** Stable, for logs, metrics and tests. */
  readonly reason: string;
  /** What a client gets for a request. A response that is refused is always a 502. */
  readonly status: 400 | 414 | 417 | 431 | 501 | 505;
  /** One sentence for the problem document; never holds anything the peer sent. */
  readonly detail: string;
}

/** Every way a scanner can refuse a message; the section is of RFC 9112 unless it says otherwise. After each of them the connection closes. */
export const REFUSALS = {
  bareLineFeed: refusal('bare_lf', 400, 'A line ends without CR.'), // §2.2
  bareCarriageReturn: refusal('bare_cr', 400, 'A CR is not followed by LF.'), // §2.2
  method: refusal('bad_method', 400, 'The method is not a token.'), // §3.1
  methodLength: refusal('method_too_long', 501, 'The method is longer than any known one.'), // §3
  target: refusal('bad_target', 400, 'The request target is not valid.'), // §3.2
  targetLength: refusal('target_too_long', 414, 'The request target is too long.'), // §3
  requestLine: refusal('bad_request_line', 400, 'The request line is malformed.'), // §3
  version: refusal('version_not_supported', 505, 'Only HTTP/1.0 and HTTP/1.1 are spoken here.'), // RFC 9110 §15.6.6
  statusLine: refusal('bad_status_line', 400, 'The status line is malformed.'), // §4
  headTooLarge: refusal('head_too_large', 431, 'The head of the message is too large.'), // RFC 6585 §5
  tooManyFields: refusal('too_many_fields', 431, 'The message has too many header fields.'), // RFC 6585 §5
  fieldName: refusal('bad_field_name', 400, 'A field name is not a token.'), // RFC 9110 §5.1
  spaceBeforeColon: refusal('space_before_colon', 400, 'There is white space between a field name and its colon.'), // §5.1
  obsoleteFold: refusal('obs_fold', 400, 'A field is continued on another line.'), // §5.2
  fieldValue: refusal('bad_field_value', 400, 'A field value holds a control character.'), // RFC 9110 §5.5
  hostMissing: refusal('host_missing', 400, 'The Host field is missing.'), // §3.2
  hostRepeated: refusal('host_repeated', 400, 'There is more than one Host field.'), // §3.2
  host: refusal('bad_host', 400, 'The Host field is not valid.'), // §3.2
  contentLength: refusal('bad_content_length', 400, 'Content-Length is not a single decimal number in range.'), // §6.3
  contentLengthRepeated: refusal('content_length_repeated', 400, 'There is more than one Content-Length field.'), // §6.3
  lengthAndEncoding: refusal('length_and_encoding', 400, 'Content-Length and Transfer-Encoding exclude each other.'), // §6.1
  encodingNotAllowed: refusal('encoding_not_allowed', 400, 'Transfer-Encoding is not allowed in this message.'), // §6.1
  encodingFraming: refusal('bad_transfer_encoding', 400, 'The last transfer coding has to be chunked, once.'), // §6.3
  encodingUnknown: refusal('unknown_transfer_coding', 400, 'The only known transfer coding is chunked.'), // §6.1
  bodyNotAllowed: refusal('body_not_allowed', 400, 'A response of this status has no content.'), // RFC 9110 §8.6
  connection: refusal('bad_connection', 400, 'The Connection field is not a list of tokens.'), // RFC 9110 §7.6.1
  expectation: refusal('expectation_failed', 417, 'The only known expectation is 100-continue.'), // RFC 9110 §10.1.1
  chunkSize: refusal('bad_chunk_size', 400, 'A chunk size is malformed or out of range.'), // §7.1
  chunkExtension: refusal('bad_chunk_extension', 400, 'A chunk extension is malformed or too long.'), // §7.1.1
  chunkEnd: refusal('bad_chunk_end', 400, 'A chunk does not end where its size says.'), // §7.1
  trailerTooLarge: refusal('trailer_too_large', 431, 'The trailer section is too large.'), // §7.1.2
  trailerFraming: refusal('trailer_frames', 400, 'The trailer section holds a field that frames a message.'), // RFC 9110 §6.5.1
} as const satisfies Record<string, Refusal>;

function refusal(reason: string, status: Refusal['status'], detail: string): Refusal {
  return { reason, status, detail };
}
