/** The clusters that a Router is a reflector of (RFC 4456). */
import type { Router } from './router.js';

/** That of the router first, then those of its peers, each once. */
export function clusterIds({ clusterId, routerId, peers }: Router): number[] {
  const ofPeers = peers.flatMap((peer) => peer.clusterId ?? []);
  return [...new Set([clusterId ?? routerId, ...ofPeers])];
}
