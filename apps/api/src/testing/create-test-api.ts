import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PublisherBus } from '@app-fabric/bus';
import type { LogExport, Tracing } from '@app-fabric/tracing';
import type { Type } from '@nestjs/common';
import { pino } from 'pino';
import request from 'supertest';
import { appModule } from '../app.module.js';
import type { ApiConfig } from '../config/api-config.js';
import { createApi } from '../create-api.js';
import { migrateDatabase } from '../database/migrate-database.js';
import { FakePublisherBus } from './fake-publisher-bus.js';
import { createTestDatabase } from './test-database.js';

export const TEST_TOKEN = 'test-token-of-the-admin';

export interface TestApiOptions {
  bus?: PublisherBus;
  config?: Partial<ApiConfig>;
  tracing?: Tracing;
  /** Gets what programs print. */
  logExport?: LogExport;
  /** Besides those of the API, e.g. one with a controller to probe what all routes share. */
  modules?: Type[];
}

export interface TestApi {
  url: string;
  databaseUrl: string;
  dataDir: string;
  /** Requests as the admin. */
  http: ReturnType<typeof request.agent>;
  /** Requests of somebody without a token. */
  anonymous: ReturnType<typeof request>;
  /** Ends the API with the programs it has started, and removes its database and folder. */
  close(): Promise<void>;
}

class TestRootModule {}

/** The whole API, listening on a free port, with a database of its own. */
export async function createTestApi({
  bus = new FakePublisherBus(),
  config = {},
  tracing,
  logExport,
  modules = [],
}: TestApiOptions = {}): Promise<TestApi> {
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'fabric-api-'));
  const removeAll = async () => {
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    await migrateDatabase(database.url);
    const api = await createApi(
      {
        config: { ...testConfig(database.url, dataDir), ...config },
        bus,
        logger: pino({ level: 'silent' }),
        tracing: tracing ?? null,
        logExport: logExport ?? null,
        stopPrograms: true,
      },
      (parts) => ({ module: TestRootModule, imports: [appModule(parts), ...modules] }),
    );
    return {
      url: api.url,
      databaseUrl: database.url,
      dataDir,
      http: request.agent(api.url).set('Authorization', `Bearer ${TEST_TOKEN}`),
      anonymous: request(api.url),
      async close() {
        await api.close();
        await removeAll();
      },
    };
  } catch (error) {
    await removeAll();
    throw error;
  }
}

export function testConfig(databaseUrl: string, dataDir: string): ApiConfig {
  return {
    databaseUrl,
    redisUrl: null,
    host: '127.0.0.1',
    port: 0,
    dataDir,
    adminToken: TEST_TOKEN,
    processRuntime: false,
    maxBundleBytes: 268_435_456,
    logLevel: 'silent',
    traces: null,
    logExport: null,
    webhookHosts: [],
  };
}
