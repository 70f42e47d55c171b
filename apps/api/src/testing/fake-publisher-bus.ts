import type { PublisherBus } from '@app-fabric/bus';
import type { ProxyReport, RouteChange, RouteHead, RouteSnapshot } from '@app-fabric/contracts';

/** A bus without proxies that can be cut off. */
export class FakePublisherBus implements PublisherBus {
  connected = true;
  private stored: RouteHead | null = null;
  private readonly connectionListeners = new Set<(connected: boolean) => void>();

  async head(): Promise<RouteHead | null> {
    return this.stored;
  }
  async publish({ epoch, revision }: RouteChange): Promise<void> {
    this.stored = { epoch, revision };
  }
  async replaceAll({ epoch, revision }: RouteSnapshot): Promise<void> {
    this.stored = { epoch, revision };
  }
  async proxies(): Promise<ProxyReport[]> {
    return [];
  }
  onReport(): () => void {
    return () => undefined;
  }
  onConnection(listener: (connected: boolean) => void): () => void {
    this.connectionListeners.add(listener);
    return () => this.connectionListeners.delete(listener);
  }
  setConnected(connected: boolean): void {
    this.connected = connected;
    for (const listener of this.connectionListeners) listener(connected);
  }
  async close(): Promise<void> {}
}
