/** The clusters that a Router is a reflector of (RFC 4456). */
import type { Router } from './router.js';

/** That of the router first, then those of its peers, each once. */
export function clusterIds({ clusterId, routerId, peers, peerRanges }: Router): number[] {
  const all = [...peers, ...peerRanges.map(({ settings }) => settings)];
  const ofPeers = all.flatMap((peer) => peer.clusterId ?? []);
  return [...new Set([clusterId ?? routerId, ...ofPeers])];
}
