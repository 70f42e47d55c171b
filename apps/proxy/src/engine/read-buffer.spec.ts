import { ReadBuffer, SHARED_BUFFER } from './read-buffer.js';

describe('what connections read into', () => {
  it('is one piece of memory for all, except in the middle of a long body', () => {
    const [one, two] = [new ReadBuffer(), new ReadBuffer()];
    expect(one.next(false)).toBe(SHARED_BUFFER);
    expect(two.next(false)).toBe(SHARED_BUFFER);
    const own = one.next(true);
    expect(own).not.toBe(SHARED_BUFFER);
    expect(two.next(true)).not.toBe(own);
    expect(one.next(true)).toBe(own);
  });

  it('a buffer that is done with serves the next connection', () => {
    const [one, two] = [new ReadBuffer(), new ReadBuffer()];
    const own = one.next(true);
    one.next(false);
    expect(two.next(true)).toBe(own);
  });

  it('a buffer whose bytes are still on their way serves nobody else, also when the connection ends', () => {
    const [one, two] = [new ReadBuffer(), new ReadBuffer()];
    const away = one.next(true);
    one.giveAway();
    expect(one.next(true)).not.toBe(away);
    one.giveAway();
    one.release();
    for (let i = 0; i < 100; i++) {
      expect(two.next(true)).not.toBe(away);
      two.giveAway();
    }
  });
});
