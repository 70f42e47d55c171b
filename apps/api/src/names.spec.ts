import { request as httpRequest } from 'node:http';
import { createTestApi, TEST_TOKEN, type TestApi } from './testing/create-test-api.js';

const NS = '/v1/namespaces/default';
const artifact = { programs: [{ name: 'cart', type: 'service' }] };

let api: TestApi;
beforeAll(async () => {
  api = await createTestApi();
  await api.http.put(`${NS}/artifacts/base/versions/1.0.0`).send(artifact).expect(201);
  await api.http
    .post(`${NS}/apps/base/versions`)
    .send({ artifact: { name: 'base', version: '1.0.0' } })
    .expect(201);
});
afterAll(() => api.close());

/** Every route of these nouns that makes something, by the name that is in question. */
const makers: Record<string, [method: string, path: (name: string) => string, body: object]> = {
  namespace: ['PUT', (name) => `/v1/namespaces/${name}`, {}],
  'namespace of an app': ['PUT', (name) => `/v1/namespaces/${name}/apps/shop`, {}],
  artifact: ['PUT', (name) => `${NS}/artifacts/${name}/versions/1.0.0`, artifact],
  app: ['PUT', (name) => `${NS}/apps/${name}`, {}],
  'app of a version': ['POST', (name) => `${NS}/apps/${name}/versions`, { artifact: { name: 'base', version: '1.0.0' } }],
  alias: ['PUT', (name) => `${NS}/apps/base/aliases/${name}`, { version: 1 }],
};

/** As sent: a client library would resolve `..` before. */
function send(method: string, path: string, body: object): Promise<{ status: number; code: unknown; type: string | undefined }> {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${TEST_TOKEN}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    };
    const { hostname, port } = new URL(api.url);
    httpRequest({ hostname, port, method, path, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('end', () => {
          const { code } = JSON.parse(Buffer.concat(chunks).toString()) as { code?: unknown };
          resolve({ status: answer.statusCode ?? 0, code, type: answer.headers['content-type'] });
        });
    })
      .on('error', reject)
      .end(text);
  });
}

const everything = async (): Promise<string> => {
  const lists = [
    '/v1/namespaces',
    `${NS}/artifacts`,
    `${NS}/artifacts/base/versions`,
    `${NS}/apps`,
    `${NS}/apps/base/versions`,
    `${NS}/apps/base/aliases`,
  ];
  return (await Promise.all(lists.map(async (path) => (await api.http.get(path).expect(200)).text))).join('\n');
};

const bad: Record<string, string> = {
  'a slash, encoded': 'a%2Fb',
  'only a slash, encoded': '%2f',
  'two dots, encoded': '%2e%2e',
  'two dots': '..',
  'one dot': '.',
  'up and down again': '..%2F..%2Fnamespaces',
  'a backslash': 'a%5Cb',
  'a NUL': 'a%00b',
  'only a NUL': '%00',
  'a line break': 'a%0D%0Ab',
  'a space': '%20',
  'a percent sign': '%25',
  'double encoding': '%252F',
  'a semicolon': 'a;b',
  'a wildcard': '*',
  '129 characters': 'a'.repeat(129),
  '200 characters': 'a'.repeat(200),
  emoji: '%F0%9F%9A%80',
  'an emoji inside': 'a%F0%9F%9A%80',
  'a letter with an accent': 'caf%C3%A9',
  'a full-width letter': '%EF%BC%A1',
  'a right-to-left mark': 'a%E2%80%8F',
  'a dot in front': '.a',
  'a dash in front': '-a',
  'an underscore in front': '_a',
};

describe.each(Object.keys(makers))('§3 names: %s', (kind) => {
  const [method, path, body] = makers[kind]!;
  let before: string;
  beforeAll(async () => {
    before = await everything();
  });

  for (const [label, segment] of Object.entries(bad)) {
    it(`${label} is 400 invalid_name`, async () => {
      const type = 'application/problem+json; charset=utf-8';
      expect(await send(method, path(segment), body)).toEqual({ status: 400, code: 'invalid_name', type });
    });
  }

  it('an empty segment is no route', async () => {
    expect([404, 405]).toContain((await send(method, path(''), body)).status);
  });

  it('none of these has made anything', async () => {
    expect(await everything()).toBe(before);
  });

  for (const segment of ['a', 'Z9', '1.2.3-rc_4', 'a'.repeat(128), 'a..b', '%61bc']) {
    it(`${segment.slice(0, 12)} is one`, async () => {
      if (kind === 'namespace of an app') await api.http.put(`/v1/namespaces/${segment}`).send({});
      expect([200, 201]).toContain((await send(method, path(segment), body)).status);
    });
  }
});
