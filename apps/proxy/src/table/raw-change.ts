import { parseRouteDocument, type RouteDocument } from '@app-fabric/contracts';

/** The envelope of a change, read leniently: a document that is bad must not hide where the stream stands. */
export function readStep(input: unknown): { epoch: string; revision: number; previous: number; key: string } | null {
  if (typeof input !== 'object' || input === null) return null;
  const { epoch, revision, previous, key } = input as Record<string, unknown>;
  if (typeof epoch !== 'string' || !isRevision(revision) || !isRevision(previous) || typeof key !== 'string' || key === '') return null;
  return { epoch, revision, previous, key };
}

/** The revision that an unacceptable document claims to have; `null` when even that cannot be read. */
export function readRevision(raw: unknown): number | null {
  const revision = typeof raw === 'object' && raw !== null ? (raw as Record<string, unknown>).revision : null;
  return isRevision(revision) ? revision : null;
}

function isRevision(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A document that was accepted before: that it cannot be read now is a mistake in the program, and throws. */
export function readAccepted(json: string): RouteDocument {
  const parsed = parseRouteDocument(JSON.parse(json));
  if (!parsed.ok) throw new Error(`a document that was accepted cannot be read: ${parsed.reason}`);
  return parsed.value;
}

/** `null` when it is none: no document is. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
