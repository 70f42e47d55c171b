import { RetryBudget } from './retry-budget.js';

/** How many further attempts are granted now. */
function granted(budget: RetryBudget, asked = 10_000): number {
  let count = 0;
  for (let i = 0; i < asked; i += 1) if (budget.take()) count += 1;
  return count;
}

describe('RetryBudget', () => {
  it('issue 3: when everything fails, at most 20 % of the requests are tried again', () => {
    const budget = new RetryBudget();
    granted(budget);
    let retried = 0;
    for (let request = 0; request < 10_000; request += 1) {
      budget.requestStarted();
      if (budget.take()) retried += 1;
    }
    expect(retried).toBeLessThanOrEqual(2_000);
    expect(retried).toBeGreaterThan(1_990);
  });

  it('a proxy that has just started may retry, but not without end', () => {
    expect(granted(new RetryBudget())).toBe(50);
  });

  it('what was saved up in quiet times is bounded, and covers an instance that dies with all its connections busy', () => {
    const budget = new RetryBudget();
    for (let request = 0; request < 1_000_000; request += 1) budget.requestStarted();
    expect(granted(budget)).toBe(1_000);
  });
});
