import { isDeepStrictEqual } from 'node:util';
import { parsePlan, type ReleasePlan, STANDARD_PLAN } from '@app-fabric/release';
import { Injectable } from '@nestjs/common';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, etagOf, type IfMatch } from '../http/etag.js';
import { ReleasePlansRepository, type StoredPlan } from './release-plans.repository.js';

/** Built in; it is the same everywhere. */
export const STANDARD = 'standard';
const STANDARD_DESCRIPTION = '5 % for 2 h, 20 % for 4 h, 50 % for 8 h, then all, watched for a day.';

/** Plans under a name, to start releases by. A release keeps the plan that it was started with. */
@Injectable()
export class ReleasePlansService {
  constructor(
    private readonly transactions: Transactions,
    private readonly plans: ReleasePlansRepository,
  ) {}

  get(namespace: string, name: string): Promise<StoredPlan> {
    return this.transactions.read(async (tx) => {
      await this.requireNamespace(tx, namespace);
      return this.require(tx, namespace, name);
    });
  }

  /** By name, the built-in one among them. */
  list(namespace: string, limit: number, after: string | null): Promise<StoredPlan[]> {
    return this.transactions.read(async (tx) => {
      await this.requireNamespace(tx, namespace);
      const stored = await this.plans.list(tx, namespace, limit, after);
      if (after !== null && after >= STANDARD) return stored;
      return [...stored, standardIn(namespace)].sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, limit);
    });
  }

  /** 400 invalid_plan, 409 plan_reserved. The same again changes nothing. */
  put(
    namespace: string,
    name: string,
    wanted: { description: string | null; plan: ReleasePlan },
    ifMatch: IfMatch,
  ): Promise<{ plan: StoredPlan; created: boolean }> {
    refuseStandard(name, 'changed');
    return this.transactions.run(async (tx) => {
      await this.requireNamespace(tx, namespace, true);
      const current = await this.plans.find(tx, namespace, name, true);
      checkIfMatch(ifMatch, current && planEtag(current));
      if (current && isDeepStrictEqual({ description: current.description, plan: current.plan }, wanted))
        return { plan: current, created: false };
      return { plan: await this.plans.put(tx, namespace, name, wanted.description, wanted.plan), created: current === null };
    });
  }

  async delete(namespace: string, name: string, ifMatch: IfMatch): Promise<void> {
    refuseStandard(name, 'deleted');
    await this.transactions.run(async (tx) => {
      await this.requireNamespace(tx, namespace);
      const current = await this.plans.find(tx, namespace, name, true);
      if (!current) throw notFound(namespace, name);
      checkIfMatch(ifMatch, planEtag(current));
      await this.plans.delete(tx, namespace, name);
    });
  }

  /** The plan of that name; null: there is none. */
  async find(tx: Transaction, namespace: string, name: string): Promise<StoredPlan | null> {
    return name === STANDARD ? standardIn(namespace) : this.plans.find(tx, namespace, name);
  }

  private async require(tx: Transaction, namespace: string, name: string): Promise<StoredPlan> {
    const plan = await this.find(tx, namespace, name);
    if (!plan) throw notFound(namespace, name);
    return plan;
  }

  private async requireNamespace(tx: Transaction, namespace: string, lock = false): Promise<void> {
    if (!(await this.plans.namespaceExists(tx, namespace, lock)))
      throw new DomainError('not_found', 'namespace_not_found', `There is no namespace ${namespace}.`);
  }
}

export function planEtag({ revision, createdAt }: StoredPlan): string {
  return etagOf(revision, createdAt);
}

/** The plan of a body; 400 invalid_plan that says what is wrong, field by field. `at`: where it stands in the body. */
export function requirePlan(input: unknown, at: string): ReleasePlan {
  const { plan, errors = [] } = parsePlan(input);
  if (plan) return plan;
  const found = errors.map(({ path, message }) => ({ path: [at, path].filter((part) => part !== '').join('.'), message }));
  const [first] = found;
  throw new DomainError('malformed', 'invalid_plan', `${first?.path || 'The plan'} ${first?.message ?? 'is none'}.`, { errors: found });
}

function standardIn(namespace: string): StoredPlan {
  const never = new Date(0);
  return {
    namespace,
    name: STANDARD,
    description: STANDARD_DESCRIPTION,
    plan: STANDARD_PLAN,
    revision: 1,
    createdAt: never,
    updatedAt: never,
  };
}

function refuseStandard(name: string, what: string): void {
  if (name === STANDARD) throw new DomainError('conflict', 'plan_reserved', `The plan ${STANDARD} is built in: it cannot be ${what}.`);
}

function notFound(namespace: string, name: string): DomainError {
  return new DomainError('not_found', 'plan_not_found', `Namespace ${namespace} has no release plan ${name}.`);
}
