/**
 * The moments at which the requests of one of several connections are due: together, an even stream. Milliseconds from the start. Without
 * a rate each is due at once: whatever a connection is free for, until the time is over.
 */
export class Schedule {
  readonly #connections: number;
  readonly #perSecond: number;
  readonly #total: number;
  /** Of all requests, in the order in which they are due. */
  #index: number;

  constructor(connection: number, { connections, perSecond, seconds }: { connections: number; perSecond: number | null; seconds: number }) {
    this.#connections = connections;
    this.#perSecond = perSecond ?? Number.POSITIVE_INFINITY;
    this.#total = Math.floor(this.#perSecond * seconds);
    this.#index = connection;
  }

  /** When the next request is due; infinite after the last. */
  get dueMs(): number {
    return this.#index < this.#total ? (this.#index * 1_000) / this.#perSecond : Number.POSITIVE_INFINITY;
  }

  advance(): void {
    this.#index += this.#connections;
  }
}
