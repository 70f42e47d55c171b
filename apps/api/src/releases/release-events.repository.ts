import type { ReleaseEvent } from '@app-fabric/release';
import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import type { StoredEvent } from './release.js';

interface EventRow {
  sequence: number;
  at: Date;
  event: ReleaseEvent;
}

@Injectable()
export class ReleaseEventsRepository {
  /** Behind what is there: only under the release's lock. */
  async append(tx: Transaction, releaseId: string, events: readonly StoredEvent[]): Promise<void> {
    for (const { sequence, at, ...event } of events)
      await query(tx, 'INSERT INTO release_events (release_id, sequence, at, event) VALUES ($1, $2, $3, $4)', [
        releaseId,
        sequence,
        at,
        JSON.stringify(event),
      ]);
  }

  /** Those after `sequence`, oldest first. */
  async after(tx: Transaction, releaseId: string, sequence: number, limit: number): Promise<StoredEvent[]> {
    const rows = await query<EventRow>(
      tx,
      'SELECT sequence, at, event FROM release_events WHERE release_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3',
      [releaseId, sequence, limit],
    );
    return rows.map(({ sequence, at, event }) => ({ ...event, sequence, at }));
  }
}
