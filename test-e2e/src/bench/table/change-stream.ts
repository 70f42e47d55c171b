import type { PublisherBus } from '@app-fabric/bus';
import { EPOCH, FIRST_REVISION } from '../start-proxy.js';
import { keyOf, oneOfMany } from './many-apps.js';

/** A prime: walking the apps in this stride touches all of them in turn, whatever their number. */
const STRIDE = 7_919;

/** Changes of many apps, published in order at an even rate, as the control plane publishes them. */
export class ChangeStream {
  #revision = FIRST_REVISION;
  #stopped = false;

  constructor(
    private readonly publisher: PublisherBus,
    private readonly apps: number,
    private readonly ports: readonly number[],
  ) {}

  get revision(): number {
    return this.#revision;
  }

  /** Resolves when `count` changes are published and, with `untilApplied`, a proxy has reported that it routes by the last; or after {@link stop}. */
  async run(count: number, perSecond: number, untilApplied = true): Promise<void> {
    const startedAt = performance.now();
    let unlisten = () => {};
    const last = this.#revision + count;
    const applied = new Promise<void>((resolve) => {
      unlisten = this.publisher.onReport((report) => {
        if (report.applied?.revision === last) resolve();
      });
    });
    for (let done = 0; done < count && !this.#stopped; ) {
      const due = Math.min(count, Math.floor(((performance.now() - startedAt) * perSecond) / 1_000));
      const batch: Promise<boolean>[] = [];
      for (; done < due; done += 1) batch.push(this.#publishNext());
      if ((await Promise.all(batch)).includes(false)) throw new Error('a change was not published: the stored revision is another');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    if (untilApplied && !this.#stopped) await applied;
    unlisten();
  }

  stop(): void {
    this.#stopped = true;
  }

  #publishNext(): Promise<boolean> {
    const previous = this.#revision;
    this.#revision += 1;
    const index = (this.#revision * STRIDE) % this.apps;
    const document = { format: 1 as const, revision: this.#revision, routes: oneOfMany(index, this.ports, this.#revision) };
    return this.publisher.publish({ epoch: EPOCH, revision: this.#revision, previous, key: keyOf(index), document });
  }
}
