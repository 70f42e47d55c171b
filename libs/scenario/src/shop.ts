import { eventually, type FabricAnswer, type FabricClient } from './fabric-client.js';
import { buildSampleBundle, SAMPLE_ARTIFACT, type SampleVersion, sampleManifest } from './sample-bundle.js';

const SETTLE_TIMEOUT_MS = 30_000;

/** The sample application under one namespace and app name, as calls of the public API. */
export class Shop {
  constructor(
    readonly client: FabricClient,
    readonly namespace: string,
    readonly app: string,
    /** `Prefer: wait=N` of each call that takes it. */
    readonly waitSeconds: number,
  ) {}

  get appPath(): string {
    return `/namespaces/${this.namespace}/apps/${this.app}`;
  }

  async uploadArtifact(version: SampleVersion): Promise<void> {
    const path = `/namespaces/${this.namespace}/artifacts/${SAMPLE_ARTIFACT}/versions/${version}`;
    await this.client.call('PUT', path, { json: sampleManifest(version) });
    await this.client.call('PUT', `${path}/bundle`, { raw: await buildSampleBundle(version), contentType: 'application/gzip' });
  }

  /** Makes the next version of the app from that artifact version, and gives its number. */
  async createVersion(version: SampleVersion): Promise<number> {
    const made = await this.client.call('POST', `${this.appPath}/versions`, { json: { artifact: { name: SAMPLE_ARTIFACT, version } } });
    return made.version;
  }

  async start(version: number, kind: ProgramKind, name: string, instances?: number): Promise<FabricAnswer['body']> {
    const path = `${this.programPath(version, kind, name)}/start`;
    const run = await this.client.call('POST', path, { json: instances === undefined ? {} : { instances }, wait: this.waitSeconds });
    return this.settled(version, kind, name, run.runId, kind === 'flows' ? ['COMPLETED'] : ['RUNNING']);
  }

  async stop(version: number, kind: ProgramKind, name: string, options: object = {}): Promise<FabricAnswer['body']> {
    const path = `${this.programPath(version, kind, name)}/stop`;
    const run = await this.client.call('POST', path, { json: options, wait: this.waitSeconds });
    return this.settled(version, kind, name, run.runId, ['STOPPED']);
  }

  /** Waits for one of `statuses`; another final status is an error. */
  async settled(version: number, kind: ProgramKind, name: string, runId: string, statuses: string[]): Promise<FabricAnswer['body']> {
    const path = `${this.programPath(version, kind, name)}/runs/${runId}`;
    return eventually(`${this.app} ${version} ${name} ${statuses.join('|')}`, SETTLE_TIMEOUT_MS, async () => {
      const run = await this.client.call('GET', path);
      return statuses.includes(run.status) ? run : undefined;
    });
  }

  async shift(weights: Record<string, number>, reason: string): Promise<FabricAnswer['body']> {
    return this.client.call('PUT', `${this.appPath}/distribution`, { json: { weights, reason }, wait: this.waitSeconds });
  }

  distribution(): Promise<FabricAnswer['body']> {
    return this.client.call('GET', `${this.appPath}/distribution`);
  }

  rollback(toRevision?: number): Promise<FabricAnswer['body']> {
    const json = toRevision === undefined ? {} : { toRevision };
    return this.client.call('POST', `${this.appPath}/distribution/rollback`, { json, wait: this.waitSeconds });
  }

  programPath(version: number, kind: ProgramKind, name: string): string {
    return `${this.appPath}/versions/${version}/${kind}/${name}`;
  }
}

export type ProgramKind = 'services' | 'workers' | 'flows';
