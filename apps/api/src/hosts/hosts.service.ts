import { Injectable } from '@nestjs/common';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DistributionRepository } from '../distribution/distribution.repository.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, etagOf, type IfMatch } from '../http/etag.js';
import { Propagation } from '../publishing/propagation.js';
import { RouteChanges } from '../publishing/route-changes.js';
import type { HostRoute, ServiceHosts, ServiceRef } from './host-route.js';
import { HostsRepository } from './hosts.repository.js';

@Injectable()
export class HostsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly repository: HostsRepository,
    private readonly distributions: DistributionRepository,
    private readonly routes: RouteChanges,
    private readonly propagation: Propagation,
  ) {}

  get(service: ServiceRef): Promise<HostRoute> {
    return this.transactions.read((tx) => this.requireRoute(tx, service));
  }

  /** 409 host_taken: the same host and prefix belong to another service. Judged under the route lock, so two cannot both get it. */
  async put(service: ServiceRef, wanted: ServiceHosts, ifMatch: IfMatch, waitMs: number): Promise<{ route: HostRoute; created: boolean }> {
    const { namespace, app } = service;
    const result = await this.transactions.run(async (tx) => {
      await this.routes.lock(tx);
      await this.requireService(tx, service);
      const current = await this.repository.find(tx, service);
      checkIfMatch(ifMatch, current && etagOf(current.revision));
      const taken = await this.repository.findTaken(tx, service, wanted);
      if (taken)
        throw new DomainError(
          'conflict',
          'host_taken',
          `${taken.host}${wanted.pathPrefix} belongs to service ${taken.service} of ${taken.app} in namespace ${taken.namespace}.`,
        );
      const route = await this.repository.put(tx, service, wanted);
      return { route, created: current === null, routeRevision: await this.routes.commit(tx, namespace, app) };
    });
    await this.propagation.waitFor({ routeRevision: result.routeRevision, namespace, app }, waitMs);
    return result;
  }

  async delete(service: ServiceRef, ifMatch: IfMatch, waitMs: number): Promise<void> {
    const { namespace, app } = service;
    const routeRevision = await this.transactions.run(async (tx) => {
      await this.routes.lock(tx);
      const current = await this.requireRoute(tx, service);
      checkIfMatch(ifMatch, etagOf(current.revision));
      await this.repository.delete(tx, service);
      return this.routes.commit(tx, namespace, app);
    });
    await this.propagation.waitFor({ routeRevision, namespace, app }, waitMs);
  }

  private async requireRoute(tx: Transaction, service: ServiceRef): Promise<HostRoute> {
    const route = await this.repository.find(tx, service);
    if (route) return route;
    await this.requireService(tx, service);
    throw new DomainError('not_found', 'hosts_not_found', `Service ${service.service} of ${service.app} has no hosts.`);
  }

  private async requireService(tx: Transaction, service: ServiceRef): Promise<void> {
    if ((await this.distributions.fallbackOf(tx, service.namespace, service.app)) === null)
      throw new DomainError('not_found', 'app_not_found', `There is no app ${service.app} in namespace ${service.namespace}.`);
    if (!(await this.distributions.serviceExists(tx, service)))
      throw new DomainError('not_found', 'service_not_found', `No version of ${service.app} has a service ${service.service}.`);
  }
}
