/** Something that a measurement is held against. Missing one is said, and is no error: a figure of a busy machine proves nothing. */
export interface Bar {
  /** Where it comes from: `issue` is what was asked for, `aim` goes past that. */
  source: 'issue' | 'aim';
  /** What is measured, in words that a number can follow. */
  what: string;
  /** In the unit of the measurement. */
  limit: number;
  /** Which side of the limit is good. */
  good: 'at most' | 'at least' | 'below';
  unit: string;
}

export function isMet({ good, limit }: Bar, value: number): boolean {
  if (good === 'at least') return value >= limit;
  return good === 'below' ? value < limit : value <= limit;
}

/** One line: `met      median CPU per request: 1.43 × nginx, at most 1.6 (issue)`. */
export function verdict(bar: Bar, value: number): string {
  const word = isMet(bar, value) ? 'met     ' : 'NOT MET ';
  return `${word} ${bar.what}: ${significant(value)} ${bar.unit}, ${bar.good} ${bar.limit} (${bar.source})`;
}

/** Three significant digits, without an exponent. */
export function significant(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en', { minimumFractionDigits: Math.min(digits, 6), maximumFractionDigits: Math.min(digits, 6) });
}
