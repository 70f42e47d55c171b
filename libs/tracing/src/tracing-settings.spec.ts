import { readTracingSettings } from './tracing-settings.js';

const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://collector:4318';
const read = (env: Record<string, string>) => readTracingSettings({ OTEL_EXPORTER_OTLP_ENDPOINT, ...env });

describe('settings of tracing, as OpenTelemetry names them', () => {
  const off: [string, Record<string, string>][] = [
    ['nothing is set', {}],
    ['the endpoint is empty', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
    ['OTEL_SDK_DISABLED', { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }],
    ['OTEL_TRACES_EXPORTER=none', { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }],
    ['disabled, whatever else is wrong', { OTEL_EXPORTER_OTLP_ENDPOINT: '?', OTEL_SDK_DISABLED: 'true' }],
  ];
  for (const [title, env] of off) it(`off: ${title}`, () => expect(readTracingSettings(env)).toEqual({ settings: null, problems: [] }));

  it('the defaults of the specification', () => {
    expect(read({}).settings).toEqual({
      receiver: OTEL_EXPORTER_OTLP_ENDPOINT,
      sampler: { parentBased: true, ratio: 1 },
      batches: { maxQueueSize: 2_048, maxExportBatchSize: 512, scheduledDelayMillis: 5_000, exportTimeoutMillis: 30_000 },
      maxAttributeLength: 1_024,
    });
  });

  it('the endpoint of traces comes before the general one, and is enough', () => {
    const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://user:secret@traces.example/x' };
    expect(read(own).settings?.receiver).toBe('https://traces.example');
    expect(readTracingSettings(own).settings?.receiver).toBe('https://traces.example');
  });

  const samplers: [string, string, boolean, number][] = [
    ['always_on', '', false, 1],
    ['always_off', '', false, 0],
    ['traceidratio', '0.25', false, 0.25],
    ['parentbased_always_on', '', true, 1],
    ['parentbased_always_off', '0.5', true, 0],
    ['parentbased_traceidratio', '0.01', true, 0.01],
    ['parentbased_traceidratio', '1e-3', true, 0.001],
    ['parentbased_traceidratio', '', true, 1],
  ];
  for (const [name, argument, parentBased, ratio] of samplers)
    it(`OTEL_TRACES_SAMPLER=${name} ${argument}`, () =>
      expect(read({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument }).settings?.sampler).toEqual({ parentBased, ratio }));

  it('a batch is never larger than the queue', () => {
    expect(read({ OTEL_BSP_MAX_QUEUE_SIZE: '100' }).settings?.batches).toMatchObject({ maxQueueSize: 100, maxExportBatchSize: 100 });
  });

  const bad: [string, string][] = [
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'grpc://collector:4317'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http:collector'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', '//collector'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'http/json'],
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '0'],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '100001'],
    ['OTEL_BSP_SCHEDULE_DELAY', '5s'],
  ];
  for (const [name, value] of bad)
    it(`names ${name}=${value}`, () =>
      expect(read({ [name]: value })).toEqual({ settings: null, problems: [expect.stringContaining(name)] }));

  for (const value of ['1.5', '-0.1', 'half', 'NaN', '0x1'])
    it(`names OTEL_TRACES_SAMPLER_ARG=${value}`, () =>
      expect(read({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: value }).problems).toEqual([
        'OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1',
      ]));

  it('names everything that is wrong', () => {
    expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'x', OTEL_TRACES_SAMPLER: 'x', OTEL_BSP_EXPORT_TIMEOUT: '-1' }).problems).toHaveLength(3);
  });
});
