import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Get, Module } from '@nestjs/common';
import { pino } from 'pino';
import { appModule } from './app.module.js';
import { createApi, type RunningApi } from './create-api.js';
import { MigrationsPendingError } from './database/database.js';
import { migrateDatabase } from './database/migrate-database.js';
import { TEST_TOKEN, testConfig } from './testing/create-test-api.js';
import { eventually } from './testing/eventually.js';
import { FakePublisherBus } from './testing/fake-publisher-bus.js';
import { createSeverableProxy, type SeverableProxy } from './testing/severable-proxy.js';
import { createTestDatabase, itWithSessions, type TestDatabase } from './testing/test-database.js';

const logger = pino({ level: 'silent' });
let database: TestDatabase;
let proxy: SeverableProxy;
let dataDir: string;
let api: RunningApi | undefined;

beforeEach(async () => {
  database = await createTestDatabase();
  proxy = await createSeverableProxy(database.url, { mended: false });
  dataDir = await mkdtemp(join(tmpdir(), 'fabric-api-'));
  api = undefined;
});
afterEach(async () => {
  await api?.close();
  await proxy.close();
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const start = async (url: string, bus = new FakePublisherBus()) => {
  api = await createApi({ config: testConfig(url, dataDir), bus, logger });
  return api;
};

async function get(path: string): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${api!.url}${path}`, { headers: { authorization: `Bearer ${TEST_TOKEN}` } });
  return { status: answer.status, body: await answer.json() };
}

describe('a start', () => {
  it('on a database without migrations is refused, with the command that helps', async () => {
    await expect(start(database.url)).rejects.toThrow(MigrationsPendingError);
    await expect(start(database.url)).rejects.toThrow('npm run migrate');
  });

  itWithSessions('on a database that refuses us for good is refused', async () => {
    const url = new URL(database.url);
    url.pathname = '/there_is_no_such_database';
    await expect(start(url.href)).rejects.toThrow(/does not exist/);
  });

  it('on a port that is taken is refused, and what had begun to work is stopped', async () => {
    await migrateDatabase(database.url);
    const { url } = await start(database.url);
    let stopped = 0;
    class WorkingModule {
      onModuleDestroy() {
        stopped += 1;
      }
    }
    const config = { ...testConfig(database.url, dataDir), port: Number(new URL(url).port) };
    const second = createApi({ config, bus: new FakePublisherBus(), logger }, (parts) => ({
      module: WorkingModule,
      imports: [appModule(parts)],
    }));
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(stopped).toBe(1);
    expect(await get('/readyz')).toMatchObject({ status: 200 });
  });

  it('on all interfaces gives an address that can be called', async () => {
    await migrateDatabase(database.url);
    const config = { ...testConfig(database.url, dataDir), host: '0.0.0.0' };
    api = await createApi({ config, bus: new FakePublisherBus(), logger });
    expect(api.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await get('/healthz')).toMatchObject({ status: 200 });
  });

  it('without PostgreSQL listens, is not ready, and becomes ready when it is there', async () => {
    await migrateDatabase(database.url);
    const { ready } = await start(proxy.url);
    expect(await get('/healthz')).toEqual({ status: 200, body: { status: 'ok' } });
    expect(await get('/readyz')).toEqual({ status: 503, body: { status: 'unavailable', checks: { database: 'connecting', bus: 'up' } } });
    expect(await get('/v1/namespaces')).toMatchObject({ status: 503, body: { code: 'dependency_unavailable' } });
    await proxy.mend();
    await ready;
    expect(await get('/readyz')).toMatchObject({ status: 200 });
    expect(await get('/v1/namespaces')).toMatchObject({ status: 200 });
  });

  it('without PostgreSQL that turns out to lack migrations waits for them', async () => {
    const { ready } = await start(proxy.url);
    await proxy.mend();
    await eventually(async () =>
      expect(await get('/readyz')).toMatchObject({ status: 503, body: { checks: { database: 'migrations_pending' } } }),
    );
    await migrateDatabase(database.url);
    await ready;
    expect(await get('/v1/namespaces')).toMatchObject({ status: 200 });
  });

  it('without the bus is degraded, but serves', async () => {
    await migrateDatabase(database.url);
    const bus = new FakePublisherBus();
    bus.setConnected(false);
    await start(database.url, bus);
    expect(await get('/readyz')).toEqual({ status: 200, body: { status: 'degraded', checks: { database: 'up', bus: 'down' } } });
    expect(await get('/v1/namespaces')).toMatchObject({ status: 200 });
    bus.setConnected(true);
    expect(await get('/readyz')).toEqual({ status: 200, body: { status: 'ok', checks: { database: 'up', bus: 'up' } } });
  });
});

it('§3 503 a dependency is down: PostgreSQL lost and found again, 503 in between, nothing else', async () => {
  await migrateDatabase(database.url);
  await proxy.mend();
  await start(proxy.url);
  expect(await get('/v1/namespaces')).toMatchObject({ status: 200 });
  await proxy.cut();
  expect(await get('/v1/namespaces')).toMatchObject({ status: 503, body: { code: 'dependency_unavailable' } });
  expect(await get('/readyz')).toMatchObject({ status: 503, body: { checks: { database: 'down' } } });
  await proxy.mend();
  await eventually(async () => expect(await get('/v1/namespaces')).toMatchObject({ status: 200 }));
});

describe('close', () => {
  it('§1 finishes the request in flight, takes no new ones, and may be called twice', async () => {
    await migrateDatabase(database.url);
    let arrived: () => void = () => undefined;
    const inside = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    @Controller('v1/slow')
    class SlowController {
      @Get()
      async slow(): Promise<{ done: boolean }> {
        arrived();
        await finished;
        return { done: true };
      }
    }
    @Module({ controllers: [SlowController] })
    class SlowModule {}
    class Root {}
    api = await createApi({ config: testConfig(database.url, dataDir), bus: new FakePublisherBus(), logger }, (parts) => ({
      module: Root,
      imports: [appModule(parts), SlowModule],
    }));
    const answer = get('/v1/slow');
    await inside;
    const closed = Promise.all([api.close(), api.close()]);
    await eventually(async () =>
      expect(
        await fetch(`${api!.url}/healthz`).then(
          () => 'open',
          () => 'refused',
        ),
      ).toBe('refused'),
    );
    finish();
    expect(await answer).toEqual({ status: 200, body: { done: true } });
    await closed;
  });
});
