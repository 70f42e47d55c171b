import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';

/** A gzip'd tar of these entries, as they are: hostile ones too. */
export async function tarOf(entries: (readonly [Partial<Header> & { name: string }, Buffer | string])[]): Promise<Buffer> {
  const archive = pack();
  for (const [header, body] of entries) archive.entry(header, body);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks), { level: 1 });
}
