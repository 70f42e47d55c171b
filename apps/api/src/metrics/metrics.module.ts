import { Module } from '@nestjs/common';
import { MeasurementsModule } from '../measurements/measurements.module.js';
import { PublishingModule } from '../publishing/publishing.module.js';
import { StateRepository } from './state.repository.js';
import { StateMetrics } from './state-metrics.js';
import { WorkMetrics } from './work-metrics.js';

/** What `/metrics` shows besides what {@link Metrics} counts. */
@Module({ imports: [PublishingModule, MeasurementsModule], providers: [StateRepository, StateMetrics, WorkMetrics] })
export class MetricsModule {}
