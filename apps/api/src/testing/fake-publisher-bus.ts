import type { PublisherBus, StoredFrame } from '@app-fabric/bus';
import {
  appKey,
  type MeasurementFrame,
  type ProxyReport,
  parseMeasurementFrame,
  type RouteChange,
  type RouteDocument,
  type RouteHead,
  type RouteSnapshot,
} from '@app-fabric/contracts';

/** What passed through the bus: a step, or everything anew. */
export type Publication = { type: 'change'; change: RouteChange } | { type: 'all'; epoch: string; revision: number };

/** A bus whose every loss is in the test's hand, with the promises of the port. Without proxies until one reports. */
export class FakePublisherBus implements PublisherBus {
  connected = true;
  stored: RouteHead | null = null;
  readonly documents = new Map<string, RouteDocument>();
  /** All that was taken, in order; what the bus refused is not in it. */
  readonly log: Publication[] = [];
  /** Awaited before each publication; what it throws is what the publisher gets. */
  before: (publication: Publication) => Promise<void> | void = () => undefined;
  /** Awaited after each publication was carried out, before the publisher knows. */
  after: (publication: Publication) => Promise<void> | void = () => undefined;
  /** The last reports that the bus remembers, as for {@link proxies}. */
  readonly known = new Map<string, ProxyReport>();
  /** Stored frames by id, with their age. */
  readonly frames = new Map<string, { frame: unknown; storedMs: number }>();
  private framesStored = 0;
  private readonly connectionListeners = new Set<(connected: boolean) => void>();
  private readonly reportListeners = new Set<(report: ProxyReport) => void>();

  async head(): Promise<RouteHead | null> {
    return this.stored;
  }

  async publish(change: RouteChange): Promise<boolean> {
    const publication: Publication = { type: 'change', change };
    await this.before(publication);
    const { epoch, revision, previous, key, document } = change;
    if (this.stored?.epoch !== epoch || this.stored.revision !== previous) return false;
    if (document) this.documents.set(key, document);
    else this.documents.delete(key);
    this.stored = { epoch, revision };
    this.log.push(publication);
    await this.after(publication);
    return true;
  }

  async replaceAll({ epoch, revision, documents }: RouteSnapshot, expected: RouteHead | null): Promise<boolean> {
    const publication: Publication = { type: 'all', epoch, revision };
    await this.before(publication);
    if (this.stored?.epoch !== expected?.epoch || this.stored?.revision !== expected?.revision) return false;
    this.documents.clear();
    for (const document of documents) this.documents.set(appKey(document.routes.namespace, document.routes.app), document);
    this.stored = { epoch, revision };
    this.log.push(publication);
    await this.after(publication);
    return true;
  }

  /** What {@link proxies} does. */
  list: () => Promise<ProxyReport[]> = async () => [...this.known.values()];

  proxies(): Promise<ProxyReport[]> {
    return this.list();
  }

  async measurements(limit: number): Promise<StoredFrame[]> {
    const oldest = [...this.frames].slice(0, limit);
    return oldest.map(([id, { frame, storedMs }]) => ({ id, storedMs, frame: parseMeasurementFrame(frame) }));
  }

  async removeMeasurements(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.frames.delete(id);
  }

  /** What a proxy does; also with what is no frame. */
  storeFrame(frame: MeasurementFrame | object, storedMs = 0): void {
    this.framesStored += 1;
    this.frames.set(String(this.framesStored), { frame: JSON.parse(JSON.stringify(frame)), storedMs });
  }

  onReport(listener: (report: ProxyReport) => void): () => void {
    this.reportListeners.add(listener);
    return () => this.reportListeners.delete(listener);
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    this.connectionListeners.add(listener);
    return () => this.connectionListeners.delete(listener);
  }

  setConnected(connected: boolean): void {
    this.connected = connected;
    for (const listener of this.connectionListeners) listener(connected);
  }

  report(report: ProxyReport): void {
    for (const listener of this.reportListeners) listener(report);
  }

  /** Loses everything, without a word to anybody. */
  empty(): void {
    this.stored = null;
    this.documents.clear();
  }

  async close(): Promise<void> {}
}
