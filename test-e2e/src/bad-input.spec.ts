import { type FabricAnswer, type FabricRequest, type Shop } from '@app-fabric/scenario';
import { describeWithServers } from './harness/describe-with-servers.js';
import { Fabric } from './harness/fabric.js';
import { sendRawPath } from './harness/raw-path.js';

describeWithServers('bad input gets a clear error and changes nothing', () => {
  let fabric: Fabric;
  let shop: Shop;

  /** Versions 1 and 2 run, 3 is stopped, 4 was deleted. */
  beforeAll(async () => {
    fabric = await Fabric.start({ proxies: 1 });
    shop = fabric.shop('strict');
    await shop.uploadArtifact('1.0.0');
    for (const version of [1, 2, 3, 4]) {
      expect(await shop.createVersion('1.0.0')).toBe(version);
      if (version < 4) await shop.start(version, 'services', 'cart');
    }
    await shop.stop(3, 'services', 'cart');
    await shop.client.call('DELETE', `${shop.appPath}/versions/4`);
  }, 90_000);

  afterAll(() => fabric?.stop(), 60_000);

  /** Problem details with a stable code, and nothing of the inside. */
  function expectProblem(answer: FabricAnswer, statuses: number[], code?: string): void {
    expect(statuses).toContain(answer.status);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({ status: answer.status, code: expect.stringMatching(/^[a-z][a-z0-9_]*$/) });
    expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\.js:\d+|\bat .*\(/);
    if (code) expect(answer.body.code).toBe(code);
  }

  const json = (weights: unknown): FabricRequest => ({ json: { weights } });
  const raw = (text: string, contentType = 'application/json'): FabricRequest => ({ raw: text, contentType });
  const tenThousand = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [String(index + 1), 0.01]));
  const distributions: [what: string, request: FabricRequest, statuses: number[], code?: string][] = [
    ['weights that sum to 99.99', json({ 1: 50, 2: 49.99 }), [400]],
    ['weights that sum to 100.01', json({ 1: 50, 2: 50.01 }), [400]],
    ['-1', json({ 1: 101, 2: -1 }), [400]],
    ['1e3', json({ 1: 1e3 }), [400]],
    ['"90"', json({ 1: '90', 2: 10 }), [400]],
    ['NaN', raw('{"weights":{"1":NaN,"2":100}}'), [400]],
    ['null', json({ 1: null, 2: 100 }), [400]],
    ['three decimals', json({ 1: 99.999, 2: 0.001 }), [400]],
    ['no version', json({}), [400]],
    ['no weights', { json: {} }, [400]],
    ['a list', json([50, 50]), [400]],
    ['version 0', json({ 0: 100 }), [400, 422]],
    ['version 1.5', json({ 1.5: 100 }), [400, 422]],
    ['version 01', json({ '01': 100 }), [400, 422]],
    ['__proto__', raw('{"weights":{"__proto__":100}}'), [400, 422]],
    ['10,000 versions', json(tenThousand), [400, 413, 422]],
    ['an unknown version', json({ 1: 90, 99: 10 }), [422], 'unknown_version'],
    ['a deleted version', json({ 1: 90, 4: 10 }), [422], 'unknown_version'],
    ['a stopped version', json({ 1: 90, 3: 10 }), [409], 'version_not_running'],
    ['an unknown field', { json: { weights: { 1: 100 }, weight: 1 } }, [400]],
    ['a body that is not JSON', raw('{"weights":'), [400]],
    ['a body of 50 MB', raw(`{"weights":{"1":100},"reason":"${'x'.repeat(50_000_000)}"}`), [413]],
    ['another content type', raw('{"weights":{"1":100}}', 'text/plain'), [400, 415]],
    ['a stale If-Match', { ...json({ 1: 40, 2: 60 }), ifMatch: '"nothing"' }, [412]],
  ];
  for (const [what, request, statuses, code] of distributions) {
    it(`§3 PUT distribution: ${what}`, async () => {
      const path = `${shop.appPath}/distribution`;
      const before = await shop.client.send('GET', path);
      expectProblem(await shop.client.send('PUT', path, request), statuses, code);
      const after = await shop.client.send('GET', path);
      expect([after.headers.etag, after.body.revision, after.body.weights]).toEqual([
        before.headers.etag,
        before.body.revision,
        before.body.weights,
      ]);
    });
  }

  const badNames: [what: string, name: string][] = [
    ['an encoded slash', 'a%2Fb'],
    ['dots', '..'],
    ['encoded dots', '%2e%2e'],
    ['NUL', 'a%00b'],
    ['200 characters', 'a'.repeat(200)],
    ['an emoji', '%F0%9F%98%80'],
    ['bad UTF-8', '%C3%28'],
    ['a broken escape', '%zz'],
    ['a leading dot', '.hidden'],
  ];
  for (const [what, name] of badNames) {
    it(`§3 a name with ${what}`, async () => {
      const headers = { authorization: `Bearer ${fabric.token}` };
      const listed = await shop.client.call('GET', '/namespaces/default/apps');
      for (const path of [`/v1/namespaces/${name}`, `/v1/namespaces/default/apps/${name}`]) {
        expectProblem(await sendRawPath('PUT', shop.client.api, path, headers, '{}'), [400, 404]);
      }
      expect(await shop.client.call('GET', '/namespaces/default/apps')).toEqual(listed);
    });

    it(`§4 the proxy refuses a name with ${what}`, async () => {
      for (const path of [
        `/namespaces/default/apps/${name}/services/cart/methods/total`,
        `/namespaces/default/apps/${shop.app}/services/${name}/methods/total`,
      ]) {
        expectProblem(await sendRawPath('GET', fabric.proxyUrls[0]!, path), [400, 404]);
      }
    });
  }

  it('§3 no token and a wrong token get 401', async () => {
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: 'Basic eDp5' }] as Record<string, string>[]) {
      expectProblem(await sendRawPath('GET', shop.client.api, '/v1/namespaces', headers), [401]);
    }
  });
});
