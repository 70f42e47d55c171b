import { parseLogQuery } from './log-query.js';

const NOW = Date.parse('2026-01-01T12:00:00.000Z');

describe('what is asked of a log', () => {
  it('is the last 1000 lines when nothing is said', () => {
    expect(parseLogQuery({}, NOW)).toEqual({ tail: 1000, follow: false });
  });

  it.each([
    ['2026-01-01T11:59:00Z', '2026-01-01T11:59:00.000Z'],
    ['2026-01-01T13:00:00.5+01:00', '2026-01-01T12:00:00.500Z'],
    ['90s', '2026-01-01T11:58:30.000Z'],
    ['15m', '2026-01-01T11:45:00.000Z'],
    ['2h', '2026-01-01T10:00:00.000Z'],
    ['7d', '2025-12-25T12:00:00.000Z'],
  ])('since %s', (since, time) => {
    expect(parseLogQuery({ since }, NOW).since?.toISOString()).toBe(time);
  });

  it.each([
    ['since', ''],
    ['since', 'yesterday'],
    ['since', '2026-01-01'],
    ['since', '2026-13-01T00:00:00Z'],
    ['since', '5 m'],
    ['since', '-5m'],
    ['since', '9999999s'],
    ['since', ['1m', '2m']],
    ['tail', '10001'],
    ['tail', '-1'],
    ['tail', '1e3'],
    ['tail', ''],
    ['follow', 'yes'],
    ['follow', ''],
  ])('%s %j is refused by its name', (name, value) => {
    expect(() => parseLogQuery({ [name]: value }, NOW)).toThrow(
      expect.objectContaining({ code: 'validation_failed', errors: [expect.objectContaining({ path: name })] }),
    );
  });
});
