import { parseRouteDocument } from '@app-fabric/contracts';
import { FakePublisherBus } from '../testing/fake-publisher-bus.js';
import { RouteDocumentRepository } from './route-document.repository.js';
import { PublishingBench, type Replica } from './testing/publishing-bench.js';

const documents = new RouteDocumentRepository();

let bench: PublishingBench;
let replica: Replica;
beforeAll(async () => {
  bench = await PublishingBench.create();
});
beforeEach(async () => {
  replica = await bench.replica(new FakePublisherBus());
});
afterEach(() => bench.reset());
afterAll(() => bench.close());

/** The app `app` with `versions` versions of an artifact with `services` services; the odd versions run, with two instances of each. */
async function fill(app: string, versions: number, services: number): Promise<void> {
  const programs = Array.from({ length: services }, (_, index) => ({ name: `s${index}`, type: 'service' }));
  await bench.sql(`INSERT INTO apps (namespace, name) VALUES ('default', $1)`, [app]);
  await bench.sql(
    `INSERT INTO artifact_versions (namespace, artifact, version, labels, programs)
     SELECT 'default', $1, v || '.0.0', '{}', $3::jsonb FROM generate_series(1, $2::int) v`,
    [app, versions, JSON.stringify([...programs, { name: 'w', type: 'worker' }])],
  );
  await bench.sql(
    `INSERT INTO app_versions (namespace, app, version, artifact_name, artifact_version, created_by)
     SELECT 'default', $1, v, $1, v || '.0.0', 'test' FROM generate_series(1, $2::int) v`,
    [app, versions],
  );
  await bench.sql(
    `WITH run AS (
       INSERT INTO runs (run_id, namespace, app, version, program_type, program_name, status, desired_instances)
       SELECT gen_random_uuid(), 'default', $1, v, 'service', 's' || s, 'RUNNING', 2 FROM generate_series(1, $2::int, 2) v, generate_series(0, $3::int - 1) s
       RETURNING run_id)
     INSERT INTO run_instances (instance_uid, run_id, instance_id, url, status, routable)
     SELECT replace(run_id::text, '-', '') || i, run_id, i::text, 'http://127.0.0.1:' || (9000 + i), 'RUNNING', i < 3 FROM run, generate_series(1, 3) i`,
    [app, versions, services],
  );
}

function load(...apps: string[]) {
  return replica.database.transactions.snapshot((tx) =>
    documents.load(
      tx,
      apps.map((app) => ({ namespace: 'default', app })),
      7,
    ),
  );
}

describe('RouteDocumentRepository', () => {
  it('lists what runs and what may be routed to, and services that do not run; a proxy accepts it', async () => {
    await fill('shop', 3, 2);
    await bench.sql(`UPDATE runs SET status = 'STOPPING' WHERE version = 3 AND program_name = 's1'`);
    const [document] = await load('shop');
    expect(document).toMatchObject({ format: 1, revision: 7, routes: { namespace: 'default', app: 'shop', weights: null } });
    expect(document?.routes.versions.map(({ version }) => version)).toEqual([1, 2, 3]);
    const runs = await bench.sql<{ run_id: string }>(`SELECT run_id FROM runs WHERE status = 'RUNNING' ORDER BY program_name, version`);
    const told = document?.routes.services.flatMap(({ name, versions }) =>
      versions.map(({ version, runId }) => ({ name, version, runId })),
    );
    told?.sort((a, b) => (a.name === b.name ? a.version - b.version : a.name < b.name ? -1 : 1));
    expect(told?.map(({ runId }) => runId)).toEqual(runs.map(({ run_id }) => run_id));
    const running = document?.routes.services.map(({ name, versions }) => [
      name,
      versions.map(({ version, instances }) => [version, instances.length]),
    ]);
    expect(running?.sort()).toEqual([
      [
        's0',
        [
          [1, 2],
          [3, 2],
        ],
      ],
      ['s1', [[1, 2]]],
    ]);
    expect(parseRouteDocument(JSON.parse(JSON.stringify(document)))).toMatchObject({ ok: true });
  });

  it('an app without versions is a document too; one that is gone, or never was, is missing', async () => {
    await bench.sql(`INSERT INTO apps (namespace, name) VALUES ('default', 'empty'), ('default', 'gone')`);
    await bench.sql(`DELETE FROM apps WHERE name = 'gone'`);
    const found = await load('empty', 'gone', 'never');
    expect(found.map(({ routes }) => [routes.app, routes.versions, routes.services])).toEqual([['empty', [], []]]);
  });

  it('all apps are the same as each by itself', async () => {
    await fill('one', 2, 1);
    await fill('two', 2, 2);
    const all = await replica.database.transactions.snapshot((tx) => documents.loadAll(tx, 7));
    const byName = (list: typeof all) => Object.fromEntries(list.map((document) => [document.routes.app, document]));
    expect(byName(all)).toEqual(byName(await load('two', 'one')));
  });

  it('invariant 9: an app with 1,000 versions of 20 services, half of them running, makes a document that a proxy accepts', async () => {
    await fill('large', 1_000, 20);
    const [document] = await load('large');
    const instances = document?.routes.services.flatMap(({ versions }) => versions.flatMap((version) => version.instances));
    expect([document?.routes.versions.length, document?.routes.services.length, instances?.length]).toEqual([1_000, 20, 20_000]);
    expect(parseRouteDocument(JSON.parse(JSON.stringify(document)))).toMatchObject({ ok: true });
  });
});
