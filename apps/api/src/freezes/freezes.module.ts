import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { FreezeGuard } from './freeze-guard.js';
import { FreezesController } from './freezes.controller.js';
import { FreezesRepository } from './freezes.repository.js';
import { FreezesService } from './freezes.service.js';

@Module({
  imports: [AuditModule],
  controllers: [FreezesController],
  providers: [FreezesService, FreezesRepository, FreezeGuard],
  exports: [FreezeGuard],
})
export class FreezesModule {}
