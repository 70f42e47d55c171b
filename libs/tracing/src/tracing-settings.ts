import { type BatchSettings, batchesOf, type Environment, type NumberSetting, number, receiverOf, text } from './environment.js';

/** What of OpenTelemetry's settings this reads itself. Headers, certificates, compression, time-outs and resource attributes its SDK reads. */
export interface TracingSettings {
  /** Who gets the spans, to be named in a log: without path, user and password. */
  readonly receiver: string;
  readonly sampler: SamplerSettings;
  readonly batches: BatchSettings;
  /** Longer text is cut. */
  readonly maxAttributeLength: number;
}

/** Every sampler of the specification is one of these: `always_on` is a ratio of 1, `always_off` one of 0. */
interface SamplerSettings {
  /** What the caller decided holds; the ratio is for traces that begin here. */
  readonly parentBased: boolean;
  /** Of all traces, 0 to 1. */
  readonly ratio: number;
}

const SAMPLERS: ReadonlyMap<string, { parentBased: boolean; ratio: number | null }> = new Map([
  ['always_on', { parentBased: false, ratio: 1 }],
  ['always_off', { parentBased: false, ratio: 0 }],
  ['traceidratio', { parentBased: false, ratio: null }],
  ['parentbased_always_on', { parentBased: true, ratio: 1 }],
  ['parentbased_always_off', { parentBased: true, ratio: 0 }],
  ['parentbased_traceidratio', { parentBased: true, ratio: null }],
]);
const STANDARD_SAMPLER = 'parentbased_always_on';

const LENGTH: NumberSetting = ['OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT', 1_024, 1, 1_000_000];

/**
 * Reads and checks the environment. `settings` is null where nothing is to be traced: no endpoint, `OTEL_SDK_DISABLED=true`, or
 * `OTEL_TRACES_EXPORTER=none`. `problems` names what is wrong, without its value. Empty is the same as absent.
 */
export function readTracingSettings(env: Environment): { settings: TracingSettings | null; problems: string[] } {
  const problems: string[] = [];
  const receiver = receiverOf(env, 'TRACES', problems);
  if (receiver === null) return { settings: null, problems };
  const settings: TracingSettings = {
    receiver,
    sampler: sampler(env, problems),
    batches: batchesOf(env, 'OTEL_BSP', 5_000, problems),
    maxAttributeLength: number(env, LENGTH, problems),
  };
  return problems.length === 0 ? { settings, problems } : { settings: null, problems };
}

function sampler(env: Environment, problems: string[]): SamplerSettings {
  const found = SAMPLERS.get(text(env, 'OTEL_TRACES_SAMPLER') ?? STANDARD_SAMPLER);
  if (found === undefined) {
    problems.push(`OTEL_TRACES_SAMPLER must be one of ${[...SAMPLERS.keys()].join(', ')}`);
    return { parentBased: true, ratio: 0 };
  }
  if (found.ratio !== null) return { parentBased: found.parentBased, ratio: found.ratio };
  const argument = text(env, 'OTEL_TRACES_SAMPLER_ARG') ?? '1';
  const ratio = /^[0-9.]{1,20}(?:e-?\d{1,2})?$/i.test(argument) ? Number(argument) : Number.NaN;
  if (!(ratio >= 0 && ratio <= 1)) problems.push('OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1');
  return { parentBased: found.parentBased, ratio };
}
