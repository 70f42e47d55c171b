import { Injectable } from '@nestjs/common';
import type { AppVersion } from '../apps/app.js';
import type { Transaction } from '../database/transaction.js';
import { NamespacesRepository } from '../namespaces/namespaces.repository.js';
import { LifecycleService } from '../programs/lifecycle.service.js';
import { ProgramsService } from '../programs/programs.service.js';
import type { StartAuthor } from '../programs/run-starter.js';
import { STANDARD } from '../releases/release-plans.service.js';
import { ReleaseStarter } from '../releases/release-starter.js';
import type { Entry } from './promotion.js';
import { PromotionsRepository } from './promotions.repository.js';

/** How a promoted version comes into the traffic of a production environment, in the transaction that makes it. */
@Injectable()
export class ProductionEntry {
  constructor(
    private readonly namespaces: NamespacesRepository,
    private readonly programs: ProgramsService,
    private readonly promotions: PromotionsRepository,
    private readonly lifecycle: LifecycleService,
    private readonly releases: ReleaseStarter,
  ) {}

  /**
   * Begins a canary release by the plan (null: the standard one), for whose candidate it waits where its instances run elsewhere. Where no service of the app
   * runs there is nothing to release against: its services are just started, and the first version of an app gets 100 %. Null in other
   * environments, and for a version without services. Errors: those of a release's start; 409 bundle_missing.
   */
  async enter(tx: Transaction, { namespace, app, version }: AppVersion, plan: string | null, author: StartAuthor): Promise<Entry | null> {
    if ((await this.namespaces.find(tx, namespace))?.environment !== 'production') return null;
    const path = { namespace, app, version: String(version) };
    const programs = await this.programs.programsOf(tx, namespace, app, path.version);
    if (!programs.some(({ ref }) => ref.type === 'service')) return null;
    if (!(await this.promotions.runsService(tx, namespace, app))) {
      await this.lifecycle.startAllIn(tx, path, ['service'], author);
      return { type: 'start', releaseId: null };
    }
    const release = await this.releases.startUnderLock(tx, {
      namespace,
      app,
      candidate: version,
      baseline: null,
      plan: plan ?? STANDARD,
      reason: 'promotion',
      ...author,
      dryRun: false,
      awaitsCandidate: true,
    });
    return { type: 'release', releaseId: release.id };
  }
}
