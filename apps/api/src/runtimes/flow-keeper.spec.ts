import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeExit, exitOf, keptCommand, parseExit, wasNotFound } from './flow-keeper.js';

const folder = mkdtempSync(join(tmpdir(), 'fabric-keeper-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let made = 0;

/** What it has printed and how it ended, as its parent saw it and as it was written down. PATH leads nowhere, as a flow's may. */
function run(...command: string[]) {
  made += 1;
  const file = join(folder, `it's $${made} "of" \n many.exit`);
  const [program, ...args] = keptCommand(command, file);
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', env: { PATH: '/nowhere' } });
  let written: string | null = null;
  try {
    written = readFileSync(file, 'utf8');
  } catch {}
  return { seen: exitOf(status!), written: written === null ? null : parseExit(written), stdout };
}
const node = (script: string, ...args: string[]) => run(process.execPath, '-e', script, ...args);

describe('the keeper of a flow', () => {
  it.each([
    ['process.exit(0)', { code: 0, signal: null }],
    ['process.exit(3)', { code: 3, signal: null }],
    ['process.exit(127)', { code: 127, signal: null }],
    ['process.exit(255)', { code: 255, signal: null }],
    ['process.kill(process.pid, "SIGKILL")', { code: null, signal: 'SIGKILL' }],
    ['process.kill(process.pid, "SIGTERM")', { code: null, signal: 'SIGTERM' }],
    ['process.kill(process.ppid, "SIGTERM"); setTimeout(() => process.exit(5), 50)', { code: 5, signal: null }],
  ])('writes down how it has ended: %s', (script, exit) => expect(node(script)).toEqual({ seen: exit, written: exit, stdout: '' }));

  it('hands its arguments over as they are', () => {
    const args = ['a b', '$HOME', '`id`', "it's", '"', '*', '', '-n', '\\n'];
    expect(JSON.parse(node('console.log(JSON.stringify(process.argv.slice(1)))', '--', ...args).stdout)).toEqual(args);
  });

  it('says of a command that is not there that it was never run', () => {
    const { seen, written } = run('there-is-no-such-program');
    expect([written, wasNotFound(seen, written)]).toEqual([null, true]);
    expect(wasNotFound({ code: 127, signal: null }, { code: 127, signal: null })).toBe(false);
  });

  it.each(['', '3', 'x\n', '-1\n', '1234\n'])('a file with %j says nothing', (text) => expect(parseExit(text)).toBeNull());

  it('is told in words', () => {
    const exits = [exitOf(3), exitOf(137), { code: null, signal: null }].map((exit) => describeExit(exit));
    expect(exits).toEqual(['exited with code 3', 'killed by SIGKILL', 'ended while nobody saw how']);
  });
});
