import { BUCKETS, type Measures, type SparseHistogram, STATUS_CLASSES } from '@app-fabric/measurement';
import { type ErrorSample, FRAME_BOUNDS, type MeasuredSeries, type MeasurementFrame } from './measurement-frame.js';
import { readName } from './names.js';
import { fail, field, integer, list, member, number, object, orNull, type Parsed, parseWith, record, text } from './read.js';
import { readVersion } from './read-weights.js';

/** Nothing lives longer: 100 years. */
const MAX_AGE_MS = 100 * 365 * 86_400_000;

const readNameOrNull = orNull(readName);
const readVersionOrNull = orNull(readVersion);
const readAgeMs = number(0, MAX_AGE_MS);
const readSequence = integer(1);
const readCount = integer(0);
const readStatusCode = integer(0, 999);
const readCode = text(/^[a-z][a-z0-9_]{0,63}$/, 'a code');
const readCodeOrNull = orNull(readCode);
const readMethod = text(/^[\x21-\x7e]{1,32}$/, 'a method');
const readPathTemplate = text(/^[\x21-\x7e]{1,256}$/, 'a path');
const readTraceIdOrNull = orNull(text(/^[0-9a-f]{32}$/, 'a trace id'));
const readRequestId = text(/^[\x21-\x7e]{1,128}$/, 'an id');
const readAllSeries = list(FRAME_BOUNDS.series, readSeries, ({ id }) => id);
const readErrors = list(FRAME_BOUNDS.errors, readError);
const readStatus = list(STATUS_CLASSES.length, readCount);
const readPairs = list(2 * BUCKETS, readCount);

/** Reads a frame; refuses it whole, with the path of what is wrong. Never throws, whatever comes. */
export function parseMeasurementFrame(input: unknown): Parsed<MeasurementFrame> {
  return parseWith('frame', () => {
    const fields = object(input);
    if (field(fields, 'format') !== 1) fail('must be 1', '.format');
    return {
      format: 1,
      proxyId: member(fields, 'proxyId', readName),
      source: member(fields, 'source', readName),
      sequence: member(fields, 'sequence', readSequence),
      uptimeMs: member(fields, 'uptimeMs', readAgeMs),
      ageMs: member(fields, 'ageMs', readAgeMs),
      series: member(fields, 'series', readAllSeries),
      errors: member(fields, 'errors', readErrors),
    };
  });
}

function readSeries(input: unknown): MeasuredSeries {
  const fields = object(input);
  return {
    id: member(fields, 'id', readCount),
    ...readPlace(fields),
    inFlight: member(fields, 'inFlight', readCount),
    measures: member(fields, 'measures', readMeasures),
  };
}

function readPlace(fields: Record<string, unknown>): Pick<MeasuredSeries, 'namespace' | 'app' | 'service' | 'version' | 'instance'> {
  return {
    namespace: member(fields, 'namespace', readName),
    app: member(fields, 'app', readName),
    service: member(fields, 'service', readName),
    version: member(fields, 'version', readVersionOrNull),
    instance: member(fields, 'instance', readNameOrNull),
  };
}

/** `errors` and the histograms cannot hold more than there were requests: counts that contradict themselves are refused. */
function readMeasures(input: unknown): Measures {
  const fields = object(input);
  const status = member(fields, 'status', readStatus);
  if (status.length !== STATUS_CLASSES.length) fail(`must have ${STATUS_CLASSES.length} entries`, '.status');
  const requests = status.reduce((sum, count) => sum + count, 0);
  if (!Number.isSafeInteger(requests)) fail('is beyond what can be counted', '.status');
  const readPart = integer(1, requests);
  const readProxyErrors = record(FRAME_BOUNDS.codes, (count, code) => {
    readCode(code);
    return readPart(count);
  });
  return {
    status,
    errors: member(fields, 'errors', integer(0, requests)),
    proxyErrors: member(fields, 'proxyErrors', readProxyErrors),
    bytesIn: member(fields, 'bytesIn', readCount),
    bytesOut: member(fields, 'bytesOut', readCount),
    // Proxies that were started before they counted it send none.
    weighted: member(fields, 'weighted', (weighted) => readCount(weighted ?? 0)),
    latency: member(fields, 'latency', (latency) => readHistogram(latency, requests)),
    upstream: member(fields, 'upstream', (upstream) => readHistogram(upstream, requests)),
  };
}

function readHistogram(input: unknown, most: number): SparseHistogram {
  const fields = object(input);
  const counts = member(fields, 'counts', readPairs);
  if (counts.length % 2 !== 0) fail('must be pairs', '.counts');
  let total = 0;
  for (let i = 0, before = -1; i < counts.length; i += 2) {
    const bucket = counts[i]!;
    const count = counts[i + 1]!;
    if (bucket <= before || bucket >= BUCKETS) fail(`must be a bucket above the one before, below ${BUCKETS}`, `.counts[${i}]`);
    if (count === 0) fail('must be above 0', `.counts[${i + 1}]`);
    before = bucket;
    total += count;
  }
  if (total > most) fail(`holds ${total} values of ${most} requests`, '.counts');
  return { sumUs: member(fields, 'sumUs', readCount), counts };
}

function readError(input: unknown): ErrorSample {
  const fields = object(input);
  return {
    ageMs: member(fields, 'ageMs', readAgeMs),
    ...readPlace(fields),
    status: member(fields, 'status', readStatusCode),
    code: member(fields, 'code', readCodeOrNull),
    method: member(fields, 'method', readMethod),
    pathTemplate: member(fields, 'pathTemplate', readPathTemplate),
    traceId: member(fields, 'traceId', readTraceIdOrNull),
    requestId: member(fields, 'requestId', readRequestId),
  };
}
