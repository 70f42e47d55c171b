import { type Environment, type NumberSetting, number, receiverOf } from './environment.js';
import type { BatchSettings } from './tracing-settings.js';

export interface LogExportSettings {
  /** Who gets the lines, to be named in a log. */
  readonly receiver: string;
  readonly batches: BatchSettings;
  /** Longer text is cut. */
  readonly maxAttributeLength: number;
}

const QUEUE: NumberSetting = ['OTEL_BLRP_MAX_QUEUE_SIZE', 2_048, 1, 100_000];
const BATCH: NumberSetting = ['OTEL_BLRP_MAX_EXPORT_BATCH_SIZE', 512, 1, 100_000];
const DELAY: NumberSetting = ['OTEL_BLRP_SCHEDULE_DELAY', 1_000, 1, 600_000];
const TIMEOUT: NumberSetting = ['OTEL_BLRP_EXPORT_TIMEOUT', 30_000, 1, 600_000];
const LENGTH: NumberSetting = ['OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT', 4_096, 1, 1_000_000];

/** Reads and checks the environment, as `readTracingSettings` does. `settings` is null where no log lines are to be sent. */
export function readLogExportSettings(env: Environment): { settings: LogExportSettings | null; problems: string[] } {
  const problems: string[] = [];
  const receiver = receiverOf(env, 'LOGS', problems);
  if (receiver === null) return { settings: null, problems };
  const maxQueueSize = number(env, QUEUE, problems);
  const settings: LogExportSettings = {
    receiver,
    batches: {
      maxQueueSize,
      maxExportBatchSize: Math.min(number(env, BATCH, problems), maxQueueSize),
      scheduledDelayMillis: number(env, DELAY, problems),
      exportTimeoutMillis: number(env, TIMEOUT, problems),
    },
    maxAttributeLength: number(env, LENGTH, problems),
  };
  return problems.length === 0 ? { settings, problems } : { settings: null, problems };
}
