import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { buildSampleBundle, type SampleVersion, sampleTotal } from './sample-bundle.js';

async function filesOf(bundle: Buffer): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const archive = extract();
  archive.end(gunzipSync(bundle));
  for await (const entry of archive) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    files.set(entry.header.name, Buffer.concat(chunks).toString());
  }
  return files;
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('sample bundle', () => {
  it('holds the programs of the manifest', async () => {
    const files = await filesOf(await buildSampleBundle('1.0.0'));
    expect([...files.keys()].sort()).toEqual(['cart.mjs', 'mailer.mjs', 'price.mjs', 'rebuild.mjs']);
  });

  it('is the same bytes each time, and other bytes for another version', async () => {
    expect(sha256(await buildSampleBundle('1.0.0'))).toBe(sha256(await buildSampleBundle('1.0.0')));
    expect(sha256(await buildSampleBundle('1.0.0'))).not.toBe(sha256(await buildSampleBundle('2.0.0')));
  });

  it('computes what sampleTotal says', async () => {
    for (const version of ['1.0.0', '2.0.0', '2.1.0', '2.1.1'] satisfies SampleVersion[]) {
      const source = (await filesOf(await buildSampleBundle(version))).get('price.mjs')!;
      const { total } = (await import(`data:text/javascript,${encodeURIComponent(source)}`)) as { total(prices: number[]): number };
      expect(total([100, 255, 33])).toBe(sampleTotal(version, [100, 255, 33]));
    }
    expect(sampleTotal('1.0.0', [100, 255, 33])).toBe(388);
    expect(sampleTotal('2.0.0', [100, 255, 33])).toBe(349);
  });
  it('2.1.0 fails every second cart from the begin of a campaign on, and not before', async () => {
    const source = (await filesOf(await buildSampleBundle('2.1.0'))).get('price.mjs')!;
    const { total, beginCampaign } = await import(`data:text/javascript,${encodeURIComponent(source)}#campaign`);
    const carts = () =>
      Array.from({ length: 8 }, () => {
        try {
          return total([100]);
        } catch {
          return 'failed';
        }
      });
    expect(carts()).toEqual(Array(8).fill(90));
    beginCampaign();
    expect(carts()).toEqual([90, 'failed', 90, 'failed', 90, 'failed', 90, 'failed']);
  });
});
