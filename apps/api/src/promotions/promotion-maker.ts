import { Injectable } from '@nestjs/common';
import { AppVersionsService, type NewAppVersion } from '../apps/app-versions.service.js';
import { ArtifactCopier } from '../artifacts/artifact-copier.js';
import { AuditRepository } from '../audit/audit.repository.js';
import type { Transaction } from '../database/transaction.js';
import { FreezeGuard } from '../freezes/freeze-guard.js';
import { ProductionEntry } from './production-entry.js';
import type { Approval, Promotion } from './promotion.js';
import type { PromotionStep } from './promotion-judge.js';
import { PromotionsRepository } from './promotions.repository.js';

/** What the caller says besides the version. */
export interface PromotionTerms {
  approval: Approval | null;
  /** Undefined: as the version has it. */
  config: Record<string, unknown> | undefined;
  labels: Record<string, string> | undefined;
  freezeOverride: string | null;
  by: string;
}

export interface MadePromotion {
  promotion: Promotion;
  /** Of the bundle; null: the artifact has none. */
  sha256: string | null;
  routeRevision: number;
}

/** Makes the version in the next namespace, with all that is written down of it, under the route lock. */
@Injectable()
export class PromotionMaker {
  constructor(
    private readonly versions: AppVersionsService,
    private readonly artifacts: ArtifactCopier,
    private readonly promotions: PromotionsRepository,
    private readonly freezes: FreezeGuard,
    private readonly audit: AuditRepository,
    private readonly production: ProductionEntry,
  ) {}

  /** 409 frozen. Gives the override if it was needed. */
  async requireThawed(tx: Transaction, { version, next }: PromotionStep, terms: PromotionTerms): Promise<string | null> {
    const { by, freezeOverride: override } = terms;
    const subject = `${version.app}/${version.version} of ${version.namespace}`;
    return this.freezes.check(tx, { namespace: next.namespace, change: 'promotion', subject, by, override });
  }

  /** 409 frozen, artifact_differs, too_many_versions, and what {@link ProductionEntry.enter} says. */
  async make(tx: Transaction, step: PromotionStep, terms: PromotionTerms): Promise<MadePromotion> {
    const { pipeline, version: source, next } = step;
    const { namespace, app, version, artifact } = source;
    const { approval, by } = terms;
    const freezeOverride = await this.requireThawed(tx, step, terms);
    const sha256 = await this.artifacts.copy(tx, namespace, next.namespace, artifact);
    const wanted: NewAppVersion = { artifact, config: terms.config ?? source.config, labels: terms.labels ?? source.labels };
    const made = await this.versions.createUnderLock(tx, next.namespace, app, wanted, by, source);
    const [from, to] = [
      { namespace, version },
      { namespace: next.namespace, version: made.version.version },
    ];
    const entry = await this.production.enter(tx, made.version, next.plan, { by, freezeOverride });
    const promotion = await this.promotions.insert(tx, { app, from, to, pipeline, approval, freezeOverride, by, entry });
    const detail = { pipeline, from, to, approvedBy: approval?.by ?? null, releaseId: entry?.releaseId ?? null };
    for (const place of [from, to])
      await this.audit.write(tx, {
        namespace: place.namespace,
        by,
        action: 'version_promoted',
        subject: `${app}/${place.version}`,
        detail,
      });
    return { promotion, sha256, routeRevision: made.routeRevision };
  }
}
