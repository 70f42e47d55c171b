import { Module } from '@nestjs/common';
import { Notifications } from '../database/notifications.js';
import { LeaseRepository } from './lease.repository.js';
import { Propagation } from './propagation.js';
import { ProxiesController } from './proxies.controller.js';
import { ProxyRegistry } from './proxy-registry.js';
import { Publisher } from './publisher.js';
import { monotonicClock, PUBLISHING_CLOCK } from './publishing-clock.js';
import { RouteChanges } from './route-changes.js';
import { RouteDocumentRepository } from './route-document.repository.js';
import { RouteOutboxRepository } from './route-outbox.repository.js';

@Module({
  controllers: [ProxiesController],
  providers: [
    RouteChanges,
    Publisher,
    Propagation,
    ProxyRegistry,
    RouteOutboxRepository,
    RouteDocumentRepository,
    LeaseRepository,
    Notifications,
    { provide: PUBLISHING_CLOCK, useValue: monotonicClock },
  ],
  exports: [RouteChanges, Publisher, Propagation, ProxyRegistry, LeaseRepository, Notifications],
})
export class PublishingModule {}
