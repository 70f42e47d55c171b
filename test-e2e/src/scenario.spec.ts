import { playReleases, playScenario, releasesTable, scenarioTable } from '@app-fabric/scenario';
import { describeWithServers } from './harness/describe-with-servers.js';
import { Fabric } from './harness/fabric.js';

describeWithServers('the demo on PostgreSQL and Redis, with an API and two proxies as programs of their own', () => {
  let fabric: Fabric;

  beforeAll(async () => {
    fabric = await Fabric.start({ proxies: 2 });
  }, 180_000);
  afterAll(async () => {
    const exits = await fabric.stop();
    expect(exits.map(({ code }) => code)).toEqual([0, 0, 0]);
  }, 180_000);

  it('issue 2: the scenario that must always work: each step its share, no failed request', async () => {
    const result = await playScenario({
      api: fabric.api.ready.api!,
      token: fabric.token,
      proxies: fabric.proxyUrls,
      proxyAdmins: fabric.adminUrls,
      app: fabric.appName('shop'),
      window: 1000,
      clients: 8,
      pauseMs: 2,
    });
    expect(result.firstFailures).toEqual([]);
    // The table is what one wants to see when it fails.
    if (!result.ok) throw new Error(scenarioTable(result));
    expect(result.steps.map(({ step }) => step)).toEqual(['1', '2', '3', '4', '5', '6a', '6b', '6c', '7', '8', '9', 'rollback']);
  }, 120_000);

  it('issue 5: a good release, one that breaks at 20 %, and its fix: only what the bad version failed itself has failed, exactly counted', async () => {
    const result = await playReleases({
      api: fabric.api.ready.api!,
      token: fabric.token,
      proxies: fabric.proxyUrls,
      app: fabric.appName('store'),
      clients: 4,
      pauseMs: 8,
      hourMs: 200,
      zeroWithinMs: 60_000,
    });
    expect(result.blame.others).toEqual([]);
    if (!result.ok) throw new Error(releasesTable(result));
    expect(result.steps.map(({ step }) => step)).toEqual([
      ...['v2 5 %', 'v2 20 %', 'v2 50 %', 'v2 100 %'],
      ...['v3 5 %', 'v3 broken', 'v3 zeroed'],
      ...['v4 5 %', 'v4 20 %', 'v4 50 %', 'v4 100 %'],
    ]);
  }, 300_000);
});
