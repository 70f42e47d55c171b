import { Inject, Injectable } from '@nestjs/common';
import { Transactions } from '../database/transaction.js';
import { SHUTDOWN } from '../tokens.js';
import { ProxyRegistry } from './proxy-registry.js';
import { RouteOutboxRepository } from './route-outbox.repository.js';

/** How far a change has come. */
export interface PropagationState {
  routeRevision: number;
  /** Live proxies. */
  proxies: number;
  /** Those of them that route by this revision or a later one. */
  acknowledged: number;
  complete: boolean;
  /** Ids of the live proxies that have not applied it yet. */
  pending: string[];
}

/** Says which proxies have applied a route revision, and waits for it. */
@Injectable()
export class Propagation {
  private epoch: string | null = null;

  constructor(
    private readonly transactions: Transactions,
    private readonly outbox: RouteOutboxRepository,
    private readonly registry: ProxyRegistry,
    @Inject(SHUTDOWN) private readonly shutdown: AbortSignal,
  ) {}

  /** Resolves when every live proxy has applied the revision, or with what is missing after `timeoutMs` or at shutdown. */
  async waitFor(routeRevision: number, timeoutMs: number): Promise<PropagationState> {
    const epoch = await this.currentEpoch();
    const now = this.stateIn(epoch, routeRevision);
    if (now.complete || timeoutMs <= 0 || this.shutdown.aborted) return now;
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        off();
        this.shutdown.removeEventListener('abort', finish);
        resolve(this.stateIn(epoch, routeRevision));
      };
      const off = this.registry.onChange(() => {
        if (this.stateIn(epoch, routeRevision).complete) finish();
      });
      const timer = setTimeout(finish, timeoutMs);
      this.shutdown.addEventListener('abort', finish);
    });
  }

  private stateIn(epoch: string, routeRevision: number): PropagationState {
    const reports = this.registry.list().map(({ report }) => report);
    const pending = reports
      .filter(({ applied }) => applied === null || applied.epoch !== epoch || applied.revision < routeRevision)
      .map(({ proxyId }) => proxyId);
    return {
      routeRevision,
      proxies: reports.length,
      acknowledged: reports.length - pending.length,
      complete: this.registry.complete && pending.length === 0,
      pending,
    };
  }

  /** The epoch changes only when a backup was restored: it is looked up again whenever a proxy names another one. */
  private async currentEpoch(): Promise<string> {
    const foreign = this.registry.list().some(({ report }) => report.applied !== null && report.applied.epoch !== this.epoch);
    if (this.epoch === null || foreign) this.epoch = (await this.transactions.read((tx) => this.outbox.head(tx))).epoch;
    return this.epoch;
  }
}
