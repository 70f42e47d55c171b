import { setTimeout as delay } from 'node:timers/promises';
import { isTerminal } from '@app-fabric/release';
import { Inject, Injectable } from '@nestjs/common';
import { Propagation } from '../publishing/propagation.js';
import type { PropagationState } from '../publishing/propagation-state.js';
import { SHUTDOWN } from '../tokens.js';
import type { Release } from './release.js';
import { ReleasesService } from './releases.service.js';

/** Another replica may look after the release, so its state is looked up rather than listened for. */
const POLL_MS = 100;

/** Waits until a release is where the last call wanted it to be. */
@Injectable()
export class ReleaseWaiter {
  constructor(
    private readonly releases: ReleasesService,
    private readonly propagation: Propagation,
    @Inject(SHUTDOWN) private readonly shutdown: AbortSignal,
  ) {}

  /** `waitMs` null: as it is given, for a dry run. */
  async settled(release: Release, waitMs: number | null): Promise<{ release: Release; propagation: PropagationState | null }> {
    if (waitMs === null) return { release, propagation: null };
    const deadline = performance.now() + waitMs;
    let current = release;
    while (!isSettled(current) && performance.now() < deadline && !this.shutdown.aborted) {
      await delay(Math.min(POLL_MS, deadline - performance.now()), undefined, { signal: this.shutdown }).catch(() => undefined);
      current = await this.releases.get(release, release.id);
    }
    const { routed } = current.progress;
    if (routed === null) return { release: current, propagation: null };
    const { namespace, app } = release;
    const change = { routeRevision: routed.routeRevision, namespace, app };
    return { release: current, propagation: await this.propagation.waitFor(change, Math.max(0, deadline - performance.now())) };
  }
}

/** Its weights and instances are as it wants them, or nobody brings them there any more. */
function isSettled({ state }: Release): boolean {
  return isTerminal(state.status) || !state.wanted.enforced || state.phase === 'observing' || state.status === 'awaiting_approval';
}
