import { GET } from './messages.js';
import type { Suite } from './suite.js';

export function describeBadAnswers(suite: Suite): void {
  describe('answers that are refused', () => {
    const badAnswers = {
      'no HTTP': 'SSH-2.0-OpenSSH\r\n\r\n',
      'a bad status': 'HTTP/1.1 abc OK\r\n\r\n',
      'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
      'a length and chunks': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'a switch of protocols that nobody asked for': 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
      'a head without end': `HTTP/1.1 200 OK\r\n${'X-Long: 1\r\n'.repeat(10_000)}`,
    };
    for (const [title, bytes] of Object.entries(badAnswers)) {
      suite.rule(`502 upstream_bad_response: ${title}`, async ({ bench }) => {
        const { client, instance } = await bench();
        const peer = await client();
        peer.send(GET);
        const upstream = await instance.connection();
        await upstream.readMessage();
        upstream.send(bytes);
        const answer = await peer.readMessage();
        expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'upstream_bad_response', status: 502 });
      });
    }
  });
}
