import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/transaction.js';
import { FreezeGuard } from '../freezes/freeze-guard.js';
import type { AppRef, Release } from './release.js';

/** Somebody who begins a release, or wants more traffic for its candidate. */
export interface Wish extends AppRef {
  candidate: number;
  by: string;
  freezeOverride: string | null;
  dryRun: boolean;
}

/** Says when no release may begin and no candidate may get more traffic. */
export abstract class ReleaseFreeze {
  /** Why the release has to wait now, for people; null: it may give its candidate more traffic. */
  abstract refusal(tx: Transaction, release: Pick<Release, 'namespace' | 'freezeOverride'>): Promise<string | null>;

  /** 409 frozen, unless the wish says why it must be now; that is in the audit then. Gives the override if it was needed. */
  abstract check(tx: Transaction, wish: Wish): Promise<string | null>;
}

/** By the freezes of the namespace. */
@Injectable()
export class NamespaceFreeze extends ReleaseFreeze {
  constructor(private readonly guard: FreezeGuard) {
    super();
  }

  async refusal(tx: Transaction, { namespace, freezeOverride }: Pick<Release, 'namespace' | 'freezeOverride'>): Promise<string | null> {
    return freezeOverride === null ? this.guard.refusal(tx, namespace) : null;
  }

  async check(tx: Transaction, { namespace, app, candidate, by, freezeOverride, dryRun }: Wish): Promise<string | null> {
    return this.guard.check(tx, { namespace, change: 'release', subject: `${app}/${candidate}`, by, override: freezeOverride, dryRun });
  }
}
