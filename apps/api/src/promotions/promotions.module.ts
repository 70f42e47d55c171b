import { Module } from '@nestjs/common';
import { AppsModule } from '../apps/apps.module.js';
import { AppsRepository } from '../apps/apps.repository.js';
import { ArtifactsModule } from '../artifacts/artifacts.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { FreezesModule } from '../freezes/freezes.module.js';
import { MeasurementsModule } from '../measurements/measurements.module.js';
import { NamespacesRepository } from '../namespaces/namespaces.repository.js';
import { PipelinesModule } from '../pipelines/pipelines.module.js';
import { ProgramsModule } from '../programs/programs.module.js';
import { PublishingModule } from '../publishing/publishing.module.js';
import { ReleasesModule } from '../releases/releases.module.js';
import { ValidationsModule } from '../validations/validations.module.js';
import { ProductionEntry } from './production-entry.js';
import { PromotionJudge } from './promotion-judge.js';
import { PromotionMaker } from './promotion-maker.js';
import { PromotionsController } from './promotions.controller.js';
import { PromotionsRepository } from './promotions.repository.js';
import { PromotionsService } from './promotions.service.js';

@Module({
  imports: [
    AppsModule,
    ArtifactsModule,
    AuditModule,
    FreezesModule,
    MeasurementsModule,
    PipelinesModule,
    ProgramsModule,
    PublishingModule,
    ReleasesModule,
    ValidationsModule,
  ],
  controllers: [PromotionsController],
  providers: [
    PromotionsService,
    PromotionJudge,
    PromotionMaker,
    ProductionEntry,
    PromotionsRepository,
    AppsRepository,
    NamespacesRepository,
  ],
})
export class PromotionsModule {}
