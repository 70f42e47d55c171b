import { Agent, get } from 'node:http';
import { eventually } from '@app-fabric/scenario';
import { CountingInstance, type Counts, sum } from './counting-instance.js';
import type { Fabric } from './fabric.js';

const NS = '/namespaces/default';
const SETTLE_MS = 30_000;

interface Group extends Counts {
  version: number;
  instanceId?: string;
}

/** Two versions of a service, whose instances run in the test and count. */
export class CountedApp {
  readonly instances: CountingInstance[] = [];

  private constructor(
    readonly fabric: Fabric,
    readonly name: string,
  ) {}

  /** `versions`: for each version and instance, which of its requests fail (see CountingInstance). */
  static async make(fabric: Fabric, versions: readonly (readonly number[])[], weights: Record<string, number>): Promise<CountedApp> {
    const app = new CountedApp(fabric, fabric.appName('counted'));
    const { client } = fabric;
    for (const [index, instances] of versions.entries()) {
      const version = `${index + 1}.0.0`;
      const programs = [{ name: 'cart', type: 'service' }];
      await client.call('PUT', `${NS}/artifacts/${app.name}/versions/${version}`, { json: { programs } });
      await client.call('POST', `${app.path}/versions`, { json: { artifact: { name: app.name, version } } });
      for (const [number, failEvery] of instances.entries()) {
        const instance = await CountingInstance.start(`v${index + 1}-${number}`, failEvery);
        app.instances.push(instance);
        const path = `${app.path}/versions/${index + 1}/services/cart/instances/${instance.id}`;
        await client.call('PUT', path, { json: { url: instance.url, ttlSeconds: 3_600 } });
      }
    }
    await client.call('PUT', `${app.path}/distribution`, { json: { weights }, wait: 10 });
    return app;
  }

  get path(): string {
    return `${NS}/apps/${this.name}`;
  }

  /** By version, or by instance. */
  async groups(by: 'version' | 'instance'): Promise<Record<string, Counts>> {
    const { groups } = await this.fabric.client.call('GET', `${this.path}/metrics?window=15m&by=${by}`);
    return Object.fromEntries(
      (groups as Group[]).map(({ version, instanceId, requests, errors }) => [instanceId ?? String(version), { requests, errors }]),
    );
  }

  /** What the instances say themselves. */
  counted(by: 'version' | 'instance'): Record<string, Counts> {
    const counts: Record<string, Counts> = {};
    for (const instance of this.instances) {
      if (instance.counts.requests === 0) continue;
      const key = by === 'instance' ? instance.id : instance.id.slice(1, 2);
      counts[key] = sum([counts[key] ?? { requests: 0, errors: 0 }, instance.counts]);
    }
    return counts;
  }

  /** Metrics and instances agree, to the last request. */
  async agree(): Promise<void> {
    for (const by of ['version', 'instance'] as const)
      await eventually(`metrics by ${by} agree with the instances`, SETTLE_MS, async () => {
        const groups = await this.groups(by).catch(() => null);
        return JSON.stringify(groups) === JSON.stringify(this.counted(by)) ? true : undefined;
      }).catch(async (error: unknown) => {
        expect(await this.groups(by)).toEqual(this.counted(by));
        throw error;
      });
  }

  /** Requests one after the other from some clients at once; through which proxies: their numbers. */
  async load(count: number, proxies: readonly number[], clients = 8): Promise<void> {
    const agent = new Agent({ keepAlive: true });
    let left = count;
    const one = (url: string) =>
      new Promise<void>((resolve) => {
        get(url, { agent }, (response) => response.resume().once('close', resolve)).once('error', () => resolve());
      });
    const client = async (number: number) => {
      for (; left > 0; left -= 1) await one(this.fabric.cartUrl(this.name, `/orders/${left}`, proxies[number % proxies.length]));
    };
    await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
    agent.destroy();
  }

  async close(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.close()));
  }
}
