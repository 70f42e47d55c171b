import { Injectable } from '@nestjs/common';
import { AppsRepository } from '../apps/apps.repository.js';
import { requireApp } from '../apps/apps.service.js';
import { AuditRepository } from '../audit/audit.repository.js';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { RouteChanges } from '../publishing/route-changes.js';
import type { NewValidation, Validation } from './validation.js';
import { ValidationsRepository } from './validations.repository.js';

/** Of one version. */
const MAX_VALIDATIONS = 1_000;

@Injectable()
export class ValidationsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly repository: ValidationsRepository,
    private readonly apps: AppsRepository,
    private readonly routes: RouteChanges,
    private readonly audit: AuditRepository,
  ) {}

  /**
   * Writes it down. One that failed sends the version back to development for good, and with it all that was or will be promoted from the same origin: they are
   * the same build. 409 too_many_validations; 422 unknown_version.
   */
  record(wanted: NewValidation): Promise<Validation> {
    const { namespace, app, version, check, result, by, recordedBy } = wanted;
    return this.transactions.run(async (tx) => {
      // Promotions hold this lock too: a version that is being promoted just now is either refused or found here.
      if (result === 'failed') await this.routes.lock(tx);
      await this.requireVersion(tx, wanted);
      if ((await this.repository.count(tx, namespace, app, version)) >= MAX_VALIDATIONS)
        throw new DomainError(
          'conflict',
          'too_many_validations',
          `Version ${version} of ${app} has ${MAX_VALIDATIONS} validations already.`,
        );
      const validation = await this.repository.insert(tx, wanted);
      if (result === 'failed') {
        const rejection = { check, namespace, version, by, at: validation.at.toISOString() };
        await this.apps.rejectLine(tx, namespace, app, version, rejection);
      }
      const detail = { check, result, by };
      await this.audit.write(tx, { namespace, by: recordedBy, action: 'validation_recorded', subject: `${app}/${version}`, detail });
      return validation;
    });
  }

  list(scope: { namespace: string; app: string; version: number | null }, limit: number, before: number | null): Promise<Validation[]> {
    return this.transactions.read(async (tx) => {
      await requireApp(tx, this.apps, scope.namespace, scope.app);
      return this.repository.list(tx, scope, limit, before);
    });
  }

  private async requireVersion(tx: Transaction, { namespace, app, version }: NewValidation): Promise<void> {
    await requireApp(tx, this.apps, namespace, app);
    if (await this.apps.findVersion(tx, namespace, app, version)) return;
    throw new DomainError('unprocessable', 'unknown_version', `${app} has no version ${version}.`);
  }
}
