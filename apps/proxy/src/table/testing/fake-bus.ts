import { BusUnavailableError, type RawSnapshot, type RouteMessage, type SubscriberBus } from '@app-fabric/bus';
import type { MeasurementFrame, ProxyReport, RouteDocument, RouteHead } from '@app-fabric/contracts';

/** A route for tests: one service `cart` with the given weights; each version has one instance. */
export function routeDocument(
  app: string,
  revision: number,
  weights: Record<string, number> = { 1: 10_000 },
  url = 'http://127.0.0.1:9',
): RouteDocument {
  const versions = Object.keys(weights).map(Number);
  return {
    format: 1,
    revision,
    routes: {
      namespace: 'default',
      app,
      fallback: 'random',
      onUnavailable: 'redistribute',
      aliases: {},
      versions: versions.map((version) => ({ version, artifactVersion: `${version}.0.0` })),
      weights,
      services: [
        { name: 'cart', weights: null, versions: versions.map((version) => ({ version, instances: [{ id: `${app}-${version}`, url }] })) },
      ],
    },
  };
}

/** A transport whose every loss is in the test's hand. */
export class FakeBus implements SubscriberBus {
  stored: RawSnapshot | null = null;
  down = false;
  connected = true;
  reads = 0;
  heads = 0;
  readonly reports: ProxyReport[] = [];
  readonly frames: MeasurementFrame[] = [];
  #listener: ((message: RouteMessage) => void) | null = null;
  #connectionListeners = new Set<(connected: boolean) => void>();
  /** When set, the next `readAll` waits for it after it has read. */
  holdRead: Promise<void> | null = null;

  async subscribe(listener: (message: RouteMessage) => void): Promise<void> {
    this.#check();
    this.#listener = listener;
  }

  async head(): Promise<RouteHead | null> {
    this.#check();
    this.heads += 1;
    return this.stored === null ? null : { epoch: this.stored.epoch, revision: this.stored.revision };
  }

  async readAll(): Promise<RawSnapshot | null> {
    this.#check();
    this.reads += 1;
    const { stored, holdRead } = this;
    const copy = stored === null ? null : { ...stored, documents: new Map(stored.documents) };
    this.holdRead = null;
    if (holdRead !== null) await holdRead;
    return copy;
  }

  async report(report: ProxyReport): Promise<void> {
    this.#check();
    this.reports.push(report);
  }

  async sendMeasurements(frame: MeasurementFrame): Promise<void> {
    this.#check();
    this.frames.push(JSON.parse(JSON.stringify(frame)) as MeasurementFrame);
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    this.#connectionListeners.add(listener);
    return () => this.#connectionListeners.delete(listener);
  }

  async close(): Promise<void> {}

  setConnected(connected: boolean): void {
    this.connected = connected;
    for (const listener of this.#connectionListeners) listener(connected);
  }

  /** Replaces what is stored, without a word to anybody. */
  store(epoch: string, revision: number, documents: unknown[]): void {
    this.stored = { epoch, revision, documents: new Map(documents.map((document) => [keyOfRaw(document), JSON.stringify(document)])) };
  }

  /** Stores one step and returns the message that would tell of it; `deliver: false` loses it. */
  publish(revision: number, document: RouteDocument | null, options: { app?: string; deliver?: boolean; epoch?: string } = {}): unknown {
    const epoch = options.epoch ?? this.stored?.epoch ?? 'e1';
    const key = `default/${document?.routes.app ?? options.app}`;
    const documents = new Map(this.stored?.documents);
    if (document === null) documents.delete(key);
    else documents.set(key, JSON.stringify(document));
    this.stored = { epoch, revision, documents };
    const change = { epoch, revision, previous: revision - 1, key, document };
    if (options.deliver !== false) this.deliver(change);
    return change;
  }

  deliver(change: unknown): void {
    this.#listener?.({ type: 'change', change });
  }

  reset(): void {
    this.#listener?.({ type: 'reset' });
  }

  #check(): void {
    if (this.down) throw new BusUnavailableError('down');
  }
}

function keyOfRaw(document: unknown): string {
  const routes = (document as { routes?: { namespace?: string; app?: string } }).routes;
  return `${routes?.namespace ?? 'default'}/${routes?.app ?? 'broken'}`;
}
