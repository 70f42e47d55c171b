import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';

/** The time by which deliveries are due: that of the database, which all replicas share. Tests bring their own. */
@Injectable()
export class DeliveryClock {
  async nowMs(tx: Transaction): Promise<number> {
    const [row] = await query<{ now_ms: string }>(tx, 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms');
    return Number(row!.now_ms);
  }
}
