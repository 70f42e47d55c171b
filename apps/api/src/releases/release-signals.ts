import { Injectable } from '@nestjs/common';
import type { AppRef } from './release.js';

/** A change of weights that was just committed for a release. */
export interface RoutedRelease extends AppRef {
  id: string;
  routeRevision: number;
  committedAtMs: number;
}

/** Wakes those of this replica who wait for something of a release; what stands behind it is that they also look by themselves. */
@Injectable()
export class ReleaseSignals {
  private readonly listeners = new Set<(id: string) => void>();
  private readonly routedListeners = new Set<(release: RoutedRelease) => void>();

  /** Returns the unsubscribe. */
  onChange(listener: (id: string) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  onRouted(listener: (release: RoutedRelease) => void): () => void {
    this.routedListeners.add(listener);
    return () => this.routedListeners.delete(listener);
  }

  tell(id: string): void {
    for (const listener of [...this.listeners]) listener(id);
  }

  routed(release: RoutedRelease): void {
    for (const listener of [...this.routedListeners]) listener(release);
  }
}
