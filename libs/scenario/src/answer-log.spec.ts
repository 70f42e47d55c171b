import { AnswerLog } from './answer-log.js';

describe('AnswerLog', () => {
  const log = new AnswerLog();
  log.add({ sentAtMs: 0, endedAtMs: 10, version: '1' });
  log.add({ sentAtMs: 5, endedAtMs: 15, version: '2' });
  log.add({ sentAtMs: 10, endedAtMs: 20, version: '2', failure: 'status 500' });
  log.add({ sentAtMs: 10, endedAtMs: 30, version: '1' });
  log.add({ sentAtMs: 12, endedAtMs: 20, failure: 'ECONNRESET' });

  it('counts what was sent from the one moment on and answered before the other', () => {
    expect(log.between(0, 100)).toEqual({ requests: 5, byVersion: { 1: 2, 2: 2 }, failures: 2 });
    expect(log.between(5, 30)).toEqual({ requests: 3, byVersion: { 2: 2 }, failures: 2 });
    expect(log.between(12, 20)).toEqual({ requests: 0, byVersion: {}, failures: 0 });
  });

  it('keeps the failures', () => {
    expect(log.failures().map(({ failure }) => failure)).toEqual(['status 500', 'ECONNRESET']);
  });
});
