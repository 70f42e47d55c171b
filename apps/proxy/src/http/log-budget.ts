/** Bounds the lines that requests may write to the log: a broken instance under load would fill the disk. */
export class LogBudget {
  readonly #now: () => number;
  readonly #linesPerSecond: number;
  #second = 0;
  #written = 0;
  #suppressed = 0;

  constructor(now: () => number, linesPerSecond: number) {
    this.#now = now;
    this.#linesPerSecond = linesPerSecond;
  }

  /** `null`: do not log. Otherwise how many lines were left out since the last one. */
  take(): number | null {
    const second = Math.floor(this.#now() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#written = 0;
    }
    if (this.#written >= this.#linesPerSecond) {
      this.#suppressed += 1;
      return null;
    }
    this.#written += 1;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed;
  }
}
