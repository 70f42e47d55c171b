import {
  type Affinity,
  type AudienceCondition,
  type AudienceRule,
  type Limit,
  type Limits,
  type Mirror,
  type MirrorTarget,
  parseCidr,
  parseVersion,
  parseWeights,
  ROUTING_BOUNDS,
  type TextTest,
  toRecord,
} from '@app-fabric/routing';
import { DomainError, type FieldError } from '../../http/domain-error.js';
import { NAME_PATTERN } from '../../http/names.js';
import { validateValue } from '../../http/validation.js';
import type { Routing } from '../app.js';
import {
  type AffinityDto,
  type AudienceConditionDto,
  type AudienceDestinationDto,
  type AudienceDto,
  LimitDto,
  type LimitsDto,
  type MirrorDto,
  MirrorTargetDto,
  RoutingDto,
  TOKEN,
} from './routing.dto.js';

const MAX_ERRORS = 50;
const TESTS = ['equals', 'oneOf', 'prefix', 'present'] as const;

/**
 * What the body says of routing, in the form in which it is stored (weights and shares in basis points); what it leaves out is left out.
 * 400 validation_failed for fields that are good by themselves but not together.
 */
export function readRouting(routing: RoutingDto | undefined): Partial<Routing> {
  const { fallback, onUnavailable, affinity, pinByAccept, audiences, mirror, limits } = withoutNulls(routing ?? new RoutingDto());
  const problems = new Problems();
  const read: Partial<Routing> = {
    ...(fallback ? { fallback } : {}),
    ...(onUnavailable ? { onUnavailable } : {}),
    ...(affinity ? { affinity: readAffinity(affinity, problems) } : {}),
    ...(pinByAccept ? { pinByAccept } : {}),
    ...(audiences ? { audiences: readAudiences(audiences, problems) } : {}),
    ...(mirror ? { mirror: readMirror(mirror, problems) } : {}),
    ...(limits ? { limits: readLimits(limits, problems) } : {}),
  };
  problems.throwAny();
  return read;
}

class Problems {
  private readonly found: FieldError[] = [];

  add(path: string, message: string): void {
    if (this.found.length < MAX_ERRORS) this.found.push({ path, message });
  }

  throwAny(): void {
    if (this.found.length === 0) return;
    throw new DomainError('malformed', 'validation_failed', 'The request is not what this call takes.', { errors: this.found });
  }
}

function readAffinity(affinity: AffinityDto, problems: Problems): Affinity {
  const { by, name, ttlSeconds } = withoutNulls(affinity);
  if (ttlSeconds !== undefined && by !== 'cookie') {
    problems.add('routing.affinity.ttlSeconds', 'ttlSeconds is for a cookie, which the proxy sets');
  }
  if (by === 'address' || name === undefined) return { by };
  return { by, name, ...(ttlSeconds === undefined ? {} : { ttlSeconds }) };
}

function readAudiences(audiences: readonly AudienceDto[], problems: Problems): AudienceRule[] {
  const names = new Set<string>();
  return audiences.map(({ name, when, then }, index) => {
    const path = `routing.audiences.${index}`;
    if (names.has(name)) problems.add(`${path}.name`, `name ${name} is given to another rule too`);
    names.add(name);
    return {
      name,
      when: when.map((condition, at) => readCondition(condition, `${path}.when.${at}`, problems)),
      then: readDestination(then, `${path}.then`, problems),
    };
  });
}

function readCondition(body: AudienceConditionDto, path: string, problems: Problems): AudienceCondition {
  const condition = withoutNulls(body);
  const { by, name = '', cidr } = condition;
  const tests = TESTS.filter((test) => condition[test] !== undefined);
  if (by === 'address') {
    if (name !== '' || tests.length > 0) problems.add(path, 'a condition by address has nothing but cidr');
    if (cidr === undefined) problems.add(`${path}.cidr`, 'cidr must be a list of networks');
    for (const [index, text] of (cidr ?? []).entries()) {
      const parsed = parseCidr(text);
      if (typeof parsed === 'string') problems.add(`${path}.cidr.${index}`, `${text} ${parsed}`);
    }
    return { by, cidr: cidr ?? [] };
  }
  if (by === 'query' ? name === '' : !TOKEN.test(name)) problems.add(`${path}.name`, `name must be the name of a ${nounOf(by)}`);
  if (cidr !== undefined) problems.add(`${path}.cidr`, 'cidr is for a condition by address');
  if (tests.length !== 1) problems.add(path, `must have exactly one of ${TESTS.join(', ')}`);
  return { by, name, ...testOf(condition) };
}

function nounOf(by: 'header' | 'cookie' | 'query'): string {
  return by === 'query' ? 'query parameter' : by;
}

function testOf({ equals, oneOf, prefix, present }: AudienceConditionDto): TextTest {
  if (equals !== undefined) return { equals };
  if (oneOf !== undefined) return { oneOf };
  if (prefix !== undefined) return { prefix };
  return { present: present ?? true };
}

function readDestination(destination: AudienceDestinationDto, path: string, problems: Problems): AudienceRule['then'] {
  const { version, weights } = withoutNulls(destination);
  if ((version === undefined) === (weights === undefined)) problems.add(path, 'must have either a version or weights');
  if (version !== undefined || weights === undefined) return { version: version ?? 1 };
  const parsed = parseWeights(weights);
  if (parsed.ok) return { weights: toRecord(parsed.weights) };
  for (const { path: at, message } of parsed.errors) problems.add(`${path}.${at}`, message);
  return { weights: {} };
}

function readMirror(mirror: MirrorDto, problems: Problems): Mirror {
  const path = 'routing.mirror';
  const services = readMap(mirror.services, `${path}.services`, ROUTING_BOUNDS.mirroredServices, MirrorTargetDto, isName, problems);
  return {
    ...readMirrorTarget(mirror, path, problems),
    ...(services && { services: mapValues(services, (target, name) => readMirrorTarget(target, `${path}.services.${name}`, problems)) }),
  };
}

function readMirrorTarget(target: MirrorTargetDto, path: string, problems: Problems): MirrorTarget {
  const { version, percent, maxBodyBytes } = withoutNulls(target);
  const shareBp = Math.round(percent * 100);
  // Exact, as for weights: n / 100 is the very double that the literal of n hundredths is read as.
  if (shareBp / 100 !== percent) problems.add(`${path}.percent`, 'percent must have at most two decimals');
  return { version, shareBp, ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }) };
}

function readLimits(limits: LimitsDto, problems: Problems): Limits {
  const read = (place: 'services' | 'versions', isKey: (key: string) => boolean) => {
    const path = `routing.limits.${place}`;
    const map = readMap(limits[place], path, ROUTING_BOUNDS.limits, LimitDto, isKey, problems);
    return map && { [place]: mapValues(map, (limit, key) => readLimit(limit, `${path}.${key}`, problems)) };
  };
  return { ...read('services', isName), ...read('versions', (key) => parseVersion(key) !== null) };
}

function readLimit(limit: LimitDto, path: string, problems: Problems): Limit {
  const { requestsPerSecond, burst, concurrent } = withoutNulls(limit);
  if (requestsPerSecond === undefined && concurrent === undefined) {
    problems.add(path, 'must limit something: requestsPerSecond, concurrent, or both');
  }
  if (burst !== undefined && requestsPerSecond === undefined) problems.add(`${path}.burst`, 'burst goes with requestsPerSecond');
  return {
    ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
    ...(burst === undefined ? {} : { burst }),
    ...(concurrent === undefined ? {} : { concurrent }),
  };
}

/** A map whose values have a DTO of their own; the entries that are good. */
function readMap<T extends object>(
  map: Record<string, unknown> | undefined,
  path: string,
  max: number,
  Dto: new () => T,
  isKey: (key: string) => boolean,
  problems: Problems,
): Map<string, T> | undefined {
  if (map === undefined || map === null) return undefined;
  const entries = Object.entries(map);
  if (entries.length > max) problems.add(path, `has ${entries.length} entries, at most ${max} are allowed`);
  const good = new Map<string, T>();
  for (const [key, value] of entries.slice(0, max)) {
    const at = `${path}.${key.slice(0, 128)}`;
    if (!isKey(key)) problems.add(at, 'is not what this map is keyed by: services by name, versions by number');
    const { value: read, errors } = validateValue(Dto, value, at);
    for (const { path: place, message } of errors) problems.add(place, message);
    if (errors.length === 0) good.set(key, read);
  }
  return good;
}

/** An optional field that is null is as good as absent. */
function withoutNulls<T extends object>(dto: T): T {
  return Object.fromEntries(Object.entries(dto).filter(([, value]) => value !== null)) as T;
}

function mapValues<T, U>(map: ReadonlyMap<string, T>, change: (value: T, key: string) => U): Record<string, U> {
  return Object.fromEntries([...map].map(([key, value]) => [key, change(value, key)]));
}

function isName(text: string): boolean {
  return NAME_PATTERN.test(text);
}
