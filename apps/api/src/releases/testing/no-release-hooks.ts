import { type HooksStanding, ReleaseHooks } from '../release-hooks.js';

/** Nobody is told, nothing is waited for. */
export class NoReleaseHooks extends ReleaseHooks {
  async beforeStage(): Promise<HooksStanding> {
    return { beforeHooks: 'none' };
  }

  async happened(): Promise<void> {}
}
