import { hasDatabaseServer } from './own-database.js';
import { hasPostgresServer, hasPrometheus, hasRedisServer } from './own-server.js';

const ready = hasRedisServer && (await hasDatabaseServer());

/** A suite that starts real programs against a real PostgreSQL and a Redis of its own; skipped, and reported as such, where there are none. */
export const describeWithServers = ready ? describe : describe.skip;

/** The same, for suites that kill a PostgreSQL of their own. */
export const describeWithOwnPostgres = hasRedisServer && hasPostgresServer ? describe : describe.skip;

/** Suites that start a Prometheus that looks at real programs. */
export const describeWithPrometheus = ready && hasPrometheus ? describe : describe.skip;

/** Suites that need `promtool` alone. */
export const describeWithPromtool = hasPrometheus ? describe : describe.skip;
