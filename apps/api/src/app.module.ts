import type { PublisherBus } from '@app-fabric/bus';
import { type DynamicModule, Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { AppsModule } from './apps/apps.module.js';
import { ArtifactsModule } from './artifacts/artifacts.module.js';
import { AuditModule } from './audit/audit.module.js';
import type { ApiConfig } from './config/api-config.js';
import type { Database } from './database/database.js';
import { databaseModule } from './database/database.module.js';
import { DistributionModule } from './distribution/distribution.module.js';
import { FreezesModule } from './freezes/freezes.module.js';
import { HealthModule } from './health/health.module.js';
import { HooksModule } from './hooks/hooks.module.js';
import { HostsModule } from './hosts/hosts.module.js';
import { Authenticator } from './http/auth.guard.js';
import { HttpModule } from './http/http.module.js';
import { MeasurementsModule } from './measurements/measurements.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { NamespacesModule } from './namespaces/namespaces.module.js';
import { PipelinesModule } from './pipelines/pipelines.module.js';
import { ProgramsModule } from './programs/programs.module.js';
import type { LocalRuntime } from './programs/run-host.js';
import { PromotionsModule } from './promotions/promotions.module.js';
import { ReleasesModule } from './releases/releases.module.js';
import { BUS, CONFIG, LOGGER, RUNTIME, SHUTDOWN } from './tokens.js';
import { Traces } from './tracing/traces.js';
import { ValidationsModule } from './validations/validations.module.js';

/** One line per noun. */
const NOUNS = [
  NamespacesModule,
  AuditModule,
  FreezesModule,
  ValidationsModule,
  ArtifactsModule,
  AppsModule,
  DistributionModule,
  HostsModule,
  ProgramsModule,
  MeasurementsModule,
  HooksModule,
  ReleasesModule,
  PipelinesModule,
  PromotionsModule,
];

/** What is made outside of Nest, and lives longer. */
export interface AppParts {
  config: ApiConfig;
  database: Database;
  bus: PublisherBus;
  logger: Logger;
  authenticator: Authenticator;
  shutdown: AbortSignal;
  /** Null: programs cannot be started on this host. */
  runtime: LocalRuntime | null;
  traces: Traces;
}

@Module({})
class AppModule {}

export function appModule({ config, database, bus, logger, authenticator, shutdown, runtime, traces }: AppParts): DynamicModule {
  const values = [
    { provide: CONFIG, useValue: config },
    { provide: BUS, useValue: bus },
    { provide: LOGGER, useValue: logger },
    { provide: RUNTIME, useValue: runtime },
    { provide: SHUTDOWN, useValue: shutdown },
    { provide: Authenticator, useValue: authenticator },
    { provide: Traces, useValue: traces },
  ];
  return {
    module: AppModule,
    global: true,
    imports: [databaseModule(database), HttpModule, HealthModule, MetricsModule, ...NOUNS],
    providers: values,
    exports: values.map(({ provide }) => provide),
  };
}
