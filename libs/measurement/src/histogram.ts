/**
 * Log-linear histogram of durations in whole microseconds, as HdrHistogram lays it out (Gil Tene): each power of two is cut into
 * 32 buckets of equal width. A bucket is told by its middle, so a value is off by at most 1/64 (1.6 %) of itself, or by the rounding to 1 µs.
 * Bounded: 896 buckets reach to 71 minutes; what took longer counts as that. Histograms of the same layout add up bucket by bucket.
 */
export const BUCKETS = 896;
const ROW = 32;
const MAX_US = 2 ** 32 - 1;

/** Pairs [bucket, count, bucket, count, …], buckets ascending, counts above 0. What is sent and stored. */
type SparseCounts = number[];

export interface SparseHistogram {
  /** Of all values, in microseconds. */
  sumUs: number;
  counts: SparseCounts;
}

/** Counts on the hot path: no allocation but the first time that a power of two is met. */
export class Histogram {
  private readonly rows: (Float64Array | null)[] = new Array<Float64Array | null>(BUCKETS / ROW).fill(null);
  private sumUs = 0;

  /** @param us whole and not negative */
  record(us: number): void {
    const value = Math.min(us, MAX_US);
    this.sumUs += value;
    const index = bucketOf(value);
    const row = this.rows[index >>> 5] ?? this.addRow(index >>> 5);
    row[index & 31]! += 1;
  }

  read(): SparseHistogram {
    const counts: SparseCounts = [];
    for (const [number, row] of this.rows.entries()) {
      if (row === null) continue;
      for (let column = 0; column < ROW; column += 1) if (row[column]! > 0) counts.push(number * ROW + column, row[column]!);
    }
    return { sumUs: this.sumUs, counts };
  }

  private addRow(number: number): Float64Array {
    const row = new Float64Array(ROW);
    this.rows[number] = row;
    return row;
  }
}

/** @param us whole, from 0 to 2^32 - 1 */
export function bucketOf(us: number): number {
  if (us < ROW) return us;
  const octave = 31 - Math.clz32(us);
  return (octave - 4) * ROW + ((us >>> (octave - 5)) & 31);
}

/** The middle of the values that a bucket holds, in microseconds. */
export function middleOf(bucket: number): number {
  if (bucket < ROW) return bucket;
  const width = 2 ** ((bucket >>> 5) - 1);
  return (ROW + (bucket & 31)) * width + (width - 1) / 2;
}

export function addHistograms(a: SparseHistogram, b: SparseHistogram): SparseHistogram {
  return { sumUs: a.sumUs + b.sumUs, counts: combine(a.counts, b.counts, 1) };
}

/** What was added since `before`; null when `now` cannot have come from it: something was counted down. */
export function subtractHistograms(now: SparseHistogram, before: SparseHistogram): SparseHistogram | null {
  const counts = combine(now.counts, before.counts, -1);
  for (let i = 1; i < counts.length; i += 2) if (counts[i]! < 0) return null;
  return now.sumUs < before.sumUs ? null : { sumUs: now.sumUs - before.sumUs, counts };
}

export function totalOf({ counts }: SparseHistogram): number {
  let total = 0;
  for (let i = 1; i < counts.length; i += 2) total += counts[i]!;
  return total;
}

/** The smallest value that a share `q` (0 to 1) of all values does not exceed, in microseconds; null when there are none. */
export function quantile(histogram: SparseHistogram, q: number): number | null {
  const { counts } = histogram;
  const rank = Math.max(1, Math.ceil(q * totalOf(histogram)));
  let seen = 0;
  for (let i = 0; i < counts.length; i += 2) {
    seen += counts[i + 1]!;
    if (seen >= rank) return middleOf(counts[i]!);
  }
  return null;
}

/** `a + sign × b`, by bucket; what comes to 0 is left out. */
function combine(a: SparseCounts, b: SparseCounts, sign: 1 | -1): SparseCounts {
  const out: SparseCounts = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const left = a[i] ?? BUCKETS;
    const right = b[j] ?? BUCKETS;
    const bucket = Math.min(left, right);
    let count = 0;
    if (left === bucket) {
      count += a[i + 1]!;
      i += 2;
    }
    if (right === bucket) {
      count += sign * b[j + 1]!;
      j += 2;
    }
    if (count !== 0) out.push(bucket, count);
  }
  return out;
}
