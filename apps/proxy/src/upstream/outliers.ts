import type { InstanceState } from './instance.js';
import { OutlierState } from './outlier-state.js';

/** Times in milliseconds. */
export interface OutlierPolicy {
  /** So many failures in a row eject an instance; 0 switches ejection off. */
  consecutiveFailures: number;
  /** The first ejection; each further one in a row lasts twice as long as the one before. */
  baseEjectionMs: number;
  maxEjectionMs: number;
}

export interface OutlierOptions<Label> {
  policy: OutlierPolicy;
  /** Milliseconds, monotonic, above 0. */
  now: () => number;
  /** So long nothing else tries an instance out: a stream of hours must not keep it ejected. */
  trialMs: number;
  /** `label` is what {@link Outliers.failed} was told. */
  onEject: (instance: InstanceState, label: Label, forMs: number) => void;
}

/**
 * Outlier detection after Envoy's `consecutive_gateway_failure`: a failed or timed-out connection, a reset, what is no HTTP, and the statuses
 * 502, 503 and 504 of an instance are failures; any other answer, 500 too, is an instance that works. Never more than half of a version's
 * instances are ejected, so one that is alone never is. When its time is over, one request tries it out: a success readmits it, a failure ejects it
 * for twice as long.
 *
 * Where a request goes is not decided here but by the pick, which asks {@link usable}; what a version is worth in the distribution stays as it is.
 */
export class Outliers<Label> {
  readonly #ejected = new Map<InstanceState, Label>();

  constructor(private readonly options: OutlierOptions<Label>) {}

  /** Labels of what is ejected, each as often as it has instances that are. */
  get ejected(): Iterable<Label> {
    return this.#ejected.values();
  }

  /** May a new request go there? */
  readonly usable = ({ outlier }: InstanceState): boolean => outlier.ejectedUntil === 0 || this.options.now() >= outlier.ejectedUntil;

  /** A request goes to an ejected instance. True when it is its trial: how it ends has to be told. */
  begin({ outlier }: InstanceState): boolean {
    const now = this.options.now();
    if (outlier.ejectedUntil === 0 || now < outlier.ejectedUntil) return false;
    outlier.ejectedUntil = now + this.options.trialMs;
    return true;
  }

  /** To be told of trials, and of other requests where `failures` is above 0. */
  succeeded(instance: InstanceState, wasTrial: boolean): void {
    if (instance.outlier.ejectedUntil === 0) instance.outlier.failures = 0;
    else if (wasTrial) this.#readmit(instance);
  }

  /** @param peers the instances of its version, itself included */
  failed(instance: InstanceState, wasTrial: boolean, peers: readonly InstanceState[], label: Label): void {
    const { outlier } = instance;
    const { consecutiveFailures } = this.options.policy;
    if (consecutiveFailures === 0 || instance.leaving) return;
    if (outlier.ejectedUntil !== 0) {
      // What was on its way before it was ejected says nothing new.
      if (wasTrial) this.#eject(instance, label);
      return;
    }
    outlier.failures += 1;
    if (outlier.failures >= consecutiveFailures && 2 * (ejectedOf(peers) + 1) <= peers.length) this.#eject(instance, label);
  }

  /** A trial ended without saying anything about the instance: the next request is one. */
  undecided({ outlier }: InstanceState): void {
    if (outlier.ejectedUntil !== 0) outlier.ejectedUntil = this.options.now();
  }

  /** A version has other instances now: those that are nearest to their trial come back until no more than half are ejected. */
  settle(peers: readonly InstanceState[]): void {
    if (this.#ejected.size === 0) return;
    while (2 * ejectedOf(peers) > peers.length) {
      let next: InstanceState | null = null;
      for (const one of peers) {
        const { ejectedUntil } = one.outlier;
        if (ejectedUntil !== 0 && (next === null || ejectedUntil < next.outlier.ejectedUntil)) next = one;
      }
      if (next !== null) this.#readmit(next);
    }
  }

  /** The instance has left the table. */
  forget(instance: InstanceState): void {
    this.#ejected.delete(instance);
    Object.assign(instance.outlier, new OutlierState());
  }

  #eject(instance: InstanceState, label: Label): void {
    const { outlier } = instance;
    const { baseEjectionMs, maxEjectionMs } = this.options.policy;
    const now = this.options.now();
    if (outlier.ejectedUntil === 0 && now - outlier.readmittedAt >= outlier.lastEjectionMs) outlier.ejections = 0;
    outlier.ejections += 1;
    outlier.lastEjectionMs = Math.min(maxEjectionMs, baseEjectionMs * 2 ** (outlier.ejections - 1));
    outlier.ejectedUntil = now + outlier.lastEjectionMs;
    this.#ejected.set(instance, label);
    this.options.onEject(instance, label, outlier.lastEjectionMs);
  }

  #readmit(instance: InstanceState): void {
    const { outlier } = instance;
    outlier.failures = 0;
    outlier.ejectedUntil = 0;
    outlier.readmittedAt = this.options.now();
    this.#ejected.delete(instance);
  }
}

function ejectedOf(peers: readonly InstanceState[]): number {
  let count = 0;
  for (const { outlier } of peers) if (outlier.ejectedUntil !== 0) count += 1;
  return count;
}
