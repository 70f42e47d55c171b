import { Client } from 'pg';
import { createTestApi, type TestApi } from '../testing/create-test-api.js';

const NS = '/v1/namespaces/default';
const APP = `${NS}/apps/shop`;
const ACTIVE = ['PENDING', 'STARTING', 'RUNNING', 'STOPPING'];
const ARTIFACT = { name: 'shop', version: '1.0.0' };

let api: TestApi;
let database: Client;
beforeAll(async () => {
  api = await createTestApi();
  database = new Client({ connectionString: api.databaseUrl });
  await database.connect();
  await api.http
    .put(`${NS}/artifacts/shop/versions/1.0.0`)
    .send({ programs: [{ name: 'cart', type: 'service' }] })
    .expect(201);
});
afterAll(async () => {
  await database.end();
  await api.close();
});
beforeEach(() => database.query('DELETE FROM app_aliases; DELETE FROM app_versions; DELETE FROM apps; DELETE FROM app_version_counters'));

const post = () => api.http.post(`${APP}/versions`).send({ artifact: ARTIFACT });

describe('DELETE of a version', () => {
  const refused = async () => {
    const { body } = await api.http.delete(`${APP}/versions/1`).expect(409);
    expect(body.code).toBe('version_in_use');
    await api.http.get(`${APP}/versions/1`).expect(200);
  };
  const addRun = (status: string) =>
    database.query(
      `INSERT INTO runs (run_id, namespace, app, version, program_type, program_name, status, desired_instances)
       VALUES (gen_random_uuid(), 'default', 'shop', 1, 'service', 'cart', $1, 1)`,
      [status],
    );

  it('§3 409 version_in_use while an instance of it is registered', async () => {
    await post().expect(201);
    const instance = `${APP}/versions/1/services/cart/instances/one`;
    await api.http.put(instance).send({ url: 'http://127.0.0.1:9' }).expect(201);
    await refused();
  });

  for (const status of ACTIVE) {
    it(`§3 409 version_in_use while a run of it is ${status}`, async () => {
      await post().expect(201);
      await addRun(status);
      await refused();
    });
  }

  for (const status of ['STOPPED', 'COMPLETED', 'FAILED', 'KILLED']) {
    it(`a run that is ${status} does not keep it`, async () => {
      await post().expect(201);
      await addRun(status);
      await api.http.delete(`${APP}/versions/1`).expect(204);
    });
  }

  it('§3 409 version_in_use while an alias names it', async () => {
    await post().expect(201);
    await api.http.put(`${APP}/aliases/stable`).send({ version: 1 }).expect(201);
    await refused();
    await api.http.delete(`${APP}/aliases/stable`).expect(204);
    await api.http.delete(`${APP}/versions/1`).expect(204);
  });

  it('§3 409 version_in_use while a distribution gives it weight, though nothing of it runs any more', async () => {
    await post().expect(201);
    await database.query(
      `INSERT INTO distributions (namespace, app, revision, weights, updated_at, updated_by, source, route_revision)
       VALUES ('default', 'shop', 1, '{"1":10000}', now(), 'admin', 'api', 1)`,
    );
    await refused();
    await database.query('DELETE FROM distributions');
    await api.http.delete(`${APP}/versions/1`).expect(204);
  });

  it('by its alias is the same', async () => {
    await post().expect(201);
    await api.http.put(`${APP}/aliases/stable`).send({ version: 1 }).expect(201);
    expect((await api.http.delete(`${APP}/versions/stable`).expect(409)).body.code).toBe('version_in_use');
  });

  it('at once with an alias to it: either it is gone (422) or in use (409), the alias never names nothing', async () => {
    for (let round = 1; round <= 10; round++) {
      const { version } = (await post().expect(201)).body;
      const [deleted, named] = await Promise.all([
        api.http.delete(`${APP}/versions/${version}`),
        api.http.put(`${APP}/aliases/a${round}`).send({ version }),
      ]);
      const outcome = [deleted.status, named.status].join();
      expect(['204,422', '409,201']).toContain(outcome);
    }
  });
});
