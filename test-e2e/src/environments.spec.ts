import { eventually, sendHttp } from '@app-fabric/scenario';
import { describeWithServers } from './harness/describe-with-servers.js';
import { Fabric } from './harness/fabric.js';
import { tarOf } from './harness/tar-of.js';

const SETTLE_MS = 60_000;
const CART = `
import { createServer } from 'node:http';
const { FABRIC_NAMESPACE, FABRIC_VERSION, REGION, PASSWORD, PORT } = process.env;
console.log('logging in with ' + PASSWORD);
createServer((request, response) => response.end([FABRIC_NAMESPACE, FABRIC_VERSION, REGION].join(' '))).listen(Number(PORT), '127.0.0.1');
`;
const LIMITS = { observe: '1s', stability: { maxErrorRate: 0.2 }, availability: { min: 0.8 }, minRequests: 5 };
const QUICK = {
  stages: [
    { name: 'half', weight: 50, ...LIMITS },
    { name: 'full', weight: 100, ...LIMITS },
  ],
};
const PIPELINE = {
  stages: [
    { namespace: 'test', minSoak: '1s', criteria: { checks: ['functional'] } },
    { namespace: 'beta', minSoak: '1s', criteria: { metrics: { maxErrorRate: 0.01, minRequests: 20 } } },
    { namespace: 'production', requiresApproval: true, plan: 'quick' },
  ],
};

/** An app of this name in three namespaces, and calls as a script would make them. */
class Line {
  constructor(
    private readonly fabric: Fabric,
    private readonly app: string,
  ) {}

  path(namespace: string): string {
    return `/namespaces/${namespace}/apps/${this.app}`;
  }

  /** The first one in `test`, which runs there. */
  async newVersion(artifactVersion: string): Promise<number> {
    const { client } = this.fabric;
    const artifact = `/namespaces/test/artifacts/${this.app}/versions/${artifactVersion}`;
    await client.call('PUT', artifact, { json: { programs: [{ name: 'cart', type: 'service', command: ['node', 'cart.mjs'] }] } });
    await client.call('PUT', `${artifact}/bundle`, { raw: await tarOf([[{ name: 'cart.mjs' }, CART]]), contentType: 'application/gzip' });
    const made = await client.call('POST', `${this.path('test')}/versions`, {
      json: { artifact: { name: this.app, version: artifactVersion } },
    });
    await this.start('test', made.version);
    return made.version;
  }

  start(namespace: string, version: number) {
    return this.fabric.client.call('POST', `${this.path(namespace)}/versions/${version}/start`, { json: {}, wait: 30 });
  }

  missing(namespace: string, version: number) {
    return this.fabric.client.call('POST', `${this.path(namespace)}/promotions?dryRun=true`, { json: { version, approval: {} } });
  }

  /** Once nothing is missing any more. `meanwhile`: what makes it so. */
  async promote(namespace: string, version: number, meanwhile: () => Promise<unknown> = async () => undefined) {
    await eventually(`${namespace} ${version} has shown what is asked for`, SETTLE_MS, async () => {
      await meanwhile();
      return (await this.missing(namespace, version)).missing.length === 0 ? true : undefined;
    });
    return this.fabric.client.call('POST', `${this.path(namespace)}/promotions`, { json: { version, approval: {} }, wait: 30 });
  }

  async get(namespace: string, version = ''): Promise<string> {
    const pinned = version === '' ? '' : `/versions/${version}`;
    const answer = await sendHttp('GET', `${this.fabric.proxyUrls[0]}${this.path(namespace)}${pinned}/services/cart/methods/`);
    return answer.status === 200 ? String(answer.body) : `${answer.status}`;
  }

  /** Of this version of beta. */
  async requests(version: number): Promise<void> {
    for (let request = 0; request < 20; request++) expect(await this.get('beta', String(version))).toBe(`beta ${version} of beta`);
  }
}

describeWithServers('from test through beta into production', () => {
  let fabric: Fabric;

  beforeAll(async () => {
    fabric = await Fabric.start({ proxies: 1 });
  }, 60_000);
  afterAll(() => fabric?.stop(), 60_000);

  it('issue 5: two versions move by what they have shown, the second into production by a canary release; secrets stay secret', async () => {
    const { client } = fabric;
    for (const environment of ['test', 'beta', 'production']) {
      const variables = { REGION: `of ${environment}`, PASSWORD: { secret: true, value: `hunter2 of ${environment}` } };
      await client.call('PUT', `/namespaces/${environment}`, { json: { environment, variables } });
    }
    await client.call('PUT', '/pipelines/default', { json: PIPELINE });
    await client.call('PUT', '/namespaces/production/release-plans/quick', { json: QUICK });
    const line = new Line(fabric, fabric.appName('line'));

    const first = await line.newVersion('1.0.0');
    expect(await line.get('test')).toBe(`test ${first} of test`);
    const refused = await client.send('POST', `${line.path('test')}/promotions`, { json: { version: first } });
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({
      code: 'criteria_not_met',
      missing: expect.arrayContaining([{ criterion: 'checks.functional', wanted: 'passed', actual: null }]),
    });
    const validation = { version: first, check: 'functional', result: 'passed', link: 'https://ci.example.com/1' };
    await client.call('POST', `${line.path('test')}/validations`, { json: validation });
    const inBeta = await line.promote('test', first);
    expect(inBeta).toMatchObject({ to: { namespace: 'beta', version: 1 }, entry: null });
    await line.start('beta', 1);
    const inProduction = await line.promote('beta', 1, () => line.requests(1));
    expect(inProduction).toMatchObject({ to: { namespace: 'production', version: 1 }, entry: { type: 'start' } });
    expect(inProduction.artifact).toEqual(inBeta.artifact);
    await eventually('production serves', SETTLE_MS, async () =>
      (await line.get('production')) === 'production 1 of production' ? true : undefined,
    );

    const second = await line.newVersion('1.0.1');
    await client.call('POST', `${line.path('test')}/validations`, { json: { ...validation, version: second } });
    await line.promote('test', second);
    await line.start('beta', 2);
    const { entry } = await line.promote('beta', 2, () => line.requests(2));
    expect(entry.type).toBe('release');
    const answers = new Set<string>();
    const release = await eventually('the release is completed', SETTLE_MS, async () => {
      for (let request = 0; request < 20; request++) answers.add(await line.get('production'));
      const found = await client.call('GET', `${line.path('production')}/releases/${entry.releaseId}`);
      return found.status === 'completed' ? found : undefined;
    });
    expect(release).toMatchObject({ candidate: 2, baseline: 1, plan: { name: 'quick' } });
    expect([...answers].sort()).toEqual(['production 1 of production', 'production 2 of production']);
    expect(await line.get('production')).toBe('production 2 of production');
    expect(await client.call('GET', `${line.path('production')}/versions/2`)).toMatchObject({
      promotedFrom: { namespace: 'beta', version: 2 },
    });

    for (const path of ['/namespaces/production', '/namespaces/production/audit', `${line.path('production')}/versions/2/logs`]) {
      const text = JSON.stringify(await client.call('GET', path));
      expect(text).not.toContain('hunter2');
      if (path.endsWith('logs')) expect(text).toContain('logging in with ***');
    }
  }, 120_000);
});
