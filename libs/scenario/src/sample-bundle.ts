import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

/** The sample application "shop": one code base whose artifact versions compute different totals. 2.1.0 has a bug, 2.1.1 is the fix. */
export type SampleVersion = '1.0.0' | '2.0.0' | '2.1.0' | '2.1.1';

export const SAMPLE_ARTIFACT = 'shop';
export const SAMPLE_SERVICE = 'cart';
export const SAMPLE_WORKER = 'mailer';
export const SAMPLE_FLOW = 'rebuild';

// Plain .mjs files are not compiled: they stay beside src/ and dist/, so the same relative path holds for both.
const FOLDER = new URL('../sample/', import.meta.url);
const SHARED_FILES = ['cart.mjs', 'mailer.mjs', 'rebuild.mjs'];
const PRICE_FILE: Record<SampleVersion, string> = {
  '1.0.0': 'price.mjs',
  '2.0.0': 'price-with-discount.mjs',
  '2.1.0': 'price-with-bug.mjs',
  '2.1.1': 'price-with-discount.mjs',
};

/** Body of `PUT …/artifacts/shop/versions/{version}`. */
export function sampleManifest(version: SampleVersion) {
  return {
    description: `Sample shop ${version}`,
    labels: { sample: 'true' },
    programs: [
      { name: SAMPLE_SERVICE, type: 'service', command: ['node', 'cart.mjs'], healthPath: '/healthz', instances: 1 },
      { name: SAMPLE_WORKER, type: 'worker', command: ['node', 'mailer.mjs'] },
      { name: SAMPLE_FLOW, type: 'flow', command: ['node', 'rebuild.mjs'] },
    ],
  };
}

/** What `/total?prices=…` of that version answers; cents. */
export function sampleTotal(version: SampleVersion, prices: readonly number[]): number {
  const sum = prices.reduce((total, price) => total + price, 0);
  return version === '1.0.0' ? sum : Math.floor((sum * 9) / 10);
}

/** The version's .tar.gz. The same bytes each time, so that uploading it again is "the same content". */
export async function buildSampleBundle(version: SampleVersion): Promise<Buffer> {
  const files = [...SHARED_FILES.map((name) => ({ name, from: name })), { name: 'price.mjs', from: PRICE_FILE[version] }];
  const archive = pack();
  for (const file of files) {
    archive.entry({ name: file.name, mode: 0o644, mtime: new Date(0) }, await readFile(new URL(file.from, FOLDER)));
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  const bundle = gzipSync(Buffer.concat(chunks));
  // Byte 9 of a gzip header names the operating system that packed it; 255 is "unknown" (RFC 1952, 2.3.1).
  bundle[9] = 255;
  return bundle;
}
