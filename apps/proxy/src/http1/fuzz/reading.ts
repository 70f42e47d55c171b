/** What a reader makes of a stream of bytes; strings hold one character a byte. */
export interface Reading {
  messages: Message[];
  /** Why the reader stopped before the end of the stream; `null`: it did not. */
  refused: string | null;
}

export interface Message {
  /** `GET /path HTTP/1.1` of a request, `HTTP/1.1 200` of a response. */
  start: string;
  /** Names and values in turn. */
  fields: string[];
  body: string;
  trailers: string[];
  /** The end of the message has come. */
  complete: boolean;
}
