/** Time as an argument: the real one in programs, a hand-turned one in tests. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls back once after `ms`. Returns the cancellation. */
  after(ms: number, callback: () => void): () => void;
}

/** Timers of the real clock do not keep the process alive: the servers do. */
export const realClock: Clock = {
  now: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
