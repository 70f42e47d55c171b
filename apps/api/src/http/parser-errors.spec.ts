import { connect } from 'node:net';
import { createTestApi, TEST_TOKEN, type TestApi } from '../testing/create-test-api.js';

describe('CONTRACT §3: errors are problem+json with a stable code, also of what is not HTTP', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await createTestApi();
  });
  afterAll(() => api.close());

  /** Sends the bytes and reads until the server closes. */
  async function exchange(bytes: string): Promise<string> {
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
    socket.on('error', () => undefined); // a reset behind the answer
    socket.write(bytes);
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    await new Promise((resolve) => socket.once('close', resolve));
    return answer;
  }

  const head = `Host: x\r\nAuthorization: Bearer ${TEST_TOKEN}\r\nConnection: close\r\n`;
  const json = 'Content-Type: application/json\r\n';
  const cases: [string, string, number, string][] = [
    ['bytes that are no request', '\0\x01\x02\r\n\r\n', 400, 'malformed_request'],
    ['the begin of a TLS handshake', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', 400, 'malformed_request'],
    [
      'no Host',
      `GET /v1/namespaces HTTP/1.1\r\nAuthorization: Bearer ${TEST_TOKEN}\r\nConnection: close\r\n\r\n`,
      400,
      'malformed_request',
    ],
    ['a head of 100 KB', `GET /v1/namespaces HTTP/1.1\r\n${head}X: ${'a'.repeat(100_000)}\r\n\r\n`, 431, 'headers_too_large'],
    ['a URL of 100 KB', `GET /v1/namespaces?${'a'.repeat(100_000)} HTTP/1.1\r\n${head}\r\n`, 431, 'headers_too_large'],
    [
      'Content-Length and Transfer-Encoding',
      `PUT /v1/namespaces/made HTTP/1.1\r\n${head}${json}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
      400,
      'malformed_request',
    ],
    [
      'a chunk that has no size',
      `PUT /v1/namespaces/made HTTP/1.1\r\n${head}${json}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
      400,
      'malformed_request',
    ],
    [
      'an expectation that nobody can meet',
      `PUT /v1/namespaces/made HTTP/1.1\r\n${head}Expect: a-miracle\r\n\r\n`,
      417,
      'expectation_failed',
    ],
  ];
  it.each(cases)('%s', async (_label, bytes, status, code) => {
    const answer = await exchange(bytes);
    const [top = '', body = ''] = answer.split('\r\n\r\n');
    expect(top).toContain('application/problem+json');
    expect([top.split(' ')[1], JSON.parse(body)]).toMatchObject([String(status), { status, code, type: `urn:app-fabric:problem:${code}` }]);
    expect(answer.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
    await api.http.get('/v1/namespaces/made').expect(404);
  });

  it('Expect: 100-continue is met', async () => {
    const answer = await exchange(`PUT /v1/namespaces/kept HTTP/1.1\r\n${head}${json}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}`);
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 Created\r\n/);
  });
});
