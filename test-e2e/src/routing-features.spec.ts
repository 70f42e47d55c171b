import { request as httpRequest } from 'node:http';
import { eventually, type FabricAnswer, type Shop, sendHttp, withinBinomialBound } from '@app-fabric/scenario';
import { describeWithServers } from './harness/describe-with-servers.js';
import { Fabric } from './harness/fabric.js';
import { OwnInstance } from './harness/own-instance.js';

const DEADLINE_MS = 15_000;
/** All of 127.0.0.0/8 is this machine on Linux, so a client can come from several addresses. */
const itWithAddresses = process.platform === 'linux' ? it : it.skip;

describeWithServers('issue 3: routing beyond weights, through real programs', () => {
  let fabric: Fabric;
  /** Versions 1 (artifact 1.0.0, 100 %) and 2 (artifact 2.0.0), their carts running. */
  let shop: Shop;
  const own: OwnInstance[] = [];

  beforeAll(async () => {
    fabric = await Fabric.start({ proxies: 2 });
    shop = fabric.shop('features');
    for (const artifact of ['1.0.0', '2.0.0'] as const) {
      await shop.uploadArtifact(artifact);
      await shop.start(await shop.createVersion(artifact), 'services', 'cart');
    }
  }, 90_000);

  afterEach(async () => {
    await putRouting({});
    await shop.shift({ 1: 100, 2: 0 }, 'as before');
  });

  afterAll(async () => {
    await fabric?.stop();
    for (const instance of own) await instance.stop();
  }, 60_000);

  const putRouting = (routing: object, app = shop.appPath) => fabric.client.call('PUT', app, { json: { routing }, wait: 10 });

  /** GET the cart through proxy `index`. */
  const ask = (headers: Record<string, string> = {}, { path = '/total', index = 0, version = '' } = {}) =>
    sendHttp('GET', fabric.cartUrl(shop.app, path, index, version), { headers });

  const askFrom = (localAddress: string, index = 0) =>
    new Promise<[status: number, version: unknown, reason: unknown]>((resolve, reject) => {
      const request = httpRequest(fabric.cartUrl(shop.app, '/total', index), { localAddress, agent: false }, (answer) => {
        answer.resume();
        answer.once('end', () => resolve([answer.statusCode ?? 0, answer.headers['x-app-version'], answer.headers['x-route-reason']]));
        answer.once('error', reject);
      });
      request.once('error', reject);
      request.end();
    });

  /** What decided, and for which version. */
  const decision = ({ status, headers, body }: FabricAnswer) =>
    status < 400 ? [headers['x-app-version'], headers['x-route-reason']] : [status, body.code];

  const decisions = async (count: number, headers: Record<string, string>, path?: string) => {
    const made: unknown[] = [];
    for (let index = 0; index < count; index++) made.push(decision(await ask(headers, { index: index % 2, ...(path ? { path } : {}) })));
    return made;
  };

  /** A new app whose versions 1, 2, … each have one instance inside this test; version 1 has 100 %. */
  async function ownApp(name: string, versions: number): Promise<{ app: string; path: string; instances: OwnInstance[]; url: string }> {
    const app = fabric.appName(name);
    const path = `/namespaces/default/apps/${app}`;
    const instances: OwnInstance[] = [];
    for (let version = 1; version <= versions; version++) {
      await fabric.client.call('POST', `${path}/versions`, { json: { artifact: { name: 'shop', version: '1.0.0' } } });
      const instance = await OwnInstance.start();
      own.push(instance);
      instances.push(instance);
      const json = { url: instance.url, ttlSeconds: 600 };
      await fabric.client.call('PUT', `${path}/versions/${version}/services/cart/instances/own`, { json, wait: 10 });
    }
    return { app, path, instances, url: fabric.cartUrl(app, '') };
  }

  describe('pins by content type', () => {
    const accept = { accept: 'text/html, application/json;q=0.9; app-version=2' };

    it('Accept: …; app-version=2 pins where the app allows it, and never falls back', async () => {
      await fabric.client.call('PUT', `${shop.appPath}/aliases/next`, { json: { version: 2 }, wait: 10 });
      await putRouting({ pinByAccept: true });
      for (const index of [0, 1]) expect(decision(await ask(accept, { index }))).toEqual(['2', 'pinned']);
      expect(decision(await ask({ accept: 'application/json; app-version="next"' }))).toEqual(['2', 'pinned']);
      expect(decision(await ask({ accept: 'a/b; app-version=latest' }))).toEqual(['1', 'weighted']);
      expect(decision(await ask({ accept: 'a/b; app-version=99' }))).toEqual([404, 'version_not_found']);
    });

    it('path and headers come before it', async () => {
      await putRouting({ pinByAccept: true });
      expect(decision(await ask({ ...accept, 'x-app-version': '1' }))).toEqual(['1', 'pinned']);
      expect(decision(await ask({ ...accept, 'x-artifact-version': '1.0.0' }))).toEqual(['1', 'pinned']);
      expect(decision(await ask(accept, { version: '1' }))).toEqual(['1', 'pinned']);
    });

    it('two versions, or one that is none, are 400 bad_version_header', async () => {
      await putRouting({ pinByAccept: true });
      for (const value of ['a/b; app-version=1, c/d; app-version=2', 'a/b; app-version=', 'a/b; app-version=0', 'a/b; app-version="x/y"']) {
        expect(decision(await ask({ accept: value }))).toEqual([400, 'bad_version_header']);
      }
    });

    it('an app that does not allow it takes no notice', async () => {
      for (const value of [accept.accept, 'a/b; app-version=0']) expect(decision(await ask({ accept: value }))).toEqual(['1', 'weighted']);
    });
  });

  describe('affinity', () => {
    beforeEach(() => shop.shift({ 1: 50, 2: 50 }, 'something to be true to'));

    /** Each of many consumers stays on one version on both proxies, and together they divide as the weights say. */
    async function expectLoyal(consumers: number, askAs: (consumer: number, index: number) => Promise<unknown>): Promise<void> {
      const counts: Record<string, number> = {};
      for (let consumer = 0; consumer < consumers; consumer++) {
        const first = String(await askAs(consumer, 0));
        for (const index of [1, 0, 1]) expect(String(await askAs(consumer, index))).toBe(first);
        counts[first] = (counts[first] ?? 0) + 1;
      }
      expect(Object.keys(counts).sort()).toEqual(['1', '2']);
      expect(withinBinomialBound(counts[1]!, consumers, 0.5)).toBe(true);
    }

    const versionOf = (answer: FabricAnswer) => {
      expect([answer.status, answer.headers['x-route-reason']]).toEqual([200, 'affinity']);
      return answer.headers['x-app-version'];
    };

    it('by header: the same consumer, the same version, on every proxy', async () => {
      await putRouting({ affinity: { by: 'header', name: 'X-Consumer' } });
      await expectLoyal(60, async (consumer, index) => versionOf(await ask({ 'x-consumer': `c${consumer}` }, { index })));
      expect(decision(await ask())[1]).toBe('weighted');
    });

    it('by cookie: the proxy sets it when a consumer brings none, and only then', async () => {
      await putRouting({ affinity: { by: 'cookie', name: 'shop-id', ttlSeconds: 600 } });
      const jar = new Map<number, string>();
      await expectLoyal(60, async (consumer, index) => {
        const known = jar.get(consumer);
        const answer = await ask(known ? { cookie: `a=1; ${known}; b=2` } : {}, { index });
        if (known) expect(answer.headers['set-cookie']).toBeUndefined();
        else {
          const [cookie = ''] = answer.headers['set-cookie'] as string[];
          expect(cookie).toMatch(/^shop-id=[0-9a-f]{32}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/);
          jar.set(consumer, cookie.split(';')[0]!);
        }
        return versionOf(answer);
      });
    });

    itWithAddresses("by the client's address", async () => {
      await putRouting({ affinity: { by: 'address' } });
      await expectLoyal(60, async (consumer, index) => {
        const [status, version, reason] = await askFrom(`127.0.7.${consumer + 1}`, index);
        expect([status, reason]).toEqual([200, 'affinity']);
        return version;
      });
    });

    it('a pin comes before it, and leaves no cookie', async () => {
      await putRouting({ affinity: { by: 'cookie', name: 'shop-id' } });
      const answer = await ask({ 'x-app-version': '2' });
      expect([...decision(answer), answer.headers['set-cookie']]).toEqual(['2', 'pinned', undefined]);
    });
  });

  describe('audiences', () => {
    const rule = (name: string, condition: object, version = 2) => ({ name, when: [condition], then: { version } });

    it('by header, cookie and query; whoever is in none follows the distribution', async () => {
      await putRouting({
        audiences: [
          rule('staff', { by: 'header', name: 'X-Group', oneOf: ['staff', 'partner'] }),
          rule('beta', { by: 'cookie', name: 'beta', equals: 'yes' }),
          rule('trial', { by: 'query', name: 'trial', present: true }),
        ],
      });
      expect(await decisions(2, { 'x-group': 'partner' })).toEqual([
        ['2', 'audience'],
        ['2', 'audience'],
      ]);
      expect(await decisions(2, { cookie: 'a=b; beta=yes' })).toEqual([
        ['2', 'audience'],
        ['2', 'audience'],
      ]);
      expect(await decisions(2, {}, '/total?prices=1&trial')).toEqual([
        ['2', 'audience'],
        ['2', 'audience'],
      ]);
      for (const headers of [{}, { 'x-group': 'Staff' }, { cookie: 'beta=no' }] as Record<string, string>[]) {
        expect(await decisions(2, headers)).toEqual([
          ['1', 'weighted'],
          ['1', 'weighted'],
        ]);
      }
    });

    itWithAddresses('by network', async () => {
      await putRouting({ audiences: [rule('office', { by: 'address', cidr: ['10.0.0.0/8', '127.0.8.0/24'] })] });
      for (const index of [0, 1]) {
        expect(await askFrom('127.0.8.9', index)).toEqual([200, '2', 'audience']);
        expect(await askFrom('127.0.9.9', index)).toEqual([200, '1', 'weighted']);
      }
      // A consumer says in a header whatever it likes.
      expect(decision(await ask({ 'x-forwarded-for': '127.0.8.9' }))).toEqual(['1', 'weighted']);
    });

    it('the first rule of which all conditions hold decides', async () => {
      const group = (equals: string) => ({ by: 'header', name: 'X-Group', equals });
      await shop.shift({ 1: 0, 2: 100 }, 'all to 2');
      await putRouting({
        audiences: [
          { name: 'both', when: [group('staff'), { by: 'query', name: 'old', present: true }], then: { version: 1 } },
          rule('staff', group('staff'), 2),
          rule('again', group('staff'), 1),
        ],
      });
      expect(decision(await ask({ 'x-group': 'staff' }, { path: '/total?old' }))).toEqual(['1', 'audience']);
      expect(decision(await ask({ 'x-group': 'staff' }))).toEqual(['2', 'audience']);
      expect(decision(await ask({}, { path: '/total?old' }))).toEqual(['2', 'weighted']);
    });

    it('a rule may have a distribution of its own', async () => {
      const when = [{ by: 'header', name: 'X-Group', equals: 'staff' }];
      await putRouting({ audiences: [{ name: 'staff', when, then: { weights: { 1: 20, 2: 80 } } }] });
      const made = (await decisions(300, { 'x-group': 'staff' })) as string[][];
      expect(made.every(([, reason]) => reason === 'audience')).toBe(true);
      expect(withinBinomialBound(made.filter(([version]) => version === '2').length, 300, 0.8)).toBe(true);
    });

    it('a pin comes before every rule', async () => {
      await putRouting({ audiences: [rule('all', { by: 'header', name: 'X-Group', present: false })] });
      expect(decision(await ask())).toEqual(['2', 'audience']);
      expect(decision(await ask({ 'x-app-version': '1' }))).toEqual(['1', 'pinned']);
    });

    it('a version that does not run: the next rule, or 503 where the app says fail', async () => {
      const version = await shop.createVersion('1.0.0');
      const audiences = [rule('stopped', { by: 'header', name: 'X-Group', equals: 'staff' }, version)];
      await putRouting({ audiences });
      expect(decision(await ask({ 'x-group': 'staff' }))).toEqual(['1', 'weighted']);
      await putRouting({ audiences, onUnavailable: 'fail' });
      expect(decision(await ask({ 'x-group': 'staff' }))).toEqual([503, 'version_unavailable']);
      expect(decision(await ask())).toEqual(['1', 'weighted']);
    });
  });

  describe('mirroring', () => {
    it('copies go to the version, marked, with method, path and body; the answer is of the original', async () => {
      const { path, url, instances } = await ownApp('mirror', 2);
      const [first, second] = instances as [OwnInstance, OwnInstance];
      second.handle = (_request, response) => response.writeHead(500).end('broken');
      await putRouting({ mirror: { version: 2, percent: 100, maxBodyBytes: 10 } }, path);
      const sent = { raw: '0123456789', contentType: 'text/plain', headers: { 'x-request-id': 'copy-me' } };
      const answer = await sendHttp('POST', `${url}/items?a=%2F`, sent);
      expect([answer.status, answer.body, answer.headers['x-app-version']]).toEqual([200, 'own', '1']);
      await eventually('the copy arrives', DEADLINE_MS, async () => second.seen[0]);
      expect(second.seen).toMatchObject([
        {
          method: 'POST',
          url: '/items?a=%2F',
          body: '0123456789',
          headers: { 'x-mirrored': 'true', 'x-app-version': '2', 'x-request-id': 'copy-me', 'content-type': 'text/plain' },
        },
      ]);
      expect(first.seen).toHaveLength(1);
      expect(first.seen[0]!.headers).not.toHaveProperty('x-mirrored');
      // A larger body is not copied; what comes after it is.
      expect((await sendHttp('POST', `${url}/large`, { raw: '0123456789a', contentType: 'text/plain' })).status).toBe(200);
      expect((await sendHttp('GET', `${url}/after`)).status).toBe(200);
      await eventually('the next copy arrives', DEADLINE_MS, async () => second.seen[1]);
      expect(second.seen.map((request) => request.url)).toEqual(['/items?a=%2F', '/after']);
    });

    it('copies so many percent, and nothing to the version that has answered itself', async () => {
      const { path, url, instances } = await ownApp('sampled', 2);
      const [first, second] = instances as [OwnInstance, OwnInstance];
      await putRouting({ mirror: { version: 2, percent: 25 } }, path);
      for (let index = 0; index < 400; index++) expect((await sendHttp('GET', `${url}/n`)).status).toBe(200);
      expect((await sendHttp('GET', `${url}/last`, { headers: { 'x-app-version': '2' } })).status).toBe(200);
      expect(first.seen).toHaveLength(400);
      const outcomes = await eventually('the copies are over', DEADLINE_MS, async () => {
        const { body } = await sendHttp('GET', `${fabric.adminUrls[0]}/metrics`);
        const copies = second.seen.filter(({ headers }) => headers['x-mirrored']).length;
        const answered = Number(/fabric_proxy_mirrored_requests_total\{outcome="answered"\} (\d+)/.exec(body)?.[1] ?? 0);
        return answered >= copies && copies > 0 ? copies : undefined;
      });
      expect(withinBinomialBound(outcomes, 400, 0.25)).toBe(true);
      expect(second.seen.filter(({ url: path }) => path === '/last')).toHaveLength(1);
    });

    it('a target that hangs neither delays nor fails the original, however many copies wait', async () => {
      const { path, url, instances } = await ownApp('hanging', 2);
      const second = instances[1]!;
      // Not one copy is ever answered: an original that waited for its copy would not be answered either.
      second.handle = () => undefined;
      await putRouting({ mirror: { version: 2, percent: 100 } }, path);
      for (let round = 0; round < 6; round++) {
        const answers = await Promise.all(
          Array.from({ length: 50 }, (_, index) => sendHttp('POST', `${url}/${index}`, { json: { round } })),
        );
        expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
      }
      expect(second.seen.length).toBeGreaterThan(0);
      // Copies are bounded: those beyond are dropped.
      const { body } = await sendHttp('GET', `${fabric.adminUrls[0]}/metrics`);
      expect(body).toMatch(/fabric_proxy_mirrored_requests_total\{outcome="dropped"\} [1-9]/);
      // And those of one target take nothing away from another.
      const other = await ownApp('beside', 2);
      await putRouting({ mirror: { version: 2, percent: 100 } }, other.path);
      expect((await sendHttp('GET', `${other.url}/x`)).status).toBe(200);
      await eventually('the copy of another app arrives', DEADLINE_MS, async () => other.instances[1]!.seen[0]);
    });

    it('a target that breaks off, or is not there any more, does not fail the original', async () => {
      const { path, url, instances } = await ownApp('breaking', 2);
      const second = instances[1]!;
      second.handle = (request) => request.socket.resetAndDestroy();
      await putRouting({ mirror: { version: 2, percent: 100 } }, path);
      const askSome = async () => {
        for (let index = 0; index < 20; index++) {
          const answer = await sendHttp('POST', `${url}/${index}`, { json: { index } });
          expect([answer.status, answer.body]).toEqual([200, 'own']);
        }
      };
      await askSome();
      await eventually('copies broke off', DEADLINE_MS, async () => (second.seen.length > 0 ? true : undefined));
      await second.stop();
      await askSome();
    });
  });

  describe('host routes', () => {
    const hostsPath = (app: string) => `${app}/services/cart/hosts`;
    const askHost = (host: string, path: string, headers: Record<string, string> = {}, index = 0) =>
      sendHttp('GET', `${fabric.proxyUrls[index]}${path}`, { headers: { host, ...headers } });

    it('consumers reach the service without a path of the fabric; pins apply; DELETE ends it', async () => {
      const host = `shop-${fabric.suffix}.example.com`;
      const json = { hosts: [host, `*.${host}`], pathPrefix: '/cart' };
      await fabric.client.call('PUT', hostsPath(shop.appPath), { json, wait: 10 });
      for (const index of [0, 1]) {
        const answer = await askHost(host, '/cart/total?prices=1000', {}, index);
        expect([...decision(answer), answer.body.total]).toEqual(['1', 'weighted', 1000]);
        expect(decision(await askHost(`a.${host}`, '/cart/total', {}, index))).toEqual(['1', 'weighted']);
        expect(decision(await askHost(host, '/cart/total', { 'x-app-version': '2' }, index))).toEqual(['2', 'pinned']);
        expect(decision(await askHost(host, '/cart/total', { 'x-artifact-version': '2.0.0' }, index))).toEqual(['2', 'pinned']);
        expect(decision(await askHost(host, '/cart/total', { 'x-app-version': '99' }, index))).toEqual([404, 'version_not_found']);
        for (const [name, path] of [
          [host, '/carts/total'],
          [host, '/total'],
          ['other.example.com', '/cart/total'],
        ] as const)
          expect(decision(await askHost(name, path, {}, index))).toEqual([404, 'route_not_found']);
      }
      await putRouting({ pinByAccept: true });
      expect(decision(await askHost(host, '/cart/total', { accept: 'a/b; app-version=2' }))).toEqual(['2', 'pinned']);
      const deleted = await fabric.client.send('DELETE', hostsPath(shop.appPath), { wait: 10 });
      expect(deleted.status).toBe(204);
      for (const index of [0, 1]) expect(decision(await askHost(host, '/cart/total', {}, index))).toEqual([404, 'route_not_found']);
    });

    it('a host and prefix that another service has is 409 host_taken, and nothing changes; let go, it can be taken', async () => {
      const { path, instances } = await ownApp('rival', 1);
      const host = `taken-${fabric.suffix}.example.com`;
      await fabric.client.call('PUT', hostsPath(shop.appPath), { json: { hosts: [host] }, wait: 10 });
      const rival = await fabric.client.send('PUT', hostsPath(path), { json: { hosts: [`free.${host}`, host] }, wait: 10 });
      expect([rival.status, rival.body.code]).toEqual([409, 'host_taken']);
      expect((await fabric.client.send('GET', hostsPath(path))).body.code).toBe('hosts_not_found');
      expect(decision(await askHost(host, '/total'))).toEqual(['1', 'weighted']);
      expect(instances[0]!.seen).toEqual([]);
      // Another prefix is another place.
      await fabric.client.call('PUT', hostsPath(path), { json: { hosts: [host], pathPrefix: '/rival' }, wait: 10 });
      expect((await askHost(host, '/rival/x')).body).toBe('own');
      await fabric.client.call('DELETE', hostsPath(shop.appPath), { wait: 10 });
      await fabric.client.call('PUT', hostsPath(path), { json: { hosts: [host] }, wait: 10 });
      expect((await askHost(host, '/total', {}, 1)).body).toBe('own');
    });
  });

  describe('throttling', () => {
    const throttled = ({ status, body, headers }: FabricAnswer) => [status, body.code, Number(headers['retry-after']) >= 1];

    it.each([
      ['a service', { services: { cart: { requestsPerSecond: 0.02, burst: 3 } } }, '2'],
      ['a version', { versions: { 2: { requestsPerSecond: 0.02, burst: 3 } } }, '1'],
    ])('by rate, for %s: 429 with Retry-After, on each proxy by itself', async (what, limits, other) => {
      await putRouting({ limits });
      for (const index of [0, 1]) {
        const pin = (version: string) => ask({ 'x-app-version': version }, { index });
        for (let count = 0; count < 3; count++) expect(decision(await pin('2'))).toEqual(['2', 'pinned']);
        const refused = await pin('2');
        expect(throttled(refused)).toEqual([429, 'throttled', true]);
        expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
        // A token comes every 50 s.
        expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(50);
        // A service's limit is for all of its versions, a version's for none but itself.
        expect((await pin(other)).status).toBe(what === 'a service' ? 429 : 200);
        expect((await ask({ 'x-app-version': '1' }, { index })).status).toBe(what === 'a service' ? 429 : 200);
      }
      await putRouting({});
      expect((await ask({ 'x-app-version': '2' })).status).toBe(200);
    });

    it.each([
      ['a service', { services: { cart: { concurrent: 2 } } }],
      ['a version', { versions: { 1: { concurrent: 2 } } }],
    ])('by requests in flight, for %s: one that leaves lets the next one in', async (what, limits) => {
      const { path, url, instances } = await ownApp('busy', 2);
      const [first] = instances as [OwnInstance];
      const held: (() => void)[] = [];
      first.handle = (_request, response) => held.push(() => response.end('own'));
      await putRouting({ limits }, path);
      const inFlight = [sendHttp('GET', `${url}/a`), sendHttp('GET', `${url}/b`)];
      await eventually('both are in flight', DEADLINE_MS, async () => (held.length === 2 ? true : undefined));
      expect(throttled(await sendHttp('GET', `${url}/c`))).toEqual([429, 'throttled', true]);
      const other = await sendHttp('GET', `${url}/c`, { headers: { 'x-app-version': '2' } });
      expect(other.status).toBe(what === 'a service' ? 429 : 200);
      held[0]!();
      await Promise.race(inFlight);
      const next = sendHttp('GET', `${url}/d`);
      await eventually('the next one is in', DEADLINE_MS, async () => (held.length === 3 ? true : undefined));
      for (const release of held.slice(1)) release();
      expect((await Promise.all([...inFlight, next])).map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(first.seen.map((request) => request.url).sort()).toEqual(['/a', '/b', '/d']);
    });
  });

  describe('bad input gets a clear error and changes nothing', () => {
    const when = [{ by: 'header', name: 'X-Group', equals: 'staff' }];
    const audience = (change: object) => ({ audiences: [{ name: 'a', when, then: { version: 2 }, ...change }] });
    const bad: [what: string, routing: object, status: number, code: string][] = [
      ['pinByAccept as text', { pinByAccept: 'yes' }, 400, 'validation_failed'],
      ['affinity by something else', { affinity: { by: 'moon' } }, 400, 'validation_failed'],
      ['affinity by a cookie without name', { affinity: { by: 'cookie' } }, 400, 'validation_failed'],
      ['affinity by a name that is none', { affinity: { by: 'header', name: 'a b' } }, 400, 'validation_failed'],
      ['an audience without conditions', audience({ when: [] }), 400, 'validation_failed'],
      ['an audience with a bad network', audience({ when: [{ by: 'address', cidr: ['10.0.0.0/33'] }] }), 400, 'validation_failed'],
      ['an audience with weights of 99', audience({ then: { weights: { 1: 99 } } }), 400, 'validation_failed'],
      ['an audience of an unknown version', audience({ then: { version: 99 } }), 422, 'unknown_version'],
      ['an audience with weights of an unknown version', audience({ then: { weights: { 1: 1, 99: 99 } } }), 422, 'unknown_version'],
      ['a mirror of 101 %', { mirror: { version: 2, percent: 101 } }, 400, 'validation_failed'],
      ['a mirror with a body of 1 GB', { mirror: { version: 2, percent: 1, maxBodyBytes: 1e9 } }, 400, 'validation_failed'],
      ['a mirror of an unknown version', { mirror: { version: 99, percent: 1 } }, 422, 'unknown_version'],
      ['a rate of 0', { limits: { services: { cart: { requestsPerSecond: 0 } } } }, 400, 'validation_failed'],
      ['a limit of nothing', { limits: { versions: { 2: {} } } }, 400, 'validation_failed'],
      ['a limit of an unknown version', { limits: { versions: { 99: { concurrent: 1 } } } }, 422, 'unknown_version'],
      ['an unknown field', { sticky: true }, 400, 'validation_failed'],
    ];

    /** What API and proxies say of it. */
    async function state(path: string): Promise<unknown> {
      const { status, headers, body } = await fabric.client.send('GET', path);
      const tables = await Promise.all(fabric.adminUrls.map((url) => sendHttp('GET', `${url}/table`)));
      const routed = tables.map(({ body: { applied, documents } }) => ({ applied, documents }));
      for (const { applied, documents } of routed) expect([applied.revision > 0, documents.length > 0]).toEqual([true, true]);
      return [status, headers.etag, status === 200 ? body : body.code, routed];
    }

    it.each(bad)('routing: %s', async (_what, routing, status, code) => {
      const before = await state(shop.appPath);
      const answer = await fabric.client.send('PUT', shop.appPath, { json: { routing }, wait: 10 });
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(await state(shop.appPath)).toEqual(before);
    });

    const badHosts: [what: string, service: string, body: object, status: number, code: string][] = [
      ['no host', 'cart', { hosts: [] }, 400, 'validation_failed'],
      ['a host with a port', 'cart', { hosts: ['a.example.com:80'] }, 400, 'validation_failed'],
      ['a prefix with dots', 'cart', { hosts: ['a.example.com'], pathPrefix: '/a/../b' }, 400, 'validation_failed'],
      ['a service that is not there', 'nobody', { hosts: ['a.example.com'] }, 404, 'service_not_found'],
      ['a name that is none', 'a%2Fb', { hosts: ['a.example.com'] }, 400, 'invalid_name'],
    ];
    it.each(badHosts)('hosts: %s', async (_what, service, json, status, code) => {
      const path = `${shop.appPath}/services/${service}/hosts`;
      const before = await state(path);
      const answer = await fabric.client.send('PUT', path, { json, wait: 10 });
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      expect(await state(path)).toEqual(before);
    });
  });
});
