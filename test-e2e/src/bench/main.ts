import { formatTable } from '@app-fabric/scenario';
import { measurePropagation } from './propagation.js';
import { measurePicks } from './pure-core.js';

// npm run bench: prints tables, judges nothing. Needs DATABASE_URL (or PostgreSQL on 127.0.0.1) and redis-server on PATH.

const milliseconds = (value: number) => value.toFixed(1);

process.stdout.write('Routing decisions (version and instance) of one core\n\n');
const rates = [measurePicks(10), measurePicks(100_000, 10), measurePicks(100_000)].flat();
process.stdout.write(
  `${formatTable([
    ['services', 'asked for', 'decided by', 'picks/s'],
    ...rates.map(({ services, asked, by, picksPerSecond }) => [
      services.toLocaleString('en'),
      asked.toLocaleString('en'),
      by,
      Math.round(picksPerSecond).toLocaleString('en'),
    ]),
  ])}\n\n`,
);

const times = await measurePropagation(2);
process.stdout.write('From PUT distribution with Prefer: wait to the answer that all proxies route by it, milliseconds\n\n');
process.stdout.write(
  `${formatTable([
    ['proxies', 'changes', 'min', 'median', 'p99', 'max'],
    [String(times.proxies), String(times.changes), ...[times.min, times.median, times.p99, times.max].map(milliseconds)],
  ])}\n`,
);
