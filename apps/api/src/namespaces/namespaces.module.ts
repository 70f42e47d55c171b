import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { NamespacesController } from './namespaces.controller.js';
import { NamespacesRepository } from './namespaces.repository.js';
import { NamespacesService } from './namespaces.service.js';

@Module({ imports: [AuditModule], controllers: [NamespacesController], providers: [NamespacesService, NamespacesRepository] })
export class NamespacesModule {}
