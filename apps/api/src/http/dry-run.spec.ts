import { DomainError } from './domain-error.js';
import { parseDryRun } from './dry-run.js';

describe('CONTRACT §3: ?dryRun', () => {
  it('is true, false, or absent', () => {
    expect(parseDryRun('true')).toBe(true);
    expect(parseDryRun('false')).toBe(false);
    expect(parseDryRun(undefined)).toBe(false);
  });

  for (const value of ['', '1', 'yes', 'TRUE', 'true ', ['true', 'true'], {}]) {
    it(`${JSON.stringify(value)}: 400, nothing is done by mistake`, () => expect(() => parseDryRun(value)).toThrow(DomainError));
  }
});
