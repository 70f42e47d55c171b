import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { PipelinesController } from './pipelines.controller.js';
import { PipelinesRepository } from './pipelines.repository.js';
import { PipelinesService } from './pipelines.service.js';

@Module({
  imports: [AuditModule],
  controllers: [PipelinesController],
  providers: [PipelinesService, PipelinesRepository],
  exports: [PipelinesRepository],
})
export class PipelinesModule {}
