import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { RecordingPublisherBus } from '../testing/recording-publisher-bus.js';

const NS = '/v1/namespaces/default';

describe('hosts of a service', () => {
  const bus = new RecordingPublisherBus();
  let api: TestApi;
  let apps = 0;

  beforeAll(async () => {
    api = await createTestApi({ bus });
    await api.http.put('/v1/namespaces/other').send({}).expect(201);
    const programs = ['web', 'cart'].map((name) => ({ name, type: 'service' }));
    for (const ns of ['default', 'other'])
      await api.http
        .put(`/v1/namespaces/${ns}/artifacts/shop/versions/1.0.0`)
        .send({ programs: [...programs, { name: 'mailer', type: 'worker' }] })
        .expect(201);
  }, 60_000);
  afterAll(() => api.close());

  /** A new app with the services web and cart, and a host that nobody else has. */
  async function newApp(namespace = 'default'): Promise<{ name: string; path: string; host: string }> {
    const name = `app${apps++}`;
    const path = `/v1/namespaces/${namespace}/apps/${name}`;
    await api.http
      .post(`${path}/versions`)
      .send({ artifact: { name: 'shop', version: '1.0.0' } })
      .expect(201);
    return { name, path, host: `${name}.example.com` };
  }
  const put = (app: { path: string }, service: string, body: unknown) =>
    api.http.put(`${app.path}/services/${service}/hosts`).send(body as object);

  it('issue 3: are put, shown and taken away, and reach the proxies', async () => {
    const app = await newApp();
    expect((await api.http.get(`${app.path}/services/web/hosts`).expect(404)).body.code).toBe('hosts_not_found');
    const wanted = { hosts: [app.host, `*.${app.host}`], pathPrefix: '/cart' };
    const made = await put(app, 'cart', wanted).expect(201);
    expect(made.body).toEqual({ ...wanted, updatedAt: expect.any(String) });
    const shown = await api.http.get(`${app.path}/services/cart/hosts`).expect(200);
    expect([shown.body, shown.headers.etag]).toEqual([made.body, made.headers.etag]);
    await bus.routesOf(app.name, ({ services }) => {
      expect(services.find(({ name }) => name === 'cart')?.hosts).toEqual(wanted);
      expect(services.find(({ name }) => name === 'web')).not.toHaveProperty('hosts');
    });

    const changed = await put(app, 'cart', { hosts: [app.host] }).expect(200);
    expect(changed.body).toMatchObject({ hosts: [app.host], pathPrefix: '/' });
    expect(changed.headers.etag).not.toBe(made.headers.etag);
    await api.http.delete(`${app.path}/services/cart/hosts`).expect(204);
    expect((await api.http.delete(`${app.path}/services/cart/hosts`).expect(404)).body.code).toBe('hosts_not_found');
    await bus.routesOf(app.name, ({ services }) => expect(services.filter(({ hosts }) => hosts)).toEqual([]));
  });

  it('issue 3: conflicts are 409: the same host and prefix of another service, in any namespace', async () => {
    const [first, second, far] = [await newApp(), await newApp(), await newApp('other')];
    await put(first, 'web', { hosts: [first.host, `*.${first.host}`] }).expect(201);
    for (const [app, service] of [
      [first, 'cart'],
      [second, 'web'],
      [far, 'web'],
    ] as const) {
      const { body } = await put(app, service, { hosts: [`new.${app.host}`, first.host] }).expect(409);
      expect(body).toMatchObject({
        code: 'host_taken',
        detail: `${first.host}/ belongs to service web of ${first.name} in namespace default.`,
      });
      expect((await put(app, service, { hosts: [`*.${first.host}`], pathPrefix: '/' }).expect(409)).body.code).toBe('host_taken');
      await api.http.get(`${app.path}/services/${service}/hosts`).expect(404);
    }
    // Another prefix, or a name that a wildcard covers, is something else.
    await put(second, 'web', { hosts: [first.host, `*.${first.host}`], pathPrefix: '/cart' }).expect(201);
    await put(far, 'web', { hosts: [`shop.${first.host}`] }).expect(201);
    // Its own are no conflict.
    await put(first, 'web', { hosts: [first.host] }).expect(200);
    await put(second, 'cart', { hosts: [`*.${first.host}`] }).expect(201);
  });

  it('what is let go is free: by a change, a deletion, or the end of the app', async () => {
    const [first, second] = [await newApp(), await newApp()];
    const take = (status: number) => put(second, 'web', { hosts: [first.host] }).expect(status);
    await put(first, 'web', { hosts: [first.host] }).expect(201);
    await take(409);
    await put(first, 'web', { hosts: [`other.${first.host}`] }).expect(200);
    await take(201);
    await api.http.delete(`${second.path}/services/web/hosts`).expect(204);
    await put(first, 'web', { hosts: [first.host] }).expect(200);
    await take(409);
    await api.http.delete(`${first.path}/versions/1`).expect(204);
    await bus.routesOf(first.name, ({ services }) =>
      expect(services).toEqual([{ name: 'web', weights: null, versions: [], hosts: { hosts: [first.host], pathPrefix: '/' } }]),
    );
    await api.http.delete(first.path).expect(204);
    await take(201);
  });

  it('two apps that want the same host at once: one gets it', async () => {
    const all = [await newApp(), await newApp(), await newApp(), await newApp()];
    const answers = await Promise.all(all.map((app) => put(app, 'web', { hosts: ['wanted.example.com'] })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
  });

  it('honours If-Match and If-None-Match', async () => {
    const app = await newApp();
    const made = await put(app, 'web', { hosts: [app.host] })
      .set('If-None-Match', '*')
      .expect(201);
    await put(app, 'web', { hosts: [app.host] })
      .set('If-None-Match', '*')
      .expect(412);
    const tag = made.headers.etag as string;
    const write = (prefix: string) => put(app, 'web', { hosts: [app.host], pathPrefix: prefix }).set('If-Match', tag);
    const answers = await Promise.all([write('/a'), write('/b')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    await api.http.delete(`${app.path}/services/web/hosts`).set('If-Match', tag).expect(412);
    await api.http.delete(`${app.path}/services/web/hosts`).set('If-Match', '*').expect(204);
  });

  it('case does not matter: shown and compared in lower case', async () => {
    const [first, second] = [await newApp(), await newApp()];
    expect((await put(first, 'web', { hosts: [first.host.toUpperCase()] }).expect(201)).body.hosts).toEqual([first.host]);
    await put(second, 'web', { hosts: [first.host] }).expect(409);
  });

  const bad: [label: string, body: unknown, path: string][] = [
    ['no hosts', {}, 'hosts'],
    ['an empty list', { hosts: [] }, 'hosts'],
    ['a text', { hosts: 'a.com' }, 'hosts'],
    ['65 hosts', { hosts: Array.from({ length: 65 }, (_, index) => `h${index}.com`) }, 'hosts'],
    ['the same twice', { hosts: ['a.com', 'A.com'] }, 'hosts'],
    ['a number', { hosts: [1] }, 'hosts'],
    ['a port', { hosts: ['a.com:80'] }, 'hosts'],
    ['an address with a scheme', { hosts: ['http://a.com'] }, 'hosts'],
    ['a star alone', { hosts: ['*'] }, 'hosts'],
    ['a star in the middle', { hosts: ['a.*.com'] }, 'hosts'],
    ['not ASCII', { hosts: ['münchen.de'] }, 'hosts'],
    ['254 characters', { hosts: [`${'a.'.repeat(126)}aa`] }, 'hosts'],
    ['a prefix without slash', { hosts: ['a.com'], pathPrefix: 'cart' }, 'pathPrefix'],
    ['a prefix with a slash at the end', { hosts: ['a.com'], pathPrefix: '/cart/' }, 'pathPrefix'],
    ['a prefix with dots', { hosts: ['a.com'], pathPrefix: '/a/../b' }, 'pathPrefix'],
    ['an encoded prefix', { hosts: ['a.com'], pathPrefix: '/%63art' }, 'pathPrefix'],
    ['a prefix that is a number', { hosts: ['a.com'], pathPrefix: 5 }, 'pathPrefix'],
    ['an unknown field', { hosts: ['a.com'], tls: true }, 'tls'],
  ];
  it.each(bad)('bad input, %s: 400 that says where, and nothing is changed', async (_label, body, path) => {
    const app = await newApp();
    const answer = await put(app, 'web', body).expect(400);
    expect(answer.body).toMatchObject({ code: 'validation_failed' });
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toEqual([path]);
    await api.http.get(`${app.path}/services/web/hosts`).expect(404);
  });

  it('of what does not exist: 404', async () => {
    const app = await newApp();
    const missing: [string, string][] = [
      [`${NS}/apps/nobody/services/web/hosts`, 'app_not_found'],
      [`${app.path}/services/nobody/hosts`, 'service_not_found'],
      [`${app.path}/services/mailer/hosts`, 'service_not_found'],
    ];
    for (const [path, code] of missing) {
      expect((await api.http.get(path).expect(404)).body.code).toBe(code);
      expect(
        (
          await api.http
            .put(path)
            .send({ hosts: ['a.com'] })
            .expect(404)
        ).body.code,
      ).toBe(code);
      expect((await api.http.delete(path).expect(404)).body.code).toBe(code);
    }
    await api.http.get(`${app.path}/services/a%2Fb/hosts`).expect(400);
  });
});
