import type { Expiring } from './engine-context.js';

/** The time of a whole request, beside the deadlines of its steps. */
export class RequestClock implements Expiring {
  deadline = 0;

  constructor(private readonly onLate: () => void) {}

  start(deadline: number): void {
    this.deadline = deadline;
  }

  stop(): void {
    this.deadline = 0;
  }

  expired(): void {
    this.deadline = 0;
    this.onLate();
  }
}
