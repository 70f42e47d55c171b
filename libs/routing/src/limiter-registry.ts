import { Limiter, type MakeLimiter } from './limiter.js';
import type { Limit } from './routes.js';

/** The limiters of all apps in one process, kept by key as long as their app's routes name them. */
export class LimiterRegistry {
  readonly #apps = new Map<string, Map<string, Limiter>>();
  #share: number;

  /** `share`: this process's part of what the whole proxy may let through, in (0, 1]. */
  constructor(share = 1) {
    this.#share = share;
  }

  /**
   * `compile` asks for every limiter that the app's new routes have; those that it does not ask for are forgotten. When it throws, the
   * former ones stay. Without limiters the app is forgotten too, so a removed app is one that asks for none.
   */
  replaceApp<T>(appKey: string, compile: (obtain: MakeLimiter) => T): T {
    const former = this.#apps.get(appKey);
    const next = new Map<string, Limiter>();
    const compiled = compile((key, limit) => {
      const limiter = next.get(key) ?? this.#obtain(former?.get(key), limit);
      next.set(key, limiter);
      return limiter;
    });
    if (next.size > 0) this.#apps.set(appKey, next);
    else this.#apps.delete(appKey);
    return compiled;
  }

  /** For when processes come and go. */
  setShare(share: number): void {
    this.#share = share;
    for (const limiters of this.#apps.values()) for (const limiter of limiters.values()) limiter.setShare(share);
  }

  #obtain(former: Limiter | undefined, limit: Limit): Limiter {
    if (former === undefined) return new Limiter(limit, this.#share);
    former.configure(limit, this.#share);
    return former;
  }
}
