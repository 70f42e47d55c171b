import { ConfigError } from '@app-fabric/api';
import { SettingsError } from '@app-fabric/proxy';
import { type Standalone, StartInterruptedError, startStandalone } from './standalone.js';

/** Runs until `stopped` names a signal, then ends the process: 0 stopped by a signal, 1 cannot go on, 2 bad settings. */
export async function runStandalone(stopped: Promise<string>): Promise<void> {
  try {
    const fabric = await startStandalone(process.env, stopped);
    if (fabric.isFirstStart) process.stderr.write(welcome(fabric));
    process.stdout.write(`${JSON.stringify({ event: 'ready', ...fabric.addresses })}\n`);
    await stopped;
    await fabric.stop();
    process.exit(0);
  } catch (error) {
    if (error instanceof StartInterruptedError) process.exit(0);
    process.stderr.write(`app-fabric: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(error instanceof ConfigError || error instanceof SettingsError ? 2 : 1);
  }
}

function welcome({ addresses, tokenFile }: Standalone): string {
  return [
    '',
    `App Fabric runs. The admin's token is in ${tokenFile}; the API is described at ${addresses.api}/docs. A first call:`,
    '',
    `  curl -H "Authorization: Bearer $(cat ${shellQuoted(tokenFile ?? '')})" ${addresses.api}/v1/namespaces/default`,
    '',
    '',
  ].join('\n');
}

/** A path as a word of a POSIX shell; plain ones stay as they are. */
function shellQuoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
