/**
 * The documents that are routed by, by app key. Kept as JSON text, a fraction of what they take as objects: they are only read to be
 * written to disk or shown, and what requests need of them is compiled.
 */
export class AcceptedDocuments {
  readonly #byKey = new Map<string, { readonly revision: number; readonly json: string }>();

  get size(): number {
    return this.#byKey.size;
  }

  keys(): Iterable<string> {
    return this.#byKey.keys();
  }

  /** `null` when there is no document of this app. */
  revisionOf(key: string): number | null {
    return this.#byKey.get(key)?.revision ?? null;
  }

  /** Is it the very text that is here already? Nobody need parse it to know. */
  isSame(key: string, json: string): boolean {
    return this.#byKey.get(key)?.json === json;
  }

  set(key: string, revision: number, json: string): void {
    this.#byKey.set(key, { revision, json });
  }

  delete(key: string): void {
    this.#byKey.delete(key);
  }

  /** All of them as they are now: later changes do not show. Quick for a large table: a list of what is there, of which nothing is copied. */
  all(): readonly { readonly json: string }[] {
    return [...this.#byKey.values()];
  }
}
