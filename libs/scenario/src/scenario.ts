import { binomialBound, withinBinomialBound } from './binomial.js';
import { FabricClient, sendHttp } from './fabric-client.js';
import { SAMPLE_FLOW, SAMPLE_SERVICE, SAMPLE_WORKER } from './sample-bundle.js';
import { Shop } from './shop.js';
import { Traffic, type TrafficCount, type TrafficFailure } from './traffic.js';

export interface ScenarioOptions {
  /** Base URL of the API, without `/v1`. */
  api: string;
  token: string;
  /** Base URLs of the proxies, and of their admin ports. */
  proxies: readonly string[];
  proxyAdmins: readonly string[];
  app: string;
  /** Requests measured after each step. */
  window: number;
  clients: number;
  pauseMs: number;
  /** Called after each step, for whoever looks on. */
  onStep?: (step: StepResult) => void;
}

export interface StepResult {
  /** As MISSION.md counts them. */
  step: string;
  done: string;
  /** App version → share, 0 to 1. */
  expected: Record<string, number>;
  measured: TrafficCount;
  /** Half the interval of 99.9 % (of releases 99.99 %), in requests. */
  bound: number;
  ok: boolean;
}

export interface ScenarioResult {
  steps: StepResult[];
  /** All requests from the first step to the last, the ones between two windows included. */
  total: TrafficCount;
  firstFailures: TrafficFailure[];
  ok: boolean;
}

const NAMESPACE = 'default';
const WAIT_SECONDS = 20;

/**
 * The scenario that must always work: version 1 runs, version 2 comes, takes the traffic step by step, version 1 goes,
 * and the traffic is rolled back, all through the public API with requests flowing all the time.
 * Throws when a call is refused; a wrong share or a failed request is in the result.
 */
export async function playScenario(options: ScenarioOptions): Promise<ScenarioResult> {
  const shop = new Shop(new FabricClient(options.api, options.token), NAMESPACE, options.app, WAIT_SECONDS);
  const traffic = new Traffic({
    proxies: options.proxies,
    namespace: NAMESPACE,
    app: options.app,
    clients: options.clients,
    pauseMs: options.pauseMs,
  });
  const steps: StepResult[] = [];

  async function step(name: string, act: () => Promise<{ done: string; expected: Record<string, number> }>): Promise<void> {
    const { done, expected } = await act();
    // The first step brings up what the traffic is sent to.
    if (steps.length === 0) traffic.start();
    const measured = await traffic.measure(options.window);
    const result = judgeStep(name, done, expected, measured);
    steps.push(result);
    options.onStep?.(result);
  }

  try {
    await playSteps(shop, options, step);
  } finally {
    await traffic.stop();
  }
  const ok = traffic.total.failures === 0 && steps.every((one) => one.ok);
  return { steps, total: traffic.total, firstFailures: traffic.firstFailures, ok };
}

type Step = (name: string, act: () => Promise<{ done: string; expected: Record<string, number> }>) => Promise<void>;

async function playSteps(shop: Shop, options: ScenarioOptions, step: Step): Promise<void> {
  let v1 = 0;
  let v2 = 0;
  let allOnV1 = 0;

  await step('1', async () => {
    await shop.uploadArtifact('1.0.0');
    v1 = await shop.createVersion('1.0.0');
    await shop.start(v1, 'services', SAMPLE_SERVICE);
    await shop.start(v1, 'workers', SAMPLE_WORKER);
    await shop.start(v1, 'flows', SAMPLE_FLOW);
    const distribution = await shop.distribution();
    expectWeights(distribution, { [v1]: 100 });
    allOnV1 = distribution.revision;
    return { done: `artifact 1.0.0 deployed as version ${v1} and started`, expected: { [v1]: 1 } };
  });

  await step('2', async () => {
    await shop.uploadArtifact('2.0.0');
    v2 = await shop.createVersion('2.0.0');
    await shop.start(v2, 'services', SAMPLE_SERVICE);
    expectWeights(await shop.distribution(), { [v1]: 100, [v2]: 0 });
    return { done: `artifact 2.0.0 deployed as version ${v2} and started: it gets nothing yet`, expected: { [v1]: 1, [v2]: 0 } };
  });

  await step('3', async () => {
    for (const proxy of options.proxies) await expectPinned(proxy, options.app, { 'x-app-version': String(v2) }, v2);
    for (const proxy of options.proxies) await expectPinned(proxy, options.app, { 'x-artifact-version': '2.0.0' }, v2);
    return { done: `version ${v2} tested with X-App-Version and X-Artifact-Version while it has 0 %`, expected: { [v1]: 1, [v2]: 0 } };
  });

  const shift = (name: string, first: number, second: number) =>
    step(name, async () => {
      const answer = await shop.shift({ [v1]: first, [v2]: second }, `scenario step ${name}`);
      expectApplied(answer);
      return { done: `traffic moved to ${first} / ${second}`, expected: { [v1]: first / 100, [v2]: second / 100 } };
    });

  await shift('4', 90, 10);

  await step('5', async () => {
    const lines = await expectLogs(shop, v1);
    await expectMetrics(options.proxyAdmins, [v1, v2]);
    return { done: `metrics of both versions and ${lines} log lines of version ${v1} read`, expected: { [v1]: 0.9, [v2]: 0.1 } };
  });

  await shift('6a', 50, 50);
  await shift('6b', 10, 90);
  await shift('6c', 0, 100);

  await step('7', async () => {
    await shop.client.call('POST', `${shop.appPath}/versions/${v1}/stop`, { json: { types: ['worker', 'flow'] }, wait: WAIT_SECONDS });
    await expectLatestRun(shop, v1, 'workers', SAMPLE_WORKER, ['STOPPED']);
    return { done: `workers and flows of version ${v1} stopped`, expected: { [v1]: 0, [v2]: 1 } };
  });

  await step('8', async () => {
    await shop.client.call('POST', `${shop.appPath}/versions/${v2}/start`, { json: { types: ['worker', 'flow'] }, wait: WAIT_SECONDS });
    await expectLatestRun(shop, v2, 'workers', SAMPLE_WORKER, ['RUNNING']);
    await expectLatestRun(shop, v2, 'flows', SAMPLE_FLOW, ['COMPLETED']);
    return { done: `workers and flows of version ${v2} started`, expected: { [v1]: 0, [v2]: 1 } };
  });

  await step('9', async () => {
    await shop.stop(v1, 'services', SAMPLE_SERVICE);
    expectWeights(await shop.distribution(), { [v2]: 100 });
    return { done: `service of version ${v1} stopped: only version ${v2} runs`, expected: { [v2]: 1 } };
  });

  await step('rollback', async () => {
    await shop.start(v1, 'services', SAMPLE_SERVICE);
    expectApplied(await shop.rollback(allOnV1));
    return { done: `version ${v1} started again and the traffic rolled back to revision ${allOnV1}`, expected: { [v1]: 1, [v2]: 0 } };
  });
}

export function judgeStep(step: string, done: string, expected: Record<string, number>, measured: TrafficCount, z?: number): StepResult {
  const bound = Math.max(...Object.values(expected).map((share) => binomialBound(measured.requests, share, z)));
  const sharesFit = Object.entries(expected).every(([version, share]) =>
    withinBinomialBound(measured.byVersion[version] ?? 0, measured.requests, share, z),
  );
  const noOther = Object.keys(measured.byVersion).every((version) => version in expected);
  return { step, done, expected, measured, bound, ok: sharesFit && noOther && measured.failures === 0 };
}

class ScenarioError extends Error {
  readonly code = 'scenario_failed';
}

/** The stored weights are exactly these; a version that runs with 0 is listed. */
function expectWeights(distribution: { weights: Record<string, number> }, wanted: Record<string, number>): void {
  const plain = (weights: Record<string, number>) => JSON.stringify(Object.entries(weights).sort());
  if (plain(distribution.weights) !== plain(wanted)) {
    throw new ScenarioError(`weights are ${JSON.stringify(distribution.weights)}, not ${JSON.stringify(wanted)}`);
  }
}

function expectApplied(answer: { propagation?: { complete?: boolean } }): void {
  if (answer.propagation?.complete !== true) throw new ScenarioError(`not applied everywhere: ${JSON.stringify(answer)}`);
}

async function expectPinned(proxy: string, app: string, headers: Record<string, string>, version: number): Promise<void> {
  const url = `${proxy}/namespaces/${NAMESPACE}/apps/${app}/services/${SAMPLE_SERVICE}/methods/total?prices=100`;
  const answer = await sendHttp('GET', url, { headers });
  if (answer.status !== 200 || answer.body.version !== version || answer.headers['x-route-reason'] !== 'pinned') {
    throw new ScenarioError(`pinned by ${JSON.stringify(headers)}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
}

async function expectLatestRun(shop: Shop, version: number, kind: 'workers' | 'flows', name: string, statuses: string[]): Promise<void> {
  const runs = await shop.client.call('GET', `${shop.programPath(version, kind, name)}/runs`);
  await shop.settled(version, kind, name, runs.items[0].runId, statuses);
}

async function expectLogs(shop: Shop, version: number): Promise<number> {
  const path = `${shop.programPath(version, 'services', SAMPLE_SERVICE)}/runs`;
  const runs = await shop.client.call('GET', path);
  const logs = await shop.client.call('GET', `${path}/${runs.items[0].runId}/logs?tail=50`);
  const text = typeof logs === 'string' ? logs : JSON.stringify(logs);
  if (!text.includes('listening')) throw new ScenarioError(`no log of version ${version}: ${text.slice(0, 300)}`);
  return text.split('\n').filter(Boolean).length;
}

/** Each version's requests can be told apart in what Prometheus would read. */
async function expectMetrics(admins: readonly string[], versions: number[]): Promise<void> {
  for (const admin of admins) {
    const { body } = await sendHttp('GET', `${admin}/metrics`);
    for (const version of versions) {
      if (!new RegExp(`version="${version}"`).test(String(body)))
        throw new ScenarioError(`${admin}/metrics knows nothing of version ${version}`);
    }
  }
}
