import { availableParallelism } from 'node:os';
import { type LogExportSettings, readLogExportSettings, readTracingSettings, type TracingSettings } from '@app-fabric/tracing';
import { parseBasePath } from '../http/parse-target.js';
import type { RequestLogPolicy } from '../http/request-log.js';
import type { ForwarderLimits } from '../upstream/forwarder.js';
import type { OutlierPolicy } from '../upstream/outliers.js';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

/** What moves the bytes: the proxy's own HTTP/1.1 on raw sockets, or Node's server with http-proxy. */
const ENGINES = ['native', 'http-proxy'] as const;
export type ProxyEngine = (typeof ENGINES)[number];
export const DEFAULT_ENGINE: ProxyEngine = 'native';

/** Everything the proxy program can be told. */
export interface Settings {
  redisUrl: string;
  host: string;
  port: number;
  adminPort: number;
  dataDir: string;
  logLevel: LogLevel;
  basePath: string;
  /** Absent: made from host name and port, see startProxy. */
  proxyId?: string;
  trustForwarded: boolean;
  /** Processes that take requests. */
  workers: number;
  engine: ProxyEngine;
  maxInFlight: number;
  shutdownGraceMs: number;
  /** Requests are counted. */
  metrics: boolean;
  limits: ForwarderLimits;
  outliers: OutlierPolicy;
  requestLog: RequestLogPolicy;
  /** `null`: no traces are recorded. */
  traces: TracingSettings | null;
  /** `null`: log lines go to standard error only. */
  logExport: LogExportSettings | null;
}

export class SettingsError extends Error {
  readonly code = 'bad_setting';
}

type Environment = Readonly<Record<string, string | undefined>>;

/** One numeric setting: name, default, bounds. */
type NumberSetting = readonly [name: string, standard: number, min: number, max: number];

/** The README's table of settings says what they mean. */
const LIMITS = {
  /** Largest head of a request (request line and headers), bytes → 431. */
  headBytes: ['FABRIC_PROXY_MAX_HEAD_BYTES', 16_384, 1_024, 65_535],
  /** Largest request target, bytes → 414. */
  targetBytes: ['FABRIC_PROXY_MAX_TARGET_BYTES', 8_192, 256, 65_535],
  /** Largest request body, bytes → 413; 0 switches the limit off. */
  bodyBytes: ['FABRIC_PROXY_MAX_BODY_BYTES', 0, 0, Number.MAX_SAFE_INTEGER],
  headTimeoutMs: ['FABRIC_PROXY_HEADER_TIMEOUT_MS', 15_000, 100, 600_000],
  clientIdleMs: ['FABRIC_PROXY_IDLE_TIMEOUT_MS', 60_000, 100, 3_600_000],
  connectTimeoutMs: ['FABRIC_PROXY_CONNECT_TIMEOUT_MS', 2_000, 10, 60_000],
  responseTimeoutMs: ['FABRIC_PROXY_RESPONSE_TIMEOUT_MS', 60_000, 10, 3_600_000],
  requestTimeoutMs: ['FABRIC_PROXY_REQUEST_TIMEOUT_MS', 0, 0, 86_400_000],
  minBodyBytesPerSecond: ['FABRIC_PROXY_MIN_BODY_BYTES_PER_SECOND', 240, 0, 1_000_000_000],
  streamIdleMs: ['FABRIC_PROXY_STREAM_IDLE_TIMEOUT_MS', 300_000, 100, 86_400_000],
  tunnelIdleMs: ['FABRIC_PROXY_TUNNEL_IDLE_TIMEOUT_MS', 3_600_000, 100, 86_400_000],
  instanceIdleMs: ['FABRIC_PROXY_INSTANCE_IDLE_TIMEOUT_MS', 4_000, 0, 3_600_000],
  connectionsPerInstance: ['FABRIC_PROXY_MAX_CONNECTIONS_PER_INSTANCE', 1_000, 1, 60_000],
  queuePerInstance: ['FABRIC_PROXY_MAX_QUEUE_PER_INSTANCE', 1_000, 0, 1_000_000],
  queueTimeoutMs: ['FABRIC_PROXY_QUEUE_TIMEOUT_MS', 5_000, 10, 600_000],
  clientConnections: ['FABRIC_PROXY_MAX_CONNECTIONS', 20_000, 1, 1_000_000],
  lameDuckMs: ['FABRIC_PROXY_LAME_DUCK_MS', 1_000, 0, 600_000],
} as const satisfies Record<keyof ForwarderLimits, NumberSetting>;

const OUTLIERS = {
  consecutiveFailures: ['FABRIC_PROXY_OUTLIER_FAILURES', 5, 0, 1_000],
  baseEjectionMs: ['FABRIC_PROXY_OUTLIER_EJECTION_MS', 5_000, 10, 3_600_000],
  maxEjectionMs: ['FABRIC_PROXY_OUTLIER_MAX_EJECTION_MS', 300_000, 10, 86_400_000],
} as const satisfies Record<keyof OutlierPolicy, NumberSetting>;

/** The bounds of the data path when nothing is set. */
export const DEFAULT_LIMITS: ForwarderLimits = numbers({}, LIMITS);
export const DEFAULT_OUTLIERS: OutlierPolicy = numbers({}, OUTLIERS);
export const DEFAULT_REQUEST_LOG: RequestLogPolicy = requestLog({});
export const DEFAULT_MAX_IN_FLIGHT = 10_000;
const MAX_WORKERS = 256;
export const DEFAULT_SHUTDOWN_GRACE_MS = 30_000;

/** Reads and checks the environment, once. Throws {@link SettingsError}, which names the variable. Empty is the same as absent. */
export function readSettings(env: Environment): Settings {
  const redisUrl = text(env, 'REDIS_URL');
  if (redisUrl === undefined) throw new SettingsError('REDIS_URL is required, e.g. redis://127.0.0.1:6379');
  if (!URL.canParse(redisUrl) || !/^rediss?:$/.test(new URL(redisUrl).protocol)) {
    throw new SettingsError('REDIS_URL must be a redis:// or rediss:// URL');
  }
  const limits = numbers(env, LIMITS);
  if (limits.targetBytes > limits.headBytes) {
    throw new SettingsError('FABRIC_PROXY_MAX_TARGET_BYTES must not exceed FABRIC_PROXY_MAX_HEAD_BYTES');
  }
  const basePath = parseBasePath(text(env, 'FABRIC_PROXY_BASE_PATH') ?? '');
  if (basePath === null) throw new SettingsError('FABRIC_PROXY_BASE_PATH must look like /some/path');
  const proxyId = text(env, 'FABRIC_PROXY_ID');
  if (proxyId !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(proxyId)) {
    throw new SettingsError('FABRIC_PROXY_ID must match ^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$');
  }
  return {
    redisUrl,
    host: text(env, 'FABRIC_HOST') ?? '127.0.0.1',
    port: number(env, 'FABRIC_PROXY_PORT', 8081, 0, 65_535),
    adminPort: number(env, 'FABRIC_PROXY_ADMIN_PORT', 8082, 0, 65_535),
    dataDir: text(env, 'FABRIC_DATA_DIR') ?? '.fabric',
    logLevel: oneOf(env, 'FABRIC_LOG_LEVEL', LOG_LEVELS, 'info'),
    basePath,
    ...(proxyId === undefined ? {} : { proxyId }),
    workers: workers(env),
    engine: oneOf(env, 'FABRIC_PROXY_ENGINE', ENGINES, DEFAULT_ENGINE),
    trustForwarded: oneOf(env, 'FABRIC_PROXY_TRUST_FORWARDED', ['on', 'off'], 'off') === 'on',
    maxInFlight: number(env, 'FABRIC_PROXY_MAX_IN_FLIGHT', DEFAULT_MAX_IN_FLIGHT, 1, 1_000_000),
    shutdownGraceMs: number(env, 'FABRIC_PROXY_SHUTDOWN_GRACE_MS', DEFAULT_SHUTDOWN_GRACE_MS, 0, 3_600_000),
    metrics: oneOf(env, 'FABRIC_PROXY_METRICS', ['on', 'off'], 'on') === 'on',
    limits,
    outliers: numbers(env, OUTLIERS),
    requestLog: requestLog(env),
    traces: readTraces(env),
    logExport: readLogExport(env),
  };
}

/** Also for a worker, which has the environment of its proxy. Throws {@link SettingsError}. */
export function readTraces(env: Environment): TracingSettings | null {
  const { settings, problems } = readTracingSettings(env);
  if (problems.length > 0) throw new SettingsError(problems.join('; '));
  return settings;
}

function readLogExport(env: Environment): LogExportSettings | null {
  const { settings, problems } = readLogExportSettings(env);
  if (problems.length > 0) throw new SettingsError(problems.join('; '));
  return settings;
}

function requestLog(env: Environment): RequestLogPolicy {
  const ratio = text(env, 'FABRIC_PROXY_REQUEST_LOG_RATIO') ?? '0';
  if (!/^(?:0|1|0?\.\d{1,6}|1\.0{1,6})$/.test(ratio))
    throw new SettingsError('FABRIC_PROXY_REQUEST_LOG_RATIO must be a number from 0 to 1, like 0.01');
  return { ratio: Number(ratio), linesPerSecond: number(env, 'FABRIC_PROXY_REQUEST_LOG_LINES_PER_SECOND', 20, 0, 1_000_000) };
}

function workers(env: Environment): number {
  if (text(env, 'FABRIC_PROXY_WORKERS') === 'auto') return Math.min(MAX_WORKERS, availableParallelism());
  try {
    return number(env, 'FABRIC_PROXY_WORKERS', 1, 1, MAX_WORKERS);
  } catch {
    throw new SettingsError(`FABRIC_PROXY_WORKERS must be a whole number from 1 to ${MAX_WORKERS}, or auto`);
  }
}

function text(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

function numbers<K extends string>(env: Environment, settings: Readonly<Record<K, NumberSetting>>): Record<K, number> {
  const entries = Object.entries<NumberSetting>(settings).map(([key, setting]) => [key, number(env, ...setting)]);
  return Object.fromEntries(entries) as Record<K, number>;
}

function number(env: Environment, name: string, standard: number, min: number, max: number): number {
  const value = text(env, name);
  if (value === undefined) return standard;
  const parsed = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (!(parsed >= min && parsed <= max)) throw new SettingsError(`${name} must be a whole number from ${min} to ${max}`);
  return parsed;
}

function oneOf<T extends string>(env: Environment, name: string, allowed: readonly T[], standard: T): T {
  const value = text(env, name);
  if (value === undefined) return standard;
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new SettingsError(`${name} must be one of ${allowed.join(', ')}`);
  return found;
}
