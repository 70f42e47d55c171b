import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogExport } from '@app-fabric/tracing';
import { unpackBundle } from './artifacts/bundle/unpack-bundle.js';
import type { ApiConfig } from './config/api-config.js';
import type { LocalRuntime } from './programs/run-host.js';
import { RunLogs } from './runtimes/logs/run-logs.js';
import { type OutputOrigin, ProcessRuntime } from './runtimes/process-runtime.js';
import type { LogLine } from './runtimes/program-runtime.js';

/** The process runtime of this host, not open yet. */
export async function localRuntime({ dataDir }: ApiConfig, stopOnShutdown: boolean, logExport: LogExport | null): Promise<LocalRuntime> {
  const logs = new RunLogs(dataDir);
  const onOutput = logExport === null ? undefined : (spec: OutputOrigin, lines: readonly LogLine[]) => exportLines(logExport, spec, lines);
  const runtime = new ProcessRuntime({ dataDir, logs, unpackBundle, ...(onOutput ? { onOutput } : {}) });
  return { hostId: await hostId(dataDir), runtime, logs, stopOnShutdown };
}

function exportLines(logExport: LogExport, spec: OutputOrigin, lines: readonly LogLine[]): void {
  const { namespace, app, version, artifactVersion, program, runId } = spec;
  const origin = {
    'fabric.namespace': namespace,
    'fabric.app': app,
    'fabric.version': version,
    'fabric.artifact.version': artifactVersion,
    'fabric.program.name': program.name,
    'fabric.program.type': program.type,
    'fabric.run.id': runId,
  };
  for (const { at, stream, instanceId, line } of lines)
    logExport.printed({
      atMs: Date.parse(at),
      text: line,
      attributes: { ...origin, 'fabric.instance.id': instanceId, 'log.iostream': stream },
    });
}

/** Belongs to the data folder: whoever has the folder has the programs. */
async function hostId(dataDir: string): Promise<string> {
  const file = join(dataDir, 'host-id');
  await mkdir(dataDir, { recursive: true });
  await writeFile(file, `host-${randomBytes(8).toString('hex')}`, { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return (await readFile(file, 'utf8')).trim();
}
