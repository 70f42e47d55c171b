import { Module } from '@nestjs/common';
import { AppsRepository } from '../apps/apps.repository.js';
import { AuditModule } from '../audit/audit.module.js';
import { PublishingModule } from '../publishing/publishing.module.js';
import { ValidationsController } from './validations.controller.js';
import { ValidationsRepository } from './validations.repository.js';
import { ValidationsService } from './validations.service.js';

@Module({
  imports: [AuditModule, PublishingModule],
  controllers: [ValidationsController],
  providers: [ValidationsService, ValidationsRepository, AppsRepository],
  exports: [ValidationsRepository],
})
export class ValidationsModule {}
