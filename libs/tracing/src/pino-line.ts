import type { Attributes } from './tracing.js';

/** A line as it is told. */
export interface ReadLine {
  atMs: number;
  /** OpenTelemetry's severity number. */
  severity: number;
  severityText: string;
  text: string;
  traceId: string | null;
  spanId: string | null;
  attributes: Attributes;
}

const SEVERITIES: readonly [level: number, severity: number, text: string][] = [
  [60, 21, 'fatal'],
  [50, 17, 'error'],
  [40, 13, 'warn'],
  [30, 9, 'info'],
  [20, 5, 'debug'],
  [0, 1, 'trace'],
];

/** What spans call the same things. */
const NAMES: Readonly<Record<string, string>> = {
  namespace: 'fabric.namespace',
  app: 'fabric.app',
  service: 'fabric.service',
  version: 'fabric.version',
  runId: 'fabric.run.id',
  instanceId: 'fabric.instance.id',
  routeReason: 'fabric.route.reason',
  requestId: 'fabric.request.id',
  proxyId: 'fabric.proxy.id',
  method: 'http.request.method',
  status: 'http.response.status_code',
  code: 'error.type',
};
const MAX_FIELDS = 64;

/** A line of pino. Null: it is none. What is no text, number or truth value stands in it as JSON. */
export function readPinoLine(line: string): ReadLine | null {
  const fields = parse(line);
  if (fields === null) return null;
  const { level, time, msg, pid: _pid, hostname: _hostname, traceId, spanId, ...rest } = fields;
  const [, severity, severityText] = SEVERITIES.find(([from]) => Number(level) >= from) ?? SEVERITIES.at(-1)!;
  const attributes: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(rest).slice(0, MAX_FIELDS)) {
    if (value === null) continue;
    const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    attributes[NAMES[name] ?? name] = isPlain ? value : JSON.stringify(value);
  }
  return {
    atMs: typeof time === 'number' ? time : Date.now(),
    severity,
    severityText,
    text: typeof msg === 'string' ? msg : '',
    traceId: idOf(traceId, 32),
    spanId: idOf(spanId, 16),
    attributes,
  };
}

function parse(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function idOf(value: unknown, digits: number): string | null {
  return typeof value === 'string' && value.length === digits && /^[0-9a-f]+$/.test(value) && !/^0+$/.test(value) ? value : null;
}
