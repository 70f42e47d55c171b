import type { InstanceRef } from '@app-fabric/routing';
import { InstanceState } from './instance.js';

/**
 * One {@link InstanceState} for each instance, however often tables come and go: the same id at the same address is the same instance.
 * An instance that no table names any more stays known until its last request has ended.
 */
export class InstanceRegistry {
  readonly #byApp = new Map<string, Map<string, InstanceState>>();
  /** Not in the table, still busy. */
  readonly #leaving = new Map<string, InstanceState>();
  readonly #onLeave: (instance: InstanceState) => void;

  /** `onLeave` is called when an instance is in no table any more; it may still be busy. */
  constructor(onLeave: (instance: InstanceState) => void) {
    this.#onLeave = onLeave;
  }

  /**
   * Runs `compile` with the way to get the app's instances, then lets go of those that it did not ask for. When `compile` throws,
   * nothing has changed.
   */
  replaceApp<T>(appKey: string, compile: (obtain: (ref: InstanceRef) => InstanceState) => T): T {
    const former = this.#byApp.get(appKey) ?? new Map<string, InstanceState>();
    const next = new Map<string, InstanceState>();
    const compiled = compile((ref) => {
      const key = `${ref.id}\n${ref.url}`;
      const state = next.get(key) ?? former.get(key) ?? this.#leaving.get(key) ?? new InstanceState(ref);
      next.set(key, state);
      return state;
    });
    for (const [key, state] of next) {
      state.leaving = false;
      this.#leaving.delete(key);
    }
    if (next.size === 0) this.#byApp.delete(appKey);
    else this.#byApp.set(appKey, next);
    for (const [key, state] of former) {
      if (next.has(key)) continue;
      state.leaving = true;
      if (state.inFlight > 0) this.#leaving.set(key, state);
      this.#onLeave(state);
    }
    return compiled;
  }

  /** To be called when a request has ended: a leaving instance without requests is forgotten. */
  released(instance: InstanceState): void {
    if (instance.leaving && instance.inFlight === 0) this.#leaving.delete(`${instance.id}\n${instance.url}`);
  }

  /** Instance id → requests in flight, above 0 only; leaving instances included. */
  inFlight(): Record<string, number> {
    const counts: Record<string, number> = Object.create(null) as Record<string, number>;
    const add = (state: InstanceState) => {
      if (state.inFlight > 0) counts[state.id] = (counts[state.id] ?? 0) + state.inFlight;
    };
    for (const app of this.#byApp.values()) for (const state of app.values()) add(state);
    for (const state of this.#leaving.values()) add(state);
    return { ...counts };
  }
}
