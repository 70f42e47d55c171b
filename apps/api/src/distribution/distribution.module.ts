import { Module } from '@nestjs/common';
import { AppsRepository } from '../apps/apps.repository.js';
import { FreezesModule } from '../freezes/freezes.module.js';
import { PublishingModule } from '../publishing/publishing.module.js';
import { AppDistributionController, ServiceDistributionController } from './distribution.controller.js';
import { DistributionRepository } from './distribution.repository.js';
import { DistributionService } from './distribution.service.js';
import { DistributionWriter } from './distribution-writer.js';
import { ManualChanges } from './manual-changes.js';

@Module({
  imports: [PublishingModule, FreezesModule],
  controllers: [AppDistributionController, ServiceDistributionController],
  providers: [DistributionService, DistributionRepository, DistributionWriter, ManualChanges, AppsRepository],
  exports: [DistributionWriter, ManualChanges],
})
export class DistributionModule {}
