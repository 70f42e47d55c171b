import { Module } from '@nestjs/common';
import { DistributionRepository } from '../distribution/distribution.repository.js';
import { PublishingModule } from '../publishing/publishing.module.js';
import { HostsController } from './hosts.controller.js';
import { HostsRepository } from './hosts.repository.js';
import { HostsService } from './hosts.service.js';

@Module({
  imports: [PublishingModule],
  controllers: [HostsController],
  providers: [HostsService, HostsRepository, DistributionRepository],
})
export class HostsModule {}
