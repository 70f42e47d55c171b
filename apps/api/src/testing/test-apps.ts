import { Client } from 'pg';
import type { TestApi } from './create-test-api.js';

const NS = '/v1/namespaces/default';
/** Nothing listens there; the control plane never calls registered instances. */
export const URL_OF_NOBODY = 'http://127.0.0.1:9';
const VERSIONS = ['1.0.0', '2.0.0', '3.0.0'];

/** Makes apps whose services `cart` and `pay` run as registered instances. */
export class TestApps {
  private made = 0;

  private constructor(private readonly api: TestApi) {}

  static async of(api: TestApi): Promise<TestApps> {
    for (const version of VERSIONS) {
      const programs = ['cart', 'pay'].map((name) => ({ name, type: 'service' }));
      await api.http.put(`${NS}/artifacts/shop/versions/${version}`).send({ programs }).expect(201);
    }
    return new TestApps(api);
  }

  /** The path of a new app with versions 1 to 3, of which those named (`1/cart`) run, in the order given. */
  async appWith(...running: string[]): Promise<string> {
    this.made += 1;
    const app = `${NS}/apps/made-${this.made}`;
    for (const version of VERSIONS) await this.newVersion(app, version);
    for (const place of running) await this.run(app, place);
    return app;
  }

  newVersion(app: string, artifactVersion: string) {
    return this.api.http
      .post(`${app}/versions`)
      .send({ artifact: { name: 'shop', version: artifactVersion } })
      .expect(201);
  }

  async run(app: string, place: string): Promise<void> {
    await this.api.http.put(instancePath(app, place)).send({ url: URL_OF_NOBODY, ttlSeconds: 300 }).expect(201);
  }
}

/** `1/cart` → the path of the one instance that makes it run. */
export function instancePath(app: string, place: string, id = 'a'): string {
  const [version, service] = place.split('/');
  return `${app}/versions/${version}/services/${service}/instances/${id}`;
}

/** What moves by itself: leases, and the progress of the publisher and of the measurements' roll-up. */
const RESTLESS = new Set(['hosts', 'leases', 'measurement_progress', 'route_outbox']);

/** Everything that the database holds of what users have made, table by table; two dumps are equal when nothing was changed. */
export async function dump(databaseUrl: string): Promise<Record<string, unknown>> {
  return withDatabase(databaseUrl, async (client) => {
    const tables = await client.query<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
    );
    const content: Record<string, unknown> = {};
    for (const { name } of tables.rows) {
      if (RESTLESS.has(name)) continue;
      const { rows } = await client.query<{ row: Record<string, unknown> }>(
        `SELECT to_jsonb(t) - 'published' AS row FROM ${name} t ORDER BY 1::text`,
      );
      content[name] = rows;
    }
    return content;
  });
}

export async function withDatabase<T>(databaseUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
