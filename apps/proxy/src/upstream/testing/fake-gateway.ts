import { type Problem, renderProblem } from '../../http/problems.js';
import type { Exchange, ExchangeResult, Gateway, Refusal, RequestHead, RetryableFailure } from '../forwarder.js';
import type { InstanceState } from '../instance.js';

/** Sends everything to the instances it was given, in their order, and keeps what it was told. */
export class FakeGateway implements Gateway {
  readonly heads: RequestHead[] = [];
  readonly results: ExchangeResult[] = [];
  readonly failures: RetryableFailure[] = [];
  /** Exchanges that have not ended. */
  running = 0;
  #waiting: (() => void)[] = [];

  constructor(readonly instances: InstanceState[]) {}

  open(head: RequestHead): Exchange | Refusal {
    this.heads.push({ ...head });
    this.#notify();
    const end = (result: ExchangeResult) => {
      this.results.push(result);
      this.running -= 1;
      this.#notify();
    };
    this.running += 1;
    if (head.target === '/refused')
      return {
        kind: 'refusal',
        answer: renderProblem({ code: 'app_not_found', detail: 'no' }, 'r'),
        end: (status) => end({ status, outcome: 'complete', bytesIn: 0, bytesOut: 0 }),
      };
    let at = 0;
    const instances = this.instances;
    const failures = this.failures;
    return {
      kind: 'exchange',
      get instance() {
        return instances[at] as InstanceState;
      },
      copy: null,
      path: head.target.replace(/^https?:\/\/[^/?]+/, ''),
      sharedLines: '',
      requestLines: 'X-Request-Id: id-1\r\n',
      answerLines: 'X-App-Version: 3\r\nX-Request-Id: id-1\r\n',
      retry(failure) {
        failures.push(failure);
        if (at + 1 < instances.length) at += 1;
        else return failure === 'stale_connection';
        return true;
      },
      problem: (problem: Problem) => renderProblem(problem, 'id-1', ['X-App-Version', '3', 'X-Request-Id', 'id-1']),
      end,
    };
  }

  refuseUnparsed(problem: Problem) {
    return renderProblem(problem, 'id-0', ['X-Request-Id', 'id-0']);
  }

  /** Resolves when `count` exchanges have ended. */
  ended(count: number): Promise<void> {
    return this.#until(
      () => this.results.length >= count,
      () => `${this.results.length} of ${count} exchanges ended`,
    );
  }

  /** Resolves when `count` requests have been opened. */
  opened(count: number): Promise<void> {
    return this.#until(
      () => this.heads.length >= count,
      () => `${this.heads.length} of ${count} requests came`,
    );
  }

  async #until(done: () => boolean, state: () => string): Promise<void> {
    const deadline = Date.now() + 5_000;
    while (!done()) {
      if (Date.now() > deadline) throw new Error(state());
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        setTimeout(resolve, 1_000).unref();
      });
    }
  }

  #notify(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
}
