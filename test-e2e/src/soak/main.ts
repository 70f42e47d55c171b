import { parseArgs } from 'node:util';
import { formatTable } from '@app-fabric/scenario';
import { runSoak } from './run-soak.js';

// npm run soak [-- --seconds N] [--seed N]: exits 1 when any request failed that had no right to. Needs DATABASE_URL (or PostgreSQL on
// 127.0.0.1), redis-server on PATH, and Linux (processes are found by /proc).

const MAX_SECONDS = 86_400;

function wholeNumber(name: string, text: string, max: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= max) return number;
  process.stderr.write(`--${name} must be a whole number from 1 to ${max}\n`);
  process.exit(2);
}

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: String(1 + (Date.now() % 1_000_000)) } },
});
const seconds = wholeNumber('seconds', values.seconds, MAX_SECONDS);
const seed = wholeNumber('seed', values.seed, 2 ** 31);
process.stdout.write(`${seconds} seconds, seed ${seed}\n`);
const result = await runSoak({ seconds, seed, clients: 4, pauseMs: 2 });
const { operations, latencyMs } = result;
process.stdout.write(
  `${formatTable([
    ['what', 'how many'],
    ['requests', String(result.requests)],
    ['served', String(result.served)],
    ['503 for a pin to a version that was not up', String(result.notRunning)],
    ['POSTs in flight on an instance when it crashed', String(result.lostInCrash)],
    ['failed otherwise', String(result.failures)],
    ['changes of weights (and refused: version just stopped)', `${operations.shifts} (${operations.refusedShifts})`],
    ['starts / stops of versions', `${operations.starts} / ${operations.stops}`],
    ['changes of the number of instances', String(operations.scales)],
    ['crashes', String(operations.crashes)],
    ['latency p50 / p99 / max, ms', [latencyMs.p50, latencyMs.p99, latencyMs.max].map((ms) => ms.toFixed(1)).join(' / ')],
  ])}\n`,
);
if (result.failures > 0 || result.exitCodes.some((code) => code !== 0)) {
  process.stdout.write(
    `\nexit codes ${result.exitCodes.join(', ')}\n${result.firstFailures.join('\n')}\n\n${result.lastOperations.join('\n')}\n`,
  );
  process.exitCode = 1;
}
