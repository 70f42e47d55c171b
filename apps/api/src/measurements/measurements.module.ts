import { Module } from '@nestjs/common';
import { PublishingModule } from '../publishing/publishing.module.js';
import { monotonicClock, PUBLISHING_CLOCK } from '../publishing/publishing-clock.js';
import { Accountant } from './accountant.js';
import { ErrorsRepository } from './errors.repository.js';
import { FrameAccounting } from './frame-accounting.js';
import { MeasurementsRepository } from './measurements.repository.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsRepository } from './metrics.repository.js';
import { MetricsReader } from './metrics-reader.js';
import { ObservationsRepository } from './observations.repository.js';

@Module({
  imports: [PublishingModule],
  controllers: [MetricsController],
  providers: [
    Accountant,
    FrameAccounting,
    MeasurementsRepository,
    ErrorsRepository,
    ObservationsRepository,
    MetricsRepository,
    MetricsReader,
    { provide: PUBLISHING_CLOCK, useValue: monotonicClock },
  ],
  exports: [Accountant, ObservationsRepository, MetricsReader],
})
export class MeasurementsModule {}
