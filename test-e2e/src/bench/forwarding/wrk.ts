import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram, LOAD_CPU, type Workbench } from '../workbench.js';

export interface Load {
  connections: number;
  seconds: number;
  /** Length of a POST's body; 0: a GET. */
  bodyBytes: number;
}

export interface LoadResult {
  requests: number;
  seconds: number;
}

class WrkMissingError extends Error {
  constructor() {
    super('the load comes from wrk, which is not installed (Debian: apt-get install wrk)');
  }
}

export function requireWrk(): string {
  const program = findProgram('wrk');
  if (program === null) throw new WrkMissingError();
  return program;
}

/** Asks for `url` as fast as the answers come, over connections that stay open. Rejects when a single request failed. */
export async function runWrk(bench: Workbench, url: string, load: Load): Promise<LoadResult> {
  const script = join(bench.folder, `wrk-${load.bodyBytes}.lua`);
  await writeFile(script, wrkScript(load.bodyBytes));
  const args = ['-t1', `-c${load.connections}`, `-d${load.seconds}s`, '--timeout', '10s', '-s', script, url];
  const { stdout } = await bench.run({ name: 'wrk', program: requireWrk(), args, cpu: LOAD_CPU });
  return readWrk(stdout);
}

const MARK = 'measured:';

/** `done` of a wrk script gets exact counts where wrk's own lines are rounded for people. */
function wrkScript(bodyBytes: number): string {
  const body = bodyBytes === 0 ? '' : `wrk.method = "POST"\nwrk.body = string.rep("x", ${bodyBytes})\n`;
  return `${body}function done(summary)
  local e = summary.errors
  io.write(string.format("${MARK}%d %d %d\\n", summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout))
end
`;
}

export function readWrk(output: string): LoadResult {
  const line = output.split('\n').find((one) => one.startsWith(MARK));
  const [requests = Number.NaN, microseconds = Number.NaN, errors = Number.NaN] = line?.slice(MARK.length).split(' ').map(Number) ?? [];
  if (!(requests > 0) || !(microseconds > 0)) throw new Error(`wrk has measured nothing:\n${output}`);
  if (errors !== 0) throw new Error(`${errors} of ${requests} requests failed:\n${output}`);
  return { requests, seconds: microseconds / 1e6 };
}
