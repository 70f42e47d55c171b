import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';

/** Distributions that are shown apart. */
const MAX_DISTRIBUTIONS = 1_000;

export interface StoredState {
  /** The newest committed change of routes, and the newest that is known to be on the bus. */
  revision: number;
  published: number;
  /** Since when the oldest change that is not on the bus has waited; 0: none has. */
  outboxLagSeconds: number;
  /** Those that have not ended. */
  runs: { type: string; status: string; count: number }[];
  /** The {@link MAX_DISTRIBUTIONS} that were changed last. */
  distributions: StoredDistribution[];
}

interface StoredDistribution {
  namespace: string;
  app: string;
  /** Empty: the app's own. */
  service: string;
  /** Version → basis points, those above 0. */
  weights: Record<string, number>;
  /** What made it: see `DISTRIBUTION_SOURCES`. */
  source: string;
}

/** What all replicas share, as Prometheus is shown it. */
@Injectable()
export class StateRepository {
  async read(tx: Transaction): Promise<StoredState> {
    const [head] = await query<{ revision: string; published: string; lag: string | null }>(
      tx,
      `SELECT revision, published,
              (SELECT extract(epoch FROM clock_timestamp() - min(committed_at)) FROM route_outbox WHERE revision > published) AS lag
         FROM route_head WHERE id = 1`,
    );
    const runs = await query<{ type: string; status: string; count: string }>(
      tx,
      `SELECT program_type AS type, status, count(*) AS count FROM runs
        WHERE status IN ('PENDING', 'STARTING', 'RUNNING', 'STOPPING') GROUP BY 1, 2`,
    );
    const distributions = await query<StoredDistribution>(
      tx,
      `SELECT namespace, app, service, weights, source FROM distributions ORDER BY updated_at DESC LIMIT ${MAX_DISTRIBUTIONS}`,
    );
    return {
      revision: Number(head!.revision),
      published: Number(head!.published),
      outboxLagSeconds: Math.max(0, Number(head!.lag ?? 0)),
      runs: runs.map(({ type, status, count }) => ({ type, status, count: Number(count) })),
      distributions,
    };
  }
}
