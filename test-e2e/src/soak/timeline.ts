/** What was wanted of versions and weights, and when: which answers a request could have got. Times are milliseconds of one clock. */
export class Timeline {
  private readonly periods = new Map<number, Period[]>();
  private changes: WeightChange[] = [];

  /** A start was asked for; call the result when it runs and all proxies know. */
  starting(version: number, sentAt: number): (ackedAt: number) => void {
    const period: Period = { startSentAt: sentAt, startAckedAt: null, stopSentAt: null, stopAckedAt: null };
    const periods = this.periods.get(version) ?? [];
    periods.push(period);
    this.periods.set(version, periods);
    return (ackedAt) => {
      period.startAckedAt = ackedAt;
    };
  }

  /** A stop was asked for; call the result when it has stopped. */
  stopping(version: number, sentAt: number): (ackedAt: number) => void {
    const period = this.periods.get(version)?.at(-1);
    if (!period || period.stopSentAt !== null) throw new Error(`version ${version} does not run`);
    period.stopSentAt = sentAt;
    return (ackedAt) => {
      period.stopAckedAt = ackedAt;
    };
  }

  /** New weights were asked for. The result takes the route revision when all proxies have them, or `null` when they were refused. */
  shifting(versions: Iterable<number>, sentAt: number): (ackedAt: number, revision: number | null) => void {
    const change: WeightChange = { versions: new Set(versions), sentAt, ackedAt: null, revision: null };
    this.changes.push(change);
    return (ackedAt, revision) => {
      if (revision === null) this.changes = this.changes.filter((one) => one !== change);
      else Object.assign(change, { ackedAt, revision });
    };
  }

  /** Could the version have served at some time from `from` to `to`? */
  mayRun(version: number, from: number, to: number): boolean {
    return this.some(version, ({ startSentAt, stopAckedAt }) => startSentAt <= to && (stopAckedAt === null || stopAckedAt >= from));
  }

  /** Did the version have to serve all of this time? */
  mustRun(version: number, from: number, to: number): boolean {
    return this.some(
      version,
      ({ startAckedAt, stopSentAt }) => startAckedAt !== null && startAckedAt <= from && (stopSentAt === null || stopSentAt > to),
    );
  }

  /** Could weights that were in force at some time from `from` to `to` have sent a request to the version? */
  mayHaveWeight(version: number, from: number, to: number): boolean {
    const newest = this.changes.reduce(
      (max, { revision, ackedAt }) => (revision !== null && ackedAt! <= from ? Math.max(max, revision) : max),
      0,
    );
    return this.changes.some(
      ({ versions, sentAt, revision }) => versions.has(version) && sentAt <= to && (revision === null || revision >= newest),
    );
  }

  /** Forgets weights that no request begun after `before` can have met. */
  forget(before: number): void {
    const newest = this.changes.reduce(
      (max, { revision, ackedAt }) => (revision !== null && ackedAt! <= before ? Math.max(max, revision) : max),
      0,
    );
    this.changes = this.changes.filter(({ revision }) => revision === null || revision >= newest);
  }

  private some(version: number, holds: (period: Period) => boolean): boolean {
    return (this.periods.get(version) ?? []).some(holds);
  }
}

interface Period {
  startSentAt: number;
  startAckedAt: number | null;
  stopSentAt: number | null;
  stopAckedAt: number | null;
}

interface WeightChange {
  versions: ReadonlySet<number>;
  sentAt: number;
  ackedAt: number | null;
  revision: number | null;
}
