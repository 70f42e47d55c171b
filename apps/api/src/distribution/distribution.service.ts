import { toPercentages, type Weights } from '@app-fabric/routing';
import { Injectable } from '@nestjs/common';
import { AppsRepository } from '../apps/apps.repository.js';
import { type Transaction, Transactions } from '../database/transaction.js';
import { FreezeGuard } from '../freezes/freeze-guard.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, type IfMatch } from '../http/etag.js';
import { Propagation } from '../publishing/propagation.js';
import type { PropagationState } from '../publishing/propagation-state.js';
import { RouteChanges } from '../publishing/route-changes.js';
import type { DistributionRevision, DistributionScope, DistributionSource } from './distribution.js';
import { DistributionRepository } from './distribution.repository.js';
import { changesWhenZeroing, type DistributionView, followedBy, idleVersions, positive, runningVersions } from './distribution-rules.js';
import { allowed, requireKnownVersions } from './distribution-writer.js';
import { ManualChanges } from './manual-changes.js';

/** What the API says of one scope's distribution. Weights in percent. */
export interface DistributionState {
  scope: DistributionScope;
  /** 0: there is no distribution. */
  revision: number;
  /** Every running version, 0 included, and whatever else has weight. */
  weights: Record<string, number>;
  /** Service → what it really follows. */
  effective: Record<string, Record<string, number>>;
  /** What versionless requests do while there is no distribution; null while there is one. */
  fallback: string | null;
  last: Omit<DistributionRevision, 'weights'> | null;
  propagation: PropagationState;
}

/** The state as the database knows it: who has applied it is asked afterwards, outside of the transaction. */
type StoredState = Omit<DistributionState, 'propagation'> & { routeRevision: number };

/** One change that a caller asks for. */
export interface ChangeRequest {
  by: string;
  reason: string | null;
  ifMatch: IfMatch;
  dryRun: boolean;
  /** How long to wait for the proxies. */
  waitMs: number;
  /** Why it must be now although the namespace is frozen. Zero and rollback always go. */
  freezeOverride?: string | null;
}

@Injectable()
export class DistributionService {
  constructor(
    private readonly transactions: Transactions,
    private readonly repository: DistributionRepository,
    private readonly apps: AppsRepository,
    private readonly routes: RouteChanges,
    private readonly propagation: Propagation,
    private readonly manual: ManualChanges,
    private readonly freezes: FreezeGuard,
  ) {}

  async get(scope: DistributionScope): Promise<DistributionState> {
    const state = await this.transactions.read(async (tx) => {
      await this.requireScope(tx, scope);
      return this.describe(tx, scope);
    });
    return this.withPropagation(scope, state, 0);
  }

  /** Replaces the whole map. 422 unknown_version, 409 version_not_running, 412 when `ifMatch` is stale. */
  put(scope: DistributionScope, weights: Weights, request: ChangeRequest): Promise<DistributionState> {
    return this.change(scope, 'api', request, async (tx, view) => {
      await this.requireRunnable(tx, scope, view, weights);
      return positive(weights);
    });
  }

  /** From then on the fallback is in force, or the app's distribution for a service. Without a distribution nothing happens. */
  remove(scope: DistributionScope, request: ChangeRequest): Promise<DistributionState> {
    return this.change(scope, 'api', request, (_tx, _view, current) => (current ? null : undefined));
  }

  /** The version's share to the other running ones, in proportion; it goes on running. 409 no_weight_to_take_over. */
  zero(scope: DistributionScope, version: number, request: ChangeRequest): Promise<DistributionState> {
    return this.change(scope, 'zero', request, async (tx, view) => {
      await requireKnownVersions(tx, this.apps, scope, [version]);
      return allowed(changesWhenZeroing(view, scope.service, version)).get(scope.service);
    });
  }

  /** The weights of `toRevision`, or of the revision before the newest, as a new revision. */
  rollback(scope: DistributionScope, toRevision: number | null, request: ChangeRequest): Promise<DistributionState> {
    return this.change(scope, 'rollback', request, async (tx, view) => {
      const target = await this.rollbackTarget(tx, scope, toRevision);
      if (target.weights) await this.requireRunnable(tx, scope, view, target.weights);
      return target.weights;
    });
  }

  history(scope: DistributionScope, limit: number, before: number | null): Promise<DistributionRevision[]> {
    return this.transactions.read(async (tx) => {
      await this.requireScope(tx, scope);
      return this.repository.history(tx, scope, limit, before);
    });
  }

  /** `decide` says the new weights: null removes the distribution, undefined leaves everything as it is. */
  private async change(
    scope: DistributionScope,
    source: DistributionSource,
    request: ChangeRequest,
    decide: (
      tx: Transaction,
      view: DistributionView,
      current: DistributionRevision | null,
    ) => Promise<Weights | null | undefined> | Weights | null | undefined,
  ): Promise<DistributionState> {
    const state = await this.transactions.run(async (tx) => {
      if (!request.dryRun) await this.routes.lock(tx);
      await this.requireScope(tx, scope);
      const current = await this.repository.current(tx, scope);
      checkIfMatch(request.ifMatch, distributionEtag(current?.revision ?? 0));
      const view = await this.repository.view(tx, scope.namespace, scope.app);
      const weights = await decide(tx, view, current);
      if (weights === undefined) return this.describe(tx, scope);
      if (source === 'api') await this.requireThawed(tx, scope, request);
      const author = { by: request.by, source, reason: request.reason };
      if (request.dryRun) return this.preview(tx, scope, view, current, weights, author);
      const routeRevision = await this.routes.commit(tx, scope.namespace, scope.app);
      await this.repository.store(tx, scope, weights, author, routeRevision);
      await this.manual.tell(tx, {
        namespace: scope.namespace,
        app: scope.app,
        version: null,
        what: `${NAMES[source] ?? source} by ${request.by}`,
      });
      return this.describe(tx, scope, routeRevision);
    });
    return this.withPropagation(scope, state, request.dryRun ? 0 : request.waitMs);
  }

  private async requireThawed(tx: Transaction, { namespace, app, service }: DistributionScope, request: ChangeRequest): Promise<void> {
    const { by, dryRun, freezeOverride: override = null } = request;
    const subject = service === '' ? app : `${app}/services/${service}`;
    await this.freezes.check(tx, { namespace, change: 'distribution', subject, by, override, dryRun });
  }

  private async withPropagation(
    { namespace, app }: DistributionScope,
    { routeRevision, ...state }: StoredState,
    waitMs: number,
  ): Promise<DistributionState> {
    return { ...state, propagation: await this.propagation.waitFor({ routeRevision, namespace, app }, waitMs) };
  }

  private async preview(
    tx: Transaction,
    scope: DistributionScope,
    view: DistributionView,
    current: DistributionRevision | null,
    weights: Weights | null,
    author: { by: string; source: DistributionSource; reason: string | null },
  ): Promise<StoredState> {
    const next: DistributionView =
      scope.service === '' ? { ...view, app: weights } : { ...view, overrides: withOverride(view.overrides, scope.service, weights) };
    const routeRevision = current?.routeRevision ?? 0;
    const last = {
      revision: current?.revision ?? 0,
      updatedAt: new Date(),
      updatedBy: author.by,
      source: author.source,
      reason: author.reason,
      routeRevision,
    };
    return this.assemble(tx, scope, next, weights && { ...last, weights }, routeRevision);
  }

  private async describe(tx: Transaction, scope: DistributionScope, changedAt?: number): Promise<StoredState> {
    const current = await this.repository.current(tx, scope);
    const view = await this.repository.view(tx, scope.namespace, scope.app);
    return this.assemble(tx, scope, view, current, changedAt ?? current?.routeRevision ?? 0);
  }

  private async assemble(
    tx: Transaction,
    scope: DistributionScope,
    view: DistributionView,
    current: DistributionRevision | null,
    routeRevision: number,
  ): Promise<StoredState> {
    const services = scope.service === '' ? [...view.running.keys()] : [scope.service];
    const inForce = scope.service === '' ? view.app : (view.overrides.get(scope.service) ?? view.app);
    const { weights: _weights, ...last } = current ?? { weights: null };
    return {
      scope,
      revision: current?.revision ?? 0,
      weights: current?.weights
        ? listed(current.weights, scope.service === '' ? runningVersions(view) : view.running.get(scope.service))
        : {},
      effective: Object.fromEntries(
        services.map((service) => [service, listed(followedBy(view, service) ?? new Map(), view.running.get(service))]),
      ),
      fallback: inForce ? null : await this.repository.fallbackOf(tx, scope.namespace, scope.app),
      last: current ? (last as Omit<DistributionRevision, 'weights'>) : null,
      routeRevision,
    };
  }

  private async rollbackTarget(tx: Transaction, scope: DistributionScope, toRevision: number | null): Promise<DistributionRevision> {
    if (toRevision !== null) {
      const target = await this.repository.revision(tx, scope, toRevision);
      if (!target) throw new DomainError('unprocessable', 'unknown_revision', `There is no revision ${toRevision} of this distribution.`);
      return target;
    }
    const [, previous] = await this.repository.history(tx, scope, 2, null);
    if (!previous) throw new DomainError('conflict', 'nothing_to_roll_back', 'This distribution has no earlier revision.');
    return previous;
  }

  private async requireScope(tx: Transaction, scope: DistributionScope): Promise<void> {
    if ((await this.repository.fallbackOf(tx, scope.namespace, scope.app)) === null) {
      throw new DomainError('not_found', 'app_not_found', `There is no app ${scope.app} in namespace ${scope.namespace}.`);
    }
    if (scope.service !== '' && !(await this.repository.serviceExists(tx, scope))) {
      throw new DomainError('not_found', 'service_not_found', `No version of ${scope.app} has a service ${scope.service}.`);
    }
  }

  private async requireRunnable(tx: Transaction, scope: DistributionScope, view: DistributionView, weights: Weights): Promise<void> {
    await requireKnownVersions(tx, this.apps, scope, [...weights.keys()]);
    const idle = idleVersions(view, scope.service, weights);
    if (idle.length === 0) return;
    const what = scope.service === '' ? `${scope.app}` : `service ${scope.service}`;
    throw new DomainError(
      'conflict',
      'version_not_running',
      `Weight above 0 needs a running version; of ${what}, version ${idle.join(', ')} does not run.`,
    );
  }
}

const NAMES: Partial<Record<DistributionSource, string>> = { api: 'change of the weights', rollback: 'rollback', zero: 'zeroing' };

/** The strong ETag of a distribution; `"0"` while there is none. */
export function distributionEtag(revision: number): string {
  return `"${revision}"`;
}

function listed(weights: Weights, running: ReadonlySet<number> | undefined): Record<string, number> {
  const versions = [...new Set([...weights.keys(), ...(running ?? [])])].sort((a, b) => a - b);
  return toPercentages(new Map(versions.map((version) => [version, weights.get(version) ?? 0])));
}

function withOverride(overrides: ReadonlyMap<string, Weights>, service: string, weights: Weights | null): Map<string, Weights> {
  const next = new Map(overrides);
  if (weights) next.set(service, weights);
  else next.delete(service);
  return next;
}
