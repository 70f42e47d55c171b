import { Global, Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { Metrics } from '../metrics/metrics.js';
import { AuthGuard } from './auth.guard.js';
import { ContentTypeGuard } from './consumes.js';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';
import { IdempotencyRepository } from './idempotency.repository.js';
import { ServerSentEvents } from './server-sent-events.js';
import { createValidationPipe } from './validation.js';

/** What all routes share. Guards run in this order. Middleware and the problem filter are in create-app.ts: they also see what has no route. */
@Global()
@Module({
  providers: [
    Metrics,
    ServerSentEvents,
    IdempotencyRepository,
    { provide: APP_GUARD, useClass: AuthGuard },
    { provide: APP_GUARD, useClass: ContentTypeGuard },
    { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
    { provide: APP_PIPE, useFactory: createValidationPipe },
  ],
  exports: [Metrics, ServerSentEvents],
})
export class HttpModule {}
