import type { Workbench } from '../../workbench.js';
import type { Backend } from '../backend.js';
import { appFabric } from './app-fabric.js';
import { caddy } from './caddy.js';
import { haproxy } from './haproxy.js';
import { httpProxy } from './http-proxy.js';
import { nginx } from './nginx.js';
import type { Peer, RunningPeer } from './peer.js';

const PEERS: readonly Peer[] = [nginx, haproxy, caddy, httpProxy, appFabric];

/** Those that are installed, running in front of `backend`; the rest by name. */
export async function startPeers(
  bench: Workbench,
  backend: Backend,
  wanted: readonly Peer[] = PEERS,
): Promise<{ peers: RunningPeer[]; missing: Peer[] }> {
  const missing = wanted.filter((peer) => !peer.isInstalled());
  const peers: RunningPeer[] = [];
  for (const peer of wanted) if (!missing.includes(peer)) peers.push(await peer.start(bench, backend));
  return { peers, missing };
}
