import type { ProxyReport } from '@app-fabric/contracts';

/** A report of a proxy that has applied everything up to `revision`. */
export function proxyReport(proxyId: string, revision: number, patch: Partial<ProxyReport> = {}): ProxyReport {
  return {
    proxyId,
    bootId: 'boot-1',
    adminUrl: 'http://127.0.0.1:1',
    applied: { epoch: 'e1', revision },
    seenRevision: revision,
    rejected: [],
    lastRejection: null,
    inFlight: {},
    leaving: false,
    at: '2026-01-01T00:00:00.000Z',
    ...patch,
  };
}

/** The report of one that has seen everything up to `seen`, but refused the documents of `app` since `revision`. */
export function refusal(proxyId: string, seen: number, app: string, revision: number, heldRevision: number | null): ProxyReport {
  const rejection = { key: `default/${app}`, revision, reason: 'routes.services must be a list', at: '2026-01-01T00:00:00.000Z' };
  return proxyReport(proxyId, revision - 1, { seenRevision: seen, rejected: [{ ...rejection, heldRevision }], lastRejection: rejection });
}

/** Everything that is told of reports was told. */
export async function told(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
