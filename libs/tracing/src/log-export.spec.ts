import { alsoTo, type LogExport } from './log-export.js';
import { readLogExportSettings } from './log-export-settings.js';
import { readPinoLine } from './pino-line.js';
import { startLogExport } from './start-log-export.js';
import { OtlpReceiver } from './testing/index.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const environment = { ...process.env };
const open: LogExport[] = [];
let receiver: OtlpReceiver;
let told: string[];

beforeEach(async () => {
  receiver = await OtlpReceiver.start();
  told = [];
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
  await receiver.stop();
  process.env = { ...environment };
});

/** The SDK reads the process's environment, so it is really set. */
async function start(env: Record<string, string> = {}): Promise<LogExport> {
  Object.assign(process.env, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BLRP_SCHEDULE_DELAY: '10', ...env });
  const { settings } = readLogExportSettings(process.env);
  const logExport = await startLogExport(settings, { name: 'tested' }, { warn: (_fields, text) => told.push(text) });
  open.push(logExport!);
  return logExport!;
}

const line = (fields: object) => `${JSON.stringify({ level: 30, time: 1_764_151_200_123, ...fields })}\n`;

describe('log lines as a receiver of OTLP gets them', () => {
  it('a line of this program: time, severity, text, what spans call its fields, its trace', async () => {
    const logExport = await start();
    const fields = { namespace: 'default', app: 'shop', version: '2', runId: 'r', instanceId: 'i', routeReason: 'weighted', status: 502 };
    logExport.write(
      line({ level: 40, program: 'proxy', traceId: TRACE, spanId: SPAN, ...fields, err: { message: 'no' }, msg: 'request failed' }),
    );
    const sent = await receiver.untilLine(([first]) => first);
    expect(sent).toMatchObject({
      at: 1_764_151_200_123_000_000n,
      severity: 13,
      severityText: 'warn',
      body: 'request failed',
      traceId: TRACE,
      spanId: SPAN,
      scope: 'app-fabric',
      attributes: {
        program: 'proxy',
        'fabric.namespace': 'default',
        'fabric.app': 'shop',
        'fabric.version': '2',
        'fabric.run.id': 'r',
        'fabric.instance.id': 'i',
        'fabric.route.reason': 'weighted',
        'http.response.status_code': 502,
        err: '{"message":"no"}',
      },
    });
    expect(sent.resource).toMatchObject({
      'service.name': 'tested',
      'service.namespace': 'app-fabric',
      'service.instance.id': expect.any(String),
    });
  });

  it('a line of a program behind it', async () => {
    const logExport = await start();
    logExport.printed({ atMs: 1_000, text: 'hello', attributes: { 'fabric.app': 'shop', 'log.iostream': 'stdout' } });
    const sent = await receiver.untilLine(([first]) => first);
    expect(sent).toMatchObject({ at: 1_000_000_000n, severity: 0, body: 'hello', scope: 'app-fabric.programs', traceId: '' });
    expect(sent.attributes).toEqual({ 'fabric.app': 'shop', 'log.iostream': 'stdout' });
  });

  it('at its end what was written is sent', async () => {
    const logExport = await start({ OTEL_BLRP_SCHEDULE_DELAY: '60000', OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: '10' });
    for (let i = 0; i < 25; i++) logExport.write(line({ msg: `line ${i}` }));
    await logExport.close();
    expect(receiver.lines).toHaveLength(25);
  });

  it.each(['never', { status: 400 }] as const)(
    'a receiver that answers %j holds up nobody, and what waits for it is bounded',
    async (behaviour) => {
      receiver.behaviour = behaviour;
      const logExport = await start({
        OTEL_BLRP_MAX_QUEUE_SIZE: '100',
        OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: '10',
        OTEL_EXPORTER_OTLP_TIMEOUT: '200',
      });
      const beganMs = performance.now();
      for (let i = 0; i < 20_000; i++) logExport.write(line({ msg: `line ${i}` }));
      expect(performance.now() - beganMs).toBeLessThan(10_000);
      while (told.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(told).toEqual(['log lines cannot be sent and are dropped']);
      receiver.behaviour = 'well';
      while (told.length === 1) {
        logExport.write(line({ msg: 'again' }));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      expect(told[1]).toBe('log lines are sent again');
      expect(receiver.lines.filter(({ body }) => String(body).startsWith('line ')).length).toBeLessThanOrEqual(110);
    },
    30_000,
  );

  it('goes beside where lines go anyway; without an endpoint nothing is loaded', async () => {
    const lines: string[] = [];
    const destination = { write: (text: string) => lines.push(text) };
    expect(alsoTo(null, destination)).toBe(destination);
    alsoTo(await start(), destination).write(line({ msg: 'both' }));
    expect(lines).toEqual([line({ msg: 'both' })]);
    expect((await receiver.untilLine(([first]) => first)).body).toBe('both');
    expect(await startLogExport(null, { name: 'tested' }, { warn: () => undefined })).toBeNull();
  });
});

describe('reading a line of pino', () => {
  it('levels are severities; what is none is told as none', () => {
    const severityOf = (level: unknown) => readPinoLine(JSON.stringify({ level, msg: 'x' }))?.severity;
    expect([10, 20, 30, 35, 40, 50, 60, 70, 'loud'].map(severityOf)).toEqual([1, 5, 9, 9, 13, 17, 21, 21, 1]);
    for (const bad of ['', 'text', '[1]', '5', 'null', '{"a":']) expect(readPinoLine(bad)).toBeNull();
  });

  it('ids that are none are left out, and the number of fields is bounded', () => {
    const read = readPinoLine(
      JSON.stringify({
        traceId: 'x',
        spanId: '0'.repeat(16),
        nothing: null,
        pid: 5,
        ...Object.fromEntries([...Array(200)].map((_, i) => [`f${i}`, i])),
      }),
    );
    expect(read).toMatchObject({ traceId: null, spanId: null, text: '' });
    expect(Object.keys(read!.attributes).length).toBeLessThanOrEqual(64);
    expect(read!.attributes).not.toHaveProperty('pid');
  });
});

describe('settings', () => {
  const read = (env: Record<string, string>) => readLogExportSettings(env);
  it('the endpoint of logs, or that of all signals; switched off as the specification says', () => {
    expect(read({}).settings).toBeNull();
    expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:4318/x' }).settings).toMatchObject({
      receiver: 'http://a:4318',
      batches: { maxQueueSize: 2_048 },
    });
    expect(
      read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:4318', OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'http://b:4318/v1/logs' }).settings!.receiver,
    ).toBe('http://b:4318');
    expect(read({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://a:4318' }).settings).toBeNull();
    const on = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:4318' };
    expect(read({ ...on, OTEL_LOGS_EXPORTER: 'none' }).settings).toBeNull();
    expect(read({ ...on, OTEL_SDK_DISABLED: 'true' }).settings).toBeNull();
    for (const [name, value] of [
      ['OTEL_LOGS_EXPORTER', 'console'],
      ['OTEL_BLRP_MAX_QUEUE_SIZE', '0'],
      ['OTEL_EXPORTER_OTLP_LOGS_PROTOCOL', 'grpc'],
      ['OTEL_EXPORTER_OTLP_LOGS_ENDPOINT', 'b:4318'],
    ])
      expect(read({ ...on, [name!]: value! }).problems.join()).toContain(name);
  });
});
