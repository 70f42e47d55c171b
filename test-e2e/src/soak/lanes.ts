import { type Shop, UnexpectedAnswerError } from '@app-fabric/scenario';
import type { Crash } from './judge.js';
import { oneOf, seeded } from './seeded.js';
import type { Timeline } from './timeline.js';
import type { SoakedVersion } from './version.js';

const SHIFT_EVERY_MS = 100;
/** Changes of weights on their way at once: slow answers do not make them fewer than ten a second. */
const MAX_SHIFTS = 8;
const LONGEST_REST_MS = 500;
const LONGEST_REST_BETWEEN_CRASHES_MS = 1_500;
const MIN_UP = 2;
const INSTANCES = [2, 3];
const KEPT_OPERATIONS = 200;

export interface OperationCounts {
  shifts: number;
  /** Changes that named a version just when it was stopped: 409, as the contract says. */
  refusedShifts: number;
  stops: number;
  starts: number;
  scales: number;
  crashes: number;
}

export interface Playground {
  seed: number;
  shop: Shop;
  versions: readonly SoakedVersion[];
  timeline: Timeline;
  crashes: Crash[];
  now(): number;
}

/** All that is done to the app while the load runs, three things side by side: shares move, versions stop, start and scale, instances crash. */
export class Lanes {
  readonly counts: OperationCounts = { shifts: 0, refusedShifts: 0, stops: 0, starts: 0, scales: 0, crashes: 0 };
  /** The last operations, oldest first: what one wants to read when something failed. */
  readonly operations: string[] = [];
  private readonly up = new Set<SoakedVersion>();
  /** In the hands of one lane. */
  private readonly busy = new Set<SoakedVersion>();
  private readonly beganAt: number;

  constructor(private readonly ground: Playground) {
    this.beganAt = ground.now();
  }

  /** All versions, one after the other, and all with the same share. */
  async startAll(): Promise<void> {
    for (const version of this.ground.versions) await this.start(version, INSTANCES[0]!);
    const share = 100 / this.ground.versions.length;
    await this.shift(Object.fromEntries(this.ground.versions.map(({ version }) => [version, share])));
  }

  /** Goes on until `until` (of the ground's clock) and then brings what was begun to its end. Rejects when an operation failed. */
  async run(until: number): Promise<void> {
    const running = () => this.ground.now() < until;
    await Promise.all([this.shiftShares(running), this.stopAndStart(running), this.crash(running)]);
  }

  private async shiftShares(running: () => boolean): Promise<void> {
    const random = seeded(this.ground.seed, 'shares');
    const onTheirWay = new Set<Promise<void>>();
    for (let next = this.ground.now(); running(); next += SHIFT_EVERY_MS) {
      await rest(next - this.ground.now());
      const up = [...this.up].map(({ version }) => version);
      const weights = randomWeights(up, random);
      if (onTheirWay.size >= MAX_SHIFTS) await Promise.race(onTheirWay);
      const shift = this.shift(weights).finally(() => onTheirWay.delete(shift));
      onTheirWay.add(shift);
      shift.catch(() => undefined); // told by Promise.all below, or by the race above
    }
    await Promise.all(onTheirWay);
  }

  private async shift(weights: Record<string, number>): Promise<void> {
    const { shop, timeline, now } = this.ground;
    const chosen = Object.keys(weights).map(Number);
    const answered = timeline.shifting(chosen, now());
    try {
      const { propagation } = await shop.shift(weights, 'soak');
      if (propagation.complete !== true) throw new Error(`a change of weights did not arrive: ${JSON.stringify(propagation)}`);
      answered(now(), propagation.routeRevision);
      this.counts.shifts += 1;
      timeline.forget(now() - 60_000);
    } catch (error) {
      if (!(error instanceof UnexpectedAnswerError) || error.answer.body.code !== 'version_not_running') throw error;
      answered(now(), null);
      this.counts.refusedShifts += 1;
    }
  }

  private async stopAndStart(running: () => boolean): Promise<void> {
    const random = seeded(this.ground.seed, 'operations');
    while (running()) {
      await rest(random() * LONGEST_REST_MS);
      const free = this.ground.versions.filter((version) => !this.busy.has(version));
      if (free.length === 0) continue;
      const version = oneOf(free, random);
      const instances = oneOf(INSTANCES, random);
      await this.held(version, async () => {
        if (!this.up.has(version)) await this.start(version, instances);
        else if (this.up.size > MIN_UP && random() < 0.5) await this.stop(version);
        else if (instances !== version.count()) await this.scale(version, instances);
      });
    }
    for (const version of this.ground.versions) if (!this.up.has(version)) await this.start(version, INSTANCES[0]!);
  }

  private async start(version: SoakedVersion, instances: number): Promise<void> {
    const { timeline, now } = this.ground;
    const started = timeline.starting(version.version, now());
    await this.operation(`start ${version.kind} version ${version.version} with ${instances}`, () => version.start(instances));
    started(now());
    this.up.add(version);
    this.counts.starts += 1;
  }

  private async stop(version: SoakedVersion): Promise<void> {
    const { timeline, now } = this.ground;
    // Shares are given to it up to the last moment: some of those calls come too late, and are refused.
    const stopped = timeline.stopping(version.version, now());
    const stopping = this.operation(`stop ${version.kind} version ${version.version}`, () => version.stop());
    await rest(SHIFT_EVERY_MS / 2);
    this.up.delete(version);
    await stopping;
    stopped(now());
    this.counts.stops += 1;
  }

  private async scale(version: SoakedVersion, instances: number): Promise<void> {
    await this.operation(`scale ${version.kind} version ${version.version} to ${instances}`, () => version.scale(instances));
    this.counts.scales += 1;
  }

  private async crash(running: () => boolean): Promise<void> {
    const { seed, versions, crashes, now } = this.ground;
    const random = seeded(seed, 'crashes');
    while (running()) {
      await rest(random() * LONGEST_REST_BETWEEN_CRASHES_MS);
      const free = versions.filter((version) => this.up.has(version) && !this.busy.has(version));
      if (free.length === 0) continue;
      const version = oneOf(free, random);
      await this.held(version, async () => {
        const crash: Crash = { version: version.version, killedAt: Number.POSITIVE_INFINITY, goneAt: Number.POSITIVE_INFINITY };
        crashes.push(crash);
        await this.operation(`crash of an instance of ${version.kind} version ${version.version}`, async () => {
          const heal = await version.crash(
            (from) => oneOf(from, random),
            () => {
              crash.killedAt = now();
            },
          );
          crash.goneAt = now();
          if (heal === null) return;
          this.counts.crashes += 1;
          await heal();
        });
      });
    }
  }

  private async held(version: SoakedVersion, action: () => Promise<void>): Promise<void> {
    this.busy.add(version);
    await action();
    this.busy.delete(version);
  }

  private async operation(what: string, action: () => Promise<void>): Promise<void> {
    const seconds = () => ((this.ground.now() - this.beganAt) / 1_000).toFixed(2);
    const beganAt = seconds();
    const note = (end: string) => {
      this.operations.push(`${beganAt} s: ${what}, ${end} at ${seconds()} s`);
      if (this.operations.length > KEPT_OPERATIONS) this.operations.shift();
    };
    try {
      await action();
      note('done');
    } catch (error) {
      note('failed');
      throw new Error(`${what} failed`, { cause: error });
    }
  }
}

/** Two or more of the versions, each above 0, in percent with two decimals; the sum is 100. */
function randomWeights(versions: readonly number[], random: () => number): Record<string, number> {
  const left = [...versions];
  const chosen: number[] = [];
  for (let count = 2 + Math.floor(random() * (versions.length - 1)); count > 0 && left.length > 0; count--)
    chosen.push(left.splice(Math.floor(random() * left.length), 1)[0]!);
  let rest = 10_000;
  const weights: Record<string, number> = {};
  for (const [index, version] of chosen.entries()) {
    const others = chosen.length - 1 - index;
    const share = others === 0 ? rest : 1 + Math.floor(random() * (rest - others));
    weights[version] = share / 100;
    rest -= share;
  }
  return weights;
}

function rest(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));
}
