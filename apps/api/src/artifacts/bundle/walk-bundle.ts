import { type Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { BundleError, type BundleLimits } from './bundle-error.js';
import { entryPath, linkTarget, unsafe } from './entry-path.js';

type BundleEntry =
  | { type: 'file'; parts: string[]; executable: boolean; size: number }
  | { type: 'folder'; parts: string[] }
  | { type: 'symlink'; parts: string[]; target: string };

export interface BundleSummary {
  entries: number;
  unpackedBytes: number;
}

/** Gets each entry in order; must consume or ignore `content` (it is resumed afterwards). */
export type BundleVisitor = (entry: BundleEntry, content: Readable) => Promise<void>;

/**
 * Reads a gzip'd tar as a stream and checks every entry before the visitor sees it. Rejects with BundleError for what is wrong with the
 * bundle, with anything else for what is wrong here. Nothing is trusted that the archive says: sizes are counted.
 */
export async function walkBundle(source: Readable, limits: BundleLimits, visit: BundleVisitor): Promise<BundleSummary> {
  const summary: BundleSummary = { entries: 0, unpackedBytes: 0 };
  const seen = new Map<string, BundleEntry['type']>();
  const unpack = extract();
  const bytes = new CountingGate(limits.unpackedBytes * 1.05 + limits.entries * 2_048);
  const entries = (async () => {
    for await (const entry of unpack) {
      summary.entries++;
      if (summary.entries > limits.entries)
        throw new BundleError('bundle_too_large', `The bundle has more than ${limits.entries} entries.`);
      const checked = check(entry.header, limits, seen);
      summary.unpackedBytes += entry.header.size ?? 0;
      if (summary.unpackedBytes > limits.unpackedBytes)
        throw new BundleError('bundle_too_large', `The bundle unpacks to more than ${limits.unpackedBytes} bytes.`);
      if (checked) await visit(checked, entry as unknown as Readable);
      entry.resume();
    }
  })();
  // Whichever fails first ends the other; its error is the one that is told.
  entries.catch((error: unknown) => unpack.destroy(error instanceof Error ? error : new Error(String(error))));
  let readError: unknown;
  await pipeline(source, createGunzip(), bytes.through(), unpack as unknown as Writable).catch((error: unknown) => {
    readError = error;
  });
  if (readError !== undefined) unpack.destroy();
  await entries.catch((error: unknown) => {
    readError = error instanceof BundleError || readError === undefined ? error : readError;
  });
  if (readError !== undefined) throw asBundleError(readError);
  if (summary.entries === 0) throw new BundleError('bundle_invalid', 'The bundle is empty.');
  return summary;
}

function check(header: Header, limits: BundleLimits, seen: Map<string, BundleEntry['type']>): BundleEntry | null {
  const parts = entryPath(header.name, limits);
  if (header.type === 'directory') {
    if (parts.length === 0) return null;
    place(parts, 'folder', seen);
    return { type: 'folder', parts };
  }
  if (parts.length === 0) throw unsafe(header.name, 'has no name');
  switch (header.type) {
    case 'file':
    case 'contiguous-file':
      place(parts, 'file', seen);
      return { type: 'file', parts, executable: ((header.mode ?? 0) & 0o100) !== 0, size: header.size ?? 0 };
    case 'symlink': {
      const target = header.linkname ?? '';
      linkTarget(parts, target, limits);
      place(parts, 'symlink', seen);
      return { type: 'symlink', parts, target };
    }
    default:
      throw unsafe(header.name, `is a ${String(header.type)}; only files, folders and symbolic links inside the bundle are allowed`);
  }
}

/** Every path once, and nothing below a file or a link. */
function place(parts: readonly string[], type: BundleEntry['type'], seen: Map<string, BundleEntry['type']>): void {
  for (let length = 1; length < parts.length; length++) {
    const parent = parts.slice(0, length).join('/');
    const known = seen.get(parent);
    if (known === 'file' || known === 'symlink') throw unsafe(parts.join('/'), `lies below ${parent}, which is a ${known}`);
    seen.set(parent, 'folder');
  }
  const path = parts.join('/');
  const known = seen.get(path);
  if (known !== undefined && !(known === 'folder' && type === 'folder')) throw unsafe(path, 'is in the bundle twice');
  seen.set(path, type);
}

/** Counts what comes out of the decompression, headers and padding included, so that a bomb is noticed wherever it hides. */
class CountingGate {
  private bytes = 0;

  constructor(private readonly limit: number) {}

  through() {
    const gate = this;
    return async function* count(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        gate.bytes += chunk.length;
        if (gate.bytes > gate.limit) throw new BundleError('bundle_too_large', 'The bundle unpacks to more than is allowed.');
        yield chunk;
      }
    };
  }
}

function asBundleError(error: unknown): unknown {
  if (error instanceof BundleError) return error;
  const { code = '', message = '' } = error as { code?: string; message?: string };
  if (/^Z_|ERR_.*ZLIB|ERR_STREAM_PREMATURE_CLOSE/.test(code))
    return new BundleError('bundle_invalid', 'The bundle is not a complete gzip stream.', { cause: error });
  if (/tar|Unexpected end of data|Invalid|checksum|header|stream|path/i.test(message) && code === '') {
    return new BundleError('bundle_invalid', `The bundle is not a readable tar archive: ${message.slice(0, 200)}.`, { cause: error });
  }
  return error;
}
