import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BundleError } from './bundle-error.js';

export interface ReceivedBundle {
  sha256: Buffer;
  bytes: number;
}

/**
 * Writes an upload into a new file, in pieces, and tells what it was. Rejects with BundleError when it has more than `maxBytes` or breaks
 * off. `body` is not destroyed then: it is the request, whose connection still has to carry the answer.
 */
export async function receiveBundle(body: Readable, file: string, maxBytes: number): Promise<ReceivedBundle> {
  const hash = createHash('sha256');
  let bytes = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of chunksOf(body)) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new BundleError('bundle_too_large', `A bundle may have at most ${maxBytes} bytes.`);
      hash.update(chunk);
      yield chunk;
    }
  }
  await pipeline(counted, createWriteStream(file, { flags: 'wx', mode: 0o600 }));
  return { sha256: hash.digest(), bytes };
}

async function* chunksOf(body: Readable): AsyncGenerator<Buffer> {
  const chunks = body.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const next = await chunks.next().catch((error: unknown) => {
        throw new BundleError('bundle_invalid', 'The upload broke off.', { cause: error });
      });
      if (next.done) return;
      yield next.value as Buffer;
    }
  } finally {
    await chunks.return?.();
  }
}
