import type { ReleaseEvent, Step } from '@app-fabric/release';
import { Injectable } from '@nestjs/common';
import { type Transaction, Transactions } from '../database/transaction.js';
import type { DistributionChanges } from '../distribution/distribution-rules.js';
import { DistributionWriter } from '../distribution/distribution-writer.js';
import { ObservationsRepository } from '../measurements/observations.repository.js';
import { RouteChanges } from '../publishing/route-changes.js';
import type { Release, StoredEvent } from './release.js';
import { ReleaseClock } from './release-clock.js';
import { ReleaseEventsRepository } from './release-events.repository.js';
import { ReleaseHooks } from './release-hooks.js';
import { goesToZero } from './release-orders.js';
import { ReleaseSignals } from './release-signals.js';
import { changesWanted } from './release-weights.js';
import type { Seen } from './release-world.js';
import { ReleasesRepository } from './releases.repository.js';

/** Events after which what the candidate did before does not count any more. */
const NEW_ENTRY: ReadonlySet<string> = new Set(['started', 'stage_entered', 'resumed', 'restoring']);

/** Writes down what was decided, with the distribution that follows from it, in one transaction. */
@Injectable()
export class ReleaseWriter {
  constructor(
    private readonly transactions: Transactions,
    private readonly releases: ReleasesRepository,
    private readonly events: ReleaseEventsRepository,
    private readonly observations: ObservationsRepository,
    private readonly routes: RouteChanges,
    private readonly distributions: DistributionWriter,
    private readonly hooks: ReleaseHooks,
    private readonly signals: ReleaseSignals,
    private readonly clock: ReleaseClock,
  ) {}

  /** A release that was just stored. */
  async begin(tx: Transaction, release: Release, events: readonly ReleaseEvent[]): Promise<void> {
    await this.record(tx, release, numbered(release, events, release.startedAt));
  }

  /** Whether {@link write} has to change routes, for which it needs their lock. */
  changesRoutes(release: Release, { state }: Step, seen: Seen): boolean {
    return changesNow({ ...release, state }, seen).size > 0;
  }

  /** The release's row must be locked, and the routes if they change. Returns the release as it is then. */
  async write(tx: Transaction, before: Release, step: Step, seen: Seen): Promise<Release> {
    const { state } = step;
    const events = numbered({ state }, step.events, new Date(seen.nowMs)).map((event) =>
      event.type === 'zero_confirmed' ? { ...event, evidence: { ...event.evidence, zeroing: seen.progress.zeroing } } : event,
    );
    const entered = events.some(({ type }) => NEW_ENTRY.has(type));
    let after: Release = {
      ...before,
      state,
      revision: before.revision + (events.length > 0 ? 1 : 0),
      progress: { ...seen.progress, ...(entered ? { enteredAtMs: seen.nowMs } : {}) },
    };
    const changes = changesNow(after, seen);
    if (changes.size > 0) after = await this.setWeights(tx, after, changes, seen.nowMs);
    await this.observe(tx, before, after, seen.nowMs);
    if (events.length > 0) await this.record(tx, after, events);
    await this.releases.update(tx, after, events.length > 0);
    return after;
  }

  private async record(tx: Transaction, release: Release, events: readonly StoredEvent[]): Promise<void> {
    await this.events.append(tx, release.id, events);
    await this.hooks.happened(tx, release, events);
    await this.releases.tell(tx, release.id);
    this.transactions.afterCommit(tx, () => this.signals.tell(release.id));
  }

  private async setWeights(tx: Transaction, release: Release, changes: DistributionChanges, nowMs: number): Promise<Release> {
    const { namespace, app, id, state, plan } = release;
    const routeRevision = await this.routes.commit(tx, namespace, app);
    const where = `stage ${plan.stages[state.stageIndex]?.name ?? state.stageIndex}`;
    const reason = `release ${id}, ${where}: ${state.reason ?? state.status}`.slice(0, 500);
    await this.distributions.apply(tx, release, changes, { by: 'system', source: 'release', reason }, routeRevision);
    const { progress } = release;
    const requestedAtMs = nowMs;
    const committedAtMs = await this.clock.nowMs(tx);
    const zeroing = { requestedAtMs, committedAtMs, routeRevision, appliedAtMs: null, tookMs: null, confirmedAtMs: null, quiet: null };
    this.transactions.afterCommit(tx, () => this.signals.routed({ id, namespace, app, routeRevision, committedAtMs }));
    return {
      ...release,
      progress: { ...progress, routed: { routeRevision, appliedAtMs: null }, zeroing: goesToZero(state) ? zeroing : progress.zeroing },
    };
  }

  /** Both versions, from the same moment on: from where they are judged, or from where the candidate is to get nothing any more. */
  private async observe(tx: Transaction, before: Release, after: Release, nowMs: number): Promise<void> {
    const { candidate, baseline, state, progress } = after;
    if (state.endedAt !== null) return this.observations.end(tx, after);
    const isZeroed = progress.zeroing !== null && progress.zeroing.routeRevision !== before.progress.zeroing?.routeRevision;
    if (isZeroed) return this.observations.begin(tx, after, [candidate, baseline], nowMs);
    if (state.judgedFrom !== null && state.judgedFrom !== before.state.judgedFrom)
      return this.observations.begin(tx, after, [candidate, baseline], state.judgedFrom);
  }
}

function changesNow(release: Release, { distributions }: Seen): DistributionChanges {
  return (release.state.wanted.enforced && changesWanted(release, distributions)) || new Map();
}

/** The state says how many events led to it. */
function numbered({ state }: Pick<Release, 'state'>, events: readonly ReleaseEvent[], at: Date): StoredEvent[] {
  return events.map((event, index) => ({ ...event, sequence: state.sequence - events.length + index + 1, at }));
}
