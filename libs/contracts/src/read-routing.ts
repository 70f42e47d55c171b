import {
  type Affinity,
  AUDIENCE_BY,
  type AudienceCondition,
  type AudienceRule,
  type HostRoute,
  isHostPattern,
  isPathPrefix,
  type Limit,
  type Limits,
  type Mirror,
  type MirrorTarget,
  parseCidr,
  parseVersion,
  ROUTING_BOUNDS,
  type TextTest,
  TOTAL_BP,
} from '@app-fabric/routing';
import { NAME_PATTERN, readName } from './names.js';
import {
  boolean,
  fail,
  field,
  integer,
  list,
  member,
  number,
  object,
  oneOf,
  optional,
  type Read,
  record,
  shortText,
  text,
} from './read.js';
import { readVersion, readWeightsRecord } from './read-weights.js';

const TESTS = ['equals', 'oneOf', 'prefix', 'present'] as const;
const BOUNDS = ROUTING_BOUNDS;

const readFieldName = text(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/, 'the name of a header or cookie');
const readValue = shortText(BOUNDS.valueLength);
const readValues = list(BOUNDS.valuesPerCondition, readValue);
const readCidrs = list(BOUNDS.valuesPerCondition, readCidr);
const readConditions = list(BOUNDS.conditions, readCondition);
const readAffinityBy = oneOf(['header', 'cookie', 'address']);
const readAudienceBy = oneOf(AUDIENCE_BY);
const readTtl = integer(1, BOUNDS.affinityTtlSeconds);
const readShare = integer(0, TOTAL_BP);
const readMirrorBody = integer(0, BOUNDS.mirrorBodyBytes);
const readRate = number(BOUNDS.minRequestsPerSecond, BOUNDS.maxLimit);
const readCount = integer(1, BOUNDS.maxLimit);
const readLongText = shortText();
const readHostList = list(BOUNDS.hostsPerService, readHost, (host) => host);

export const readAudiences = list(BOUNDS.audiences, readAudience, ({ name }) => name);

export function readAffinity(input: unknown): Affinity {
  const fields = object(input);
  const by = member(fields, 'by', readAffinityBy);
  if (by === 'address') return { by };
  const name = member(fields, 'name', readFieldName);
  if (by === 'header') return { by, name };
  return { by, name, ...optional(fields, 'ttlSeconds', readTtl) };
}

function readAudience(input: unknown): AudienceRule {
  const fields = object(input);
  const when = member(fields, 'when', readConditions);
  if (when.length === 0) fail('must have at least one condition', '.when');
  return { name: member(fields, 'name', readName), when, then: member(fields, 'then', readThen) };
}

function readThen(input: unknown): AudienceRule['then'] {
  const fields = object(input);
  if (field(fields, 'version') !== undefined) return { version: member(fields, 'version', readVersion) };
  return { weights: member(fields, 'weights', readWeightsRecord) };
}

/** A condition that is not understood would hold for the wrong consumers: what is unknown is refused here. */
function readCondition(input: unknown): AudienceCondition {
  const fields = object(input);
  const by = member(fields, 'by', readAudienceBy);
  if (by === 'address') return { by, cidr: member(fields, 'cidr', readCidrs) };
  const name = member(fields, 'name', by === 'query' ? readValue : readFieldName);
  return { by, name, ...readTest(fields) };
}

function readTest(fields: Record<string, unknown>): TextTest {
  const given = TESTS.filter((test) => field(fields, test) !== undefined);
  const [test] = given;
  if (test === undefined || given.length > 1) fail(`must have one of ${TESTS.join(', ')}`);
  switch (test) {
    case 'equals':
      return { equals: member(fields, test, readValue) };
    case 'prefix':
      return { prefix: member(fields, test, readValue) };
    case 'oneOf':
      return { oneOf: member(fields, test, readValues) };
    default:
      return { present: member(fields, 'present', boolean) };
  }
}

function readCidr(input: unknown): string {
  const cidr = readValue(input);
  const parsed = parseCidr(cidr);
  return typeof parsed === 'string' ? fail(parsed) : cidr;
}

export function readMirror(input: unknown): Mirror {
  return { ...readMirrorTarget(input), ...optional(object(input), 'services', readMirroredServices) };
}

const readMirroredServices = byKey(BOUNDS.mirroredServices, isName, readMirrorTarget);

function readMirrorTarget(input: unknown): MirrorTarget {
  const fields = object(input);
  return {
    version: member(fields, 'version', readVersion),
    shareBp: member(fields, 'shareBp', readShare),
    ...optional(fields, 'maxBodyBytes', readMirrorBody),
  };
}

export function readLimits(input: unknown): Limits {
  const fields = object(input);
  return { ...optional(fields, 'services', readServiceLimits), ...optional(fields, 'versions', readVersionLimits) };
}

const readServiceLimits = byKey(BOUNDS.limits, isName, readLimit);
const readVersionLimits = byKey(BOUNDS.limits, isVersionText, readLimit);

function readLimit(input: unknown): Limit {
  const fields = object(input);
  return {
    ...optional(fields, 'requestsPerSecond', readRate),
    ...optional(fields, 'burst', readCount),
    ...optional(fields, 'concurrent', readCount),
  };
}

export function readHosts(input: unknown): HostRoute {
  const fields = object(input);
  const hosts = member(fields, 'hosts', readHostList);
  const pathPrefix = member(fields, 'pathPrefix', readLongText);
  if (!isPathPrefix(pathPrefix)) fail('must be / or whole segments without a slash at the end', '.pathPrefix');
  return { hosts, pathPrefix };
}

function readHost(input: unknown): string {
  const host = readLongText(input);
  return isHostPattern(host) ? host : fail('must be the name of a host, or *. and a name');
}

function byKey<T>(max: number, isKey: (key: string) => boolean, read: Read<T>): Read<Record<string, T>> {
  return record(max, (value, key) => (isKey(key) ? read(value) : fail('is not allowed here')));
}

function isName(text: string): boolean {
  return NAME_PATTERN.test(text);
}

function isVersionText(text: string): boolean {
  return parseVersion(text) !== null;
}
