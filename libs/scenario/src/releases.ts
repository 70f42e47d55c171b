import { AnswerLog } from './answer-log.js';
import { Z_9999 } from './binomial.js';
import { eventually, FabricClient, sendHttp } from './fabric-client.js';
import { demoPlan } from './release-plan.js';
import { SAMPLE_SERVICE, type SampleVersion } from './sample-bundle.js';
import { judgeStep, type StepResult } from './scenario.js';
import { Shop } from './shop.js';
import { Traffic, type TrafficAnswer, type TrafficCount } from './traffic.js';

export interface ReleasesOptions {
  /** Base URL of the API, without `/v1`. */
  api: string;
  token: string;
  /** Base URLs of the proxies. */
  proxies: readonly string[];
  app: string;
  clients: number;
  pauseMs: number;
  /** What the plan calls an hour. */
  hourMs: number;
  /** From the first answer that the bad version failed until no proxy sends it anything: at most so long. */
  zeroWithinMs: number;
  /** Called after each step, for whoever looks on. */
  onStep?: (step: StepResult) => void;
}

export interface ReleasesResult {
  steps: StepResult[];
  /** All requests from the first release to the last. */
  total: TrafficCount;
  blame: Blame;
  ok: boolean;
}

/** Who failed the requests that failed. */
interface Blame {
  /** The bad version. */
  version: number;
  /** Requests of consumers that failed. */
  failures: number;
  /** Of these, answered so by the bad version itself. */
  own: number;
  /** Errors by the fabric's own measurements, of that version and of all others. */
  measured: number;
  measuredOfOthers: number;
  /** From the first failed answer until every live proxy sent it nothing any more. */
  zeroedAfterMs: number;
  /** Failures that are not the bad version's own. */
  others: TrafficAnswer[];
}

interface ReleaseEvent {
  sequence: number;
  at: string;
  type: string;
  stage: string;
  weight: { from: number; to: number };
  reason: string | null;
}

interface MetricsGroup {
  version: number | null;
  errors: number;
}

const NAMESPACE = 'default';
const WAIT_SECONDS = 20;
const PLAN = 'demo';
const PLAN_PATH = `/namespaces/${NAMESPACE}/release-plans/${PLAN}`;
const RELEASE_TIMEOUT_MS = 120_000;
const POLL_MS = 100;
const REQUESTS_AFTER_ZEROING = 500;

/**
 * Canary releases with traffic flowing all the time: a good version goes through all stages; one with a bug breaks at 20 %, its traffic is taken
 * away, and it is rolled back; the fixed one goes through all stages again. Throws when a release does not go as it should.
 */
export async function playReleases(options: ReleasesOptions): Promise<ReleasesResult> {
  const { proxies, app, clients, pauseMs, onStep } = options;
  const shop = new Shop(new FabricClient(options.api, options.token), NAMESPACE, app, WAIT_SECONDS);
  const log = new AnswerLog();
  const traffic = new Traffic({ proxies, namespace: NAMESPACE, app, clients, pauseMs, onAnswer: (answer) => log.add(answer) });
  const steps: StepResult[] = [];
  const judge = (name: string, done: string, expected: Record<string, number>, measured: TrafficCount, failing = false) => {
    // What the bad version fails is judged in the end, request by request.
    const counted = failing ? { ...measured, failures: 0 } : measured;
    const step = { ...judgeStep(name, done, expected, counted, Z_9999), measured };
    steps.push(step);
    onStep?.(step);
  };
  const scene: Scene = { shop, options, log, judge };
  try {
    await shop.client.call('PUT', PLAN_PATH, { json: demoPlan(options.hourMs) });
    await shop.uploadArtifact('1.0.0');
    const first = await shop.createVersion('1.0.0');
    await shop.start(first, 'services', SAMPLE_SERVICE, 2);
    traffic.start();
    const good = await playGood(scene, first, '2.0.0');
    await shop.stop(first, 'services', SAMPLE_SERVICE);
    const { bad, zeroedAtMs } = await playBad(scene, good, '2.1.0');
    await playGood(scene, good, '2.1.1');
    const total = await traffic.stop();
    const blame = await whoFailed(scene, bad, zeroedAtMs);
    return {
      steps,
      total,
      blame,
      ok: blame.zeroedAfterMs <= options.zeroWithinMs && isExplained(blame, total) && steps.every(({ ok }) => ok),
    };
  } finally {
    await traffic.stop();
  }
}

interface Scene {
  shop: Shop;
  options: ReleasesOptions;
  log: AnswerLog;
  judge(name: string, done: string, expected: Record<string, number>, measured: TrafficCount, failing?: boolean): void;
}

/** All stages, each with its share from when its observation began until it had passed. Gives the version. */
async function playGood({ shop, log, judge }: Scene, baseline: number, artifact: SampleVersion): Promise<number> {
  const { version, release } = await begin(shop, artifact);
  let began = 0;
  await follow(shop, release, 'completed', async ({ type, at, weight, stage }) => {
    if (type === 'observation_started') began = Date.parse(at);
    if (type === 'awaiting_approval')
      await shop.client.call('POST', `${shop.appPath}/releases/${release}/approve`, { json: { reason: 'looks good' } });
    if (type !== 'stage_passed') return;
    const done = `version ${version}: stage ${stage} has passed`;
    judge(`v${version} ${weight.to} %`, done, split(baseline, version, weight.to), log.between(began, Date.parse(at)));
  });
  const { weights } = await shop.distribution();
  if (weights[version] !== 100) throw new ReleaseError(`completed, but the weights are ${JSON.stringify(weights)}`);
  return version;
}

/** Breaks at 20 %; its traffic is taken away, and it is rolled back. */
async function playBad({ shop, options, log, judge }: Scene, baseline: number, artifact: SampleVersion) {
  const { version: bad, release } = await begin(shop, artifact);
  let began = 0;
  await follow(shop, release, 'zeroed', async ({ type, at, weight, reason }) => {
    if (type === 'observation_started') began = Date.parse(at);
    if (type === 'observation_started' && weight.to === 20) await beginCampaign(options, bad);
    const window = () => log.between(began, Date.parse(at));
    if (type === 'stage_passed' && weight.to === 5)
      judge(`v${bad} 5 %`, `version ${bad}: a stage has passed; its bug has not shown yet`, split(baseline, bad, 5), window());
    if (type === 'zeroed')
      judge(`v${bad} broken`, `version ${bad} breaks and is zeroed: ${reason}`, split(baseline, bad, weight.from), window(), true);
  });
  const zeroed = await eventually(`the zeroing of release ${release} confirmed`, RELEASE_TIMEOUT_MS, async () => {
    const { zeroing } = await shop.client.call('GET', `${shop.appPath}/releases/${release}`);
    return zeroing?.confirmedAt ? zeroing : undefined;
  });
  const zeroedAtMs = Date.parse(zeroed.appliedAt);
  const after = await eventually('requests after the zeroing', RELEASE_TIMEOUT_MS, async () => {
    const count = log.between(zeroedAtMs, Date.now());
    return count.requests >= REQUESTS_AFTER_ZEROING ? count : undefined;
  });
  const done = `confirmed by all proxies in ${zeroed.tookMs} ms, and by traffic; its instances run`;
  judge(`v${bad} zeroed`, done, split(baseline, bad, 0), after);
  await shop.client.call('POST', `${shop.appPath}/releases/${release}/rollback`, { json: { reason: 'to be fixed' }, wait: WAIT_SECONDS });
  await follow(shop, release, 'rolled_back', async () => undefined);
  return { bad, zeroedAtMs };
}

/** @param weight percent of the candidate */
function split(baseline: number, candidate: number, weight: number): Record<string, number> {
  return { [baseline]: 1 - weight / 100, [candidate]: weight / 100 };
}

async function begin(shop: Shop, artifact: SampleVersion): Promise<{ version: number; release: string }> {
  await shop.uploadArtifact(artifact);
  const version = await shop.createVersion(artifact);
  const { id } = await shop.client.call('POST', `${shop.appPath}/releases`, { json: { candidate: version, plan: PLAN } });
  return { version, release: id };
}

/** Tells of each event once, in order, until the release has the status. Another end, or a pause, is an error. */
async function follow(shop: Shop, release: string, wanted: string, tell: (event: ReleaseEvent) => Promise<void>): Promise<void> {
  const path = `${shop.appPath}/releases/${release}`;
  const deadline = Date.now() + RELEASE_TIMEOUT_MS;
  for (let told = 0; ; ) {
    const { status, reason } = await shop.client.call('GET', path);
    const { items } = (await shop.client.call('GET', `${path}/events?limit=500`)) as { items: ReleaseEvent[] };
    for (const event of items.slice(told)) await tell(event);
    told = items.length;
    if (status === wanted) return;
    if (UNWANTED.has(status)) throw new ReleaseError(`release ${release} is ${status}, not ${wanted}: ${reason}`);
    if (Date.now() > deadline)
      throw new ReleaseError(`release ${release} is ${status} after ${RELEASE_TIMEOUT_MS} ms, not ${wanted}: ${reason}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** A rollback that was asked for is on its way. */
const UNWANTED: ReadonlySet<string> = new Set(['paused', 'zeroed', 'rolled_back', 'completed', 'aborted']);

/** On each of the two instances: a pin reaches one of them. */
async function beginCampaign({ proxies, app }: ReleasesOptions, version: number): Promise<void> {
  const url = `${proxies[0]}/namespaces/${NAMESPACE}/apps/${app}/services/${SAMPLE_SERVICE}/methods/campaign`;
  const begun = new Set<string>();
  await eventually(`a campaign on both instances of version ${version}`, RELEASE_TIMEOUT_MS, async () => {
    const { status, body } = await sendHttp('POST', url, { headers: { 'x-app-version': String(version) } });
    if (status !== 200) throw new ReleaseError(`no campaign on version ${version}: ${status}`);
    begun.add(body.instance);
    return begun.size === 2 || undefined;
  });
}

async function whoFailed({ shop, log }: Scene, bad: number, zeroedAtMs: number): Promise<Blame> {
  const failures = log.failures();
  const isOwn = ({ ownFailure, version }: TrafficAnswer) => ownFailure === true && version === String(bad);
  const own = failures.filter(isOwn);
  const firstMs = Math.min(...own.map(({ endedAtMs }) => endedAtMs));
  const errorsOf = (groups: MetricsGroup[], isCounted: (version: number | null) => boolean) =>
    groups.reduce((sum, { version, errors }) => (isCounted(version) ? sum + errors : sum), 0);
  // Measurements come once a second.
  const groups = await eventually('all errors measured', RELEASE_TIMEOUT_MS, async () => {
    const metrics = (await shop.client.call('GET', `${shop.appPath}/metrics?window=1h`)) as { groups: MetricsGroup[] };
    return errorsOf(metrics.groups, (version) => version === bad) >= own.length ? metrics.groups : undefined;
  });
  return {
    version: bad,
    failures: failures.length,
    own: own.length,
    measured: errorsOf(groups, (version) => version === bad),
    measuredOfOthers: errorsOf(groups, (version) => version !== bad),
    zeroedAfterMs: zeroedAtMs - firstMs,
    others: failures.filter((failure) => !isOwn(failure)),
  };
}

/** Every failed request is one that the bad version failed itself, counted by consumers and by the fabric alike. */
function isExplained({ failures, own, measured, measuredOfOthers }: Blame, total: TrafficCount): boolean {
  return failures > 0 && total.failures === own && failures === own && measured === own && measuredOfOthers === 0;
}

class ReleaseError extends Error {
  readonly code = 'release_failed';
}
