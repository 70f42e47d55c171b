import type { InstanceState } from '../upstream/instance.js';
import type { Deadlines } from './deadlines.js';
import type { EngineContext, Expiring } from './engine-context.js';
import { type AnswerReader, type ConnectionOwner, InstanceConnection } from './instance-connection.js';

/** Waits for a connection to come free. */
class Waiting implements Expiring {
  constructor(
    readonly reader: AnswerReader,
    public deadline: number,
    private readonly onExpired: (waiting: Waiting) => void,
  ) {}

  expired(): void {
    this.onExpired(this);
  }
}

/** The connections to one instance: kept ones are used again, the last used first; a bounded number; a bounded queue for what comes beyond. */
export class InstancePool implements ConnectionOwner {
  readonly #idle: InstanceConnection[] = [];
  readonly #open = new Set<InstanceConnection>();
  readonly #queue: Waiting[] = [];

  constructor(
    readonly instance: InstanceState,
    private readonly engine: EngineContext,
    private readonly deadlines: Deadlines,
    private readonly onEmpty: (pool: InstancePool) => void,
  ) {}

  /**
   * A connection that can be used at once, or `null`: `reader.connected` comes later, or it has been told of a failure.
   * @param fresh no kept connection: one of them has just failed
   * @returns `full` when not even waiting is possible
   */
  take(reader: AnswerReader, fresh: boolean): InstanceConnection | null | 'full' {
    const kept = fresh ? undefined : this.#idle.pop();
    if (kept !== undefined) {
      kept.take(reader);
      return kept;
    }
    const { connectionsPerInstance, queuePerInstance, queueTimeoutMs } = this.engine.limits;
    const oldest = this.#idle[0];
    if (this.#open.size < connectionsPerInstance || oldest !== undefined) {
      this.#connect(reader);
      // Makes room for it, and not before: a pool without a connection is given up.
      if (this.#open.size > connectionsPerInstance) oldest?.destroy();
      return null;
    }
    if (this.#queue.length >= queuePerInstance) return 'full';
    const waiting = new Waiting(reader, this.engine.now + queueTimeoutMs, (late) => {
      this.#forget(late);
      late.reader.failed('queue_timeout', `no connection came free within ${queueTimeoutMs} ms`);
    });
    this.#queue.push(waiting);
    this.deadlines.add(waiting);
    return null;
  }

  /** The reader no longer waits for a connection. */
  leave(reader: AnswerReader): void {
    const waiting = this.#queue.find((one) => one.reader === reader);
    if (waiting !== undefined) this.#forget(waiting);
  }

  giveBack(connection: InstanceConnection): void {
    if (this.instance.leaving || this.engine.limits.instanceIdleMs === 0) {
      connection.destroy();
      return;
    }
    const next = this.#queue.shift();
    if (next !== undefined) {
      this.deadlines.remove(next);
      connection.take(next.reader);
      next.reader.connected(connection);
      return;
    }
    connection.rest();
    this.#idle.push(connection);
  }

  closed(connection: InstanceConnection): void {
    this.deadlines.remove(connection);
    this.#open.delete(connection);
    const at = this.#idle.lastIndexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    const next = this.#queue.shift();
    if (next !== undefined) {
      this.deadlines.remove(next);
      this.#connect(next.reader);
    } else if (this.#open.size === 0) this.onEmpty(this);
  }

  /** Closes what is not in use. */
  closeIdle(): void {
    for (const connection of [...this.#idle]) connection.destroy();
  }

  #connect(reader: AnswerReader): void {
    const connection = new InstanceConnection(this.engine, this, reader);
    this.#open.add(connection);
    this.deadlines.add(connection);
    reader.connecting(connection);
  }

  #forget(waiting: Waiting): void {
    this.deadlines.remove(waiting);
    const at = this.#queue.indexOf(waiting);
    if (at >= 0) this.#queue.splice(at, 1);
  }
}
