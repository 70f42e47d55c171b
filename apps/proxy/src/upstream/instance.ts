import { readPlainUrl } from '@app-fabric/contracts';
import type { InstanceRef } from '@app-fabric/routing';
import { OutlierState } from './outlier-state.js';

/** Where an instance listens, taken apart once, when the table is compiled. */
export interface InstanceAddress {
  protocol: 'http:' | 'https:';
  /** Without the brackets of an IPv6 literal. */
  hostname: string;
  port: number;
  /** In front of every path: empty, or `/like/this`. */
  basePath: string;
}

/** The proxy's own knowledge of one instance. It outlives the tables that name the instance: counts stay right across every change. */
export class InstanceState {
  readonly id: string;
  readonly url: string;
  readonly address: InstanceAddress;
  readonly #busy: Set<InstanceState>;
  #inFlight = 0;
  readonly outlier = new OutlierState();
  /** No table names it any more: what runs is finished, nothing new begins, and no connection is kept. */
  leaving = false;

  /** Throws when `ref.url` is not an http(s) URL: the document that holds it is refused. `busy` gets every instance that begins to serve. */
  constructor(ref: InstanceRef, busy = new Set<InstanceState>()) {
    this.#busy = busy;
    this.id = ref.id;
    this.url = ref.url;
    this.address = parseAddress(ref.url);
  }

  /** Requests that it has not finished, upgraded connections included. */
  get inFlight(): number {
    return this.#inFlight;
  }

  set inFlight(count: number) {
    if (this.#inFlight === 0 && count > 0) this.#busy.add(this);
    this.#inFlight = count;
  }
}

function parseAddress(text: string): InstanceAddress {
  const plain = readPlainUrl(text);
  if (plain !== null) return { protocol: 'http:', hostname: plain.hostname, port: plain.port, basePath: '' };
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.username || url.search || url.hash) {
    throw new TypeError(`not the base URL of an instance: ${JSON.stringify(text.slice(0, 200))}`);
  }
  return {
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
    basePath: url.pathname.replace(/\/+$/, ''),
  };
}
