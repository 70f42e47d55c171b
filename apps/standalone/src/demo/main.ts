import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { playScenario, type StepResult, scenarioTable } from '@app-fabric/scenario';
import { type Standalone, startStandalone } from '../standalone.js';

// npm run demo: the whole scenario on free ports and a throw-away state; exit code 1 when any step is off.

const WINDOW_REQUESTS = 1500;
const CLIENTS = 8;
const PAUSE_MS = 4;

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
  say(
    `${result.total.requests} requests, ${result.total.failures} failed, ${((Date.now() - startedAt) / 1000).toFixed(1)} s: ${result.ok ? 'every step as expected' : 'OFF'}`,
  );
  process.exitCode = result.ok ? 0 : 1;
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
