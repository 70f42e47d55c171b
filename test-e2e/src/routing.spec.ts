import { type FabricAnswer, type Shop, sendHttp, withinBinomialBound } from '@app-fabric/scenario';
import { describeWithServers } from './harness/describe-with-servers.js';
import { Fabric } from './harness/fabric.js';
import { processesOf } from './harness/program-processes.js';

describeWithServers('routing through real programs', () => {
  let fabric: Fabric;

  beforeAll(async () => {
    fabric = await Fabric.start({ proxies: 2 });
  }, 60_000);

  afterAll(() => fabric?.stop(), 60_000);

  /** Versions 1 (artifact 1.0.0) and 2 (artifact 2.0.0) of a new app, their carts running; version 1 has 100 %. */
  async function twoVersions(name: string, instances: [number, number] = [1, 1]): Promise<Shop> {
    const shop = fabric.shop(name);
    for (const [index, artifact] of (['1.0.0', '2.0.0'] as const).entries()) {
      await shop.uploadArtifact(artifact);
      expect(await shop.createVersion(artifact)).toBe(index + 1);
      await shop.start(index + 1, 'services', 'cart', instances[index]);
    }
    return shop;
  }

  it('§3 weights belong to versions: 50/50 with 3 and 1 instances is 50/50', async () => {
    const shop = await twoVersions('uneven', [3, 1]);
    await shop.shift({ 1: 50, 2: 50 }, 'half and half');
    const traffic = fabric.traffic(shop.app);
    const window = await traffic.measure(1500);
    await traffic.stop();
    expect(window.failures).toBe(0);
    expect(window.byVersion[1]! + window.byVersion[2]!).toBe(1500);
    expect(withinBinomialBound(window.byVersion[1]!, 1500, 0.5)).toBe(true);
    expect(await processesOf(shop.app)).toHaveLength(4);
  }, 60_000);

  it('§3 rule 4: a stop under constant load fails no request, and finishes what is in flight', async () => {
    const shop = await twoVersions('drained');
    await shop.shift({ 1: 50, 2: 50 }, 'both get some');
    const traffic = fabric.traffic(shop.app);
    await traffic.measure(200);
    const slow = [0, 1].map((index) => sendHttp('GET', fabric.cartUrl(shop.app, '/slow?ms=1500', index, '1')));
    // Many round trips later the instance has them.
    await traffic.measure(200);
    const run = await shop.stop(1, 'services', 'cart');
    const window = await traffic.measure(300);
    const total = await traffic.stop();
    expect(run.status).toBe('STOPPED');
    expect(traffic.firstFailures).toEqual([]);
    expect(total.failures).toBe(0);
    expect(window.byVersion).toEqual({ 2: 300 });
    expect((await Promise.all(slow)).map(({ status, body }) => [status, body.version])).toEqual([
      [200, 1],
      [200, 1],
    ]);
    expect((await shop.distribution()).weights).toEqual({ 2: 100 });
  }, 60_000);

  it('§4 a pin works at 0 %, and never falls back', async () => {
    const shop = await twoVersions('pinned');
    expect((await shop.distribution()).weights).toEqual({ 1: 100, 2: 0 });
    const pins: [string, string, Record<string, string>][] = [
      ['path', '2', {}],
      ['X-App-Version', '', { 'x-app-version': '2' }],
      ['X-Artifact-Version', '', { 'x-artifact-version': '2.0.0' }],
    ];
    const ask = (index: number, version: string, headers: Record<string, string>) =>
      sendHttp('GET', fabric.cartUrl(shop.app, '/total?prices=1000', index, version), { headers });
    for (const index of [0, 1]) {
      for (const [, version, headers] of pins) {
        const answer = await ask(index, version, headers);
        expect(seen(answer)).toEqual({ status: 200, version: '2', artifact: '2.0.0', reason: 'pinned', total: 900 });
      }
    }
    await shop.stop(2, 'services', 'cart');
    for (const [, version, headers] of pins) {
      const answer = await ask(0, version, headers);
      expect([answer.status, answer.body.code]).toEqual([503, 'version_unavailable']);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    }
  }, 60_000);

  it('§4 the evergreen version follows the distribution', async () => {
    const shop = await twoVersions('evergreen');
    await shop.shift({ 1: 0, 2: 100 }, 'all to 2');
    const answer = await sendHttp('GET', fabric.cartUrl(shop.app, '/total?prices=1000', 1, 'latest'));
    expect(seen(answer)).toEqual({ status: 200, version: '2', artifact: '2.0.0', reason: 'weighted', total: 900 });
  }, 60_000);

  it('§4 passes path, query, body and method byte for byte', async () => {
    const shop = await twoVersions('echo');
    const answer = await sendHttp('POST', fabric.cartUrl(shop.app, '/items?a=%2F..%2F&b=%C3%A4&a=2'), {
      raw: '{"ä": "😀"}',
      contentType: 'application/json',
      headers: { 'x-request-id': 'e2e-1' },
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ method: 'POST', url: '/items?a=%2F..%2F&b=%C3%A4&a=2', body: '{"ä": "😀"}', version: 1 });
    expect(answer.body.headers).toMatchObject({ 'x-request-id': 'e2e-1', 'x-app-version': '1', 'x-forwarded-proto': 'http' });
    expect(answer.headers['x-request-id']).toBe('e2e-1');
  }, 60_000);

  it('§5 a PUT with Prefer: wait=5 answers when both proxies route by it', async () => {
    const shop = await twoVersions('waited');
    for (const share of [10, 90, 35]) {
      const answer = await shop.client.call('PUT', `${shop.appPath}/distribution`, {
        json: { weights: { 1: 100 - share, 2: share }, reason: 'wait for it' },
        wait: 5,
      });
      expect(answer.propagation).toMatchObject({ complete: true });
      for (const admin of fabric.adminUrls) {
        const { body } = await sendHttp('GET', `${admin}/table`);
        expect(JSON.stringify(body)).toContain(`"revision":${answer.propagation.routeRevision}`);
      }
    }
    const proxies = await shop.client.call('GET', '/proxies');
    expect(proxies.items).toHaveLength(2);
  }, 60_000);

  it('§3 of two writers with the same ETag one gets 412', async () => {
    const shop = await twoVersions('writers');
    const path = `${shop.appPath}/distribution`;
    const { headers } = await shop.client.send('GET', path);
    const answers = await Promise.all(
      [30, 70].map((share) =>
        shop.client.send('PUT', path, { json: { weights: { 1: share, 2: 100 - share } }, ifMatch: String(headers.etag) }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    const winner = answers.find(({ status }) => status === 200)!;
    expect((await shop.distribution()).weights).toEqual(winner.body.weights);
  }, 60_000);
});

function seen(answer: FabricAnswer) {
  return {
    status: answer.status,
    version: answer.headers['x-app-version'],
    artifact: answer.headers['x-artifact-version'],
    reason: answer.headers['x-route-reason'],
    total: answer.body.total,
  };
}
