import { describeWithServers } from '../harness/describe-with-servers.js';
import { runSoak } from './run-soak.js';

// Processes are found by /proc.
(process.platform === 'linux' ? describeWithServers : describe.skip)('issue 3: under constant load', () => {
  it('ten changes of weights a second, stops, starts and crashes: no failed request but what was in flight on a crashed instance', async () => {
    const seed = 1 + (Date.now() % 1_000_000);
    const result = await runSoak({ seconds: 8, seed, clients: 3, pauseMs: 5 });
    const told = `seed ${seed}\n${result.firstFailures.join('\n')}\n${result.lastOperations.join('\n')}`;
    // The text is what one wants to see when it fails.
    if (result.failures > 0) throw new Error(told);
    expect(result.served + result.notRunning + result.lostInCrash).toBe(result.requests);
    expect(Object.keys(result.byVersion).sort()).toEqual(['1', '2', '3', '4']);
    expect(result.operations.crashes).toBeGreaterThan(0);
    expect(result.operations.shifts).toBeGreaterThan(0);
    expect(result.exitCodes).toEqual([0, 0, 0]);
  }, 120_000);
});
