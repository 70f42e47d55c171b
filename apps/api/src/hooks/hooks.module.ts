import { Module } from '@nestjs/common';
import { ProgramsModule } from '../programs/programs.module.js';
import { RunsRepository } from '../programs/runs.repository.js';
import { monotonicClock, PUBLISHING_CLOCK } from '../publishing/publishing-clock.js';
import { DeliveriesController } from './deliveries.controller.js';
import { DeliveriesRepository } from './deliveries.repository.js';
import { DeliveryClock } from './delivery-clock.js';
import { DeliveryWorker } from './delivery-worker.js';
import { FlowDelivery } from './flow-delivery.js';
import { HookScheduler } from './hook-scheduler.js';
import { NotificationsController } from './notifications.controller.js';
import { NotificationsRepository } from './notifications.repository.js';
import { NotificationsService } from './notifications.service.js';
import { WebhookDelivery } from './webhook-delivery.js';
import { WebhookSecretController } from './webhook-secret.controller.js';
import { WebhookSecretsRepository } from './webhook-secrets.repository.js';

@Module({
  imports: [ProgramsModule],
  controllers: [NotificationsController, WebhookSecretController, DeliveriesController],
  providers: [
    NotificationsService,
    NotificationsRepository,
    WebhookSecretsRepository,
    DeliveriesRepository,
    DeliveryClock,
    DeliveryWorker,
    WebhookDelivery,
    FlowDelivery,
    HookScheduler,
    RunsRepository,
    { provide: PUBLISHING_CLOCK, useValue: monotonicClock },
  ],
  exports: [HookScheduler],
})
export class HooksModule {}
