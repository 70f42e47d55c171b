import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/transaction.js';
import { FreezeGuard } from '../freezes/freeze-guard.js';
import { DomainError } from '../http/domain-error.js';
import { NamespacesRepository } from '../namespaces/namespaces.repository.js';
import type { Program } from './programs.service.js';
import type { ProgramRef, Run } from './run.js';
import { RunHost } from './run-host.js';
import { HOST_GONE_SECONDS } from './run-supervisor.js';
import { RunsRepository } from './runs.repository.js';

/** Who starts something, and why although the namespace is frozen, if it is. */
export interface StartAuthor {
  by: string;
  freezeOverride: string | null;
}

/** Makes the run of a program that is to start, if it may. */
@Injectable()
export class RunStarter {
  constructor(
    private readonly runs: RunsRepository,
    private readonly host: RunHost,
    private readonly namespaces: NamespacesRepository,
    private readonly freezes: FreezeGuard,
  ) {}

  /**
   * `instances` null: as the namespace says, else the artifact. `author` null: the control plane itself, which no freeze holds up.
   * 409 already_running, running_in_other_version, bundle_missing, no_host, frozen.
   */
  async start(tx: Transaction, { ref, spec, bundleSha256 }: Program, instances: number | null, author: StartAuthor | null): Promise<Run> {
    if (author) await this.requireThawed(tx, ref, author);
    await this.requireOneVersion(tx, { ref, spec });
    const hostId = await this.hostFor(tx, spec);
    if (spec.command && hostId === null && ref.type !== 'service') {
      const detail = `No control plane may start programs now (FABRIC_PROCESS_RUNTIME), and a ${ref.type} cannot be registered.`;
      throw new DomainError('conflict', 'no_host', detail);
    }
    if (hostId !== null && bundleSha256 === null) {
      throw new DomainError('conflict', 'bundle_missing', `The artifact has no bundle to run ${ref.name} from; upload one first.`);
    }
    const runId = randomUUID();
    const desiredInstances = hostId === null ? 0 : (instances ?? (await this.usualInstances(tx, { ref, spec })));
    if (!(await this.runs.insert(tx, { runId, program: ref, hostId, status: 'PENDING', desiredInstances }))) throw alreadyRunning(null);
    await this.runs.tell(tx, runId);
    return (await this.runs.find(tx, runId))!;
  }

  /** Whether its instances would be started from here, and could be. */
  async canStart(tx: Transaction, { spec, bundleSha256 }: Program): Promise<boolean> {
    return bundleSha256 !== null && (await this.hostFor(tx, spec)) !== null;
  }

  /** null: its instances run elsewhere. */
  private async hostFor(tx: Transaction, spec: Program['spec']): Promise<string | null> {
    return spec.command ? (this.host.id ?? (await this.runs.leastBusyHost(tx, HOST_GONE_SECONDS))) : null;
  }

  /** A worker or flow runs in one version at a time, unless its artifact says that it may run in several. */
  private async requireOneVersion(tx: Transaction, { ref, spec }: Pick<Program, 'ref' | 'spec'>): Promise<void> {
    if (ref.type === 'service' || spec.concurrent) return;
    await this.runs.lockProgramStarts(tx, ref.namespace, ref.app);
    const other = await this.runs.activeInOtherVersion(tx, ref);
    if (other !== null)
      throw new DomainError(
        'conflict',
        'running_in_other_version',
        `${ref.type} ${ref.name} runs in version ${other}; stop it there first.`,
      );
  }

  /** To go back to what has run here must always be possible: only what never has is held up. */
  private async requireThawed(tx: Transaction, { namespace, app, version, name }: ProgramRef, author: StartAuthor): Promise<void> {
    if (await this.runs.hasRun(tx, namespace, app, version)) return;
    const { by, freezeOverride: override } = author;
    await this.freezes.check(tx, { namespace, change: 'start', subject: `${app}/${version}/${name}`, by, override });
  }

  /** The size of an environment is that of its services. Of a worker or flow several would do the same thing several times. */
  private async usualInstances(tx: Transaction, { ref, spec }: Pick<Program, 'ref' | 'spec'>): Promise<number> {
    const namespace = ref.type === 'service' ? await this.namespaces.find(tx, ref.namespace) : null;
    return namespace?.defaultInstances ?? spec.instances;
  }
}

export function alreadyRunning(run: Run | null): DomainError {
  return new DomainError(
    'conflict',
    'already_running',
    run ? `It is ${run.status} already (run ${run.runId}).` : 'It was started by somebody else just now.',
  );
}
