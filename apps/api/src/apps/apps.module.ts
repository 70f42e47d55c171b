import { Module } from '@nestjs/common';
import { ArtifactsModule } from '../artifacts/artifacts.module.js';
import { FreezesModule } from '../freezes/freezes.module.js';
import { RunsRepository } from '../programs/runs.repository.js';
import { PublishingModule } from '../publishing/publishing.module.js';
import { AliasesController } from './aliases.controller.js';
import { AliasesService } from './aliases.service.js';
import { AppVersionsController } from './app-versions.controller.js';
import { AppVersionsService } from './app-versions.service.js';
import { AppsController } from './apps.controller.js';
import { AppsRepository } from './apps.repository.js';
import { AppsService } from './apps.service.js';

@Module({
  imports: [PublishingModule, ArtifactsModule, FreezesModule],
  controllers: [AppsController, AppVersionsController, AliasesController],
  providers: [AppsService, AppVersionsService, AliasesService, AppsRepository, RunsRepository],
  exports: [AppVersionsService],
})
export class AppsModule {}
