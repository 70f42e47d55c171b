import { Agent, type IncomingMessage, request } from 'node:http';
import { cleanUp, PATH, running } from './testing/proxy-bench.js';

afterEach(cleanUp);

const UNPINNED = `${PATH}/services/cart/methods`;
/** Heads of which each differs from the others in something that decides: pin, id, path, trace. */
const KINDS = [
  { path: `${UNPINNED}/a`, headers: {}, version: '1', url: '/a', id: null },
  { path: `${UNPINNED}/b?c=d`, headers: {}, version: '1', url: '/b?c=d', id: null },
  { path: `${UNPINNED}/a`, headers: { 'x-app-version': '2' }, version: '2', url: '/a', id: null },
  { path: `${UNPINNED}/a`, headers: { 'x-app-version': '1', 'x-request-id': 'one' }, version: '1', url: '/a', id: 'one' },
  { path: `${UNPINNED}/a`, headers: { 'x-app-version': '1', 'x-request-id': 'two' }, version: '1', url: '/a', id: 'two' },
  { path: `${PATH}/versions/2/services/cart/methods/a`, headers: { 'x-forwarded-for': '1.1.1.1' }, version: '2', url: '/a', id: null },
];

it('requests over one connection, the same ones again and others between them, are each treated by what they say', async () => {
  const { proxy } = await running();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ids = new Set<string>();
  for (let turn = 0; turn < 200; turn++) {
    // 0 0 1 1 2 2 …, 0 1 2 3 …, and back and forth.
    const kind = KINDS[[turn >> 1, turn, (turn & 1) * turn][turn % 3]! % KINDS.length]!;
    const { status, headers, told } = await get(`${proxy.proxyUrl}${kind.path}`, kind.headers, agent);
    const id = String(headers['x-request-id']);
    expect({ status, version: headers['x-app-version'], url: told.url }).toEqual({ status: 200, version: kind.version, url: kind.url });
    expect(told.headers['x-app-version']).toBe(kind.version);
    expect(told.headers['x-request-id']).toBe(id);
    expect(told.headers['x-forwarded-for']).toBe(kind.headers['x-forwarded-for'] === undefined ? '127.0.0.1' : '1.1.1.1, 127.0.0.1');
    if (kind.id !== null) expect(id).toBe(kind.id);
    else {
      // Nothing that was made up is made up twice.
      for (const one of [id, String(told.headers.traceparent)]) {
        expect(ids.has(one)).toBe(false);
        ids.add(one);
      }
    }
  }
  agent.destroy();
});

interface Told {
  url: string;
  headers: IncomingMessage['headers'];
}

function get(url: string, headers: Record<string, string>, agent: Agent) {
  return new Promise<{ status: number | undefined; headers: IncomingMessage['headers']; told: Told }>((resolve, reject) => {
    request(url, { headers, agent }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, told: JSON.parse(text) as Told }));
    })
      .on('error', reject)
      .end();
  });
}
