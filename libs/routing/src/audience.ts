import { type Cidr, contains, parseAddress, parseCidr } from './cidr.js';
import { InvalidRoutesError } from './invalid-routes-error.js';
import type { RequestValues } from './request-values.js';
import type { AudienceCondition, AudienceRule, TextTest } from './routes.js';
import { fromRecord, TOTAL_BP, type Weights } from './weights.js';

type Matcher = (values: RequestValues) => boolean;

/** A rule without regard to any service. */
export interface ReadAudience {
  readonly name: string;
  readonly matches: Matcher;
  readonly weights: Weights;
  /** More than one version: there is something for affinity to be true to. */
  readonly divides: boolean;
}

/** Networks become masks and lists become sets, once. Throws InvalidRoutesError for a network that is none, InvalidWeightsError for bad weights. */
export function readAudience({ name, when, then }: AudienceRule): ReadAudience {
  const matchers = when.map((condition) => compileCondition(name, condition));
  return {
    name,
    matches: all(matchers),
    weights: 'version' in then ? new Map([[then.version, TOTAL_BP]]) : fromRecord(then.weights),
    divides: 'weights' in then,
  };
}

function all(matchers: readonly Matcher[]): Matcher {
  const [only] = matchers;
  if (matchers.length === 1 && only !== undefined) return only;
  return (values) => {
    for (const matches of matchers) if (!matches(values)) return false;
    return true;
  };
}

function compileCondition(rule: string, condition: AudienceCondition): Matcher {
  switch (condition.by) {
    case 'address':
      return inNetworks(condition.cidr.map((text) => readCidr(rule, text)));
    case 'header': {
      const name = condition.name.toLowerCase();
      const test = compileTest(condition);
      return (values) => test(values.header(name));
    }
    case 'cookie': {
      const { name } = condition;
      const test = compileTest(condition);
      return (values) => test(values.cookie(name));
    }
    case 'query': {
      const { name } = condition;
      const test = compileTest(condition);
      return (values) => test(values.query(name));
    }
  }
}

function compileTest(test: TextTest): (value: string | undefined) => boolean {
  if ('equals' in test) return (value) => value === test.equals;
  if ('prefix' in test) return (value) => value?.startsWith(test.prefix) === true;
  if ('present' in test) return (value) => (value !== undefined) === test.present;
  const allowed = new Set(test.oneOf);
  return (value) => value !== undefined && allowed.has(value);
}

function inNetworks(networks: readonly Cidr[]): Matcher {
  return ({ address }) => {
    const words = parseAddress(address);
    return words !== null && networks.some((network) => contains(network, words));
  };
}

function readCidr(rule: string, text: string): Cidr {
  const cidr = parseCidr(text);
  if (typeof cidr === 'string') throw new InvalidRoutesError(`audience ${rule}: ${text.slice(0, 64)} ${cidr}`);
  return cidr;
}
