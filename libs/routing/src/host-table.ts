import { MAX_HOST_LENGTH, MAX_PREFIX_SEGMENTS } from './hosts.js';

/** A host and path prefix that belong to a service. Shared by all requests that it routes: never change it. */
export interface HostClaim {
  readonly namespace: string;
  readonly app: string;
  readonly service: string;
  /** As in the route: `*.` and a name for everything below it. */
  readonly host: string;
  /** What comes off the path before the instance gets it: `/cart`, or `''` for the whole host. */
  readonly prefix: string;
}

/** Everything that is claimed of one host. */
interface HostEntry {
  /** By prefix, those who claim it in the order in which they came; the first one has it. */
  readonly claims: Map<string, HostClaim[]>;
  /** How many prefixes there are of each number of segments. */
  readonly depths: Uint32Array;
}

const PORT = /:[0-9]*$/;

/**
 * Whose a request is by its host and path. The cost of a look-up depends on the length of the host and of the longest prefix, not on the
 * number of apps. The control plane gives each host and prefix to one service; but the documents of two apps arrive one after the other,
 * so for a moment two may claim the same. Then the app that had it keeps it until it lets go, and the one that came next takes over.
 */
export class HostTable {
  readonly #exact = new Map<string, HostEntry>();
  /** Key: what stands behind the star, `.example.com`. */
  readonly #wildcards = new Map<string, HostEntry>();
  readonly #claimsOf = new Map<string, readonly HostClaim[]>();

  /** Puts the app's claims in the place of those that it had; none takes it out. `owner` is the app's `namespace/app`. */
  replace(owner: string, claims: readonly HostClaim[]): void {
    const former = this.#claimsOf.get(owner);
    if (former === undefined && claims.length === 0) return;
    const kept = new Set<string>();
    for (const claim of claims) {
      kept.add(`${claim.host}${claim.prefix}`);
      this.#add(claim);
    }
    for (const claim of former ?? []) if (!kept.has(`${claim.host}${claim.prefix}`)) this.#drop(claim);
    if (claims.length === 0) this.#claimsOf.delete(owner);
    else this.#claimsOf.set(owner, claims);
  }

  /**
   * The exact host before wildcards, longer wildcards before shorter ones; of each, the longest prefix of whole segments. A host without a
   * fitting prefix leaves the request to the next wider one. `authority` as in the Host header: case, port and a dot at the end do not
   * matter. `path` without query, compared as it is: dot segments and encoded slashes are for the caller to refuse.
   */
  lookup(authority: string, path: string): HostClaim | undefined {
    if (this.#claimsOf.size === 0) return undefined;
    const host = canonicalHost(authority);
    if (host.length > MAX_HOST_LENGTH) return undefined;
    const claim = find(this.#exact.get(host), path);
    if (claim !== undefined || this.#wildcards.size === 0) return claim;
    for (let dot = host.indexOf('.', 1); dot > 0; dot = host.indexOf('.', dot + 1)) {
      const wild = find(this.#wildcards.get(host.slice(dot)), path);
      if (wild !== undefined) return wild;
    }
    return undefined;
  }

  #add(claim: HostClaim): void {
    const [hosts, key] = this.#place(claim.host);
    let entry = hosts.get(key);
    if (entry === undefined) {
      entry = { claims: new Map(), depths: new Uint32Array(MAX_PREFIX_SEGMENTS + 1) };
      hosts.set(key, entry);
    }
    const queue = entry.claims.get(claim.prefix);
    if (queue === undefined) {
      entry.claims.set(claim.prefix, [claim]);
      const depth = depthOf(claim.prefix);
      entry.depths[depth] = (entry.depths[depth] as number) + 1;
      return;
    }
    const place = queue.findIndex((other) => isOfSameApp(other, claim));
    if (place < 0) queue.push(claim);
    else queue[place] = claim;
  }

  #drop(claim: HostClaim): void {
    const [hosts, key] = this.#place(claim.host);
    const entry = hosts.get(key);
    const queue = entry?.claims.get(claim.prefix);
    if (entry === undefined || queue === undefined) return;
    const place = queue.findIndex((other) => isOfSameApp(other, claim));
    if (place >= 0) queue.splice(place, 1);
    if (queue.length > 0) return;
    entry.claims.delete(claim.prefix);
    const depth = depthOf(claim.prefix);
    entry.depths[depth] = (entry.depths[depth] as number) - 1;
    if (entry.claims.size === 0) hosts.delete(key);
  }

  #place(host: string): [Map<string, HostEntry>, string] {
    return host.startsWith('*.') ? [this.#wildcards, host.slice(1)] : [this.#exact, host];
  }
}

function find(entry: HostEntry | undefined, path: string): HostClaim | undefined {
  if (entry === undefined) return undefined;
  for (let depth = MAX_PREFIX_SEGMENTS; depth >= 0; depth--) {
    if (entry.depths[depth] === 0) continue;
    const end = endOfSegments(path, depth);
    const claim = end < 0 ? undefined : entry.claims.get(path.slice(0, end))?.[0];
    if (claim !== undefined) return claim;
  }
  return undefined;
}

/** Where the first `count` segments end; -1 when the path has fewer. */
function endOfSegments(path: string, count: number): number {
  let end = 0;
  for (let segment = 0; segment < count; segment++) {
    if (end >= path.length) return -1;
    const slash = path.indexOf('/', end + 1);
    end = slash < 0 ? path.length : slash;
  }
  return end;
}

function depthOf(prefix: string): number {
  return prefix.split('/').length - 1;
}

function canonicalHost(authority: string): string {
  const host = authority.replace(PORT, '').toLowerCase();
  return host.endsWith('.') ? host.slice(0, -1) : host;
}

function isOfSameApp(left: HostClaim, right: HostClaim): boolean {
  return left.app === right.app && left.namespace === right.namespace;
}
