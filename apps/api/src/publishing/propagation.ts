import type { RouteHead } from '@app-fabric/contracts';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { Transactions } from '../database/transaction.js';
import { LOGGER, SHUTDOWN } from '../tokens.js';
import { isOfStream, isWithdrawn, type PropagationState, propagationOf, type RoutedChange } from './propagation-state.js';
import { ProxyRegistry } from './proxy-registry.js';
import { PUBLISHING_CLOCK, type PublishingClock } from './publishing-clock.js';
import { RouteOutboxRepository } from './route-outbox.repository.js';

/** Says which proxies have applied a change of routes, and waits for it. */
@Injectable()
export class Propagation implements OnApplicationBootstrap, OnApplicationShutdown {
  /** What the database last said. No report can be further in the same stream: what is, comes from before a backup was restored. */
  private head: RouteHead | null = null;
  /** Where reports stand that the head does not explain, so that a stranger costs a query when it moves and not one a second. */
  private strangers: ReadonlySet<string> = new Set();
  private looking: Promise<void> | null = null;
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly transactions: Transactions,
    private readonly outbox: RouteOutboxRepository,
    private readonly registry: ProxyRegistry,
    @Inject(SHUTDOWN) private readonly shutdown: AbortSignal,
    @Inject(PUBLISHING_CLOCK) private readonly clock: PublishingClock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.registry.onChange(() => void this.followStrangers());
  }

  onApplicationShutdown(): void {
    this.unsubscribe();
  }

  /**
   * Resolves when every live proxy has applied the change; or, with what is missing, when there is nothing more to wait for (the others have
   * refused it), after `timeoutMs`, or at shutdown. Never rejects: the change is committed whatever becomes of it here.
   */
  async waitFor(change: RoutedChange, timeoutMs: number): Promise<PropagationState> {
    const state = () => propagationOf(change, this.head, this.registry.reports(), this.registry.complete);
    await this.until(() => this.registry.complete && state().pending.length === 0, timeoutMs);
    return state();
  }

  /**
   * True as soon as no live proxy can send a request any more to what the change took away; false after `timeoutMs` or at shutdown.
   * A proxy that has refused the change and still routes by an older document is waited for.
   */
  async waitUntilWithdrawn(change: RoutedChange, timeoutMs: number): Promise<boolean> {
    const isDone = () => isWithdrawn(change, this.head, this.registry.reports(), this.registry.complete);
    await this.until(isDone, timeoutMs);
    return isDone();
  }

  private async until(isDone: () => boolean, timeoutMs: number): Promise<void> {
    await this.lookUp();
    if (timeoutMs <= 0 || this.shutdown.aborted || isDone()) return;
    await new Promise<void>((resolve) => {
      const finish = () => {
        stopTimer();
        off();
        this.shutdown.removeEventListener('abort', finish);
        resolve();
      };
      const off = this.registry.onChange(() => {
        if (isDone()) finish();
      });
      const stopTimer = this.clock.after(timeoutMs, finish);
      this.shutdown.addEventListener('abort', finish);
    });
  }

  private async followStrangers(): Promise<void> {
    for (const stranger of this.unexplained()) {
      if (this.strangers.has(stranger)) continue;
      await this.lookUp();
      return;
    }
  }

  private lookUp(): Promise<void> {
    this.looking ??= this.transactions
      .read((tx) => this.outbox.head(tx))
      .then(({ epoch, revision }) => {
        const before = this.head;
        this.head = { epoch, revision };
        this.strangers = this.unexplained();
        if (before?.epoch !== epoch || before.revision !== revision) this.registry.tell(); // whoever waits looks again
      })
      .catch((error: unknown) => this.logger.warn({ err: error }, 'the head of the routes cannot be looked up now'))
      .finally(() => {
        this.looking = null;
      });
    return this.looking;
  }

  private unexplained(): Set<string> {
    const found = new Set<string>();
    for (const report of this.registry.reports())
      if (report.applied && !isOfStream(report, this.head)) found.add(`${report.applied.epoch}@${report.seenRevision}`);
    return found;
  }
}
