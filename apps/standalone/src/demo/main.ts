import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { playReleases, playScenario, releasesTable, type StepResult, scenarioTable } from '@app-fabric/scenario';
import { type Standalone, startStandalone } from '../standalone.js';

// npm run demo: the whole scenario on free ports and a throw-away state; exit code 1 when any step is off.

const WINDOW_REQUESTS = 1500;
const CLIENTS = 8;
const PAUSE_MS = 4;
/** What the plan of a release calls an hour. */
const HOUR_MS = 500;
const ZERO_WITHIN_MS = 10_000;

const startedAt = Date.now();
const folder = await mkdtemp(join(tmpdir(), 'fabric-demo-'));
let fabric: Standalone | undefined;

let cleaned: Promise<void> | undefined;

/** Once, whoever asks first: Ctrl-C under npm comes twice, from the terminal and from npm. */
function cleanUp(): Promise<void> {
  cleaned ??= (async () => {
    await fabric?.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  })();
  return cleaned;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    void cleanUp().finally(() => process.exit(1));
  });
}

try {
  say('App Fabric demo: control plane, proxy and database in this process, the sample shop as processes of its own.\n');
  // Nothing of the user's own set-up: neither its database nor its ports.
  fabric = await startStandalone({
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    FABRIC_DATA_DIR: folder,
    FABRIC_API_PORT: '0',
    FABRIC_PROXY_PORT: '0',
    FABRIC_PROXY_ADMIN_PORT: '0',
    FABRIC_LOG_LEVEL: process.env.FABRIC_LOG_LEVEL ?? 'error',
  });
  const { api, proxy, proxyAdmin } = fabric.addresses;
  say(`API ${api}   proxy ${proxy}   proxy admin ${proxyAdmin}`);
  say(`${CLIENTS} clients send requests all the time; ${WINDOW_REQUESTS} are counted after each step.\n`);
  const result = await playScenario({
    api,
    token: fabric.token,
    proxies: [proxy],
    proxyAdmins: [proxyAdmin],
    app: 'shop',
    window: WINDOW_REQUESTS,
    clients: CLIENTS,
    pauseMs: PAUSE_MS,
    onStep: (step) => say(stepLine(step)),
  });
  say(`\n${scenarioTable(result)}\n`);
  say('allowed: 3.2905·√(n·p·(1−p)) + ½ requests of n on either side of n·p, the 99.9 % interval of a share p; nothing at 0 % and 100 %.');
  for (const failure of result.firstFailures) say(`failed at ${failure.at} through ${failure.proxy}: ${failure.reason}`);
  say(`${result.total.requests} requests, ${result.total.failures} failed: ${result.ok ? 'every step as expected' : 'OFF'}\n`);

  say('Second act: canary releases, half a second for an hour; version 3 has a bug that shows when it has 20 %; version 4 is the fix.\n');
  const releases = await playReleases({
    api,
    token: fabric.token,
    proxies: [proxy],
    app: 'store',
    clients: CLIENTS,
    pauseMs: PAUSE_MS,
    hourMs: HOUR_MS,
    zeroWithinMs: ZERO_WITHIN_MS,
    onStep: (step) => say(stepLine(step)),
  });
  say(`\n${releasesTable(releases)}\n`);
  say('allowed: as above, the 99.99 % interval.');
  for (const { failure, version } of releases.blame.others.slice(0, 20)) say(`not its own: ${failure} (version ${version ?? 'unknown'})`);
  say(
    `From the first failed answer to nothing on any proxy: ${(releases.blame.zeroedAfterMs / 1000).toFixed(1)} s, at most ${ZERO_WITHIN_MS / 1000} s.`,
  );
  const ok = result.ok && releases.ok;
  say(`${((Date.now() - startedAt) / 1000).toFixed(1)} s: ${ok ? 'everything as expected' : 'OFF'}`);
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  say(`\nthe demo broke off: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await cleanUp();
}

function stepLine({ step, done, ok }: StepResult): string {
  return `${ok ? '✓' : '✗'} ${step.padEnd(8)}  ${done}`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
