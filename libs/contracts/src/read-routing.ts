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
import { NAME_PATTERN } from './names.js';
import { array, boolean, entries, fail, field, integer, number, object, oneOf, optional, shortText, text, unique } from './read.js';
import { readVersion, readWeightsRecord } from './read-weights.js';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
const TESTS = ['equals', 'oneOf', 'prefix', 'present'] as const;
const BOUNDS = ROUTING_BOUNDS;

export function readAffinity(input: unknown, path: string): Affinity {
  const fields = object(input, path);
  const by = oneOf(field(fields, 'by'), `${path}.by`, ['header', 'cookie', 'address'] as const);
  if (by === 'address') return { by };
  const name = text(field(fields, 'name'), `${path}.name`, TOKEN, 'the name of a header or cookie');
  if (by === 'header') return { by, name };
  return { by, name, ...optional(fields, path, 'ttlSeconds', (value, at) => integer(value, at, 1, BOUNDS.affinityTtlSeconds)) };
}

export function readAudiences(input: unknown, path: string): AudienceRule[] {
  const rules = array(input, path, BOUNDS.audiences, readAudience);
  unique(rules, path, ({ name }) => name);
  return rules;
}

function readAudience(input: unknown, path: string): AudienceRule {
  const fields = object(input, path);
  const when = array(field(fields, 'when'), `${path}.when`, BOUNDS.conditions, readCondition);
  if (when.length === 0) fail(`${path}.when`, 'must have at least one condition');
  const then = object(field(fields, 'then'), `${path}.then`);
  const hasVersion = field(then, 'version') !== undefined;
  return {
    name: text(field(fields, 'name'), `${path}.name`, NAME_PATTERN, 'a name'),
    when,
    then: hasVersion
      ? { version: readVersion(field(then, 'version'), `${path}.then.version`) }
      : { weights: readWeightsRecord(field(then, 'weights'), `${path}.then.weights`) },
  };
}

/** A condition that is not understood would hold for the wrong consumers: what is unknown is refused here. */
function readCondition(input: unknown, path: string): AudienceCondition {
  const fields = object(input, path);
  const by = oneOf(field(fields, 'by'), `${path}.by`, AUDIENCE_BY);
  if (by === 'address') return { by, cidr: array(field(fields, 'cidr'), `${path}.cidr`, BOUNDS.valuesPerCondition, readCidr) };
  const name =
    by === 'query'
      ? shortText(field(fields, 'name'), `${path}.name`, BOUNDS.valueLength)
      : text(field(fields, 'name'), `${path}.name`, TOKEN, 'the name of a header or cookie');
  return { by, name, ...readTest(fields, path) };
}

function readTest(fields: Record<string, unknown>, path: string): TextTest {
  const given = TESTS.filter((test) => field(fields, test) !== undefined);
  const [test] = given;
  const value = test === undefined ? undefined : field(fields, test);
  if (test === undefined || given.length > 1) fail(path, `must have one of ${TESTS.join(', ')}`);
  switch (test) {
    case 'equals':
      return { equals: readValue(value, `${path}.equals`) };
    case 'prefix':
      return { prefix: readValue(value, `${path}.prefix`) };
    case 'oneOf':
      return { oneOf: array(value, `${path}.oneOf`, BOUNDS.valuesPerCondition, readValue) };
    default:
      return { present: boolean(value, `${path}.present`) };
  }
}

function readValue(value: unknown, path: string): string {
  return shortText(value, path, BOUNDS.valueLength);
}

function readCidr(value: unknown, path: string): string {
  const cidr = shortText(value, path, BOUNDS.valueLength);
  const parsed = parseCidr(cidr);
  return typeof parsed === 'string' ? fail(path, parsed) : cidr;
}

export function readMirror(input: unknown, path: string): Mirror {
  const fields = object(input, path);
  return {
    ...readMirrorTarget(input, path),
    ...optional(fields, path, 'services', (services, at) => byKey(services, at, BOUNDS.mirroredServices, isName, readMirrorTarget)),
  };
}

function readMirrorTarget(input: unknown, path: string): MirrorTarget {
  const fields = object(input, path);
  return {
    version: readVersion(field(fields, 'version'), `${path}.version`),
    shareBp: integer(field(fields, 'shareBp'), `${path}.shareBp`, 0, TOTAL_BP),
    ...optional(fields, path, 'maxBodyBytes', (value, at) => integer(value, at, 0, BOUNDS.mirrorBodyBytes)),
  };
}

export function readLimits(input: unknown, path: string): Limits {
  const fields = object(input, path);
  return {
    ...optional(fields, path, 'services', (services, at) => byKey(services, at, BOUNDS.limits, isName, readLimit)),
    ...optional(fields, path, 'versions', (versions, at) => byKey(versions, at, BOUNDS.limits, isVersionText, readLimit)),
  };
}

function readLimit(input: unknown, path: string): Limit {
  const fields = object(input, path);
  return {
    ...optional(fields, path, 'requestsPerSecond', (value, at) => number(value, at, BOUNDS.minRequestsPerSecond, BOUNDS.maxLimit)),
    ...optional(fields, path, 'burst', (value, at) => integer(value, at, 1, BOUNDS.maxLimit)),
    ...optional(fields, path, 'concurrent', (value, at) => integer(value, at, 1, BOUNDS.maxLimit)),
  };
}

export function readHosts(input: unknown, path: string): HostRoute {
  const fields = object(input, path);
  const hosts = array(field(fields, 'hosts'), `${path}.hosts`, BOUNDS.hostsPerService, (value, at) => {
    const host = shortText(value, at);
    return isHostPattern(host) ? host : fail(at, 'must be the name of a host, or *. and a name');
  });
  unique(hosts, `${path}.hosts`, (host) => host);
  const pathPrefix = shortText(field(fields, 'pathPrefix'), `${path}.pathPrefix`);
  if (!isPathPrefix(pathPrefix)) fail(`${path}.pathPrefix`, 'must be / or whole segments without a slash at the end');
  return { hosts, pathPrefix };
}

function byKey<T>(
  input: unknown,
  path: string,
  max: number,
  isKey: (key: string) => boolean,
  read: (value: unknown, path: string) => T,
): Record<string, T> {
  return Object.fromEntries(
    entries(input, path, max, (key, value, at) => (isKey(key) ? read(value, at) : fail(at, 'is not allowed here'))),
  );
}

function isName(text: string): boolean {
  return NAME_PATTERN.test(text);
}

function isVersionText(text: string): boolean {
  return parseVersion(text) !== null;
}
