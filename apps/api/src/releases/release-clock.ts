import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/transaction.js';
import { ReleasesRepository } from './releases.repository.js';

/** The database's clock, which all replicas share. Tests bring their own. */
@Injectable()
export class ReleaseClock {
  constructor(private readonly releases: ReleasesRepository) {}

  /** Milliseconds since 1970. */
  nowMs(tx: Transaction): Promise<number> {
    return this.releases.nowMs(tx);
  }
}
