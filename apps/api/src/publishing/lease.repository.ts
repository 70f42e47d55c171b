import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';

/**
 * Lease rows: who of the replicas does what only one may do. The database's clock decides, so clocks of hosts need not agree.
 * (Not session locks: the embedded database multiplexes all connections onto one session.)
 */
@Injectable()
export class LeaseRepository {
  /** Takes or renews the lease; false while somebody else holds it. */
  async hold(tx: Transaction, name: string, holder: string, seconds: number): Promise<boolean> {
    const rows = await query(
      tx,
      `INSERT INTO leases (name, holder, expires_at) VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
       ON CONFLICT (name) DO UPDATE SET holder = $2, expires_at = clock_timestamp() + make_interval(secs => $3)
         WHERE leases.holder = $2 OR leases.expires_at < clock_timestamp()
       RETURNING name`,
      [name, holder, seconds],
    );
    return rows.length > 0;
  }

  async release(tx: Transaction, name: string, holder: string): Promise<void> {
    await query(tx, 'DELETE FROM leases WHERE name = $1 AND holder = $2', [name, holder]);
  }
}
