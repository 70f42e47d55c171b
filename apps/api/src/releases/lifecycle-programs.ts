import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import type { Transaction } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { LifecycleService } from '../programs/lifecycle.service.js';
import { ProgramsService } from '../programs/programs.service.js';
import { RunStarter } from '../programs/run-starter.js';
import { RunsRepository } from '../programs/runs.repository.js';
import { LOGGER } from '../tokens.js';
import type { AppRef } from './release.js';
import type { Order, ServiceStanding } from './release-orders.js';
import { ReleasePrograms } from './release-programs.js';

const DRAIN_SECONDS = 30;
const ANY = { match: null, noneMatch: null } as const;
/** The world is already as the order wants it, or somebody else is just changing it: the next look shows. */
const OVERTAKEN: ReadonlySet<string> = new Set(['already_running', 'not_running']);

/** The programs as they are started, scaled and stopped by everybody else. */
@Injectable()
export class LifecyclePrograms extends ReleasePrograms {
  constructor(
    private readonly programs: ProgramsService,
    private readonly runs: RunsRepository,
    private readonly starter: RunStarter,
    private readonly lifecycle: LifecycleService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super();
  }

  async standings(tx: Transaction, { namespace, app }: AppRef, version: number): Promise<ServiceStanding[]> {
    const standings: ServiceStanding[] = [];
    for (const program of await this.programs.programsOf(tx, namespace, app, String(version))) {
      if (program.ref.type !== 'service') continue;
      const run = (await this.runs.active(tx, program.ref)) ?? (await this.runs.latest(tx, program.ref));
      const instances = run ? await this.runs.instances(tx, [run.runId]) : [];
      const ready = instances.filter(({ routable, leaving }) => routable && leaving === null).length;
      standings.push({ name: program.ref.name, run, ready, canStart: await this.starter.canStart(tx, program) });
    }
    return standings;
  }

  async carryOut(app: AppRef, releaseId: string, orders: readonly Order[]): Promise<void> {
    for (const order of orders) {
      await this.carryOutOne(app, releaseId, order).catch((error: unknown) => {
        if (error instanceof DomainError && OVERTAKEN.has(error.code)) return;
        this.logger.warn({ err: error, releaseId, order }, 'what a release wants of its programs could not be done now');
      });
    }
  }

  private async carryOutOne({ namespace, app }: AppRef, releaseId: string, order: Order): Promise<void> {
    const path = { namespace, app, version: String(order.version) };
    switch (order.type) {
      case 'start':
        await this.lifecycle.start(path, 'service', order.service, order.instances, ANY, null);
        break;
      case 'scale':
        await this.lifecycle.scale(path, 'service', order.service, order.instances, ANY);
        break;
      case 'stop': {
        const by = `release ${releaseId}`;
        const options = { drainSeconds: DRAIN_SECONDS, reallocate: null, ifMatch: ANY, by, dryRun: false, forRelease: true };
        await this.lifecycle.stopAll(path, ['service'], options);
      }
    }
  }
}
