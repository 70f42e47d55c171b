export interface SharedLookOptions {
  /** What was found is given to everybody who asks within this time. */
  keepMs: number;
  /** Longer than this nobody waits. */
  patienceMs: number;
  /** Milliseconds, monotonic. */
  nowMs: () => number;
}

/** Looks something up for whoever asks, one look at a time: scrapes need no token, so their number must not become load elsewhere. */
export class SharedLook<T> {
  private looking: Promise<T | null> | null = null;
  private found: { value: T | null; atMs: number } | null = null;

  constructor(
    private readonly look: () => Promise<T>,
    private readonly options: SharedLookOptions,
  ) {}

  /** Null when it cannot be had now. Never rejects. */
  async get(): Promise<T | null> {
    const { keepMs, patienceMs, nowMs } = this.options;
    if (this.found !== null && nowMs() - this.found.atMs < keepMs) return this.found.value;
    this.looking ??= this.look()
      .catch(() => null)
      .then((value) => {
        this.found = { value, atMs: nowMs() };
        this.looking = null;
        return value;
      });
    let timer: NodeJS.Timeout | undefined;
    const tired = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), patienceMs);
    });
    const value = await Promise.race([this.looking, tired]);
    clearTimeout(timer);
    return value;
  }
}
