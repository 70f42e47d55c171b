import { findProgram, Workbench } from '../workbench.js';
import { MAX_GROWTH_MIB, measureLargeBodies } from './large-bodies.js';

const MIB = 1024 * 1024;
const runs = process.platform === 'linux' && findProgram('redis-server') !== null;

/** A shorter run of `npm run bench -- large`: still several times what memory may rise by. */
(runs ? describe : describe.skip)('issue 3: a large body and a slow peer', () => {
  it('192 MiB to a slow reader, and to a slow instance: the memory of the proxy rises by less than 64 MiB', async () => {
    const bench = await Workbench.open();
    try {
      const { downloadBytes, uploadBytes } = await measureLargeBodies(bench, 192 * MIB);
      expect(downloadBytes / MIB).toBeLessThan(MAX_GROWTH_MIB);
      expect(uploadBytes / MIB).toBeLessThan(MAX_GROWTH_MIB);
    } finally {
      await bench.close();
    }
  }, 120_000);
});
