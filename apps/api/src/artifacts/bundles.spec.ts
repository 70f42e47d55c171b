import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { Client } from 'pg';
import { bundleOf } from '../testing/bundle-of.js';
import { createTestApi, TEST_TOKEN, type TestApi } from '../testing/create-test-api.js';
import { eventually } from '../testing/eventually.js';

const NS = '/v1/namespaces/default';
const GZIP = 'application/gzip';
const MAX_BYTES = 8_388_608;
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest();

let api: TestApi;
let database: Client;
let small: Buffer;
let other: Buffer;
/** Several pieces of storage, and more than the buffers of two sockets. */
let large: Buffer;
let version = 0;
let artifact: string;

beforeAll(async () => {
  api = await createTestApi({ config: { maxBundleBytes: MAX_BYTES } });
  database = new Client({ connectionString: api.databaseUrl });
  await database.connect();
  [small, other, large] = await Promise.all([
    bundleOf({ 'a.txt': 'a' }),
    bundleOf({ 'b.txt': 'b' }),
    bundleOf({ 'random.bin': randomBytes(6_000_000) }),
  ]);
});
afterAll(async () => {
  await database.end();
  await api.close();
});
beforeEach(async () => {
  await database.query('DELETE FROM artifact_versions; DELETE FROM bundle_chunks');
  artifact = `${NS}/artifacts/shop/versions/1.0.${++version}`;
  await api.http
    .put(artifact)
    .send({ programs: [{ name: 'cart', type: 'service', command: ['node', 'x'] }] })
    .expect(201);
});
/** Whatever the test did: nothing is left on the disk, and every piece in the database belongs to a bundle. */
afterEach(() =>
  eventually(async () => {
    expect(await readdir(join(api.dataDir, 'uploads')).catch(() => [])).toEqual([]);
    const { rows } = await database.query('SELECT DISTINCT bundle_id FROM bundle_chunks EXCEPT SELECT bundle_id FROM artifact_versions');
    expect(rows).toEqual([]);
  }),
);

const put = (bytes: Buffer) => api.http.put(`${artifact}/bundle`).set('Content-Type', GZIP).send(bytes);
const bundle = async (): Promise<unknown> => (await api.http.get(artifact).expect(200)).body.bundle;
const headers = { authorization: `Bearer ${TEST_TOKEN}`, 'content-type': GZIP };
/** A request by hand, for what a client library would not do. */
const open = (method: string, more: Record<string, string | number> = {}) =>
  httpRequest(`${api.url}${artifact}/bundle`, { method, agent: false, headers: { ...headers, ...more } }).on('error', () => undefined);

describe('PUT and GET of a bundle', () => {
  it('§3 keeps the sha256 and gives it back byte for byte', async () => {
    for (const bytes of [small, large]) {
      version++;
      artifact = `${NS}/artifacts/shop/versions/2.0.${version}`;
      await api.http
        .put(artifact)
        .send({ programs: [{ name: 'cart', type: 'service' }] })
        .expect(201);
      const made = await put(bytes).expect(201);
      const digest = sha256(bytes).toString('hex');
      expect(made.body.bundle).toEqual({ sha256: digest, bytes: bytes.length });
      expect(made.headers.etag).toBe(`"${digest}"`);
      expect(await bundle()).toEqual(made.body.bundle);
      const answer = await fetch(`${api.url}${artifact}/bundle`, { headers });
      expect([answer.status, answer.headers.get('content-type'), answer.headers.get('content-length'), answer.headers.get('etag')]).toEqual(
        [200, GZIP, String(bytes.length), `"${digest}"`],
      );
      expect(sha256(Buffer.from(await answer.arrayBuffer())).toString('hex')).toBe(digest);
      const head = await api.http.head(`${artifact}/bundle`).expect(200);
      expect(head.headers['content-length']).toBe(String(bytes.length));
    }
  });

  it('takes a body in chunks of no announced length', async () => {
    const answer = await fetch(`${api.url}${artifact}/bundle`, {
      method: 'PUT',
      headers,
      body: Readable.toWeb(Readable.from([large.subarray(0, 10), large.subarray(10, 70_000), large.subarray(70_000)])) as ReadableStream,
      duplex: 'half',
    } as RequestInit);
    expect(answer.status).toBe(201);
    expect(await bundle()).toEqual({ sha256: sha256(large).toString('hex'), bytes: large.length });
  });

  it('§3 immutable: the same bytes again are 200, others 409 artifact_exists', async () => {
    const made = await put(small).expect(201);
    expect((await put(small).expect(200)).body).toEqual(made.body);
    expect((await put(other).expect(409)).body.code).toBe('artifact_exists');
    expect(await bundle()).toEqual(made.body.bundle);
  });

  it('§3 two PUTs of the same bundle at once: 201 and 200, and it is stored once', async () => {
    const answers = await Promise.all([put(large), put(large)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 201]);
    const answer = await fetch(`${api.url}${artifact}/bundle`, { headers });
    expect(sha256(Buffer.from(await answer.arrayBuffer()))).toEqual(sha256(large));
  });

  it('§3 two PUTs of different bundles at once: 201 and 409, and the winner’s is there', async () => {
    const answers = await Promise.all([put(small), put(other)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    const winner = answers[0]!.status === 201 ? small : other;
    expect(await bundle()).toEqual({ sha256: sha256(winner).toString('hex'), bytes: winner.length });
  });

  it('of an artifact that does not exist is 404; without a bundle GET is 404 bundle_not_found', async () => {
    expect((await api.http.get(`${artifact}/bundle`).expect(404)).body.code).toBe('bundle_not_found');
    artifact = `${NS}/artifacts/none/versions/1.0.0`;
    expect((await put(small).expect(404)).body.code).toBe('artifact_not_found');
    expect((await api.http.get(`${artifact}/bundle`).expect(404)).body.code).toBe('artifact_not_found');
  });

  it('is deleted with its artifact version', async () => {
    await put(large).expect(201);
    await api.http.delete(artifact).expect(204);
    expect((await database.query('SELECT 1 FROM bundle_chunks')).rowCount).toBe(0);
  });

  it('deleted while it is read breaks the answer off: what came is not taken for the whole', async () => {
    await put(large).expect(201);
    await database.query('DELETE FROM bundle_chunks WHERE number > 0');
    const answer = await fetch(`${api.url}${artifact}/bundle`, { headers });
    expect(answer.status).toBe(200);
    await expect(answer.arrayBuffer()).rejects.toThrow();
  });
});

describe('a bundle that is refused leaves nothing', () => {
  for (const type of [
    'application/json',
    'text/plain',
    'application/x-tar',
    'application/octet-stream',
    'multipart/form-data; boundary=x',
  ]) {
    it(`§3 Content-Type ${type}: 415`, async () => {
      const answer = await api.http.put(`${artifact}/bundle`).set('Content-Type', type).send('{}').expect(415);
      expect(answer.body.code).toBe('unsupported_media_type');
      expect(await bundle()).toBeNull();
    });
  }

  it('§3 without a Content-Type: 415', async () => {
    const answer = await fetch(`${api.url}${artifact}/bundle`, {
      method: 'PUT',
      headers: { authorization: headers.authorization },
      body: new Uint8Array(small),
    });
    expect(answer.status).toBe(415);
  });

  const hostile: Record<string, [bytes: () => Promise<Buffer> | Buffer, status: number, code: string]> = {
    'no body': [() => Buffer.alloc(0), 400, 'bundle_invalid'],
    'no gzip': [() => Buffer.from('hello'), 400, 'bundle_invalid'],
    'no tar inside': [() => gzipSync(Buffer.alloc(2_000, 'x')), 400, 'bundle_invalid'],
    'an empty tar': [() => gzipSync(Buffer.alloc(1_024)), 400, 'bundle_invalid'],
    truncated: [() => large.subarray(0, -1_000), 400, 'bundle_invalid'],
    corrupt: [() => Buffer.concat([large.subarray(0, 100), Buffer.alloc(100), large.subarray(200)]), 400, 'bundle_invalid'],
    'a path that leads out': [() => bundleOf({ '../x': 'x' }), 400, 'bundle_unsafe'],
  };
  for (const [label, [bytes, status, code]] of Object.entries(hostile)) {
    it(`§3 ${label}: ${status} ${code}`, async () => {
      expect((await put(await bytes()).expect(status)).body.code).toBe(code);
      expect(await bundle()).toBeNull();
    });
  }

  it('a wrong Content-Digest: 400 digest_mismatch; the right one passes', async () => {
    const digest = (bytes: Buffer) => `sha-256=:${sha256(bytes).toString('base64')}:`;
    expect((await put(small).set('Content-Digest', digest(other)).expect(400)).body.code).toBe('digest_mismatch');
    expect((await put(small).set('Content-Digest', 'sha-256=:x:').expect(400)).body.code).toBe('invalid_digest');
    expect(await bundle()).toBeNull();
    await put(small).set('Content-Digest', digest(small)).expect(201);
  });

  it('§3 too large by its Content-Length: 413 bundle_too_large before anything is read', async () => {
    const request = open('PUT', { 'content-length': MAX_BYTES + 1 });
    request.flushHeaders();
    const [answer] = await once(request, 'response');
    expect(answer.statusCode).toBe(413);
    request.destroy();
  });

  it('§3 too large in chunks: 413, which also a caller sees that reads only after sending', async () => {
    const piece = Buffer.alloc(1_048_576);
    const answer = await fetch(`${api.url}${artifact}/bundle`, {
      method: 'PUT',
      headers,
      body: Readable.toWeb(Readable.from(Array.from({ length: 50 }, () => piece))) as ReadableStream,
      duplex: 'half',
    } as RequestInit);
    expect(answer.status).toBe(413);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(await answer.json()).toMatchObject({ status: 413, code: 'bundle_too_large' });
    expect(await bundle()).toBeNull();
  });

  it('exactly as large as is allowed is not too large', async () => {
    const filler = await bundleOf({ 'a.txt': 'a' });
    const padded = Buffer.concat([filler, Buffer.alloc(MAX_BYTES - filler.length)]);
    expect((await put(padded)).status).not.toBe(413);
  });

  for (const length of [undefined, 6_000_000]) {
    it(`§3 an upload broken off ${length ? 'before its announced length' : 'between chunks'}`, async () => {
      const request = open('PUT', length ? { 'content-length': length } : {});
      request.write(large.subarray(0, 1_000_000));
      await eventually(async () => expect(await readdir(join(api.dataDir, 'uploads'))).toHaveLength(1));
      request.destroy();
      await eventually(async () => expect(await readdir(join(api.dataDir, 'uploads'))).toEqual([]));
      expect(await bundle()).toBeNull();
      expect((await database.query('SELECT 1 FROM bundle_chunks')).rowCount).toBe(0);
    });
  }

  it('§3 503 when the data folder cannot be written: nothing is changed, and the next one passes', async () => {
    const folder = join(api.dataDir, 'uploads');
    await rm(folder, { recursive: true, force: true });
    await writeFile(folder, 'a file where the folder should be');
    const answer = await put(small).expect(503);
    expect(answer.body).toMatchObject({ status: 503, code: 'dependency_unavailable' });
    expect(await bundle()).toBeNull();
    await rm(folder);
    await put(small).expect(201);
  });

  it('whose artifact is deleted during the upload: 404', async () => {
    const request = open('PUT');
    const answered = once(request, 'response');
    request.write(large.subarray(0, 1_000_000));
    await eventually(async () => expect(await readdir(join(api.dataDir, 'uploads'))).toHaveLength(1));
    await api.http.delete(artifact).expect(204);
    request.end(large.subarray(1_000_000));
    const [answer] = await answered;
    expect(answer.statusCode).toBe(404);
    answer.resume();
  });
});

it('what a killed program left of uploads is removed at the next start, unless it is new', async () => {
  const dataDir = join(api.dataDir, 'other');
  const folder = join(dataDir, 'uploads');
  await mkdir(folder, { recursive: true });
  for (const name of ['left', 'new']) await writeFile(join(folder, name), 'x');
  const twoHoursAgo = new Date(Date.now() - 7_200_000);
  await utimes(join(folder, 'left'), twoHoursAgo, twoHoursAgo);
  const restarted = await createTestApi({ config: { dataDir } });
  try {
    expect(await readdir(folder)).toEqual(['new']);
  } finally {
    await restarted.close();
  }
});
