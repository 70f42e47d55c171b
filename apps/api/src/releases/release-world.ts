import { latencyOf, type Measures, requestsOf } from '@app-fabric/measurement';
import { type Evidence, LONGEST_UNWATCHED_MS, type Measured, type MeasuredRecently, recentWindows } from '@app-fabric/release';
import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/transaction.js';
import { DistributionRepository } from '../distribution/distribution.repository.js';
import type { DistributionView } from '../distribution/distribution-rules.js';
import type { Observation } from '../measurements/ledger.js';
import { ObservationsRepository } from '../measurements/observations.repository.js';
import type { Release, ReleaseProgress, Zeroing } from './release.js';
import { ReleaseFreeze } from './release-freeze.js';
import { type HooksStanding, ReleaseHooks } from './release-hooks.js';
import { goesToZero, type Orders, ordersFor, type ServiceStanding } from './release-orders.js';
import { ReleasePrograms } from './release-programs.js';
import { changesWanted } from './release-weights.js';

/** Proxies tell once a second what came; this is time enough for what was on its way. */
const QUIET_MS = 3_000;

/** What the proxies have said, asked before the transaction: the change of routes, and whether all that live route by it. */
export interface Applied {
  routeRevision: number;
  complete: boolean;
}

/** The world as one transaction sees it. */
export interface Seen {
  nowMs: number;
  evidence: Evidence;
  progress: ReleaseProgress;
  standings: { candidate: readonly ServiceStanding[]; baseline: readonly ServiceStanding[] };
  distributions: DistributionView;
}

/** Gathers the evidence for a decision. */
@Injectable()
export class ReleaseWorld {
  constructor(
    private readonly distributions: DistributionRepository,
    private readonly observations: ObservationsRepository,
    private readonly programs: ReleasePrograms,
    private readonly hooks: ReleaseHooks,
    private readonly freeze: ReleaseFreeze,
  ) {}

  async look(tx: Transaction, release: Release, nowMs: number, applied: Applied | null): Promise<Seen> {
    const { namespace, app, state } = release;
    // Programs first: what is seen as started here runs in the view below too. The other way round, a version that starts in between
    // would be ready and have no weight.
    const standings = {
      candidate: await this.programs.standings(tx, release, release.candidate),
      baseline: await this.programs.standings(tx, release, release.baseline),
    };
    const view = await this.distributions.view(tx, namespace, app);
    const current = await this.distributions.current(tx, { namespace, app, service: '' });
    const observed = await this.observations.of(tx, release);
    const orders = ordersFor(release, standings);
    const progress = progressOf(release, nowMs, current, applied, observed.get(release.candidate));
    const hooks: HooksStanding = state.phase === 'preparing' ? await this.hooks.beforeStage(tx, release) : { beforeHooks: 'none' };
    const frozen = raises(release) ? await this.freeze.refusal(tx, release) : null;
    const isSet = changesWanted(release, view)?.size === 0;
    const waitingFor = isSet ? waitsFor(release, orders, progress, hooks.beforeHooks, frozen) : 'the weights are to be set';
    return {
      nowMs,
      standings,
      distributions: view,
      progress: { ...progress, waitingFor },
      evidence: {
        sequence: state.sequence,
        // Hooks are evidence of their own.
        ready: waitingFor === null || waitingFor === HOOKS,
        waitingFor,
        held:
          waitingFor !== null &&
          (waitingFor === frozen || (waitingFor === orders.missing && orders.missingElsewhere && !hasTraffic(state))),
        appliedAt: progress.routed?.appliedAtMs ?? null,
        ...hooks,
        measured: measuredOf(release, observed),
        recently: await this.recently(tx, release, nowMs),
        candidateFailure: orders.failure,
        manualChange: null,
        ...(nowMs - state.decidedAt > LONGEST_UNWATCHED_MS
          ? { measuredMs: await this.observations.measuredMs(tx, release, release.candidate, state.decidedAt, nowMs) }
          : {}),
      },
    };
  }

  private async recently(tx: Transaction, release: Release, nowMs: number): Promise<MeasuredRecently[]> {
    const { candidate, baseline, state } = release;
    const windows = state.judgedFrom === null ? [] : recentWindows(state.judgedFrom, nowMs);
    const measured: MeasuredRecently[] = [];
    for (const { from, share } of windows) {
      const counted = await this.observations.since(tx, release, [candidate, baseline], from);
      measured.push({ candidate: toMeasured(counted.get(candidate)!), baseline: toMeasured(counted.get(baseline)!), share });
    }
    return measured;
  }
}

const HOOKS = 'hooks before the stage run';

/** What is not yet as it is wanted, for people; null: everything is. */
function waitsFor(
  { state }: Release,
  { missing }: Orders,
  { routed, zeroing }: ReleaseProgress,
  beforeHooks: Evidence['beforeHooks'],
  frozen: string | null,
): string | null {
  if (!state.wanted.enforced) return null;
  if (routed?.appliedAtMs === null) return `not every live proxy has applied route revision ${routed.routeRevision}`;
  if (goesToZero(state) && zeroing !== null && zeroing.confirmedAtMs === null) return 'the measured traffic is to confirm the zeroing';
  return missing ?? frozen ?? (beforeHooks === 'running' ? HOOKS : null);
}

/** Before that, whoever runs the candidate elsewhere may take the time he needs; after that, instances that are gone are missed. */
function hasTraffic({ wanted }: Release['state']): boolean {
  return wanted.candidateWeightBp > 0;
}

/** What it prepares for is more traffic than it has. */
export function raises({ state, plan }: Release): boolean {
  if (state.phase !== 'preparing') return false;
  const next = state.status === 'promoting' ? 10_000 : plan.stages[state.stageIndex]!.weightBp;
  return next > state.wanted.candidateWeightBp;
}

function progressOf(
  { progress }: Release,
  nowMs: number,
  current: { routeRevision: number } | null,
  applied: Applied | null,
  candidate: Observation | undefined,
): ReleaseProgress {
  if (current === null) return { ...progress, routed: null };
  const { routeRevision } = current;
  const known = progress.routed?.routeRevision === routeRevision ? progress.routed : { routeRevision, appliedAtMs: null };
  const isApplied = applied?.routeRevision === routeRevision && applied.complete;
  const appliedAtMs = known.appliedAtMs ?? (isApplied ? nowMs : null);
  return {
    ...progress,
    routed: { routeRevision, appliedAtMs },
    zeroing: progress.zeroing && zeroingOf(progress.zeroing, nowMs, appliedAtMs, candidate),
  };
}

/** Confirmed by the reports of all live proxies, and by the traffic that was measured. */
function zeroingOf(zeroing: Zeroing, nowMs: number, appliedAtMs: number | null, candidate: Observation | undefined): Zeroing {
  if (zeroing.confirmedAtMs !== null || appliedAtMs === null) return zeroing;
  const tookMs = zeroing.tookMs ?? Math.max(0, appliedAtMs - zeroing.committedAtMs);
  const told = { ...zeroing, appliedAtMs: zeroing.appliedAtMs ?? appliedAtMs, tookMs };
  const weighted = candidate?.measures.weighted ?? 0;
  if (zeroing.quiet?.weighted !== weighted) return { ...told, quiet: { weighted, sinceMs: nowMs } };
  return nowMs - zeroing.quiet.sinceMs >= QUIET_MS ? { ...told, confirmedAtMs: nowMs } : told;
}

function measuredOf({ state, candidate, baseline }: Release, observed: ReadonlyMap<number, Observation>): Evidence['measured'] {
  const [one, other] = [observed.get(candidate), observed.get(baseline)];
  if (state.judgedFrom === null || !one || !other) return null;
  return { candidate: toMeasured(one.measures), baseline: toMeasured(other.measures) };
}

/** A client that left before its answer got none, and is no error. */
function toMeasured(measures: Measures): Measured {
  const { errors, status } = measures;
  return { requests: requestsOf(measures), errors, unserved: errors + (status[0] ?? 0), latency: latencyOf(measures.upstream) };
}
