import { eventually, type Shop, sendHttp } from '@app-fabric/scenario';
import { processOfInstance } from '../harness/program-processes.js';
import { RemoteInstance } from './remote-instance.js';

const SETTLE_MS = 30_000;
/** Crashes that one instance of the process runtime may have: with more in a row it counts as a crash loop, rightly. */
const MAX_CRASHES = 4;

/** One version of the soaked app, as its operator handles it. Every operation resolves when it is done everywhere. */
export interface SoakedVersion {
  readonly version: number;
  readonly kind: 'process' | 'remote';
  start(instances: number): Promise<void>;
  stop(): Promise<void>;
  count(): number;
  scale(instances: number): Promise<void>;
  /** Kills the instance that `choose` picks; the result heals the version. Null: there is none that may be killed. */
  crash(choose: <T>(from: readonly T[]) => T, onKill: () => void): Promise<(() => Promise<void>) | null>;
  /** Ends what the version has outside of the fabric. */
  abandon(): Promise<void>;
}

/** Its instances are started by the control plane. */
export class ProcessVersion implements SoakedVersion {
  readonly kind = 'process';
  private desired = 0;
  private runId = '';
  private readonly crashes = new Map<string, number>();

  constructor(
    private readonly shop: Shop,
    readonly version: number,
  ) {}

  count(): number {
    return this.desired;
  }

  async start(instances: number): Promise<void> {
    this.runId = await startRun(this.shop, this.version, { instances });
    this.desired = instances;
    await this.whole();
  }

  async stop(): Promise<void> {
    await this.shop.stop(this.version, 'services', 'cart');
    this.desired = 0;
  }

  async scale(instances: number): Promise<void> {
    await this.shop.client.call('PUT', `${servicePath(this.shop, this.version)}/instances`, { json: { count: instances }, wait: 20 });
    this.desired = instances;
    await this.whole();
  }

  async crash(choose: <T>(from: readonly T[]) => T, onKill: () => void): Promise<(() => Promise<void>) | null> {
    const run = await this.whole();
    const killable = run.instances.filter(({ instanceId }: { instanceId: string }) => (this.crashes.get(instanceId) ?? 0) < MAX_CRASHES);
    if (killable.length === 0 || run.instances.length < 2) return null;
    const { instanceId, restarts } = choose<{ instanceId: string; restarts: number }>(killable);
    const pid = await processOfInstance(instanceId);
    if (pid === null) throw new Error(`instance ${instanceId} has no process`);
    this.crashes.set(instanceId, (this.crashes.get(instanceId) ?? 0) + 1);
    onKill();
    process.kill(pid, 'SIGKILL');
    await eventually(`process ${pid} is gone`, SETTLE_MS, async () => ((await processOfInstance(instanceId)) === pid ? undefined : true));
    return async () => {
      await eventually(`version ${this.version} has its instance again`, SETTLE_MS, async () => {
        const { instances } = await this.whole();
        return instances.some((one: { instanceId: string; restarts: number }) => one.instanceId === instanceId && one.restarts > restarts)
          ? true
          : undefined;
      });
    };
  }

  async abandon(): Promise<void> {}

  /** The run, when all of its instances are up. */
  private whole() {
    const path = `${servicePath(this.shop, this.version)}/runs/${this.runId}`;
    return eventually(`all ${this.desired} instances of version ${this.version} run`, SETTLE_MS, async () => {
      const run = await this.shop.client.call('GET', path);
      if (run.status !== 'RUNNING' || run.instances.length !== this.desired) return undefined;
      return run.instances.every(({ status }: { status: string }) => status === 'RUNNING') ? run : undefined;
    });
  }
}

/** Its instances run elsewhere and are registered by URL. */
export class RemoteVersion implements SoakedVersion {
  readonly kind = 'remote';
  private readonly instances = new Map<string, RemoteInstance>();
  private started = 0;

  constructor(
    private readonly shop: Shop,
    readonly version: number,
    private readonly proxyAdmins: readonly string[],
    private readonly artifactVersion: string,
  ) {}

  count(): number {
    return this.instances.size;
  }

  async start(instances: number): Promise<void> {
    // After an explicit stop only an explicit start lets instances register again.
    await this.shop.client.call('POST', `${servicePath(this.shop, this.version)}/start`, { json: {} });
    for (let count = 0; count < instances; count++) await this.add();
  }

  async stop(): Promise<void> {
    // Heartbeats go on while requests are finished: who serves is there.
    await this.shop.stop(this.version, 'services', 'cart');
    await Promise.all([...this.instances.values()].map((instance) => instance.silence()));
    await Promise.all([...this.instances.values()].map((instance) => instance.terminate()));
    this.instances.clear();
  }

  async scale(instances: number): Promise<void> {
    while (this.instances.size < instances) await this.add();
    while (this.instances.size > instances) await this.remove([...this.instances.keys()][0]!);
  }

  async crash(choose: <T>(from: readonly T[]) => T, onKill: () => void): Promise<(() => Promise<void>) | null> {
    if (this.instances.size < 2) return null;
    const instance = choose([...this.instances.values()]);
    const replacedAtOnce = choose([true, false]);
    onKill();
    await Promise.all([instance.crash(), instance.silence()]);
    return async () => {
      this.instances.delete(instance.id);
      // Its owner notices and registers another one in its place; or nobody does until its time is over.
      if (replacedAtOnce) await this.add(instance.id);
      else await this.gone(instance.id);
      while (this.instances.size < 2) await this.add();
    };
  }

  async abandon(): Promise<void> {
    await Promise.all([...this.instances.values()].map(async (instance) => Promise.all([instance.crash(), instance.silence()])));
  }

  private async add(id = `remote-${this.version}-${this.started++}`): Promise<void> {
    const environment = { FABRIC_APP: this.shop.app, FABRIC_VERSION: String(this.version), FABRIC_ARTIFACT_VERSION: this.artifactVersion };
    const instance = await RemoteInstance.start(id, environment, (json, wait) =>
      this.shop.client.call('PUT', this.instancePath(id), { json, ...(wait === undefined ? {} : { wait }) }),
    );
    this.instances.set(id, instance);
  }

  /** A planned end: out of the routes of all proxies, nothing in flight on it, then SIGTERM. */
  private async remove(id: string): Promise<void> {
    const instance = this.instances.get(id)!;
    this.instances.delete(id);
    await instance.silence();
    const uids = await this.uidsOf(instance.url);
    await this.shop.client.call('DELETE', this.instancePath(id), { wait: 20 });
    await this.onEveryTable(`nothing is in flight on ${id}`, ({ documents, inFlight }) => {
      const routed = JSON.stringify(documents).includes(`"${instance.url}"`);
      return !routed && [...uids].every((uid) => !inFlight[uid]);
    });
    await instance.terminate();
  }

  /** Its time to live is over. */
  private async gone(id: string): Promise<void> {
    await eventually(`${id} has left the routes`, SETTLE_MS, async () => {
      const { items } = await this.shop.client.call('GET', `${servicePath(this.shop, this.version)}/runs?limit=1`);
      return items[0].instances.some(({ instanceId }: { instanceId: string }) => instanceId === id) ? undefined : true;
    });
  }

  /** The ids by which the proxies count requests in flight on that address. */
  private async uidsOf(url: string): Promise<Set<string>> {
    const uids = new Set<string>();
    for (const admin of this.proxyAdmins) {
      const { body } = await sendHttp('GET', `${admin}/table`);
      for (const { routes } of body.documents)
        for (const service of routes?.services ?? [])
          for (const { instances } of service.versions) for (const one of instances) if (one.url === url) uids.add(one.id);
    }
    return uids;
  }

  private async onEveryTable(
    what: string,
    holds: (table: { documents: unknown; inFlight: Record<string, number> }) => boolean,
  ): Promise<void> {
    for (const admin of this.proxyAdmins) {
      await eventually(what, SETTLE_MS, async () => (holds((await sendHttp('GET', `${admin}/table`)).body) ? true : undefined));
    }
  }

  private instancePath(id: string): string {
    return `${servicePath(this.shop, this.version)}/instances/${id}`;
  }
}

function servicePath(shop: Shop, version: number): string {
  return shop.programPath(version, 'services', 'cart');
}

/** Starts it and waits until it runs and every proxy knows. */
async function startRun(shop: Shop, version: number, json: object): Promise<string> {
  const run = await shop.client.call('POST', `${servicePath(shop, version)}/start`, { json, wait: 20 });
  if (run.status !== 'RUNNING' || run.propagation?.complete !== true)
    throw new Error(`version ${version} did not start: ${JSON.stringify(run)}`);
  return run.runId;
}
