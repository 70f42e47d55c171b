import { AnswerReader } from './answer-reader.js';

const ANSWER = 'HTTP/1.1 200 OK\r\nDate: x\r\ncontent-length: 5\r\n\r\nhello';

describe('the end of an answer', () => {
  it('is seen in whatever pieces it comes, and again for the next one', () => {
    for (let cut = 1; cut < ANSWER.length; cut += 1) {
      const reader = new AnswerReader();
      for (let round = 0; round < 2; round += 1) {
        expect(reader.push(Buffer.from(ANSWER.slice(0, cut)))).toBe(false);
        expect(reader.push(Buffer.from(ANSWER.slice(cut)))).toBe(true);
      }
    }
  });

  it('an answer without a body ends with its head', () => {
    expect(new AnswerReader().push(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))).toBe(true);
  });

  it.each([
    ['an error of the proxy', 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n'],
    ['no length', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['more than was asked for', `${ANSWER}HTTP/1.1`],
  ])('%s is no measurement', (_, text) => {
    expect(() => new AnswerReader().push(Buffer.from(text))).toThrow();
  });
});
