import type { InstanceRef } from '@app-fabric/routing';
import { InstanceState } from './instance.js';

/**
 * One {@link InstanceState} for each instance, however often tables come and go: the same id at the same address is the same instance.
 * An instance that no table names any more stays known until its last request has ended.
 */
export class InstanceRegistry {
  /** Lists: a map for each app of a large table would be a good part of its memory, and is only needed when the app changes. */
  readonly #byApp = new Map<string, readonly InstanceState[]>();
  /** Not in the table, still busy. */
  readonly #leaving = new Map<string, InstanceState>();
  /** All that serve something, and some that did: counting must not look at every instance of a large table. */
  readonly #busy = new Set<InstanceState>();
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
    const former = new Map(this.#byApp.get(appKey)?.map((state) => [keyOf(state), state]));
    const next = new Map<string, InstanceState>();
    const compiled = compile((ref) => {
      const key = keyOf(ref);
      const state = next.get(key) ?? former.get(key) ?? this.#leaving.get(key) ?? new InstanceState(ref, this.#busy);
      next.set(key, state);
      return state;
    });
    for (const [key, state] of next) {
      state.leaving = false;
      this.#leaving.delete(key);
    }
    if (next.size === 0) this.#byApp.delete(appKey);
    else this.#byApp.set(appKey, [...next.values()]);
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
    if (instance.leaving && instance.inFlight === 0) this.#leaving.delete(keyOf(instance));
  }

  /** Instance id → requests in flight, above 0 only; leaving instances included. */
  inFlight(): Record<string, number> {
    const counts: Record<string, number> = Object.create(null) as Record<string, number>;
    for (const state of this.#busy) {
      if (state.inFlight > 0) counts[state.id] = (counts[state.id] ?? 0) + state.inFlight;
      else this.#busy.delete(state);
    }
    return { ...counts };
  }
}

function keyOf({ id, url }: InstanceRef): string {
  return `${id}\n${url}`;
}
