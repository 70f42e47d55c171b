import { appKey, type ProxyReport, type RouteHead } from '@app-fabric/contracts';

/** A change of an app's routes. */
export interface RoutedChange {
  routeRevision: number;
  namespace: string;
  app: string;
}

/** A proxy that has refused the app's newest document. It routes the app by an older one, or not at all. */
interface RejectedChange {
  proxyId: string;
  /** Route revision of the document. */
  revision: number;
  reason: string;
  at: string;
}

/** How far a change has come. */
export interface PropagationState {
  routeRevision: number;
  /** Live proxies. */
  proxies: number;
  /** Those of them that route the app by this revision or a later one. */
  acknowledged: number;
  complete: boolean;
  /** Ids of the live proxies that have not heard of it yet. */
  pending: string[];
  /** Live proxies that have refused it, and go on with what they had until an acceptable document comes. */
  rejected: RejectedChange[];
}

/** The report is of the database's stream. One that is further than the database is from before a backup was restored. */
export function isOfStream({ applied, seenRevision }: ProxyReport, head: RouteHead | null): boolean {
  return (
    applied !== null && head !== null && applied.epoch === head.epoch && Math.max(applied.revision, seenRevision ?? 0) <= head.revision
  );
}

/** What is known of one proxy and one change; `withdrawn`: it may send no request any more because of what the change has replaced. */
function standing(report: ProxyReport, head: RouteHead | null, { routeRevision, namespace, app }: RoutedChange) {
  const { applied, seenRevision, rejected } = report;
  if (applied === null || !isOfStream(report, head)) return { is: 'pending', withdrawn: false, rejection: undefined } as const;
  if (applied.revision >= routeRevision) return { is: 'applied', withdrawn: true, rejection: undefined } as const;
  if (seenRevision === null || seenRevision < routeRevision) return { is: 'pending', withdrawn: false, rejection: undefined } as const;
  const key = appKey(namespace, app);
  const rejection = rejected.find((one) => one.key === key);
  if (!rejection || (rejection.heldRevision ?? -1) >= routeRevision)
    return { is: 'applied', withdrawn: true, rejection: undefined } as const;
  return { is: 'rejected', withdrawn: rejection.heldRevision === null, rejection } as const;
}

/** `known`: the reports are those of all live proxies. */
export function propagationOf(
  change: RoutedChange,
  head: RouteHead | null,
  reports: readonly ProxyReport[],
  known: boolean,
): PropagationState {
  const pending: string[] = [];
  const rejected: RejectedChange[] = [];
  for (const report of reports) {
    const { is, rejection } = standing(report, head, change);
    if (is === 'pending') pending.push(report.proxyId);
    if (rejection) {
      const { revision, reason, at } = rejection;
      rejected.push({ proxyId: report.proxyId, revision, reason, at });
    }
  }
  const acknowledged = reports.length - pending.length - rejected.length;
  return {
    routeRevision: change.routeRevision,
    proxies: reports.length,
    acknowledged,
    complete: known && acknowledged === reports.length,
    pending,
    rejected,
  };
}

/** No live proxy routes the app by anything older: neither those that have the change, nor those that hold no document of the app at all. */
export function isWithdrawn(change: RoutedChange, head: RouteHead | null, reports: readonly ProxyReport[], known: boolean): boolean {
  return known && reports.every((report) => standing(report, head, change).withdrawn);
}
