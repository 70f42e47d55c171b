import { Client } from 'pg';
import { createTestApi, type TestApi } from '../testing/create-test-api.js';

const NS = '/v1/namespaces/default';

let api: TestApi;
let app: string;
let number = 0;
beforeAll(async () => {
  api = await createTestApi();
  await api.http
    .put(`${NS}/artifacts/shop/versions/1.0.0`)
    .send({ programs: [{ name: 'cart', type: 'service' }] })
    .expect(201);
});
afterAll(() => api.close());
beforeEach(async () => {
  app = `${NS}/apps/shop${++number}`;
  for (let i = 0; i < 3; i++)
    await api.http
      .post(`${app}/versions`)
      .send({ artifact: { name: 'shop', version: '1.0.0' } })
      .expect(201);
});

const put = (alias: string, body: object) => api.http.put(`${app}/aliases/${alias}`).send(body);

describe('PUT, GET and DELETE of an alias', () => {
  it('makes it with 201, moves it with 200, shows it, deletes it', async () => {
    const made = await put('stable', { version: 1 }).expect(201);
    expect(made.body).toEqual({ alias: 'stable', version: 1, updatedAt: expect.any(String) });
    const moved = await put('stable', { version: 2 }).expect(200);
    expect(moved.body.version).toBe(2);
    expect(moved.headers.etag).not.toBe(made.headers.etag);
    const shown = await api.http.get(`${app}/aliases/stable`).expect(200);
    expect([shown.body, shown.headers.etag]).toEqual([moved.body, moved.headers.etag]);
    await api.http.delete(`${app}/aliases/stable`).expect(204);
    expect((await api.http.get(`${app}/aliases/stable`).expect(404)).body.code).toBe('alias_not_found');
    expect((await api.http.delete(`${app}/aliases/stable`).expect(404)).body.code).toBe('alias_not_found');
  });

  for (const alias of ['latest', '1', '2', '0', '007', '99999999999999999999']) {
    it(`§3 ${alias} is reserved: 409 alias_reserved`, async () => {
      const answer = await put(alias, { version: 1 }).expect(409);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.body).toMatchObject({ status: 409, code: 'alias_reserved' });
      await api.http.get(`${app}/aliases/${alias}`).expect(404);
    });
  }
  for (const alias of ['Latest', '1.0', 'v1', '1a', 'a'.repeat(128)]) {
    it(`${alias.slice(0, 10)} is not`, () => put(alias, { version: 1 }).expect(201));
  }

  it('§3 422 unknown_version for one that does not exist, or was deleted; the alias stays as it was', async () => {
    await put('stable', { version: 1 }).expect(201);
    await api.http.delete(`${app}/versions/2`).expect(204);
    for (const version of [2, 4, 2_147_483_647]) {
      expect((await put('stable', { version }).expect(422)).body.code).toBe('unknown_version');
      expect((await put('new', { version }).expect(422)).body.code).toBe('unknown_version');
    }
    expect((await api.http.get(`${app}/aliases/stable`).expect(200)).body.version).toBe(1);
    await api.http.get(`${app}/aliases/new`).expect(404);
  });

  it('404 of an app that does not exist', async () => {
    for (const path of ['', '/stable'])
      expect((await api.http.get(`${NS}/apps/none/aliases${path}`).expect(404)).body.code).toBe('app_not_found');
    expect((await api.http.put(`${NS}/apps/none/aliases/stable`).send({ version: 1 }).expect(404)).body.code).toBe('app_not_found');
    expect((await api.http.delete(`${NS}/apps/none/aliases/stable`).expect(404)).body.code).toBe('app_not_found');
  });

  for (const version of ['1', 0, -1, 1.5, 2_147_483_648, null, true, [1], { version: 1 }, undefined]) {
    it(`§3 malformed: version ${JSON.stringify(version)} is 400`, async () => {
      const { body } = await put('stable', { version }).expect(400);
      expect(body).toMatchObject({ code: 'validation_failed', errors: [{ path: 'version' }] });
    });
  }
  it('§3 malformed: an unknown field is 400', async () => {
    expect((await put('stable', { version: 1, weight: 5 }).expect(400)).body.errors).toMatchObject([{ path: 'weight' }]);
  });
});

it('invariant 9: an app has at most 1,000 aliases: 409 too_many_aliases; those that are there can be moved', async () => {
  const database = new Client({ connectionString: api.databaseUrl });
  await database.connect();
  await database.query(
    `INSERT INTO app_aliases (namespace, app, alias, version) SELECT 'default', $1, 'a' || n, 1 FROM generate_series(1, 999) AS n`,
    [app.split('/').at(-1)],
  );
  await database.end();
  await put('last', { version: 1 }).expect(201);
  expect((await put('more', { version: 1 }).expect(409)).body.code).toBe('too_many_aliases');
  await put('last', { version: 2 }).expect(200);
  await api.http.delete(`${app}/aliases/a1`).expect(204);
  await put('more', { version: 1 }).expect(201);
});

it('§3 pages of aliases hold still while some are made and deleted', async () => {
  const page = async (query: string) => {
    const { body } = await api.http.get(`${app}/aliases?${query}`).expect(200);
    return { names: body.items.map(({ alias }: { alias: string }) => alias), next: body.nextCursor as string | null };
  };
  for (const alias of ['b', 'd', 'f']) await put(alias, { version: 1 }).expect(201);
  const first = await page('limit=2');
  expect(first.names).toEqual(['b', 'd']);
  for (const alias of ['a', 'e']) await put(alias, { version: 2 }).expect(201);
  await api.http.delete(`${app}/aliases/d`).expect(204);
  expect(await page(`limit=2&cursor=${first.next}`)).toEqual({ names: ['e', 'f'], next: null });
});
