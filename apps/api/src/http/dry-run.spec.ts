import { DomainError } from './domain-error.js';
import { dryRunOf } from './dry-run.js';

describe('CONTRACT §3: ?dryRun', () => {
  it('is true, false, or absent', () => {
    expect(dryRunOf({ dryRun: 'true' })).toBe(true);
    expect(dryRunOf({ dryRun: 'false' })).toBe(false);
    expect(dryRunOf({ reallocate: 'true' })).toBe(false);
  });

  for (const value of ['', '1', 'yes', 'TRUE', 'true ', ['true', 'true'], {}]) {
    it(`${JSON.stringify(value)}: 400, nothing is done by mistake`, () => expect(() => dryRunOf({ dryRun: value })).toThrow(DomainError));
  }
  for (const name of ['dryrun', 'DryRun', 'dry_run', 'dry-run']) {
    it(`as ${name}: 400`, () => expect(() => dryRunOf({ [name]: 'true' })).toThrow(/is dryRun/));
  }
});
