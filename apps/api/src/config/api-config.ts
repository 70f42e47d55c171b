import { resolve } from 'node:path';
import { type LogExportSettings, readLogExportSettings, readTracingSettings, type TracingSettings } from '@app-fabric/tracing';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

export interface ApiConfig {
  databaseUrl: string;
  /** Null: there is an in-process bus instead. */
  redisUrl: string | null;
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Absolute. */
  dataDir: string;
  /** Null: it is in `dataDir`, see admin-token.ts. */
  adminToken: string | null;
  /** May programs be started on this host. */
  processRuntime: boolean;
  /** The largest bundle that is taken, compressed as it comes. */
  maxBundleBytes: number;
  logLevel: LogLevel;
  /** Null: no traces are recorded. */
  traces: TracingSettings | null;
  /** Null: log lines go to standard error only. */
  logExport: LogExportSettings | null;
  /** Whom webhooks may go to, in lower case; empty: everybody but link-local addresses. */
  webhookHosts: string[];
}

/** What stands in for variables that are not set. */
export interface ApiConfigDefaults {
  databaseUrl?: string;
  /** Null: Redis is not needed. */
  redisUrl?: string | null;
  processRuntime?: boolean;
}

/** Every setting that is wrong, by name and without its value: it may be a secret. */
export class ConfigError extends Error {
  readonly code = 'bad_settings';

  constructor(readonly problems: readonly string[]) {
    super(`Bad settings:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/** Reads and checks everything; throws {@link ConfigError} that names all that is wrong. An empty variable counts as not set. */
export function readApiConfig(env: NodeJS.ProcessEnv = process.env, defaults: ApiConfigDefaults = {}): ApiConfig {
  const problems: string[] = [];
  const read = <T>(name: string, parse: (text: string) => T | undefined, rule: string, fallback?: T): T => {
    const text = env[name];
    const value = text === undefined || text === '' ? fallback : parse(text);
    if (value !== undefined) return value;
    problems.push(`${name} ${text === undefined || text === '' ? 'is not set; it' : ''} must be ${rule}`.replace('  ', ' '));
    return undefined as T;
  };
  const traces = readTracingSettings(env);
  const logExport = readLogExportSettings(env);
  problems.push(...new Set([...traces.problems, ...logExport.problems]));
  const config: ApiConfig = {
    databaseUrl: read('DATABASE_URL', url('postgres:', 'postgresql:'), 'a postgres:// URL', defaults.databaseUrl),
    redisUrl: read<string | null>('REDIS_URL', url('redis:', 'rediss:'), 'a redis:// URL', defaults.redisUrl),
    host: read('FABRIC_HOST', (text) => (/^[A-Za-z0-9.:_-]{1,253}$/.test(text) ? text : undefined), 'an address or host name', '127.0.0.1'),
    port: read('FABRIC_API_PORT', integer(0, 65_535), 'a whole number from 0 to 65535', 8080),
    dataDir: resolve(read('FABRIC_DATA_DIR', (text) => text, 'a folder', '.fabric')),
    adminToken: read<string | null>('FABRIC_ADMIN_TOKEN', token, 'at most 512 printable ASCII characters without spaces', null),
    processRuntime: read('FABRIC_PROCESS_RUNTIME', onOff, 'on or off', defaults.processRuntime ?? false),
    maxBundleBytes: read('FABRIC_MAX_BUNDLE_BYTES', integer(1, 999_999_999), 'a whole number from 1 to 999999999', 268_435_456),
    logLevel: read('FABRIC_LOG_LEVEL', (text) => LOG_LEVELS.find((level) => level === text), `one of ${LOG_LEVELS.join(', ')}`, 'info'),
    traces: traces.settings,
    logExport: logExport.settings,
    webhookHosts: read('FABRIC_WEBHOOK_HOSTS', hosts, 'a list of host names, addresses or *.domains, with commas between them', []),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function url(...protocols: string[]): (text: string) => string | undefined {
  return (text) => (URL.canParse(text) && protocols.includes(new URL(text).protocol) ? text : undefined);
}

function integer(least: number, most: number): (text: string) => number | undefined {
  return (text) => (/^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined);
}

/** What fits into an Authorization header. How hard it is to guess is up to whoever sets it; the one made here has 256 bits. */
export function token(text: string): string | undefined {
  return /^[\x21-\x7e]{1,512}$/.test(text) ? text : undefined;
}

function hosts(text: string): string[] | undefined {
  const all = text.split(',').map((host) => host.trim().toLowerCase());
  return all.length <= 1_000 && all.every((host) => /^(\*\.)?[a-z0-9_:][a-z0-9._:-]{0,252}$/.test(host)) ? all : undefined;
}

function onOff(text: string): boolean | undefined {
  return text === 'on' ? true : text === 'off' ? false : undefined;
}
