import { CUT, judge, type Outcome } from './judge.js';
import { Tally } from './tally.js';
import { Timeline } from './timeline.js';

/** Version 1 has all, version 2 runs at 0 %, version 3 has stopped long ago; an instance of version 1 was killed at 1000. */
function ground() {
  const timeline = new Timeline();
  for (const version of [1, 2, 3]) timeline.starting(version, 0)(1);
  timeline.stopping(3, 2)(3);
  timeline.shifting([1], 0)(1, 1);
  return { timeline, crashes: [{ version: 1, killedAt: 1_000, goneAt: 1_010 }] };
}

const good: Outcome = {
  method: 'GET',
  pin: null,
  startedAt: 995,
  endedAt: 1_005,
  status: 200,
  version: 1,
  reason: 'weighted',
  code: null,
  defect: null,
};
const cutOff: Partial<Outcome> = { method: 'POST', status: 502, code: 'upstream_reset', reason: null };
const wrong = { wrong: expect.any(String) };

describe('which failures are permitted', () => {
  const cases: [what: string, change: Partial<Outcome>, judgement: unknown][] = [
    ['a good answer', {}, 'served'],
    ['a pin that is served', { pin: 2, version: 2, reason: 'pinned' }, 'served'],
    ['a pin that fell back', { pin: 2, version: 1, reason: 'weighted' }, wrong],
    ['a version at 0 %', { version: 2 }, wrong],
    ['a version that has stopped', { pin: 3, version: 3, reason: 'pinned' }, wrong],
    ['a pin to a stopped version: 503', { pin: 3, status: 503, version: null, code: 'version_unavailable' }, 'not_running'],
    ['a pin to a running version: 503', { pin: 2, status: 503, version: null, code: 'version_unavailable' }, wrong],
    ['503 without a pin', { status: 503, version: null, code: 'no_instance' }, wrong],
    ['a POST cut off by a crash', cutOff, 'lost_in_crash'],
    ['a POST cut off before the crash', { ...cutOff, startedAt: 980, endedAt: 999 }, wrong],
    ['a POST cut off long after the crash', { ...cutOff, startedAt: 2_011, endedAt: 2_020 }, wrong],
    ['a POST cut off in another version', { ...cutOff, pin: 2, version: 2 }, wrong],
    ['a GET cut off by a crash: it had to be sent again', { ...cutOff, method: 'GET' }, wrong],
    ['an answer that had begun', { defect: CUT }, 'lost_in_crash'],
    ['a POST that could not connect: it had to be sent again', { ...cutOff, code: 'upstream_connect_failed' }, wrong],
    ['a broken connection to the proxy', { status: 0, version: null, code: 'ECONNRESET', defect: 'ECONNRESET' }, wrong],
    ['an answer to somebody else', { defect: 'the instance got another body' }, wrong],
  ];
  it.each(cases)('%s', (_what, change, judgement) => {
    const { timeline, crashes } = ground();
    expect(judge({ ...good, ...change }, timeline, crashes)).toEqual(judgement);
  });

  it('no crash costs more POSTs than can be in flight', () => {
    const { timeline, crashes } = ground();
    const tally = new Tally(timeline, crashes, 2);
    for (let count = 0; count < 3; count++) tally.add({ ...good, ...cutOff });
    expect(tally.result()).toMatchObject({ requests: 3, lostInCrash: 3, failures: 1 });
  });
});
