import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { DistributionChanges } from '../distribution/distribution-rules.js';
import { Propagation } from '../publishing/propagation.js';
import { SHUTDOWN } from '../tokens.js';
import { type RunDto, type RunListDto, toRunDto } from './dto/program.dto.js';
import { ProgramsService, type RunDetails } from './programs.service.js';
import { isSettled, type Run } from './run.js';

/** A run may be looked after by another replica, so its state is looked up rather than listened for. */
const POLL_MS = 50;

/** Answers for runs: waits until they have settled and every live proxy has what they changed, then says how it stands. */
@Injectable()
export class RunWaiter {
  constructor(
    private readonly programs: ProgramsService,
    private readonly propagation: Propagation,
    @Inject(SHUTDOWN) private readonly shutdown: AbortSignal,
  ) {}

  /** `waitMs` null: the run as it is given, for a dry run. */
  async answer(run: Run, waitMs: number | null, distributions?: DistributionChanges): Promise<RunDto> {
    if (waitMs === null) return toRunDto({ run, instances: [] }, undefined, distributions);
    const deadline = performance.now() + waitMs;
    const details = await this.settled(run.runId, deadline);
    const { routeRevision, program } = details.run;
    const { namespace, app } = program;
    const propagation =
      routeRevision === null ? undefined : await this.propagation.waitFor({ routeRevision, namespace, app }, deadline - performance.now());
    return toRunDto(details, propagation, distributions);
  }

  async listAnswer(runs: readonly Run[], waitMs: number | null, distributions?: DistributionChanges): Promise<RunListDto> {
    const items = await Promise.all(runs.map((run) => this.answer(run, waitMs, distributions)));
    return { items, nextCursor: null };
  }

  private async settled(runId: string, deadline: number): Promise<RunDetails> {
    for (;;) {
      const details = await this.programs.details(runId);
      const { run, instances } = details;
      const scaled = run.status !== 'RUNNING' || run.hostId === null || isScaled(run, instances);
      const left = deadline - performance.now();
      if ((isSettled(run.status) && scaled) || left <= 0 || this.shutdown.aborted) return details;
      await delay(Math.min(POLL_MS, left), undefined, { signal: this.shutdown }).catch(() => undefined);
    }
  }
}

/** All that are wanted have come up, and the surplus is gone. Instances that run elsewhere are not ours to scale. */
function isScaled({ desiredInstances }: Run, instances: RunDetails['instances']): boolean {
  const ours = instances.filter(({ ttlSeconds }) => ttlSeconds === null);
  return ours.length === desiredInstances && ours.every(({ status, leaving }) => status !== 'STARTING' && leaving === null);
}
