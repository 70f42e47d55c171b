import { Injectable } from '@nestjs/common';
import { AuditRepository } from '../audit/audit.repository.js';
import type { Transaction } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import type { Freeze } from './freeze.js';
import { FreezesRepository } from './freezes.repository.js';

export interface GuardedAuthor {
  by: string;
  /** Why it must be now; null: it need not. */
  override: string | null;
}

/** What somebody is about to do to an app. */
export interface GuardedChange extends GuardedAuthor {
  namespace: string;
  change: 'distribution' | 'routing' | 'alias' | 'start' | 'promotion' | 'release';
  /** E.g. `shop/3`. */
  subject: string;
  /** Nothing is written down. */
  dryRun?: boolean;
}

/**
 * The one place where freezes are asked about. Guarded is what brings something new into traffic: other weights, another routing, an alias
 * that moves, a version's first start,
 * a promotion into the namespace, the start of a release. Never guarded is what takes it out or back: zero, rollback, stop, the start of a version that has
 * run here before, more instances; nor what the control plane does by itself.
 */
@Injectable()
export class FreezeGuard {
  constructor(
    private readonly freezes: FreezesRepository,
    private readonly audit: AuditRepository,
  ) {}

  /** Why nothing new may come into the namespace's traffic now, for people; null: it may. */
  async refusal(tx: Transaction, namespace: string): Promise<string | null> {
    const freeze = await this.freezes.open(tx, namespace);
    return freeze && saying(freeze);
  }

  /**
   * 409 frozen while a freeze is open, unless `override` says why; then that is in the audit, in the transaction of the change. Gives the
   * override if it was needed.
   */
  async check(tx: Transaction, { namespace, change, subject, by, override, dryRun = false }: GuardedChange): Promise<string | null> {
    const freeze = await this.freezes.open(tx, namespace);
    if (!freeze) return null;
    const { name, reason } = freeze;
    const [from, to] = [freeze.from.toISOString(), freeze.to.toISOString()];
    if (override === null)
      throw new DomainError('conflict', 'frozen', `${saying(freeze)}. If it must be now, say why in X-Freeze-Override.`, {
        members: { freeze: { name, from, to, reason } },
      });
    const entry = { namespace, by, action: 'freeze_overridden', subject, detail: { change, freeze: name, reason: override } } as const;
    if (!dryRun) await this.audit.write(tx, entry);
    return override;
  }
}

function saying({ namespace, to, name, reason }: Freeze): string {
  return `Namespace ${namespace} is frozen until ${to.toISOString()} (${name}: ${reason})`;
}
