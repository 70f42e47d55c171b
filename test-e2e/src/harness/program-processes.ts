import { readdir, readFile } from 'node:fs/promises';

/** The processes that run as programs of `app`, found by the environment they were given. Linux only; elsewhere none are found. */
export function processesOf(app: string): Promise<number[]> {
  return processesWith(`FABRIC_APP=${app}`);
}

/** The process of one instance; null when it has none at the moment. */
export async function processOfInstance(instanceId: string): Promise<number | null> {
  return (await processesWith(`FABRIC_INSTANCE_ID=${instanceId}`))[0] ?? null;
}

async function processesWith(variable: string): Promise<number[]> {
  const entries = await readdir('/proc').catch(() => [] as string[]);
  const found: number[] = [];
  for (const entry of entries) {
    if (!/^\d+$/.test(entry)) continue;
    const environment = await readFile(`/proc/${entry}/environ`, 'utf8').catch(() => '');
    if (environment.split('\0').includes(variable)) found.push(Number(entry));
  }
  return found.sort((a, b) => a - b);
}

/** Ends what a test left behind. */
export async function killProcessesOf(app: string): Promise<void> {
  for (const pid of await processesOf(app)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}
