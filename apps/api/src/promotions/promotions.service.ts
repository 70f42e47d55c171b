import { Injectable } from '@nestjs/common';
import { AppsRepository } from '../apps/apps.repository.js';
import { requireApp } from '../apps/apps.service.js';
import { Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { RouteChanges } from '../publishing/route-changes.js';
import type { Missing } from './criteria.js';
import type { Entry, Promotion } from './promotion.js';
import { PromotionJudge, type PromotionStep, type StepRequest } from './promotion-judge.js';
import { type MadePromotion, PromotionMaker, type PromotionTerms } from './promotion-maker.js';
import { PromotionsRepository } from './promotions.repository.js';

export interface PromotionAnswer {
  step: PromotionStep;
  /** Empty unless it was a dry run. */
  missing: Missing[];
  /** Null after a dry run. */
  made: MadePromotion | null;
  /** What a dry run has seen of what would be made; null: something is missing. */
  foreseen: { entry: Entry['type'] | null; sha256: string | null } | null;
}

@Injectable()
export class PromotionsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly judge: PromotionJudge,
    private readonly maker: PromotionMaker,
    private readonly repository: PromotionsRepository,
    private readonly apps: AppsRepository,
    private readonly routes: RouteChanges,
  ) {}

  /**
   * Makes the version in the next namespace of its pipeline. 409 version_in_development, criteria_not_met (both with `missing`), and what
   * {@link PromotionJudge.judge} and {@link PromotionMaker.make} say. A dry run says what is missing, and refuses nothing for it; when nothing is, it goes all the way, and back.
   */
  async promote(request: StepRequest, terms: PromotionTerms, dryRun: boolean): Promise<PromotionAnswer> {
    const isApproved = terms.approval !== null;
    // Before the lock: it may be long reading, and what is counted meanwhile makes no difference.
    const traffic = await this.judge.traffic(request);
    if (dryRun)
      return this.transactions.rehearse(async (tx) => {
        await this.routes.lock(tx);
        const judged = await this.judge.judge(tx, request, traffic, isApproved);
        const isReady = judged.missing.length === 0;
        if (!isReady) await this.maker.requireThawed(tx, judged.step, terms);
        return { ...judged, made: null, foreseen: isReady ? foreseenOf(await this.maker.make(tx, judged.step, terms)) : null };
      });
    return this.transactions.run(async (tx) => {
      await this.routes.lock(tx);
      const { step, missing } = await this.judge.judge(tx, request, traffic, isApproved);
      if (missing.length > 0) throw refusal(step, missing);
      return { step, missing, made: await this.maker.make(tx, step, terms), foreseen: null };
    });
  }

  /** From and into the namespace. */
  list(namespace: string, app: string, limit: number, before: number | null): Promise<Promotion[]> {
    return this.transactions.read(async (tx) => {
      await requireApp(tx, this.apps, namespace, app);
      return this.repository.list(tx, namespace, app, limit, before);
    });
  }
}

function foreseenOf({ promotion: { entry }, sha256 }: MadePromotion): PromotionAnswer['foreseen'] {
  return { entry: entry?.type ?? null, sha256 };
}

function refusal({ version: { app, version, rejection }, next }: PromotionStep, missing: readonly Missing[]): DomainError {
  if (rejection) {
    const detail = `Version ${version} of ${app} is back in development: ${rejection.check} failed in ${rejection.namespace}. Promote a new version.`;
    return new DomainError('conflict', 'version_in_development', detail, { members: { missing } });
  }
  const what = missing.map(({ criterion }) => criterion).join(', ');
  return new DomainError('conflict', 'criteria_not_met', `Version ${version} of ${app} may not go to ${next.namespace} yet: ${what}.`, {
    members: { missing },
  });
}
