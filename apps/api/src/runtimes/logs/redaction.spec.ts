import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { eventually } from '../../testing/eventually.js';
import { Redaction } from './redaction.js';
import { RunLogs } from './run-logs.js';

const cover = (secrets: string[], text: string) => new Redaction(secrets).cover(Buffer.from(text)).toString();

describe('secrets in output', () => {
  it.each<[string, string[], string, string]>([
    ['nothing to cover', [], 'a line', 'a line'],
    ['a secret wherever it is', ['hunter2'], 'hunter2, xhunter2hunter2', '*******, x**************'],
    ['one that is too short to be one', ['12345'], '12345', '12345'],
    ['two that overlap', ['abcdefg', 'efghijk'], 'abcdefghijk', '***********'],
    ['one inside of another', ['secret', 'a secret thing'], 'a secret thing', '**************'],
    ['a key of several lines, line by line', ['-----BEGIN\nMIIEvQIB\r\nAAA='], '-----BEGIN\nMIIEvQIB\nAAA=', '**********\n********\nAAA='],
    ['other letters than ASCII', ['geheimnüß'], 'das geheimnüß.', 'das ***********.'],
  ])('%s', (_, secrets, text, expected) => {
    expect(cover(secrets, text)).toBe(expected);
  });

  it('no text has a secret any more, and every text keeps its length', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 6, maxLength: 9 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 200 });
    fc.assert(
      fc.property(
        fc.array(
          letters.filter((secret) => !/^\*+$/.test(secret)),
          { maxLength: 3 },
        ),
        text,
        (secrets, written) => {
          const covered = cover(secrets, written);
          expect(covered).toHaveLength(written.length);
          for (const secret of secrets.filter((one) => !one.includes('*'))) expect(covered).not.toContain(secret);
        },
      ),
    );
  });

  it('is covered also where a long line is cut', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fabric-redaction-'));
    const logs = new RunLogs(folder);
    const secret = 'S'.repeat(1_000);
    const output = logs.outputOf('run', 'instance', [secret]);
    try {
      const { stdout, stderr } = await output.openForProgram();
      // The first cut is in the middle of the secret, of which the second half is not written yet.
      await stdout.write(`${'x'.repeat(16_000)}${secret.slice(0, 600)}`);
      output.note('a look at what there is');
      await eventually(async () => expect(await logs.read('run')).toHaveLength(1));
      await stdout.write(`${secret.slice(600)}${'y'.repeat(40_000)}\n`);
      await Promise.all([stdout.close(), stderr.close()]);
      await output.close();
      const written = (await logs.read('run')).filter(({ stream }) => stream === 'stdout').map(({ line }) => line);
      expect(written.join('')).toBe(`${'x'.repeat(16_000)}${'*'.repeat(1_000)}${'y'.repeat(40_000)}`);
      expect(Math.max(...written.map(({ length }) => length))).toBe(16_384);
    } finally {
      await output.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
