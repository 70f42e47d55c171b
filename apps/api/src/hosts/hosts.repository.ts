import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import type { HostRoute, ServiceHosts, ServiceRef, TakenHost } from './host-route.js';

interface HostRouteRow {
  hosts: string[];
  path_prefix: string;
  revision: number;
  updated_at: Date;
}

@Injectable()
export class HostsRepository {
  async find(tx: Transaction, service: ServiceRef): Promise<HostRoute | null> {
    const [row] = await query<HostRouteRow>(tx, `SELECT * FROM host_routes WHERE ${SERVICE}`, values(service));
    return row ? toHostRoute(row) : null;
  }

  /** One of these hosts that another service has with this very prefix, in whatever namespace. */
  async findTaken(tx: Transaction, service: ServiceRef, { hosts, pathPrefix }: ServiceHosts): Promise<TakenHost | null> {
    const [row] = await query<TakenHost>(
      tx,
      `SELECT host, namespace, app, service FROM host_claims
        WHERE host = ANY($4) AND path_prefix = $5 AND NOT (${SERVICE}) ORDER BY host LIMIT 1`,
      [...values(service), hosts, pathPrefix],
    );
    return row ?? null;
  }

  /** Puts the route in the place of the service's former one. */
  async put(tx: Transaction, service: ServiceRef, { hosts, pathPrefix }: ServiceHosts): Promise<HostRoute> {
    const [row] = await query<HostRouteRow>(
      tx,
      `INSERT INTO host_routes (namespace, app, service, hosts, path_prefix) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (namespace, app, service)
       DO UPDATE SET hosts = $4, path_prefix = $5, revision = host_routes.revision + 1, updated_at = now() RETURNING *`,
      [...values(service), JSON.stringify(hosts), pathPrefix],
    );
    await query(tx, `DELETE FROM host_claims WHERE ${SERVICE}`, values(service));
    await query(
      tx,
      'INSERT INTO host_claims (namespace, app, service, host, path_prefix) SELECT $1, $2, $3, wanted.host, $5 FROM unnest($4::text[]) AS wanted(host)',
      [...values(service), hosts, pathPrefix],
    );
    return toHostRoute(row!);
  }

  async delete(tx: Transaction, service: ServiceRef): Promise<void> {
    await query(tx, `DELETE FROM host_routes WHERE ${SERVICE}`, values(service));
  }
}

const SERVICE = 'namespace = $1 AND app = $2 AND service = $3';

function values({ namespace, app, service }: ServiceRef): [string, string, string] {
  return [namespace, app, service];
}

function toHostRoute(row: HostRouteRow): HostRoute {
  return { hosts: row.hosts, pathPrefix: row.path_prefix, revision: row.revision, updatedAt: row.updated_at };
}
