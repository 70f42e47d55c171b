import { playScenario, type ScenarioResult } from './scenario.js';
import { scenarioTable } from './scenario-table.js';
import { FakeFabric, type Faults } from './testing/fake-fabric.js';

async function play(faults: Faults = {}): Promise<ScenarioResult> {
  const fabric = new FakeFabric(faults);
  const url = await fabric.start();
  try {
    const addresses = { api: url, proxies: [url], proxyAdmins: [url] };
    return await playScenario({ ...addresses, token: 'token', app: 'shop', window: 200, clients: 4, pauseMs: 0 });
  } finally {
    await fabric.stop();
  }
}

describe('scenario', () => {
  it('is ok when each step gets its share and nothing fails', async () => {
    const result = await play();
    expect(result.steps.filter(({ ok }) => !ok)).toEqual([]);
    expect(result.ok).toBe(true);
    expect(result.total.requests).toBeGreaterThanOrEqual(12 * 200);
    const rows = scenarioTable(result).split('\n');
    expect(rows).toHaveLength(2 + 12 + 2);
    expect(rows.find((row) => row.startsWith('4 '))).toMatch(
      /v1 90\.0 % · v2 10\.0 % {2}v1 90\.0 % · v2 10\.0 % {2}± 7\.\d %\s+200\s+0 {2}ok$/,
    );
  });

  it('is off when a version gets more than chance explains', async () => {
    const result = await play({ shareOfVersion2: 0.25 });
    expect(result.ok).toBe(false);
    expect(result.steps.find(({ step }) => step === '6a')?.ok).toBe(false);
    expect(scenarioTable(result)).toContain('OFF');
  });

  it('is off when a version without a share gets a single request', async () => {
    const result = await play({ shareOfVersion2: 0.01 });
    expect(result.steps.find(({ step }) => step === '2')?.ok).toBe(false);
  });

  it('is off when requests fail', async () => {
    const result = await play({ failOneIn: 150 });
    expect(result.ok).toBe(false);
    expect(result.total.failures).toBeGreaterThan(0);
    expect(result.firstFailures[0]?.reason).toBe('status 502: broken');
  });

  it('breaks off when a change is not applied everywhere', async () => {
    await expect(play({ neverComplete: true })).rejects.toThrow('not applied everywhere');
  });
});
