import type { RouteDocument } from '@app-fabric/contracts';
import type {
  Affinity,
  AppRoutes,
  AudienceRule,
  Fallback,
  HostRoute,
  Limits,
  Mirror,
  OnUnavailable,
  ServiceRoutes,
  ServiceVersionRoutes,
} from '@app-fabric/routing';
import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';

interface AppRow {
  namespace: string;
  name: string;
  fallback: Fallback;
  on_unavailable: OnUnavailable;
  affinity: Affinity | null;
  pin_by_accept: boolean;
  audiences: AudienceRule[];
  mirror: Mirror | null;
  limits: Limits | null;
  hosts: Record<string, HostRoute> | null;
  versions: { version: number; artifactVersion: string }[] | null;
  aliases: Record<string, number> | null;
  distributions: Record<string, Record<string, number>> | null;
  declared: string[] | null;
  running: { service: string; version: number; runId: string; instances: { id: string; url: string }[] | null }[] | null;
}

/** Builds route documents from what is committed. One query whatever the number of apps asked for. */
@Injectable()
export class RouteDocumentRepository {
  /** Documents of these apps, by `namespace/app`; an app that is gone is missing in the answer. */
  async load(tx: Transaction, apps: readonly { namespace: string; app: string }[], revision: number): Promise<RouteDocument[]> {
    const rows = await query<AppRow>(
      tx,
      `${DOCUMENTS} JOIN unnest($1::text[], $2::text[]) AS wanted(ns, app) ON a.namespace = wanted.ns AND a.name = wanted.app`,
      [apps.map(({ namespace }) => namespace), apps.map(({ app }) => app)],
    );
    return rows.map((row) => ({ format: 1, revision, routes: toRoutes(row) }));
  }

  async loadAll(tx: Transaction, revision: number): Promise<RouteDocument[]> {
    const rows = await query<AppRow>(tx, DOCUMENTS);
    return rows.map((row) => ({ format: 1, revision, routes: toRoutes(row) }));
  }
}

const DOCUMENTS = `
  SELECT a.namespace, a.name, a.fallback, a.on_unavailable, a.affinity, a.pin_by_accept, a.audiences, a.mirror, a.limits,
    (SELECT json_object_agg(h.service, json_build_object('hosts', h.hosts, 'pathPrefix', h.path_prefix))
       FROM host_routes h WHERE h.namespace = a.namespace AND h.app = a.name) AS hosts,
    (SELECT json_agg(json_build_object('version', v.version, 'artifactVersion', v.artifact_version) ORDER BY v.version)
       FROM app_versions v WHERE v.namespace = a.namespace AND v.app = a.name) AS versions,
    (SELECT json_object_agg(l.alias, l.version) FROM app_aliases l WHERE l.namespace = a.namespace AND l.app = a.name) AS aliases,
    (SELECT json_object_agg(d.service, d.weights) FROM distributions d WHERE d.namespace = a.namespace AND d.app = a.name) AS distributions,
    (SELECT json_agg(DISTINCT p->>'name') FROM app_versions v
       JOIN artifact_versions av ON av.namespace = v.namespace AND av.artifact = v.artifact_name AND av.version = v.artifact_version
       CROSS JOIN jsonb_array_elements(av.programs) AS p
       WHERE v.namespace = a.namespace AND v.app = a.name AND p->>'type' = 'service') AS declared,
    (SELECT json_agg(json_build_object('service', r.program_name, 'version', r.version, 'runId', r.run_id, 'instances',
              (SELECT json_agg(json_build_object('id', i.instance_uid, 'url', i.url) ORDER BY i.instance_uid)
                 FROM run_instances i WHERE i.run_id = r.run_id AND i.routable)) ORDER BY r.program_name, r.version)
       FROM runs r WHERE r.namespace = a.namespace AND r.app = a.name AND r.program_type = 'service' AND r.status = 'RUNNING') AS running
  FROM apps a`;

function toRoutes(row: AppRow): AppRoutes {
  const distributions = row.distributions ?? {};
  // Services that no version runs at the moment are listed too: "stopped" and "unknown" are different answers.
  // So are those that no version has any more but that still hold hosts.
  const hosts = row.hosts ?? {};
  const names = [...(row.declared ?? []), ...Object.keys(hosts)];
  const services = new Map<string, ServiceVersionRoutes[]>(names.map((name) => [name, []]));
  for (const { service, version, runId, instances } of row.running ?? []) {
    const versions = services.get(service) ?? [];
    versions.push({ version, runId, instances: instances ?? [] });
    services.set(service, versions);
  }
  return {
    namespace: row.namespace,
    app: row.name,
    fallback: row.fallback,
    onUnavailable: row.on_unavailable,
    ...(row.affinity ? { affinity: row.affinity } : {}),
    ...(row.pin_by_accept ? { pinByAccept: true } : {}),
    ...(row.audiences.length > 0 ? { audiences: row.audiences } : {}),
    ...(row.mirror ? { mirror: row.mirror } : {}),
    ...(row.limits ? { limits: row.limits } : {}),
    aliases: row.aliases ?? {},
    versions: row.versions ?? [],
    weights: distributions[''] ?? null,
    services: [...services].map(
      ([name, versions]): ServiceRoutes => ({
        name,
        weights: distributions[name] ?? null,
        versions,
        ...(hosts[name] ? { hosts: hosts[name] } : {}),
      }),
    ),
  };
}
