/** Time as publishing sees it; tests bring their own. */
export interface PublishingClock {
  /** Milliseconds since some moment; never goes back. */
  nowMs(): number;
  /** Calls back every `ms`. Returns the cancellation. */
  every(ms: number, callback: () => void): () => void;
  /** Calls back once after `ms`. Returns the cancellation. */
  after(ms: number, callback: () => void): () => void;
}

/** Injection token of the {@link PublishingClock}. */
export const PUBLISHING_CLOCK = Symbol('PUBLISHING_CLOCK');

export const monotonicClock: PublishingClock = {
  nowMs: () => performance.now(),
  every(ms, callback) {
    const timer = setInterval(callback, ms);
    return () => clearInterval(timer);
  },
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
