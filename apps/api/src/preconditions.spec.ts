import { bundleOf } from './testing/bundle-of.js';
import { createTestApi, type TestApi } from './testing/create-test-api.js';

const NS = '/v1/namespaces/default';
const GZIP = 'application/gzip';
const service = { programs: [{ name: 'cart', type: 'service' }] };

interface Resource {
  path: string;
  /** What PUT says of it; absent where there is no PUT. The second one is another content, absent where it never changes. */
  bodies: [object | Buffer, (object | Buffer)?] | [];
  /** Makes it, and what it needs. */
  make(): Promise<unknown>;
  deletable: boolean;
}

let api: TestApi;
let bundle: Buffer;
let number = 0;
beforeAll(async () => {
  api = await createTestApi();
  bundle = await bundleOf({ 'a.txt': 'a' });
  await api.http.put(`${NS}/artifacts/base/versions/1.0.0`).send(service).expect(201);
});
afterAll(() => api.close());

const put = (path: string, body: object | Buffer) =>
  Buffer.isBuffer(body) ? api.http.put(path).set('Content-Type', GZIP).send(body) : api.http.put(path).send(body);
const post = (app: string) => api.http.post(`${NS}/apps/${app}/versions`).send({ artifact: { name: 'base', version: '1.0.0' } });
const etagOf = async (path: string): Promise<string> => (await api.http.get(path).expect(200)).headers.etag ?? '';

/** A new one of its own for each test. */
const resources: Record<string, () => Resource> = {
  namespace: () => putResource(`/v1/namespaces/n${++number}`, [{ description: 'one' }, { description: 'two' }]),
  artifact: () => putResource(`${NS}/artifacts/a${++number}/versions/1.0.0`, [service]),
  bundle: () => {
    const path = `${NS}/artifacts/b${++number}/versions/1.0.0`;
    const make = async () => {
      await api.http.put(path).send(service).expect(201);
      await put(`${path}/bundle`, bundle).expect(201);
    };
    return { path: `${path}/bundle`, bodies: [bundle], make, deletable: false };
  },
  app: () => putResource(`${NS}/apps/p${++number}`, [{ description: 'one' }, { description: 'two' }]),
  'app version': () => {
    const app = `v${++number}`;
    return { path: `${NS}/apps/${app}/versions/1`, bodies: [], make: () => post(app).expect(201), deletable: true };
  },
  alias: () => {
    const app = `l${++number}`;
    const path = `${NS}/apps/${app}/aliases/stable`;
    const make = async () => {
      await post(app).expect(201);
      await post(app).expect(201);
      await put(path, { version: 1 }).expect(201);
    };
    return { path, bodies: [{ version: 1 }, { version: 2 }], make, deletable: true };
  },
};

function putResource(path: string, bodies: [object, object?]): Resource {
  return { path, bodies, make: () => put(path, bodies[0]).expect(201), deletable: true };
}

const STALE = ['"stale"', '"0", "stale"', '""'];

describe.each(Object.keys(resources))('§3 ETag and If-Match of one %s', (kind) => {
  let resource: Resource;
  let etag: string;
  beforeEach(async () => {
    resource = resources[kind]!();
    await resource.make();
    etag = await etagOf(resource.path);
  });
  /** Every call that changes it, with the body of `index`. */
  const changes = (index: 0 | 1) => [
    ...(resource.bodies[index] ? [() => put(resource.path, resource.bodies[index]!)] : []),
    ...(resource.deletable && index === 0 ? [() => api.http.delete(resource.path)] : []),
  ];

  it('has a strong tag', () => expect(etag).toMatch(/^"[^"]+"$/));

  it('a stale or weak tag is 412 precondition_failed and changes nothing', async () => {
    const before = (await api.http.get(resource.path)).text;
    for (const change of [...changes(0), ...changes(1)]) {
      for (const tag of [...STALE, `W/${etag}`]) {
        const { body, headers } = await change().set('If-Match', tag).expect(412);
        expect(headers['content-type']).toMatch(/^application\/problem\+json/);
        expect(body).toMatchObject({ status: 412, code: 'precondition_failed' });
      }
      expect((await change().set('If-None-Match', '*').expect(412)).body.code).toBe('precondition_failed');
      expect((await change().set('If-None-Match', etag).expect(412)).body.code).toBe('precondition_failed');
      await change().set('If-Match', 'no-tag').expect(400);
    }
    expect((await api.http.get(resource.path)).text).toBe(before);
    expect(await etagOf(resource.path)).toBe(etag);
  });

  it('its own tag, alone or in a list, and * let the change pass', async () => {
    for (const tag of [`"x", ${etag}`, '*']) {
      for (const body of resource.bodies.slice(0, 1)) await put(resource.path, body!).set('If-Match', tag).expect(200);
      etag = await etagOf(resource.path);
    }
    if (resource.deletable) await api.http.delete(resource.path).set('If-Match', etag).expect(204);
  });

  it('GET with the tag is 304, also weak or *; with another one 200', async () => {
    for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const { text, headers } = await api.http.get(resource.path).set('If-None-Match', tag).expect(304);
      expect([text, headers.etag]).toEqual(['', etag]);
    }
    await api.http.get(resource.path).set('If-None-Match', '"x"').expect(200);
  });

  it('of two writers with the same tag exactly one gets 412', async () => {
    if (resource.bodies[1]) {
      const write = () => put(resource.path, resource.bodies[1]!).set('If-Match', etag);
      expect((await Promise.all([write(), write()])).map(({ status }) => status).sort()).toEqual([200, 412]);
    }
    etag = await etagOf(resource.path);
    if (!resource.deletable) return;
    const remove = () => api.http.delete(resource.path).set('If-Match', etag);
    // Who comes second finds nothing left.
    expect((await Promise.all([remove(), remove()])).map(({ status }) => status).sort()).toEqual([204, 404]);
  });

  it('of twenty makers with If-None-Match: * exactly one makes it', async () => {
    if (!resource.deletable || resource.bodies.length === 0) return;
    await api.http.delete(resource.path).expect(204);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        put(resource.path, resource.bodies[0]!)
          .set('If-None-Match', '*')
          .then(({ status }) => status),
      ),
    );
    expect(answers.sort()).toEqual([201, ...Array.from({ length: 19 }, () => 412)]);
  });

  it('deleted and made again it has another tag: the old one is stale', async () => {
    if (!resource.deletable || resource.bodies.length === 0) return;
    await api.http.delete(resource.path).expect(204);
    await put(resource.path, resource.bodies[0]!).set('If-Match', '*').expect(412);
    await put(resource.path, resource.bodies[0]!).expect(201);
    expect(await etagOf(resource.path)).not.toBe(etag);
    await api.http.get(resource.path).set('If-None-Match', etag).expect(200);
    await api.http.delete(resource.path).set('If-Match', etag).expect(412);
  });
});

describe('§3 If-Match on POST versions is about the app', () => {
  it('* wants the app to be there, If-None-Match: * wants it to be new', async () => {
    await post('fresh').set('If-Match', '*').expect(412);
    await api.http.get(`${NS}/apps/fresh`).expect(404);
    await post('fresh').set('If-None-Match', '*').expect(201);
    await post('fresh').set('If-None-Match', '*').expect(412);
    await post('fresh').set('If-Match', '*').expect(201);
  });

  it('a stale tag is 412 and takes no number', async () => {
    await post('numbers').expect(201);
    await post('numbers').set('If-Match', '"stale"').expect(412);
    const { body } = await post('numbers')
      .set('If-Match', await etagOf(`${NS}/apps/numbers`))
      .expect(201);
    expect(body.version).toBe(2);
  });
});

describe('§3 the ETag of an app version follows its aliases', () => {
  it('as its answer does: an alias that comes or goes makes another tag', async () => {
    const app = `${NS}/apps/tagged`;
    const made = await post('tagged').expect(201);
    await post('tagged').expect(201);
    expect(await etagOf(`${app}/versions/1`)).toBe(made.headers.etag);
    await put(`${app}/aliases/stable`, { version: 1 }).expect(201);
    const named = await etagOf(`${app}/versions/1`);
    expect(named).not.toBe(made.headers.etag);
    expect(await etagOf(`${app}/versions/stable`)).toBe(named);
    await put(`${app}/aliases/stable`, { version: 2 }).expect(200);
    const { body } = await api.http.get(`${app}/versions/stable`).set('If-None-Match', named).expect(200);
    expect(body.version).toBe(2);
    expect(await etagOf(`${app}/versions/1`)).toBe(made.headers.etag);
  });
});
