import { EventEmitter, once } from 'node:events';

/** From several writers to one reader, at most `limit` values at a time: who would put one more waits. Ends when `signal` fires. */
export class BoundedQueue<T> {
  private values: T[] = [];
  private readonly changes = new EventEmitter().setMaxListeners(0);

  constructor(
    private readonly limit: number,
    private readonly signal: AbortSignal,
  ) {}

  async put(value: T): Promise<void> {
    while (this.values.length >= this.limit && !this.signal.aborted) await this.next('taken');
    this.values.push(value);
    this.changes.emit('put');
  }

  async *take(): AsyncIterable<T> {
    while (!this.signal.aborted) {
      const values = this.values;
      this.values = [];
      this.changes.emit('taken');
      yield* values;
      if (this.values.length === 0) await this.next('put');
    }
  }

  private async next(change: 'put' | 'taken'): Promise<void> {
    await once(this.changes, change, { signal: this.signal }).catch(() => undefined);
  }
}
