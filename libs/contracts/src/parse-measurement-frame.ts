import { BUCKETS, type Measures, type SparseHistogram, STATUS_CLASSES } from '@app-fabric/measurement';
import { MAX_VERSION } from '@app-fabric/routing';
import { type ErrorSample, FRAME_BOUNDS, type MeasuredSeries, type MeasurementFrame } from './measurement-frame.js';
import { NAME_PATTERN } from './names.js';
import { array, entries, fail, field, integer, number, object, type Parsed, parseWith, text, unique } from './read.js';

/** Nothing lives longer: 100 years. */
const MAX_AGE_MS = 100 * 365 * 86_400_000;
const CODE = /^[a-z][a-z0-9_]{0,63}$/;
const ID = /^[\x21-\x7e]{1,128}$/;

/** Reads a frame; refuses it whole, with the path of what is wrong. Never throws, whatever comes. */
export function parseMeasurementFrame(input: unknown): Parsed<MeasurementFrame> {
  return parseWith(() => {
    const fields = object(input, 'frame');
    if (field(fields, 'format') !== 1) fail('frame.format', 'must be 1');
    const series = array(field(fields, 'series'), 'frame.series', FRAME_BOUNDS.series, readSeries);
    unique(series, 'frame.series', ({ id }) => id);
    return {
      format: 1,
      proxyId: name(field(fields, 'proxyId'), 'frame.proxyId'),
      source: text(field(fields, 'source'), 'frame.source', NAME_PATTERN, 'a name'),
      sequence: integer(field(fields, 'sequence'), 'frame.sequence', 1),
      uptimeMs: number(field(fields, 'uptimeMs'), 'frame.uptimeMs', 0, MAX_AGE_MS),
      ageMs: number(field(fields, 'ageMs'), 'frame.ageMs', 0, MAX_AGE_MS),
      series,
      errors: array(field(fields, 'errors'), 'frame.errors', FRAME_BOUNDS.errors, readError),
    };
  });
}

function readSeries(input: unknown, path: string): MeasuredSeries {
  const fields = object(input, path);
  return {
    id: integer(field(fields, 'id'), `${path}.id`, 0),
    ...readPlace(fields, path),
    inFlight: integer(field(fields, 'inFlight'), `${path}.inFlight`, 0),
    measures: readMeasures(field(fields, 'measures'), `${path}.measures`),
  };
}

function readPlace(
  fields: Record<string, unknown>,
  path: string,
): Pick<MeasuredSeries, 'namespace' | 'app' | 'service' | 'version' | 'instance'> {
  const version = field(fields, 'version');
  const instance = field(fields, 'instance');
  return {
    namespace: name(field(fields, 'namespace'), `${path}.namespace`),
    app: name(field(fields, 'app'), `${path}.app`),
    service: name(field(fields, 'service'), `${path}.service`),
    version: version === null ? null : integer(version, `${path}.version`, 1, MAX_VERSION),
    instance: instance === null ? null : name(instance, `${path}.instance`),
  };
}

/** `errors` and the histograms cannot hold more than there were requests: counts that contradict themselves are refused. */
function readMeasures(input: unknown, path: string): Measures {
  const fields = object(input, path);
  const status = array(field(fields, 'status'), `${path}.status`, STATUS_CLASSES.length, (count, at) => integer(count, at, 0));
  if (status.length !== STATUS_CLASSES.length) fail(`${path}.status`, `must have ${STATUS_CLASSES.length} entries`);
  const requests = status.reduce((sum, count) => sum + count, 0);
  if (!Number.isSafeInteger(requests)) fail(`${path}.status`, 'is beyond what can be counted');
  const proxyErrors = entries(field(fields, 'proxyErrors'), `${path}.proxyErrors`, FRAME_BOUNDS.codes, (code, count, at) => {
    text(code, at, CODE, 'a code');
    return integer(count, at, 1, requests);
  });
  return {
    status,
    errors: integer(field(fields, 'errors'), `${path}.errors`, 0, requests),
    proxyErrors: Object.fromEntries(proxyErrors),
    bytesIn: integer(field(fields, 'bytesIn'), `${path}.bytesIn`, 0),
    bytesOut: integer(field(fields, 'bytesOut'), `${path}.bytesOut`, 0),
    // Proxies that were started before they counted it send none.
    weighted: integer(field(fields, 'weighted') ?? 0, `${path}.weighted`, 0),
    latency: readHistogram(field(fields, 'latency'), `${path}.latency`, requests),
    upstream: readHistogram(field(fields, 'upstream'), `${path}.upstream`, requests),
  };
}

function readHistogram(input: unknown, path: string, most: number): SparseHistogram {
  const fields = object(input, path);
  const counts = array(field(fields, 'counts'), `${path}.counts`, 2 * BUCKETS, (item, at) => integer(item, at, 0));
  if (counts.length % 2 !== 0) fail(`${path}.counts`, 'must be pairs');
  let total = 0;
  for (let i = 0, before = -1; i < counts.length; i += 2) {
    const bucket = counts[i]!;
    const count = counts[i + 1]!;
    if (bucket <= before || bucket >= BUCKETS) fail(`${path}.counts[${i}]`, `must be a bucket above the one before, below ${BUCKETS}`);
    if (count === 0) fail(`${path}.counts[${i + 1}]`, 'must be above 0');
    before = bucket;
    total += count;
  }
  if (total > most) fail(`${path}.counts`, `holds ${total} values of ${most} requests`);
  return { sumUs: integer(field(fields, 'sumUs'), `${path}.sumUs`, 0), counts };
}

function readError(input: unknown, path: string): ErrorSample {
  const fields = object(input, path);
  const code = field(fields, 'code');
  const traceId = field(fields, 'traceId');
  return {
    ageMs: number(field(fields, 'ageMs'), `${path}.ageMs`, 0, MAX_AGE_MS),
    ...readPlace(fields, path),
    status: integer(field(fields, 'status'), `${path}.status`, 0, 999),
    code: code === null ? null : text(code, `${path}.code`, CODE, 'a code'),
    method: text(field(fields, 'method'), `${path}.method`, /^[\x21-\x7e]{1,32}$/, 'a method'),
    pathTemplate: text(field(fields, 'pathTemplate'), `${path}.pathTemplate`, /^[\x21-\x7e]{1,256}$/, 'a path'),
    traceId: traceId === null ? null : text(traceId, `${path}.traceId`, /^[0-9a-f]{32}$/, 'a trace id'),
    requestId: text(field(fields, 'requestId'), `${path}.requestId`, ID, 'an id'),
  };
}

function name(value: unknown, path: string): string {
  return text(value, path, NAME_PATTERN, 'a name');
}
