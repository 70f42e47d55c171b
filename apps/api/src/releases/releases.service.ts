import { act, type ReleaseAction } from '@app-fabric/release';
import { Injectable } from '@nestjs/common';
import { AppsRepository } from '../apps/apps.repository.js';
import { requireApp } from '../apps/apps.service.js';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, etagOf, type IfMatch } from '../http/etag.js';
import { RouteChanges } from '../publishing/route-changes.js';
import type { AppRef, Release, StoredEvent } from './release.js';
import { ReleaseClock } from './release-clock.js';
import { ReleaseEventsRepository } from './release-events.repository.js';
import { ReleaseFreeze } from './release-freeze.js';
import { ReleaseWorld, raises } from './release-world.js';
import { ReleaseWriter } from './release-writer.js';
import { ReleasesRepository } from './releases.repository.js';

export interface ActionRequest extends AppRef {
  id: string;
  action: ReleaseAction;
  reason: string | null;
  /** Of `extend`: how much longer; null: as long as the stage. */
  extendMs: number | null;
  by: string;
  ifMatch: IfMatch;
  dryRun: boolean;
  freezeOverride: string | null;
}

/** By which somebody wants more traffic for the candidate. All else always goes, also in a freeze. */
const RAISING: ReadonlySet<ReleaseAction> = new Set(['approve', 'advance', 'promote', 'restore']);

/** Where a page of releases ends. */
export interface ReleaseCursor {
  startedAtMs: number;
  id: string;
}

@Injectable()
export class ReleasesService {
  constructor(
    private readonly transactions: Transactions,
    private readonly apps: AppsRepository,
    private readonly releases: ReleasesRepository,
    private readonly events: ReleaseEventsRepository,
    private readonly routes: RouteChanges,
    private readonly world: ReleaseWorld,
    private readonly writer: ReleaseWriter,
    private readonly freeze: ReleaseFreeze,
    private readonly clock: ReleaseClock,
  ) {}

  get(app: AppRef, id: string): Promise<Release> {
    return this.transactions.read((tx) => this.require(tx, app, id));
  }

  /** Newest first. */
  list(app: AppRef, limit: number, before: ReleaseCursor | null): Promise<Release[]> {
    return this.transactions.read(async (tx) => {
      await requireApp(tx, this.apps, app.namespace, app.app);
      return this.releases.list(tx, app, limit, before);
    });
  }

  /** Those after `sequence`, oldest first. */
  eventsAfter(app: AppRef, id: string, sequence: number, limit: number): Promise<{ release: Release; events: StoredEvent[] }> {
    return this.transactions.snapshot(async (tx) => {
      const release = await this.require(tx, app, id);
      return { release, events: await this.events.after(tx, id, sequence, limit) };
    });
  }

  /** What somebody asks for, with the weights that follow from it at once. 409 action_not_allowed, frozen. */
  act({ id, action, reason, extendMs, by, ifMatch, dryRun, freezeOverride, ...app }: ActionRequest): Promise<Release> {
    return this.transactions.run(async (tx) => {
      if (!dryRun) await this.routes.lock(tx);
      // Locked before it is read: what has ended meanwhile is refused as such, and one that has ended stays so.
      const locked = dryRun || !UUID.test(id) ? null : await this.releases.lock(tx, id);
      const release = locked?.namespace === app.namespace && locked.app === app.app ? locked : await this.require(tx, app, id);
      checkIfMatch(ifMatch, releaseEtag(release));
      const nowMs = await this.clock.nowMs(tx);
      const { state, plan } = release;
      const step = act({ state, plan, now: nowMs, action, by, reason, ...(extendMs === null ? {} : { extendMs }) });
      if ('refused' in step) throw notAllowed(release, action, step.refused);
      const wished = { ...release, state: step.state };
      // What was overridden once holds for the rest of the release. To resume does no harm: it waits then, as one that was on its way.
      const asks = RAISING.has(action) || (action === 'resume' && freezeOverride !== null);
      const isHeld = asks && release.freezeOverride === null && raises(wished);
      const overridden = isHeld ? await this.freeze.check(tx, { ...wished, by, freezeOverride, dryRun }) : null;
      if (dryRun) return wished;
      const unfrozen = { ...release, freezeOverride: overridden ?? release.freezeOverride };
      return this.writer.write(tx, unfrozen, step, await this.world.look(tx, unfrozen, nowMs, null));
    });
  }

  private async require(tx: Transaction, app: AppRef, id: string): Promise<Release> {
    const release = UUID.test(id) ? await this.releases.find(tx, app, id) : null;
    if (release) return release;
    await requireApp(tx, this.apps, app.namespace, app.app);
    throw new DomainError('not_found', 'release_not_found', `${app.app} has no release ${id}.`);
  }
}

export function releaseEtag({ revision }: Pick<Release, 'revision'>): string {
  return etagOf(revision);
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function notAllowed({ state }: Release, action: ReleaseAction, allowed: readonly ReleaseAction[]): DomainError {
  const what = allowed.length === 0 ? 'it has ended' : `it takes ${allowed.join(', ')}`;
  return new DomainError('conflict', 'action_not_allowed', `A release that is ${state.status} does not take ${action}: ${what}.`, {
    members: { allowed },
  });
}
