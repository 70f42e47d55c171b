import { Module } from '@nestjs/common';
import { AppsRepository } from '../apps/apps.repository.js';
import { DistributionModule } from '../distribution/distribution.module.js';
import { DistributionRepository } from '../distribution/distribution.repository.js';
import { FreezesModule } from '../freezes/freezes.module.js';
import { HookScheduler } from '../hooks/hook-scheduler.js';
import { HooksModule } from '../hooks/hooks.module.js';
import { MeasurementsModule } from '../measurements/measurements.module.js';
import { ProgramsModule } from '../programs/programs.module.js';
import { RunsRepository } from '../programs/runs.repository.js';
import { PublishingModule } from '../publishing/publishing.module.js';
import { monotonicClock, PUBLISHING_CLOCK } from '../publishing/publishing-clock.js';
import { AppliedTimes } from './applied-times.js';
import { LifecyclePrograms } from './lifecycle-programs.js';
import { ReleaseClock } from './release-clock.js';
import { ReleaseEngine } from './release-engine.js';
import { ReleaseEventStream } from './release-event-stream.js';
import { ReleaseEventsController } from './release-events.controller.js';
import { ReleaseEventsRepository } from './release-events.repository.js';
import { NamespaceFreeze, ReleaseFreeze } from './release-freeze.js';
import { ReleaseHooks } from './release-hooks.js';
import { ReleaseMetrics } from './release-metrics.js';
import { ReleasePauser } from './release-pauser.js';
import { ReleasePlansController } from './release-plans.controller.js';
import { ReleasePlansRepository } from './release-plans.repository.js';
import { ReleasePlansService } from './release-plans.service.js';
import { ReleasePrograms } from './release-programs.js';
import { ReleaseSignals } from './release-signals.js';
import { ReleaseStarter } from './release-starter.js';
import { ReleaseStepper } from './release-stepper.js';
import { ReleaseWaiter } from './release-waiter.js';
import { ReleaseWorld } from './release-world.js';
import { ReleaseWriter } from './release-writer.js';
import { ReleasesController } from './releases.controller.js';
import { ReleasesRepository } from './releases.repository.js';
import { ReleasesService } from './releases.service.js';

@Module({
  imports: [HooksModule, DistributionModule, FreezesModule, ProgramsModule, MeasurementsModule, PublishingModule],
  controllers: [ReleasesController, ReleaseEventsController, ReleasePlansController],
  providers: [
    ReleasesService,
    ReleaseStarter,
    ReleaseWaiter,
    ReleaseEventStream,
    ReleasePlansService,
    ReleaseEngine,
    ReleaseStepper,
    ReleaseWorld,
    ReleaseWriter,
    ReleasePauser,
    ReleaseSignals,
    ReleaseMetrics,
    AppliedTimes,
    ReleaseClock,
    ReleasesRepository,
    ReleaseEventsRepository,
    ReleasePlansRepository,
    AppsRepository,
    DistributionRepository,
    RunsRepository,
    { provide: ReleasePrograms, useClass: LifecyclePrograms },
    { provide: ReleaseHooks, useExisting: HookScheduler },
    { provide: ReleaseFreeze, useClass: NamespaceFreeze },
    { provide: PUBLISHING_CLOCK, useValue: monotonicClock },
  ],
  exports: [ReleaseStarter, ReleasesService],
})
export class ReleasesModule {}
