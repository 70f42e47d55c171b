import { Injectable } from '@nestjs/common';
import { Counter } from 'prom-client';
import { Accountant } from '../measurements/accountant.js';
import { Publisher } from '../publishing/publisher.js';
import { showGauge } from './gauge.js';
import { Metrics } from './metrics.js';

/** Shows what one replica at a time does for all: publishing routes, and accounting for measurements. */
@Injectable()
export class WorkMetrics {
  constructor(
    private readonly metrics: Metrics,
    publisher: Publisher,
    accountant: Accountant,
  ) {
    const { registry } = metrics;
    const active = (of: { active: boolean }) => () => [{ value: of.active ? 1 : 0 }];
    showGauge(registry, { name: 'fabric_publisher_active', help: '1 for the replica that publishes routes.' }, active(publisher));
    this.counter('fabric_published_changes_total', 'Changes of routes that were brought to the bus.', () => publisher.counts.published);
    this.counter('fabric_publisher_republications_total', 'How often all routes were published anew.', () => publisher.counts.republished);
    this.counter('fabric_publisher_failures_total', 'Rounds of publishing that failed.', () => publisher.counts.failed);
    const help = '1 for the replica that accounts for measurements.';
    showGauge(registry, { name: 'fabric_measurement_accountant_active', help }, active(accountant));
    const lag = {
      name: 'fabric_measurement_lag_seconds',
      help: 'For how long measurements may have waited; only of the replica that accounts for them.',
    };
    showGauge(registry, lag, () => (accountant.lagMs === null ? [] : [{ value: accountant.lagMs / 1_000 }]));
    new Counter({
      name: 'fabric_measurement_frames_total',
      help: 'Frames of measurements, by what became of them: those that are refused or dropped are not counted anywhere.',
      labelNames: ['outcome'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [outcome, count] of Object.entries(accountant.counts)) this.inc({ outcome }, count);
      },
    });
  }

  private counter(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.metrics.registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }
}
