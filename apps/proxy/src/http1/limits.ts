/** Bounds of one message head, in bytes. The number of fields follows: the shortest field line has four. */
export interface HeadLimits {
  /** Start line, fields and the empty line together; empty lines sent before a request count too. At most 65535: offsets are 16 bit. */
  readonly headBytes: number;
  readonly targetBytes: number;
}

export const REQUEST_HEAD_LIMITS: HeadLimits = { headBytes: 16 * 1024, targetBytes: 8 * 1024 };

/** Back ends are trusted with more: cookies and policies make large response heads. */
export const RESPONSE_HEAD_LIMITS: HeadLimits = { headBytes: 32 * 1024, targetBytes: 0 };

export const MAX_METHOD_BYTES = 32;

/** Connection options other than close, keep-alive and upgrade in one message. */
export const MAX_CONNECTION_NAMES = 16;

/** 2 GiB − 1 in at most eight digits: a reader with 32-bit sizes must not see another length than we do. */
export const MAX_CHUNK_BYTES = 0x7fffffff;
export const MAX_CHUNK_DIGITS = 8;

/** Extensions of one chunk, and of all chunks of one message. */
export const MAX_CHUNK_EXTENSION_BYTES = 256;
export const MAX_MESSAGE_EXTENSION_BYTES = 4096;

export const MAX_TRAILER_BYTES = 8 * 1024;
export const MAX_TRAILER_FIELDS = 32;
