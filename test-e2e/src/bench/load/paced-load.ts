import { fileURLToPath } from 'node:url';
import { LOAD_CPU, type Workbench } from '../workbench.js';

export interface PacedLoad {
  url: string;
  connections: number;
  /** `null`: as many as there are answers, to see how many that can be. */
  perSecond: number | null;
  seconds: number;
}

/** Milliseconds. */
export interface Latencies {
  p50: number;
  p99: number;
  p999: number;
  max: number;
  /** How late 99 % of the requests were sent at the most though their connection was free: what the load generator itself adds. */
  senderP99: number;
  requests: number;
}

/**
 * Sends at an even rate whatever the answers take, and counts each from the moment when it was due, also where it had to wait for its
 * connection. A closed loop would ask less while the proxy is slow, and so leave out what is worst (coordinated omission).
 */
export async function runPacedLoad(bench: Workbench, load: PacedLoad): Promise<Latencies> {
  const file = fileURLToPath(new URL('paced-load-program.js', import.meta.url));
  const { stdout } = await bench.run({ name: 'paced load', program: process.execPath, args: [file, JSON.stringify(load)], cpu: LOAD_CPU });
  return JSON.parse(stdout) as Latencies;
}
