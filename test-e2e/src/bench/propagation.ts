import { Fabric } from '../harness/fabric.js';

const WARM_UP = 20;
const CHANGES = 200;

export interface PropagationTimes {
  proxies: number;
  changes: number;
  /** Milliseconds from sending the PUT to its answer that says that every proxy routes by it. */
  min: number;
  median: number;
  p99: number;
  max: number;
}

/** How long a change of the distribution takes until all proxies have it: real API, PostgreSQL, Redis and proxies on this machine. */
export async function measurePropagation(proxies: number): Promise<PropagationTimes> {
  const fabric = await Fabric.start({ proxies });
  try {
    const shop = fabric.shop('bench');
    for (const artifact of ['1.0.0', '2.0.0'] as const) {
      await shop.uploadArtifact(artifact);
      await shop.start(await shop.createVersion(artifact), 'services', 'cart');
    }
    const times: number[] = [];
    for (let change = 0; change < WARM_UP + CHANGES; change += 1) {
      const share = (change % 99) + 1;
      const startedAt = performance.now();
      const answer = await shop.shift({ 1: share, 2: 100 - share }, `bench ${change}`);
      const took = performance.now() - startedAt;
      if (answer.propagation.complete !== true) throw new Error(`change ${change} did not reach every proxy`);
      if (change >= WARM_UP) times.push(took);
    }
    times.sort((a, b) => a - b);
    const at = (quantile: number) => times[Math.ceil(quantile * times.length) - 1]!;
    return { proxies, changes: times.length, min: times[0]!, median: at(0.5), p99: at(0.99), max: times.at(-1)! };
  } finally {
    await fabric.stop();
  }
}
