import { playScenario, scenarioTable } from '@app-fabric/scenario';
import { describeWithServers } from './harness/describe-with-servers.js';
import { Fabric } from './harness/fabric.js';

describeWithServers('the scenario that must always work, with an API and two proxies as programs of their own', () => {
  it('issue 2: the demo on PostgreSQL and Redis, API and two proxies as programs of their own: each step its share, no failed request', async () => {
    const fabric = await Fabric.start({ proxies: 2 });
    try {
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
    } finally {
      const exits = await fabric.stop();
      expect(exits.map(({ code }) => code)).toEqual([0, 0, 0]);
    }
  }, 120_000);
});
