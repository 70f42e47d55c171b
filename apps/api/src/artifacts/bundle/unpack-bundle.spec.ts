import { lstat, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { BUNDLE_LIMITS, BundleError, type BundleLimits } from './bundle-error.js';
import { inspectBundle, unpackBundle } from './unpack-bundle.js';

interface Entry {
  name: string;
  content?: string;
  /** tar's type flag; a file if not given. */
  type?: string;
  link?: string;
  mode?: number;
  /** What the header says, if not the truth. */
  size?: number;
}

/** A tar made by hand: what packs archives properly would refuse most of these. */
function tar(...entries: Entry[]): Buffer {
  const blocks = entries.flatMap(({ name, content = '', type = '0', link = '', mode = 0o644, size }) => {
    const header = Buffer.alloc(512);
    header.write(name, 0, 100, 'latin1');
    header.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
    header.write('0000000\0', 108);
    header.write('0000000\0', 116);
    header.write(`${(size ?? content.length).toString(8).padStart(11, '0')}\0`, 124);
    header.write('00000000000\0', 136);
    header.write('        ', 148);
    header.write(type, 156);
    header.write(link, 157, 100, 'latin1');
    header.write('ustar\x0000', 257, 'latin1');
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
    body.write(content, 'latin1');
    return [header, body];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1_024)]);
}

const bundle = (...entries: Entry[]) => gzipSync(tar(...entries));

describe('bundles', () => {
  let parent: string;
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'fabric-bundle-'));
    await writeFile(join(parent, 'canary'), 'untouched');
  });
  afterEach(() => rm(parent, { recursive: true, force: true }));

  const target = () => join(parent, 'work');

  async function refusal(bytes: Buffer, limits: Partial<BundleLimits> = {}): Promise<string> {
    const all = { ...BUNDLE_LIMITS, ...limits };
    const code = async (work: Promise<unknown>) =>
      work.then(
        () => 'accepted',
        (error: unknown) => (error instanceof BundleError ? error.code : String(error)),
      );
    const unpacked = await code(unpackBundle(Readable.from([bytes]), target(), all));
    expect(await code(inspectBundle(Readable.from([bytes]), all))).toBe(unpacked);
    return unpacked;
  }

  it('unpacks files, folders and links that stay inside', async () => {
    const bytes = bundle(
      { name: 'bin/', type: '5' },
      { name: 'bin/run', content: '#!/bin/sh', mode: 0o4755 },
      { name: './deep/a/b.txt', content: 'x'.repeat(2_000) },
      { name: 'link', type: '2', link: 'bin/run' },
      { name: 'deep/up', type: '2', link: '../bin' },
      { name: 'inner.tgz', content: 'just bytes' },
    );
    await unpackBundle(Readable.from([bytes]), target());
    expect((await readdir(target())).sort()).toEqual(['bin', 'deep', 'inner.tgz', 'link']);
    expect((await lstat(join(target(), 'bin/run'))).mode & 0o7777 & 0o4100).toBe(0o100);
    expect((await lstat(join(target(), 'inner.tgz'))).mode & 0o111).toBe(0);
    expect(await readFile(join(target(), 'link'), 'utf8')).toBe('#!/bin/sh');
    expect((await readFile(join(target(), 'deep/a/b.txt'))).length).toBe(2_000);
  });

  const hostile: [string, Entry[]][] = [
    ['..', [{ name: '../evil', content: 'x' }]],
    ['.. inside', [{ name: 'a/../../evil', content: 'x' }]],
    ['absolute', [{ name: '/tmp/evil', content: 'x' }]],
    ['backslash', [{ name: '..\\evil', content: 'x' }]],
    ['drive letter', [{ name: 'C:evil', content: 'x' }]],
    ['control character', [{ name: 'a\nb', content: 'x' }]],
    ['link out of the folder', [{ name: 'l', type: '2', link: '../canary' }]],
    ['absolute link', [{ name: 'l', type: '2', link: '/etc/passwd' }]],
    ['deep link out', [{ name: 'a/b/l', type: '2', link: '../../../canary' }]],
    [
      'file written through a link',
      [
        { name: 'l', type: '2', link: 'dir' },
        { name: 'l/evil', content: 'x' },
      ],
    ],
    [
      'file over a link',
      [
        { name: 'l', type: '2', link: 'other' },
        { name: 'l', content: 'x' },
      ],
    ],
    ['hard link', [{ name: 'l', type: '1', link: '../canary' }]],
    ['character device', [{ name: 'd', type: '3' }]],
    ['block device', [{ name: 'd', type: '4' }]],
    ['FIFO', [{ name: 'd', type: '6' }]],
    [
      'the same file twice',
      [
        { name: 'a', content: '1' },
        { name: './a', content: '2' },
      ],
    ],
    [
      'below a file',
      [
        { name: 'a', content: '1' },
        { name: 'a/b', content: '2' },
      ],
    ],
    ['too deep', [{ name: `${'d/'.repeat(45)}f`, content: 'x' }]],
  ];
  it.each(hostile)('refuses as unsafe: %s', async (_label, entries) => {
    expect(await refusal(bundle(...entries), { depth: 40 })).toBe('bundle_unsafe');
    expect(await readdir(parent)).toEqual(['canary']); // nothing inside, nothing beside
    expect(await readFile(join(parent, 'canary'), 'utf8')).toBe('untouched');
  });

  it('refuses what is too large: entries, bytes, a bomb behind the last entry', async () => {
    const files = Array.from({ length: 11 }, (_, index) => ({ name: `f${index}`, content: 'x'.repeat(100) }));
    expect(await refusal(bundle(...files), { entries: 10 })).toBe('bundle_too_large');
    expect(await refusal(bundle(...files), { unpackedBytes: 1_000 })).toBe('bundle_too_large');
    const bomb = gzipSync(Buffer.concat([tar({ name: 'a', content: 'x' }), Buffer.alloc(50_000_000)]));
    expect(bomb.length).toBeLessThan(100_000);
    expect(await refusal(bomb, { unpackedBytes: 1_000_000, entries: 10 })).toBe('bundle_too_large');
    expect(await readdir(parent)).toEqual(['canary']);
  });

  const whole = bundle({ name: 'a', content: 'x'.repeat(5_000) }, { name: 'b', content: 'y' });
  const broken: [string, Buffer][] = [
    ['nothing', Buffer.alloc(0)],
    ['not gzip', Buffer.from('hello')],
    ['an empty archive', gzipSync(Buffer.alloc(1_024))],
    ['half of a gzip stream', whole.subarray(0, whole.length / 2)],
    ['half of an archive', gzipSync(tar({ name: 'a', content: 'x'.repeat(5_000) }).subarray(0, 2_000))],
    ['a size beyond the end', bundle({ name: 'a', content: 'x', size: 100_000 })],
    ['a wrong checksum', gzipSync(Buffer.concat([Buffer.from('z'), tar({ name: 'a', content: 'x' }).subarray(1)]))],
  ];
  it.each(broken)('refuses as invalid: %s', async (_label, bytes) => {
    expect(await refusal(bytes)).toBe('bundle_invalid');
    expect(await readdir(parent)).toEqual(['canary']);
  });

  it('whatever is changed in a bundle, nothing comes to lie outside, and it ends', async () => {
    const plain = tar({ name: 'dir/a', content: 'x'.repeat(600) }, { name: 'dir/l', type: '2', link: 'a' }, { name: 'b', content: 'y' });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(plain.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }), async (edits) => {
        const bytes = Buffer.from(plain);
        for (const [at, value] of edits) bytes[at] = value;
        await unpackBundle(Readable.from([gzipSync(bytes)]), target()).catch((error: unknown) => {
          if (!(error instanceof BundleError)) throw error;
        });
        expect((await readdir(parent)).filter((name) => name !== 'work')).toEqual(['canary']);
        await rm(target(), { recursive: true, force: true });
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});
