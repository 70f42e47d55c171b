import { ConfigError } from '@app-fabric/api';
import { SettingsError } from '@app-fabric/proxy';
import { type Standalone, startStandalone } from './standalone.js';

// npm start: everything in one process on loopback; state in FABRIC_DATA_DIR.

try {
  const fabric = await startStandalone(process.env);
  stopOnSignal(fabric);
  if (fabric.isFirstStart) process.stderr.write(welcome(fabric));
  process.stdout.write(`${JSON.stringify({ event: 'ready', ...fabric.addresses })}\n`);
} catch (error) {
  process.stderr.write(`app-fabric: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof ConfigError || error instanceof SettingsError ? 2 : 1);
}

function stopOnSignal(fabric: Standalone): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      fabric.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          process.stderr.write(`app-fabric: ${error instanceof Error ? error.message : String(error)}\n`);
          process.exit(1);
        },
      );
    });
  }
}

function welcome({ addresses, tokenFile }: Standalone): string {
  return [
    '',
    `App Fabric runs. The admin's token is in ${tokenFile}; the API is described at ${addresses.api}/docs. A first call:`,
    '',
    `  curl -H "Authorization: Bearer $(cat ${tokenFile})" ${addresses.api}/v1/namespaces/default`,
    '',
    '',
  ].join('\n');
}
