import type { Workbench } from '../../workbench.js';
import type { Backend } from '../backend.js';

/** A proxy that can be put beside ours. */
export interface Peer {
  readonly name: string;
  /** What would bring it here. */
  readonly install: string;
  isInstalled(): boolean;
  /** Starts it on one core of its own, in front of `backend`, by the same weights as far as it can. */
  start(bench: Workbench, backend: Backend): Promise<RunningPeer>;
}

export interface RunningPeer {
  readonly name: string;
  /** Its first process; others descend from it. */
  readonly pid: number;
  /** Where a path of the instances is behind it. */
  url(path: string): string;
}
