import type { ErrorSample } from '@app-fabric/contracts';
import { FakeBus } from '../table/testing/fake-bus.js';
import { FakeClock } from '../table/testing/fake-clock.js';
import { FrameSender } from './frame-sender.js';
import type { DraftFrame } from './frame-source.js';

const SAMPLE: ErrorSample = {
  ageMs: 0,
  namespace: 'default',
  app: 'shop',
  service: 'cart',
  version: 1,
  instance: null,
  status: 500,
  code: null,
  method: 'GET',
  pathTemplate: '/',
  traceId: null,
  requestId: 'r',
};

function bench() {
  const bus = new FakeBus();
  const clock = new FakeClock();
  let sequence = 0;
  const errors: ErrorSample[] = [];
  let idle = false;
  const take = async (): Promise<DraftFrame[]> => {
    if (idle) return [];
    sequence += 1;
    return [{ format: 1, source: 's', sequence, uptimeMs: 0, series: [], errors: errors.splice(0) }];
  };
  const sender = new FrameSender({ bus, clock, now: () => clock.now(), proxyId: 'p1', take });
  sender.start();
  const rest = () => {
    idle = true;
  };
  return { bus, clock, sender, errors, rest, sequences: () => bus.frames.map((frame) => frame.sequence) };
}

describe('FrameSender', () => {
  it('sends a frame every second, and says who it is', async () => {
    const { bus, clock, sender } = bench();
    await clock.advance(3_000);
    expect(bus.frames).toMatchObject([1, 2, 3].map((sequence) => ({ proxyId: 'p1', sequence, ageMs: 0 })));
    await sender.close();
    expect(bus.frames).toHaveLength(4);
    await clock.advance(5_000);
    expect(bus.frames).toHaveLength(4);
    expect(clock.pending).toBe(0);
  });

  it.each(['not connected', 'refused'] as const)(
    'while the bus is away (%s) it keeps one frame for each ten seconds, and tells how old it is',
    async (how) => {
      const { bus, clock, rest, sequences } = bench();
      if (how === 'refused') bus.down = true;
      else bus.connected = false;
      await clock.advance(34_000);
      expect(bus.frames).toEqual([]);
      rest();
      bus.down = false;
      bus.connected = true;
      await clock.advance(1_000);
      expect(sequences()).toEqual([9, 19, 29, 34]);
      expect(bus.frames.map(({ ageMs }) => ageMs)).toEqual([26_000, 16_000, 6_000, 1_000]);
    },
  );

  it('what was kept for its samples of errors keeps its place and time', async () => {
    const { bus, clock, errors, rest } = bench();
    bus.down = true;
    await clock.advance(3_000);
    errors.push(SAMPLE);
    await clock.advance(5_000);
    rest();
    bus.down = false;
    await clock.advance(1_000);
    expect(bus.frames.map(({ sequence, ageMs, errors: sent }) => [sequence, ageMs, sent.length])).toEqual([
      [4, 5_000, 1],
      [8, 1_000, 0],
    ]);
  });

  it('invariant 9: keeps no more than an hour', async () => {
    const { bus, clock, rest, sequences } = bench();
    bus.down = true;
    await clock.advance(2 * 3_600_000);
    rest();
    bus.down = false;
    await clock.advance(1_000);
    expect([sequences().length, sequences().at(-1)]).toEqual([360, 7_200]);
  });

  it('ends also while the bus is away', async () => {
    const { bus, sender } = bench();
    bus.down = true;
    await sender.close();
    expect(bus.frames).toEqual([]);
  });
});
