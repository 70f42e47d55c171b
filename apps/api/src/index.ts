export { type ApiConfig, type ApiConfigDefaults, ConfigError, readApiConfig } from './config/api-config.js';
export { type ApiOptions, createApi, type RunningApi } from './create-api.js';
export { MigrationsPendingError } from './database/database.js';
export { migrateDatabase } from './database/migrate-database.js';
export { TRACED_API } from './tracing/traced-api.js';
