import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Transactions } from '../database/transaction.js';
import { Propagation } from '../publishing/propagation.js';
import { ReleaseClock } from './release-clock.js';
import { ReleaseSignals, type RoutedRelease } from './release-signals.js';
import { ReleasesRepository } from './releases.repository.js';

const LONGEST_WAIT_MS = 30_000;

/**
 * Notes when the last live proxy had the weights that were just committed, as it happens. Where this is lost with its process, or the proxies take longer,
 * the engine's next look notes when it has seen it.
 */
@Injectable()
export class AppliedTimes implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly waiting = new Set<Promise<void>>();
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly transactions: Transactions,
    private readonly releases: ReleasesRepository,
    private readonly propagation: Propagation,
    private readonly signals: ReleaseSignals,
    private readonly clock: ReleaseClock,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.signals.onRouted((release) => {
      const noted = this.note(release, performance.now())
        .catch(() => undefined)
        .finally(() => this.waiting.delete(noted));
      this.waiting.add(noted);
    });
  }

  /** Waits of propagation end at shutdown. */
  async onApplicationShutdown(): Promise<void> {
    this.unsubscribe();
    await Promise.all(this.waiting);
  }

  private async note({ id, namespace, app, routeRevision, committedAtMs }: RoutedRelease, committedAt: number): Promise<void> {
    const { complete } = await this.propagation.waitFor({ routeRevision, namespace, app }, LONGEST_WAIT_MS);
    if (!complete) return;
    const completeAt = performance.now();
    const tookMs = Math.round((completeAt - committedAt) * 10) / 10;
    await this.transactions.run(async (tx) => {
      const release = await this.releases.lock(tx, id);
      if (release?.progress.routed?.routeRevision !== routeRevision || release.progress.routed.appliedAtMs !== null) return;
      // Not the time of the commit and what it took: the clock was read before the commit, which may have had to wait.
      const nowMs = await this.clock.nowMs(tx);
      const appliedAtMs = Math.max(committedAtMs, Math.ceil(nowMs - (performance.now() - completeAt)));
      const { zeroing } = release.progress;
      const isZeroing = zeroing?.routeRevision === routeRevision && zeroing.appliedAtMs === null;
      const progress = {
        ...release.progress,
        routed: { routeRevision, appliedAtMs },
        zeroing: isZeroing ? { ...zeroing, appliedAtMs, tookMs } : zeroing,
      };
      await this.releases.update(tx, { ...release, progress }, false);
    });
    this.signals.tell(id);
  }
}
