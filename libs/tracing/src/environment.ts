export type Environment = Readonly<Record<string, string | undefined>>;

/** One numeric setting: name, default, bounds. */
export type NumberSetting = readonly [name: string, standard: number, min: number, max: number];

/** Empty is the same as absent. */
export function text(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

export function number(env: Environment, [name, standard, min, max]: NumberSetting, problems: string[]): number {
  const value = text(env, name);
  if (value === undefined) return standard;
  const parsed = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (parsed >= min && parsed <= max) return parsed;
  problems.push(`${name} must be a whole number from ${min} to ${max}`);
  return standard;
}

/** Bounds what waits for the receiver. */
export interface BatchSettings {
  readonly maxQueueSize: number;
  readonly maxExportBatchSize: number;
  readonly scheduledDelayMillis: number;
  readonly exportTimeoutMillis: number;
}

/** The specification has the same settings for each signal, under a prefix, with a delay of its own. */
export function batchesOf(env: Environment, prefix: 'OTEL_BSP' | 'OTEL_BLRP', delayMs: number, problems: string[]): BatchSettings {
  const maxQueueSize = number(env, [`${prefix}_MAX_QUEUE_SIZE`, 2_048, 1, 100_000], problems);
  return {
    maxQueueSize,
    maxExportBatchSize: Math.min(number(env, [`${prefix}_MAX_EXPORT_BATCH_SIZE`, 512, 1, 100_000], problems), maxQueueSize),
    scheduledDelayMillis: number(env, [`${prefix}_SCHEDULE_DELAY`, delayMs, 1, 600_000], problems),
    exportTimeoutMillis: number(env, [`${prefix}_EXPORT_TIMEOUT`, 30_000, 1, 600_000], problems),
  };
}

const PROTOCOL = 'http/protobuf';

/**
 * Where OTLP goes for one kind of signal, to be named in a log: without path, user and password. Null: nowhere, because there is no endpoint, or
 * `OTEL_SDK_DISABLED=true`, or the signal's exporter is `none`.
 */
export function receiverOf(env: Environment, signal: 'TRACES' | 'LOGS', problems: string[]): string | null {
  const exporter = text(env, `OTEL_${signal}_EXPORTER`) ?? 'otlp';
  const name = [`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`, 'OTEL_EXPORTER_OTLP_ENDPOINT'].find((one) => text(env, one) !== undefined);
  if (text(env, 'OTEL_SDK_DISABLED')?.toLowerCase() === 'true' || exporter === 'none' || name === undefined) return null;
  if (exporter !== 'otlp') problems.push(`OTEL_${signal}_EXPORTER must be otlp or none`);
  const endpoint = text(env, name)!;
  if (!isHttpUrl(endpoint)) problems.push(`${name} must be an http:// or https:// URL, e.g. http://collector:4318`);
  for (const one of [`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`, 'OTEL_EXPORTER_OTLP_PROTOCOL'])
    if ((text(env, one) ?? PROTOCOL) !== PROTOCOL) problems.push(`${one} must be ${PROTOCOL}`);
  return URL.canParse(endpoint) ? new URL(endpoint).origin : '';
}

function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol) && /^https?:\/\//i.test(value);
}
