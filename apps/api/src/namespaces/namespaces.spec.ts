import { Client } from 'pg';
import { createTestApi, type TestApi } from '../testing/create-test-api.js';

let api: TestApi;
let database: Client;
beforeAll(async () => {
  api = await createTestApi();
  database = new Client({ connectionString: api.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await api.close();
});
beforeEach(() => database.query("DELETE FROM namespaces WHERE name <> 'default'"));

const path = (name: string) => `/v1/namespaces/${name}`;

describe('the namespace `default`', () => {
  it('always exists and cannot be deleted', async () => {
    const { body } = await api.http.delete(path('default')).expect(409);
    expect(body).toMatchObject({ status: 409, code: 'namespace_reserved' });
    await api.http.get(path('default')).expect(200);
  });
});

describe('PUT, GET and DELETE of a namespace', () => {
  it('makes it with 201, replaces it with 200, shows it, deletes it', async () => {
    const made = await api.http
      .put(path('checkout'))
      .send({ description: 'one', labels: { team: 'a' } })
      .expect(201);
    expect(made.headers.etag).toMatch(/^"1-[0-9a-z]+"$/);
    const replaced = await api.http
      .put(path('checkout'))
      .send({ labels: { team: 'b' } })
      .expect(200);
    expect(replaced.headers.etag).toMatch(/^"2-[0-9a-z]+"$/);
    expect(replaced.body).toEqual({
      name: 'checkout',
      description: null,
      labels: { team: 'b' },
      environment: null,
      variables: {},
      resources: { defaultInstances: null },
      createdAt: made.body.createdAt,
      updatedAt: expect.any(String),
    });
    const shown = await api.http.get(path('checkout')).expect(200);
    expect(shown.body).toEqual(replaced.body);
    expect(shown.headers.etag).toBe(replaced.headers.etag);
    await api.http.delete(path('checkout')).expect(204);
    const { body } = await api.http.get(path('checkout')).expect(404);
    expect(body.code).toBe('namespace_not_found');
    await api.http.delete(path('checkout')).expect(404);
  });

  it('keeps the revision when the same is put again', async () => {
    const made = await api.http.put(path('same')).send({ description: 'x' }).expect(201);
    const again = await api.http.put(path('same')).send({ description: 'x' }).expect(200);
    expect(again.headers.etag).toBe(made.headers.etag);
  });

  it('refuses a description over 1000 characters', async () => {
    await api.http
      .put(path('long'))
      .send({ description: 'x'.repeat(1001) })
      .expect(400);
    await api.http.get(path('long')).expect(404);
  });

  it('is not deleted while something is in it: 409 namespace_in_use', async () => {
    await api.http.put(path('full')).expect(201);
    await database.query('CREATE TABLE things (namespace text REFERENCES namespaces(name) ON DELETE RESTRICT)');
    try {
      await database.query("INSERT INTO things VALUES ('full')");
      const { body } = await api.http.delete(path('full')).expect(409);
      expect(body.code).toBe('namespace_in_use');
      await api.http.get(path('full')).expect(200);
    } finally {
      await database.query('DROP TABLE things');
    }
  });
});

describe('at once', () => {
  it('of many that make it at once one makes it, all succeed', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.http.put(path('made-at-once')).send({ description: 'x' })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(19);
    expect(new Set(answers.map(({ headers }) => headers.etag)).size).toBe(1);
  });
});

it('§3 deleted at once with an app or artifact made in it: either it is gone (404) or in use (409)', async () => {
  for (let round = 0; round < 10; round++) {
    const namespace = path(`r${round}`);
    await api.http.put(namespace).expect(201);
    const made = round % 2 ? api.http.put(`${namespace}/apps/shop`) : api.http.put(`${namespace}/artifacts/shop/versions/1.0.0`);
    const body = round % 2 ? {} : { programs: [{ name: 'cart', type: 'service' }] };
    const [deleted, maker] = await Promise.all([api.http.delete(namespace), made.send(body)]);
    expect(['204,404', '409,201']).toContain(`${deleted.status},${maker.status}`);
  }
  await database.query('DELETE FROM apps; DELETE FROM artifact_versions');
});

describe('the list', () => {
  const names = async (query: string) => {
    const { body } = await api.http.get(`/v1/namespaces${query}`).expect(200);
    return { names: body.items.map(({ name }: { name: string }) => name), next: body.nextCursor as string | null };
  };

  it('is in pages that hold still while others insert and delete', async () => {
    for (const name of ['b', 'd', 'f']) await api.http.put(path(name)).expect(201);
    const first = await names('?limit=2');
    expect(first.names).toEqual(['b', 'd']);
    await api.http.put(path('a')).expect(201);
    await api.http.put(path('e')).expect(201);
    await api.http.delete(path('d')).expect(204);
    const second = await names(`?limit=2&cursor=${first.next}`);
    expect(second.names).toEqual(['default', 'e']);
    const third = await names(`?limit=2&cursor=${second.next}`);
    expect(third).toEqual({ names: ['f'], next: null });
  });

  it('has no next page when the last one is just full', async () => {
    await api.http.put(path('a')).expect(201);
    expect(await names('?limit=2')).toEqual({ names: ['a', 'default'], next: null });
  });

  for (const query of ['limit=0', 'limit=501', 'limit=-1', 'limit=ten', 'limit=', 'limit=1&limit=2', 'limit=1e2']) {
    it(`?${query}: 400 invalid_limit`, async () => {
      expect((await api.http.get(`/v1/namespaces?${query}`).expect(400)).body.code).toBe('invalid_limit');
    });
  }
  for (const cursor of [
    '',
    'x',
    '!!!',
    Buffer.from('5').toString('base64url'),
    Buffer.from('"\\u0000"').toString('base64url'),
    'a'.repeat(1001),
  ]) {
    it(`?cursor=${cursor.slice(0, 20)}: 400 invalid_cursor`, async () => {
      expect((await api.http.get(`/v1/namespaces?cursor=${cursor}`).expect(400)).body.code).toBe('invalid_cursor');
    });
  }
});
