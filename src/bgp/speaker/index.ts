/**
 * The speaker: BGP as one node speaks it, over one RIB.
 *
 *     PeerSession ──UPDATE──▶ Peer ──import policy──▶ RIB ──best paths──▶ update groups ──export policy──▶ PeerSession
 *
 * A `Peer` owns its session and its routes' way into the RIB; `retention` keeps them for it while it is away. The `Speaker`
 * owns the listeners and the update groups (`groups` says which peers share one), and waits for its peers after a
 * restart of its own (`restart-wait`, `deferral`). `dynamic-peers` makes peers of
 * those who dial from a range. `local-addresses` finds out what "next hop self" is on a link.
 *
 * `fall-over` ends the sessions of peers whose link is lost, and dials when it is back. `interface-peers` finds the peers that are named by their interface, on what `link-routers` decides.
 *
 * RFC 4271 (BGP-4), 4760 (multiprotocol), 4724, 8538 and 9494 (graceful restart), 2918 and 7313 (route
 * refresh), 4456 (reflection), 5065 (confederations), 7311 (on which sessions AIGP counts), 7911 (several paths per
 * prefix: `add-path`), 8950 (IPv4 over IPv6 next hops), 2545 (IPv6 next hops).
 */

export { takesAigp } from './aigp.js';
export {
  asnTowards,
  type Confederation,
  type OwnAsns,
  type Relation,
  relationTo,
} from './confederation.js';
export type { PeerRange, PeerRangeState, RangeEvent } from './dynamic-peers.js';
export { FallOver } from './fall-over.js';
export { type GroupFacts, groupKey } from './groups.js';
export { outlookOf } from './link-routers.js';
export type { OwnAddress } from './local-addresses.js';
export { Peer } from './peer.js';
export type { ImportPolicy, PeerEvent } from './peer-context.js';
export type { PeerMonitor, PeerRecorder } from './recorder.js';

export type { GracefulRestartSettings, PeerSettings } from './settings.js';
export { type ExplainingExporter, type PeerChange, type PolicySource, Speaker } from './speaker.js';
