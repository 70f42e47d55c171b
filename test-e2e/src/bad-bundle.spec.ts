import { access } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildSampleBundle, eventually, type Shop } from '@app-fabric/scenario';
import { pack } from 'tar-stream';
import { describeWithServers } from './harness/describe-with-servers.js';
import { Fabric } from './harness/fabric.js';
import { processesOf } from './harness/program-processes.js';
import { tarOf } from './harness/tar-of.js';

const BOMB_BYTES = 3_000_000_000;

describeWithServers('a bad bundle is refused when it is uploaded, or fails the run that needs it', () => {
  let fabric: Fabric;
  let shop: Shop;

  beforeAll(async () => {
    fabric = await Fabric.start({ proxies: 1 });
    shop = fabric.shop('bundles');
  }, 60_000);

  afterAll(() => fabric?.stop(), 60_000);

  const marker = () => `fabric-e2e-escaped-${fabric.suffix}`;
  const bundles: [what: string, make: () => Promise<Buffer>][] = [
    ['truncated', async () => (await buildSampleBundle('1.0.0')).subarray(0, 400)],
    ['corrupt', async () => corrupt(await buildSampleBundle('1.0.0'))],
    ['empty', async () => Buffer.alloc(0)],
    ['not gzip', async () => Buffer.from('just text')],
    ['an archive inside the archive', async () => tarOf([[{ name: 'inner.tar.gz' }, await buildSampleBundle('1.0.0')]])],
    ['a path that leaves the folder', async () => tarOf([[{ name: `../../../../../../../../tmp/${marker()}` }, 'x']])],
    ['an absolute path', async () => tarOf([[{ name: join(tmpdir(), marker()) }, 'x']])],
    [
      'a link that leaves the folder',
      async () =>
        tarOf([
          [{ name: 'out', type: 'symlink', linkname: tmpdir() }, ''],
          [{ name: `out/${marker()}` }, 'x'],
        ]),
    ],
    ['a hard link that leaves the folder', async () => tarOf([[{ name: 'out', type: 'link', linkname: '/etc/hostname' }, '']])],
    ['a device', async () => tarOf([[{ name: 'null', type: 'character-device', devmajor: 1, devminor: 3 }, '']])],
    ['too many files', async () => tarOf(Array.from({ length: 20_001 }, (_, index) => [{ name: `f${index}` }, '']))],
    ['a bomb', async () => bomb()],
  ];
  for (const [index, [what, make]] of bundles.entries()) {
    it(`a bundle: ${what}`, async () => {
      const artifact = `/namespaces/default/artifacts/bad/versions/1.0.${index}`;
      const program = { name: 'cart', type: 'service', command: ['node', 'cart.mjs'], healthPath: '/healthz' };
      await shop.client.call('PUT', artifact, { json: { programs: [program] } });
      const uploaded = await shop.client.send('PUT', `${artifact}/bundle`, { raw: await make(), contentType: 'application/gzip' });
      if (uploaded.status < 300) {
        const made = await shop.client.call('POST', `${shop.appPath}/versions`, {
          json: { artifact: { name: 'bad', version: `1.0.${index}` } },
        });
        const path = shop.programPath(made.version, 'services', 'cart');
        const { runId } = await shop.client.call('POST', `${path}/start`, { json: {}, wait: 20 });
        const run = await eventually('the run fails', 30_000, async () => {
          const read = await shop.client.call('GET', `${path}/runs/${runId}`);
          return read.status === 'FAILED' ? read : undefined;
        });
        expect(JSON.stringify(run.error)).toMatch(/\w{3}/);
      } else {
        expect([400, 413, 422]).toContain(uploaded.status);
        expect(uploaded.body.code).toMatch(/^[a-z][a-z0-9_]*$/);
      }
      await expect(access(join(tmpdir(), marker()))).rejects.toThrow('ENOENT');
      expect(await processesOf(shop.app)).toEqual([]);
      expect((await shop.client.send('GET', '/namespaces/default')).status).toBe(200);
    }, 90_000);
  }
});

function corrupt(bundle: Buffer): Buffer {
  for (let at = 100; at < 140; at += 1) bundle[at] = ~bundle[at]! & 0xff;
  return bundle;
}

/** The 512 bytes that come before the content of a file. */
async function headerOf(name: string, size: number): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name, size }).on('error', () => undefined);
  for await (const chunk of archive) return (chunk as Buffer).subarray(0, 512);
  throw new Error('no header');
}

/** Some megabytes that unpack to gigabytes: one gzip member of zeros, repeated; members in a row are one stream (RFC 1952, 2.2). */
async function bomb(): Promise<Buffer> {
  const header = await headerOf('zeros', BOMB_BYTES);
  const zeros = 10_000_000;
  const member = gzipSync(Buffer.alloc(zeros));
  return Buffer.concat([gzipSync(header), ...Array.from({ length: BOMB_BYTES / zeros }, () => member), gzipSync(Buffer.alloc(1536))]);
}
