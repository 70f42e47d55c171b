import { readWrk } from './wrk.js';

describe('what wrk has printed', () => {
  it('requests and time, from the line of our own among those for people', () => {
    expect(readWrk('Running 3s test\n  123 requests in 3.00s\nmeasured:126 3000500 0\n')).toEqual({ requests: 126, seconds: 3.0005 });
  });

  it.each([
    ['a failed request', 'measured:126 3000500 1\n', '1 of 126 requests failed'],
    ['no request at all', 'measured:0 3000500 0\n', 'measured nothing'],
    ['nothing of ours', 'unable to connect\n', 'measured nothing'],
    ['half of it', 'measured:126\n', 'measured nothing'],
  ])('%s is an error, not a figure', (_, output, message) => {
    expect(() => readWrk(output)).toThrow(message);
  });
});
