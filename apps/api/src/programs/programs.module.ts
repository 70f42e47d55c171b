import { Module } from '@nestjs/common';
import { AppsModule } from '../apps/apps.module.js';
import { AppsRepository } from '../apps/apps.repository.js';
import { ArtifactsModule } from '../artifacts/artifacts.module.js';
import { DistributionModule } from '../distribution/distribution.module.js';
import { FreezesModule } from '../freezes/freezes.module.js';
import { NamespacesRepository } from '../namespaces/namespaces.repository.js';
import { PublishingModule } from '../publishing/publishing.module.js';
import { LifecycleService } from './lifecycle.service.js';
import { LogsController } from './logs.controller.js';
import { ProgramsController } from './programs.controller.js';
import { ProgramsService } from './programs.service.js';
import { RegisteredInstancesController } from './registered-instances.controller.js';
import { RegisteredInstancesService } from './registered-instances.service.js';
import { RunHost } from './run-host.js';
import { RunStarter } from './run-starter.js';
import { RunStopper } from './run-stopper.js';
import { RunSupervisor } from './run-supervisor.js';
import { RunWaiter } from './run-waiter.js';
import { RunWriter } from './run-writer.js';
import { RunsRepository } from './runs.repository.js';
import { VersionLogs } from './version-logs.js';

@Module({
  imports: [AppsModule, ArtifactsModule, DistributionModule, FreezesModule, PublishingModule],
  // Routes with more fixed segments first: `…/services/{svc}/instances/{id}` before `…/{kind}/{name}/…`.
  controllers: [RegisteredInstancesController, LogsController, ProgramsController],
  providers: [
    ProgramsService,
    LifecycleService,
    RegisteredInstancesService,
    RunHost,
    RunStarter,
    RunSupervisor,
    RunStopper,
    RunWriter,
    RunWaiter,
    RunsRepository,
    VersionLogs,
    AppsRepository,
    NamespacesRepository,
  ],
  exports: [LifecycleService, ProgramsService, RunStarter, RunSupervisor],
})
export class ProgramsModule {}
