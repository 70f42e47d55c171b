import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { RecordingPublisherBus } from '../testing/recording-publisher-bus.js';

const NS = '/v1/namespaces/default';

describe('routing of an app', () => {
  const bus = new RecordingPublisherBus();
  let api: TestApi;
  let apps = 0;

  beforeAll(async () => {
    api = await createTestApi({ bus });
    const programs = [{ name: 'cart', type: 'service' }];
    await api.http.put(`${NS}/artifacts/shop/versions/1.0.0`).send({ programs }).expect(201);
  }, 60_000);
  afterAll(() => api.close());

  /** A new app with versions 1 and 2, of which none runs. */
  async function newApp(): Promise<string> {
    const name = `app${apps++}`;
    for (const _ of [1, 2])
      await api.http
        .post(`${NS}/apps/${name}/versions`)
        .send({ artifact: { name: 'shop', version: '1.0.0' } })
        .expect(201);
    return name;
  }
  const put = (app: string, routing: unknown) => api.http.put(`${NS}/apps/${app}`).send({ routing });

  const FULL = {
    fallback: 'none',
    onUnavailable: 'fail',
    affinity: { by: 'cookie', name: 'session', ttlSeconds: 3600 },
    pinByAccept: true,
    audiences: [
      {
        name: 'staff',
        when: [
          { by: 'header', name: 'X-Group', equals: 'staff' },
          { by: 'address', cidr: ['10.0.0.0/8', '2001:db8::/32'] },
        ],
        then: { version: 2 },
      },
      {
        name: 'testers',
        when: [
          { by: 'cookie', name: 'beta', present: true },
          { by: 'query', name: 'preview mode', oneOf: ['a', 'b'] },
          { by: 'header', name: 'User-Agent', prefix: 'Shop/' },
        ],
        then: { weights: { 1: 33.33, 2: 66.67 } },
      },
    ],
    mirror: { version: 2, percent: 12.34, maxBodyBytes: 1024, services: { pay: { version: 1, percent: 0 } } },
    limits: {
      services: { cart: { requestsPerSecond: 0.5, burst: 3, concurrent: 20 } },
      versions: { 2: { concurrent: 50 } },
    },
  };

  it('issue 3: is given back as it was put, and reaches the proxies in basis points', async () => {
    const app = await newApp();
    const { body, headers } = await put(app, FULL).expect(200);
    expect(body.routing).toEqual(FULL);
    const again = await api.http.get(`${NS}/apps/${app}`).expect(200);
    expect(again.body).toEqual(body);
    expect(again.headers.etag).toBe(headers.etag);
    await bus.routesOf(app, (routes) => {
      expect(routes).toMatchObject({
        affinity: FULL.affinity,
        pinByAccept: true,
        audiences: [FULL.audiences[0], { ...FULL.audiences[1], then: { weights: { 1: 3_333, 2: 6_667 } } }],
        mirror: { version: 2, shareBp: 1_234, maxBodyBytes: 1_024, services: { pay: { version: 1, shareBp: 0 } } },
        limits: FULL.limits,
      });
    });
  });

  it('is replaced as a whole: what a PUT leaves out, or gives as null, is off again', async () => {
    const app = await newApp();
    await put(app, FULL).expect(200);
    const off = { fallback: 'random', onUnavailable: 'redistribute' };
    expect(
      (await put(app, { audiences: [], mirror: null, limits: null, affinity: null, pinByAccept: false }).expect(200)).body.routing,
    ).toEqual(off);
    await bus.routesOf(app, (routes) => {
      for (const name of ['affinity', 'pinByAccept', 'audiences', 'mirror', 'limits']) expect(routes).not.toHaveProperty(name);
    });
    expect((await put(app, undefined).expect(200)).body.routing).toEqual(off);
  });

  it('optional fields that are null are as good as absent', async () => {
    const when = [{ by: 'header', name: 'x', equals: 'y', prefix: null, cidr: null }];
    const { body } = await put(await newApp(), {
      affinity: { by: 'header', name: 'x', ttlSeconds: null },
      audiences: [{ name: 'a', when, then: { version: 1, weights: null } }],
      mirror: { version: 1, percent: 1, maxBodyBytes: null, services: null },
      limits: { services: { cart: { concurrent: 1, burst: null } }, versions: null },
    }).expect(200);
    expect(body.routing).toMatchObject({
      affinity: { by: 'header', name: 'x' },
      audiences: [{ name: 'a', when: [{ by: 'header', name: 'x', equals: 'y' }], then: { version: 1 } }],
      mirror: { version: 1, percent: 1 },
      limits: { services: { cart: { concurrent: 1 } } },
    });
    expect(JSON.stringify(body.routing)).not.toContain('null');
  });

  it('honours If-Match: of two writers one gets 412', async () => {
    const app = await newApp();
    const { etag } = (await api.http.get(`${NS}/apps/${app}`)).headers;
    const write = (version: number) =>
      api.http
        .put(`${NS}/apps/${app}`)
        .set('If-Match', etag as string)
        .send({ routing: { mirror: { version, percent: 1 } } });
    const answers = await Promise.all([write(1), write(2)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
  });

  const condition = { by: 'header', name: 'x', equals: 'y' };
  const rule = (change: object) => ({ audiences: [{ name: 'a', when: [condition], then: { version: 1 }, ...change }] });
  const when = (change: object) => rule({ when: [change] });
  const many = (count: number, value: (index: number) => unknown) => Array.from({ length: count }, (_, index) => value(index));
  const bad: [label: string, routing: unknown, path: string, message: RegExp][] = [
    ['an unknown field', { sticky: true }, 'routing.sticky', /should not exist/],
    ['pinByAccept as text', { pinByAccept: 'true' }, 'routing.pinByAccept', /boolean/],
    ['a lifetime without a cookie', { affinity: { by: 'address', ttlSeconds: 5 } }, 'routing.affinity.ttlSeconds', /for a cookie/],
    ['a lifetime of 0', { affinity: { by: 'cookie', name: 'a', ttlSeconds: 0 } }, 'routing.affinity.ttlSeconds', /less than 1/],
    ['audiences as an object', { audiences: {} }, 'routing.audiences', /array/],
    [
      '65 audiences',
      { audiences: many(65, (index) => ({ name: `a${index}`, when: [condition], then: { version: 1 } })) },
      'routing.audiences',
      /64/,
    ],
    ['an audience that is null', { audiences: [null] }, 'routing.audiences.0', /object/],
    ['an audience without name', rule({ name: undefined }), 'routing.audiences.0.name', /valid name|string/],
    [
      'two audiences of one name',
      { audiences: [...rule({}).audiences, ...rule({}).audiences] },
      'routing.audiences.1.name',
      /another rule/,
    ],
    ['no condition', rule({ when: [] }), 'routing.audiences.0.when', /at least 1/],
    ['17 conditions', rule({ when: many(17, () => condition) }), 'routing.audiences.0.when', /16/],
    ['a condition by something else', when({ by: 'moon', name: 'x', equals: 'y' }), 'routing.audiences.0.when.0.by', /one of/],
    ['an unknown test', when({ by: 'header', name: 'x', matches: '.*' }), 'routing.audiences.0.when.0.matches', /should not exist/],
    ['no test', when({ by: 'header', name: 'x' }), 'routing.audiences.0.when.0', /exactly one of/],
    ['two tests', when({ ...condition, prefix: 'y' }), 'routing.audiences.0.when.0', /exactly one of/],
    ['a header without name', when({ by: 'header', equals: 'y' }), 'routing.audiences.0.when.0.name', /name of a header/],
    ['a header that is none', when({ by: 'header', name: 'x y', equals: 'y' }), 'routing.audiences.0.when.0.name', /name of a header/],
    ['a query parameter without name', when({ by: 'query', equals: 'y' }), 'routing.audiences.0.when.0.name', /query parameter/],
    ['a long value', when({ ...condition, equals: 'y'.repeat(257) }), 'routing.audiences.0.when.0.equals', /256/],
    ['no values', when({ by: 'header', name: 'x', oneOf: [] }), 'routing.audiences.0.when.0.oneOf', /at least 1/],
    ['257 values', when({ by: 'header', name: 'x', oneOf: many(257, String) }), 'routing.audiences.0.when.0.oneOf', /256/],
    ['a value that is no text', when({ by: 'header', name: 'x', oneOf: [1] }), 'routing.audiences.0.when.0.oneOf', /string/],
    ['present as text', when({ by: 'header', name: 'x', present: 'yes' }), 'routing.audiences.0.when.0.present', /boolean/],
    ['networks of a header', when({ ...condition, cidr: ['10.0.0.0/8'] }), 'routing.audiences.0.when.0.cidr', /by address/],
    ['an address without networks', when({ by: 'address' }), 'routing.audiences.0.when.0.cidr', /list of networks/],
    ['an address that equals', when({ by: 'address', cidr: ['::1'], equals: '::1' }), 'routing.audiences.0.when.0', /nothing but cidr/],
    [
      'a network that is none',
      when({ by: 'address', cidr: ['::1', '10.0.0'] }),
      'routing.audiences.0.when.0.cidr.1',
      /10.0.0 is not a network/,
    ],
    ['a network with host bits', when({ by: 'address', cidr: ['10.0.0.1/8'] }), 'routing.audiences.0.when.0.cidr.0', /beyond its prefix/],
    ['nowhere to go', rule({ then: {} }), 'routing.audiences.0.then', /either a version or weights/],
    ['two places to go', rule({ then: { version: 1, weights: { 1: 100 } } }), 'routing.audiences.0.then', /either a version or weights/],
    ['a version as text', rule({ then: { version: '1' } }), 'routing.audiences.0.then.version', /integer/],
    ['weights of 99.99', rule({ then: { weights: { 1: 99.99 } } }), 'routing.audiences.0.then.weights', /99.99/],
    ['three decimals', rule({ then: { weights: { 1: 99.995, 2: 0.005 } } }), 'routing.audiences.0.then.weights.1', /two decimals/],
    ['a mirror without share', { mirror: { version: 1 } }, 'routing.mirror.percent', /number/],
    ['a share of 101', { mirror: { version: 1, percent: 101 } }, 'routing.mirror.percent', /100/],
    ['a share with three decimals', { mirror: { version: 1, percent: 0.001 } }, 'routing.mirror.percent', /two decimals/],
    ['a share of 1e-9', { mirror: { version: 1, percent: 1e-9 } }, 'routing.mirror.percent', /two decimals/],
    ['a body of 1 GB', { mirror: { version: 1, percent: 1, maxBodyBytes: 1e9 } }, 'routing.mirror.maxBodyBytes', /10485760/],
    [
      'a service that is no name',
      { mirror: { version: 1, percent: 1, services: { 'a/b': { version: 1, percent: 1 } } } },
      'routing.mirror.services.a/b',
      /keyed by/,
    ],
    [
      'a service without version',
      { mirror: { version: 1, percent: 1, services: { pay: { percent: 1 } } } },
      'routing.mirror.services.pay.version',
      /integer/,
    ],
    ['a service that is a list', { mirror: { version: 1, percent: 1, services: { pay: [] } } }, 'routing.mirror.services.pay', /object/],
    [
      'an unknown limit',
      { limits: { services: { cart: { perMinute: 1 } } } },
      'routing.limits.services.cart.perMinute',
      /should not exist/,
    ],
    ['a limit of nothing', { limits: { services: { cart: {} } } }, 'routing.limits.services.cart', /limit something/],
    ['a limit that is null', { limits: { services: { cart: null } } }, 'routing.limits.services.cart', /object/],
    ['a limit that is a number', { limits: { services: { cart: 5 } } }, 'routing.limits.services.cart', /object/],
    ['a rate of 0', { limits: { services: { cart: { requestsPerSecond: 0 } } } }, 'routing.limits.services.cart.requestsPerSecond', /0.01/],
    [
      'a burst without rate',
      { limits: { services: { cart: { burst: 5, concurrent: 1 } } } },
      'routing.limits.services.cart.burst',
      /goes with/,
    ],
    ['half a request', { limits: { versions: { 1: { concurrent: 1.5 } } } }, 'routing.limits.versions.1.concurrent', /integer/],
    ['a version 01', { limits: { versions: { '01': { concurrent: 1 } } } }, 'routing.limits.versions.01', /keyed by/],
    [
      '257 limits',
      { limits: { services: Object.fromEntries(many(257, (index) => [`s${index}`, { concurrent: 1 }]) as [string, object][]) } },
      'routing.limits.services',
      /at most 256/,
    ],
  ];
  describe('bad input: 400 that says where, and nothing is changed', () => {
    let app: string;
    beforeAll(async () => {
      app = await newApp();
    });
    it.each(bad)('%s', async (_label, routing, path, message) => {
      const before = await api.http.get(`${NS}/apps/${app}`).expect(200);
      const { body } = await put(app, routing).expect(400);
      expect(body).toMatchObject({ code: 'validation_failed', status: 400 });
      expect(body.errors).toContainEqual({ path, message: expect.stringMatching(message) });
      expect(body.errors.length).toBeLessThanOrEqual(50);
      expect((await api.http.get(`${NS}/apps/${app}`)).body).toEqual(before.body);
    });
  });

  it('names every bad place at once', async () => {
    const { body } = await put(await newApp(), { ...when({ by: 'header', name: 'x' }), mirror: { version: 1, percent: 0.001 } }).expect(
      400,
    );
    expect(body.errors.map(({ path }: { path: string }) => path)).toEqual(['routing.audiences.0.when.0', 'routing.mirror.percent']);
  });

  const naming: [string, (version: number) => object][] = [
    ['an audience', (version) => rule({ then: { version } })],
    ["an audience's weights", (version) => rule({ then: { weights: { 1: 50, [version]: 50 } } })],
    ['a mirror', (version) => ({ mirror: { version, percent: 1 } })],
    ["a service's mirror", (version) => ({ mirror: { version: 1, percent: 1, services: { pay: { version, percent: 1 } } } })],
    ['a limit', (version) => ({ limits: { versions: { [version]: { concurrent: 1 } } } })],
  ];
  it.each(naming)('%s: an unknown version is 422, and one that is named cannot be deleted', async (_label, routing) => {
    const app = await newApp();
    expect((await put(app, routing(3)).expect(422)).body.code).toBe('unknown_version');
    await put(app, routing(2)).expect(200);
    expect((await api.http.delete(`${NS}/apps/${app}/versions/2`).expect(409)).body.code).toBe('version_in_use');
    await put(app, {}).expect(200);
    await api.http.delete(`${NS}/apps/${app}/versions/2`).expect(204);
  });

  it('a new app has no versions that its routing could name', async () => {
    const { body } = await put('brand-new', { mirror: { version: 1, percent: 1 } }).expect(422);
    expect(body).toMatchObject({ code: 'unknown_version', detail: 'routing.mirror names version 1, which brand-new does not have.' });
    await api.http.get(`${NS}/apps/brand-new`).expect(404);
  });
});
