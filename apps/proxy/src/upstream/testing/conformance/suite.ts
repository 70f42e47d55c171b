import type { CreateForwarder } from '../../forwarder.js';
import { Lab } from './lab.js';

export type Case = (lab: Lab) => Promise<void>;

/** A rule that a forwarder cannot keep: what it does instead is asserted, so that a change of it shows. */
export interface Deviation {
  /** Title of the rule, as printed. */
  rule: string;
  /** Why it cannot. */
  reason: string;
  instead: Case;
}

/** What a room of the suite writes its rules with. */
export class Suite {
  readonly #createForwarder: CreateForwarder;
  readonly #deviations: Map<string, Deviation>;
  readonly #titles = new Set<string>();

  constructor(createForwarder: CreateForwarder, deviations: readonly Deviation[]) {
    this.#createForwarder = createForwarder;
    this.#deviations = new Map(deviations.map((one) => [one.rule, one]));
  }

  /** One rule, as one test. Titles are unique in the whole suite: deviations go by them. */
  rule(title: string, body: Case, timeoutMs?: number): void {
    if (this.#titles.has(title)) throw new Error(`two rules are called ${JSON.stringify(title)}`);
    this.#titles.add(title);
    const deviation = this.#deviations.get(title);
    const run = async (one: Case): Promise<void> => {
      const lab = new Lab(this.#createForwarder);
      try {
        await one(lab);
      } finally {
        await lab.close();
      }
    };
    if (deviation === undefined) it(title, () => run(body), timeoutMs);
    else it(`DEVIATES: ${title} (${deviation.reason})`, () => run(deviation.instead), timeoutMs);
  }

  /** A rule that this machine cannot try; seen in the report. */
  cannot(title: string, reason: string): void {
    this.#titles.add(title);
    it.skip(`${title} (${reason})`, () => undefined);
  }

  /** To be called when all rules are written. */
  assertNoStrayDeviation(): void {
    const stray = [...this.#deviations.keys()].filter((title) => !this.#titles.has(title));
    if (stray.length > 0) throw new Error(`deviations from rules that do not exist: ${stray.join('; ')}`);
  }
}
