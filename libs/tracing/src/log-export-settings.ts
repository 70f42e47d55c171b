import { type BatchSettings, batchesOf, type Environment, type NumberSetting, number, receiverOf } from './environment.js';

export interface LogExportSettings {
  /** Who gets the lines, to be named in a log. */
  readonly receiver: string;
  readonly batches: BatchSettings;
  /** Longer text is cut. */
  readonly maxAttributeLength: number;
}

const LENGTH: NumberSetting = ['OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT', 4_096, 1, 1_000_000];

/** Reads and checks the environment, as `readTracingSettings` does. `settings` is null where no log lines are to be sent. */
export function readLogExportSettings(env: Environment): { settings: LogExportSettings | null; problems: string[] } {
  const problems: string[] = [];
  const receiver = receiverOf(env, 'LOGS', problems);
  if (receiver === null) return { settings: null, problems };
  const settings: LogExportSettings = {
    receiver,
    batches: batchesOf(env, 'OTEL_BLRP', 1_000, problems),
    maxAttributeLength: number(env, LENGTH, problems),
  };
  return problems.length === 0 ? { settings, problems } : { settings: null, problems };
}
