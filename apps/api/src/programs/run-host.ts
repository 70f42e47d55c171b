import { Inject, Injectable } from '@nestjs/common';
import { AppsRepository } from '../apps/apps.repository.js';
import { ArtifactReader } from '../artifacts/artifact-reader.js';
import { Transactions } from '../database/transaction.js';
import { NamespacesRepository } from '../namespaces/namespaces.repository.js';
import type { InstanceState, LogReader, ProgramRuntime } from '../runtimes/program-runtime.js';
import { RUNTIME } from '../tokens.js';
import type { Run, RunInstance } from './run.js';
import type { ObservedInstance } from './run-plan.js';

/** SIGTERM to SIGKILL for what nobody wants any more. */
const GRACE_MS = 10_000;

/** What may start programs on this host: the runtime, under the name by which the database knows it. */
export interface LocalRuntime {
  hostId: string;
  runtime: ProgramRuntime;
  logs: LogReader;
  /** Whether programs end with this control plane. Only where its proxy ends with it too. */
  stopOnShutdown: boolean;
}

/** The runtime of this host, if there is one, in the terms of runs. */
@Injectable()
export class RunHost {
  constructor(
    @Inject(RUNTIME) private readonly local: LocalRuntime | null,
    private readonly transactions: Transactions,
    private readonly artifacts: ArtifactReader,
    private readonly apps: AppsRepository,
    private readonly namespaces: NamespacesRepository,
  ) {}

  /** null: programs cannot be started here. */
  get id(): string | null {
    return this.local?.hostId ?? null;
  }

  /** Takes over what still runs from before. `onEvent` is called with the run of which something has changed. */
  async open(onEvent: (runId: string) => void): Promise<void> {
    if (!this.local) return;
    await this.local.runtime.open();
    this.local.runtime.onEvent(({ runId }) => onEvent(runId));
  }

  async close(): Promise<void> {
    await this.local?.runtime.close({ stopPrograms: this.local.stopOnShutdown });
  }

  runIds(): Set<string> {
    return new Set(this.states().map(({ runId }) => runId));
  }

  /** What the runtime says of the run's instances, by uid. */
  observe(runId: string): Map<string, ObservedInstance> {
    return new Map(this.statesOf(runId).map((state) => [state.instanceId, toObserved(state)]));
  }

  async launch(run: Run, row: RunInstance): Promise<void> {
    if (!this.local) throw new Error('there is no runtime on this host');
    const { namespace, app, version, type, name } = run.program;
    const { artifact, config, variables } = await this.transactions.read(async (tx) => ({
      artifact: await this.artifacts.find(tx, namespace, run.artifact.name, run.artifact.version),
      config: (await this.apps.findVersion(tx, namespace, app, version))?.config ?? {},
      variables: (await this.namespaces.find(tx, namespace))?.variables ?? {},
    }));
    const spec = artifact?.programs.find((program) => program.type === type && program.name === name);
    if (!artifact || !spec?.command) throw new Error(`run ${run.runId}: the artifact has no command for ${type} ${name}`);
    await this.local.runtime.launch({
      instanceId: row.uid,
      runId: run.runId,
      namespace,
      app,
      version,
      artifactVersion: run.artifact.version,
      program: { name, type },
      command: spec.command,
      env: spec.env ?? {},
      variables,
      config,
      ...(spec.healthPath ? { healthPath: spec.healthPath } : {}),
      openBundle: () => this.artifacts.openBundle(namespace, run.artifact.name, run.artifact.version),
    });
  }

  /** Resolves when the instance is gone; true when it had to be killed. */
  async stop(uid: string, graceMs: number): Promise<boolean> {
    if (!this.local || !this.states().some(({ instanceId }) => instanceId === uid)) return false;
    return (await this.local.runtime.stop(uid, { graceMs })).killed;
  }

  async stopAll(runId: string, graceMs = GRACE_MS): Promise<boolean> {
    const killed = await Promise.all(this.statesOf(runId).map(({ instanceId }) => this.stop(instanceId, graceMs)));
    return killed.includes(true);
  }

  /** null: the run's programs are, or were, on another host, or elsewhere altogether. */
  logsOf(run: Run): { runId: string; reader: LogReader } | null {
    return this.local && run.hostId === this.local.hostId ? { runId: run.runId, reader: this.local.logs } : null;
  }

  private states(): InstanceState[] {
    return this.local?.runtime.instances() ?? [];
  }

  private statesOf(runId: string): InstanceState[] {
    return this.states().filter((state) => state.runId === runId);
  }
}

function toObserved(state: InstanceState): ObservedInstance {
  return { status: state.status, url: state.url, restarts: state.restarts, exit: state.exit, reason: state.reason };
}
