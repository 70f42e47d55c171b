import { createHash } from 'node:crypto';
import { bundleOf } from '../testing/bundle-of.js';
import { createTestApi, TEST_TOKEN, type TestApi } from '../testing/create-test-api.js';

const SERVER = `
import { createServer } from 'node:http';
console.log('hello from ' + process.env.FABRIC_INSTANCE_ID);
createServer((request, response) => {
  if (request.url === '/die') process.exit(3);
  response.end(JSON.stringify({ version: process.env.FABRIC_VERSION, config: JSON.parse(process.env.FABRIC_CONFIG), pid: process.pid, env: process.env }));
}).listen(Number(process.env.PORT), '127.0.0.1');
`;

async function until<T>(label: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${label}: not in time`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const NS = '/v1/namespaces/default';
const APP = `${NS}/apps/shop`;

describe('programs', () => {
  let api: TestApi;
  let bundle: Buffer;

  beforeAll(async () => {
    api = await createTestApi({ config: { processRuntime: true } });
    bundle = await bundleOf({ 'server.mjs': SERVER, 'flow.mjs': 'console.log("done")', 'bad.mjs': 'process.exit(4)' });
    for (const version of ['1.0.0', '2.0.0']) {
      await api.http
        .put(`${NS}/artifacts/shop/versions/${version}`)
        .send({
          programs: [
            { name: 'cart', type: 'service', command: ['node', 'server.mjs'] },
            { name: 'away', type: 'service' },
            { name: 'mailer', type: 'worker', command: ['node', 'server.mjs'] },
            { name: 'rebuild', type: 'flow', command: ['node', 'flow.mjs'] },
            { name: 'broken', type: 'flow', command: ['node', 'bad.mjs'] },
          ],
        })
        .expect(201);
      await api.http
        .put(`${NS}/artifacts/shop/versions/${version}/bundle`)
        .set('Content-Type', 'application/gzip')
        .send(bundle)
        .expect(201);
      await api.http
        .post(`${APP}/versions`)
        .send({ artifact: { name: 'shop', version }, config: { currency: 'EUR' } })
        .expect(201);
    }
  }, 60_000);

  afterAll(async () => {
    for (const version of [1, 2])
      await api.http.post(`${APP}/versions/${version}/stop`).set('Prefer', 'wait=20').send({ reallocate: undefined });
    await api.close();
  }, 60_000);

  const start = (path: string) => api.http.post(`${APP}/versions/${path}/start`).set('Prefer', 'wait=20');
  const stop = (path: string, body: object = {}) => api.http.post(`${APP}/versions/${path}/stop`).set('Prefer', 'wait=20').send(body);

  it('§3 the bundle comes back as it was sent', async () => {
    const answer = await fetch(`${api.url}${NS}/artifacts/shop/versions/1.0.0/bundle`, {
      headers: { authorization: `Bearer ${TEST_TOKEN}` },
    });
    expect(answer.headers.get('etag')).toBe(`"${createHash('sha256').update(bundle).digest('hex')}"`);
    expect(Buffer.compare(Buffer.from(await answer.arrayBuffer()), bundle)).toBe(0);
  });

  it('§3 a program’s process gets PORT, FABRIC_* and the config of its version; what it prints is in the logs of its run', async () => {
    const { body: run } = await start('1/services/cart').expect(202);
    expect(run).toMatchObject({
      status: 'RUNNING',
      version: 1,
      program: { name: 'cart', type: 'service' },
      artifact: { version: '1.0.0' },
    });
    const [instance] = run.instances;
    const seen = (await (await fetch(instance.url)).json()) as { version: string; config: unknown; env: Record<string, string> };
    expect(seen).toMatchObject({ version: '1', config: { currency: 'EUR' } });
    expect(seen.env).toMatchObject({
      FABRIC_NAMESPACE: 'default',
      FABRIC_APP: 'shop',
      FABRIC_PROGRAM: 'cart',
      FABRIC_RUN_ID: run.runId,
      FABRIC_ARTIFACT_VERSION: '1.0.0',
    });
    expect(Object.keys(seen.env).filter((name) => /DATABASE|TOKEN|REDIS/.test(name))).toEqual([]);
    const line = await until('the first line', async () => {
      const { body } = await api.http.get(`${APP}/versions/1/services/cart/runs/${run.runId}/logs?tail=10`).expect(200);
      return body.items.find(({ stream }: { stream: string }) => stream === 'stdout');
    });
    expect(line.line).toBe(`hello from ${instance.instanceId}`);
  }, 30_000);

  it('§3 409 already_running; 404 for what there is not', async () => {
    expect((await start('1/services/cart')).body).toMatchObject({ status: 409, code: 'already_running' });
    expect((await start('1/services/nothing')).body).toMatchObject({ status: 404, code: 'service_not_found' });
    expect((await start('9/services/cart')).body).toMatchObject({ status: 404, code: 'version_not_found' });
    expect((await start('1/things/cart')).body).toMatchObject({ status: 404, code: 'route_not_found' });
    expect((await stop('2/services/cart')).body).toMatchObject({ status: 409, code: 'not_running' });
  });

  it('§3 PUT of instances: more, and fewer again', async () => {
    const instances = `${APP}/versions/1/services/cart/instances`;
    const more = await api.http.put(instances).set('Prefer', 'wait=20').send({ count: 3 }).expect(200);
    expect(more.body.desiredInstances).toBe(3);
    const urls = await until('three', async () => {
      const { body } = await api.http.get(`${APP}/versions/1/services/cart/runs/${more.body.runId}`);
      const running = body.instances.filter(({ status }: { status: string }) => status === 'RUNNING');
      return running.length === 3 ? running.map(({ url }: { url: string }) => url) : undefined;
    });
    expect(new Set(urls).size).toBe(3);
    await api.http.put(instances).send({ count: 1 }).expect(200);
    await until('one', async () => {
      const { body } = await api.http.get(`${APP}/versions/1/services/cart/runs/${more.body.runId}`);
      return body.instances.length === 1 ? true : undefined;
    });
    await api.http.put(instances).send({ count: 0 }).expect(400);
    await api.http.put(instances).set('If-Match', '"0"').send({ count: 2 }).expect(412);
  }, 60_000);

  it('§3 Prefer: wait answers when all wanted instances have come up and the surplus is gone, whatever else is registered', async () => {
    // With more seconds to wait than this test has: one that waits for ever fails.
    const service = `${APP}/versions/1/services/cart`;
    const scale = (count: number) => api.http.put(`${service}/instances`).set('Prefer', 'wait=300').send({ count }).expect(200);
    await api.http.put(`${service}/instances/elsewhere`).send({ url: 'http://127.0.0.1:9', ttlSeconds: 300 }).expect(201);
    const statuses = ({ instances }: { instances: { status: string }[] }) => instances.map(({ status }) => status);
    expect(statuses((await scale(3)).body)).toEqual(['RUNNING', 'RUNNING', 'RUNNING', 'RUNNING']);
    expect(statuses((await scale(1)).body)).toEqual(['RUNNING', 'RUNNING']);
    await api.http.delete(`${service}/instances/elsewhere`).expect(204);
  }, 60_000);

  it('§3 an instance of our own cannot be registered over: 409 instance_id_taken, and its process stays ours', async () => {
    const service = `${APP}/versions/1/services/cart`;
    const { body: before } = await api.http.get(`${service}/runs?limit=1`);
    const [own] = before.items[0].instances;
    for (const url of [own.url, 'http://127.0.0.1:9']) {
      const { body } = await api.http.put(`${service}/instances/${own.instanceId}`).send({ url, ttlSeconds: 1 });
      expect(body).toMatchObject({ status: 409, code: 'instance_id_taken' });
    }
    await api.http.delete(`${service}/instances/${own.instanceId}`).expect(404);
    expect((await api.http.get(`${service}/runs?limit=1`)).body.items[0].instances).toEqual([own]);
  });

  it('§3 a crash restarts a program', async () => {
    const { body: before } = await api.http.get(`${APP}/versions/1/services/cart/runs?limit=1`);
    const [run] = before.items;
    await fetch(`${run.instances[0].url}/die`).catch(() => undefined);
    const after = await until('the restart', async () => {
      const { body } = await api.http.get(`${APP}/versions/1/services/cart/runs/${run.runId}`);
      const [instance] = body.instances;
      return instance?.restarts >= 1 && instance.status === 'RUNNING' ? body : undefined;
    });
    expect(after.status).toBe('RUNNING');
    expect((await fetch(after.instances[0].url)).status).toBe(200);
  }, 30_000);

  it('§3 a worker or flow runs in one version at a time: 409 running_in_other_version', async () => {
    expect((await start('1/workers/mailer').expect(202)).body.status).toBe('RUNNING');
    expect((await start('2/workers/mailer')).body).toMatchObject({ status: 409, code: 'running_in_other_version' });
    expect((await stop('1/workers/mailer').expect(202)).body.status).toBe('STOPPED');
    expect((await start('2/workers/mailer').expect(202)).body.status).toBe('RUNNING');
    await stop('2/workers/mailer').expect(202);
  }, 60_000);

  it('§3 a flow is COMPLETED, or FAILED with how it ended', async () => {
    const done = await start('1/flows/rebuild').expect(202);
    const ended = (runId: string, name: string) =>
      until('the end', async () => {
        const { body } = await api.http.get(`${APP}/versions/1/flows/${name}/runs/${runId}`).expect(200);
        return ['COMPLETED', 'FAILED'].includes(body.status) ? body : undefined;
      });
    expect(await ended(done.body.runId, 'rebuild')).toMatchObject({ status: 'COMPLETED', exit: { code: 0 } });
    const failed = await start('1/flows/broken').expect(202);
    expect(await ended(failed.body.runId, 'broken')).toMatchObject({
      status: 'FAILED',
      exit: { code: 4 },
      error: expect.stringContaining('4'),
    });
  }, 60_000);

  it('CONTRACT §3 rules 3 and 4: a stop says where the share goes, and ends the process', async () => {
    await start('2/services/cart').expect(202);
    const { body: runs } = await api.http.get(`${APP}/versions/1/services/cart/runs?limit=1`);
    const { url } = runs.items[0].instances[0];
    expect((await stop('1/services/cart')).body).toMatchObject({ status: 409, code: 'no_weight_to_take_over' });
    const dry = await api.http
      .post(`${APP}/versions/1/services/cart/stop?dryRun=true`)
      .send({ reallocate: { 2: 100 } })
      .expect(202);
    expect(dry.body.distributions).toEqual([{ scope: 'app', weights: { 2: 100 } }]);
    expect((await fetch(url)).status).toBe(200);
    const stopped = await stop('1/services/cart', { reallocate: { 2: 100 } }).expect(202);
    expect(stopped.body).toMatchObject({ status: 'STOPPED', instances: [] });
    await expect(fetch(url)).rejects.toThrow();
    const { body } = await api.http.get(`${APP}/distribution`).expect(200);
    expect(body).toMatchObject({ weights: { 2: 100 }, source: 'stop', effective: { cart: { 2: 100 } } });
  }, 60_000);

  it('§3 instances that run elsewhere: registered, kept, and not brought back by a late heartbeat', async () => {
    const path = `${APP}/versions/2/services/away/instances/node-1`;
    expect((await start('2/services/away').expect(202)).body.status).toBe('PENDING');
    await api.http.put(path).send({ url: 'http://127.0.0.1:9', ttlSeconds: 60 }).expect(201);
    const beat = await api.http.put(path).send({ url: 'http://127.0.0.1:9', ttlSeconds: 60 }).expect(200);
    expect(beat.body).toMatchObject({ instanceId: 'node-1', url: 'http://127.0.0.1:9', ttlSeconds: 60 });
    await api.http.put(path).send({ url: 'http://127.0.0.1:10' }).expect(200);
    for (const url of ['ftp://127.0.0.1', 'http://', 'nonsense', 'http://a:b@127.0.0.1:1'])
      await api.http.put(path).send({ url }).expect(400);
    expect((await stop('2/services/away').expect(202)).body.status).toBe('STOPPED');
    expect((await api.http.put(path).send({ url: 'http://127.0.0.1:9' })).body).toMatchObject({ status: 409, code: 'version_not_running' });
  }, 30_000);

  it('§3 ttlSeconds: an instance without a heartbeat leaves', async () => {
    const path = `${APP}/versions/1/services/away/instances/brief`;
    await api.http.put(path).send({ url: 'http://127.0.0.1:9', ttlSeconds: 1 }).expect(201); // no run before: this starts one
    const { body } = await api.http.get(`${APP}/versions/1/services/away/runs?limit=1`);
    await until('its end', async () => {
      const run = await api.http.get(`${APP}/versions/1/services/away/runs/${body.items[0].runId}`);
      return run.body.instances.length === 0 ? true : undefined;
    });
    await stop('1/services/away').expect(202);
  }, 30_000);

  it('§3 409 version_in_use while anything of it runs; numbers are never used again', async () => {
    expect((await api.http.delete(`${APP}/versions/2`)).body).toMatchObject({ status: 409, code: 'version_in_use' });
    const made = await api.http
      .post(`${APP}/versions`)
      .send({ artifact: { name: 'shop', version: '1.0.0' } })
      .expect(201);
    await api.http.delete(`${APP}/versions/${made.body.version}`).expect(204);
    const next = await api.http
      .post(`${APP}/versions`)
      .send({ artifact: { name: 'shop', version: '1.0.0' } })
      .expect(201);
    expect(next.body.version).toBe(made.body.version + 1);
    expect((await api.http.delete(`${NS}/artifacts/shop/versions/1.0.0`)).body).toMatchObject({ status: 409, code: 'artifact_in_use' });
    expect((await api.http.delete(APP)).body).toMatchObject({ status: 409, code: 'app_in_use' });
  });
});
