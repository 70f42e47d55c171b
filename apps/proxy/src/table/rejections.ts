import { MAX_REJECTED_APPS, type ProxyReport, type RejectedApp } from '@app-fabric/contracts';

export type Rejection = NonNullable<ProxyReport['lastRejection']>;

/**
 * The apps whose newest document was refused, where no acceptable one has followed. Each is told with the revision it is still routed by,
 * so that whoever waits for a change of another app waits for nothing, and whoever waits for this one knows that it did not come.
 */
export class Rejections {
  /** `since`: the oldest document that was refused. */
  readonly #apps = new Map<string, RejectedApp & { since: number }>();
  #last: Rejection | null = null;

  /** The last one ever, also when an acceptable document has followed. */
  get last(): Rejection | null {
    return this.#last;
  }

  has(key: string): boolean {
    return this.#apps.has(key);
  }

  keys(): Iterable<string> {
    return this.#apps.keys();
  }

  /** `heldRevision`: of the document that stays; see {@link RejectedApp}. False when this very document was refused before. */
  add(rejection: Rejection, heldRevision: number | null): boolean {
    this.#last = rejection;
    const { key, revision } = rejection;
    // A message without a readable key belongs to no app: the read that follows it tells what is true.
    if (key === '') return true;
    const known = this.#apps.get(key);
    this.#apps.set(key, {
      ...rejection,
      heldRevision: known ? known.heldRevision : heldRevision,
      since: Math.min(known?.since ?? revision, revision),
    });
    return known?.revision !== revision;
  }

  delete(key: string): void {
    this.#apps.delete(key);
  }

  clear(): void {
    this.#apps.clear();
  }

  /** Up to where everything is routed by, of what was seen up to `seen`. */
  applied(seen: number): number {
    return Math.max(0, oldest(seen, this.#apps.values()));
  }

  /** What a report says. Apps that do not fit into it hold `seenRevision` back instead. */
  told(seen: number): { seenRevision: number; rejected: RejectedApp[] } {
    const apps = [...this.#apps.values()].sort((a, b) => a.since - b.since);
    return {
      seenRevision: Math.max(0, oldest(seen, apps.slice(MAX_REJECTED_APPS))),
      rejected: apps.slice(0, MAX_REJECTED_APPS).map(({ since: _, ...app }) => app),
    };
  }
}

function oldest(seen: number, apps: Iterable<{ since: number }>): number {
  let revision = seen;
  for (const { since } of apps) revision = Math.min(revision, since - 1);
  return revision;
}
