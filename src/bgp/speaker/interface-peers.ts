/**
 * Peers that the document names by their interface: who they are is learnt from the link, and learnt anew when the
 * interface, its carrier or the neighbour goes and comes. What is decided, `link-routers` decides.
 *
 * Such a peer is one with a link-local address and a device, whose address is `::` until it is known.
 */
import { type Address, formatAddress, sameAddress, unspecified6 } from '../../address/index.js';
import { chooseRouter, otherRouters, outlookOf, type Surroundings } from './link-routers.js';
import type { Peer } from './peer.js';
import type { PeerEvent } from './peer-context.js';
import type { PeerSettings } from './settings.js';

interface Learnt {
  readonly address: Address;
  readonly ifindex: number;
}

export interface InterfacePeersHost {
  readonly peers: ReadonlyMap<string, Peer>;
  event(peer: Peer, event: PeerEvent): void;
  /** A peer has another address now. */
  readdressed(peer: Peer): void;
}

const isUnspecified = (address: Address) => sameAddress(address, unspecified6);

export class InterfacePeers {
  private surroundings: Surroundings = { links: [], addresses: [], routers: [] };
  private readonly learnt = new Map<Peer, Learnt>();
  private readonly reasons = new Map<Peer, string>();
  private readonly ambiguous = new Map<Peer, string>();

  constructor(private readonly host: InterfacePeersHost) {}

  /** What is known of the links changed. */
  look(changed: Partial<Surroundings>): void {
    this.surroundings = { ...this.surroundings, ...changed };
    this.refresh();
  }

  /** Peers changed, or their links. */
  refresh(): void {
    const known = new Set(this.host.peers.values());
    for (const map of [this.learnt, this.reasons, this.ambiguous]) {
      for (const peer of map.keys()) if (!known.has(peer)) map.delete(peer);
    }
    for (const peer of known)
      if (peer.settings.interface !== undefined) this.place(peer, peer.settings.interface);
  }

  /** Why the peer has no address, for people; null: it has one, or needs none. */
  waitsFor(peer: Peer): string | null {
    return isUnspecified(peer.settings.address) ? (this.reasons.get(peer) ?? null) : null;
  }

  /** What is odd about the peer's link, for people; null: nothing. */
  warning(peer: Peer): string | null {
    return this.ambiguous.get(peer) ?? null;
  }

  /** The peer that waits on this interface, now that somebody dials from there; it need not advertise itself then. */
  adopt(device: string, address: Address): Peer | undefined {
    for (const peer of this.host.peers.values()) {
      if (peer.settings.interface !== device || !isUnspecified(peer.settings.address)) continue;
      const outlook = outlookOf(device, this.surroundings);
      if (!outlook.ready || peer.isShutdown) return undefined;
      this.move(peer, device, { address, ifindex: outlook.ifindex });
      return peer;
    }
    return undefined;
  }

  /** New settings of a peer, with what was learnt of it under the old ones. */
  static carry(before: PeerSettings, next: PeerSettings): PeerSettings {
    const address =
      next.interface !== undefined && next.interface === before.interface ? before.address : next.address;
    const asn = next.learnsAsn === true && before.learnsAsn === true ? before.asn : next.asn;
    return address === next.address && asn === next.asn ? next : { ...next, address, asn };
  }

  private place(peer: Peer, device: string): void {
    const outlook = outlookOf(device, this.surroundings);
    if (!outlook.ready) {
      this.forget(peer, outlook.reason);
      return;
    }
    const { ifindex } = outlook;
    const before = this.learnt.get(peer);
    // Of the same name, and another link.
    if (before !== undefined && before.ifindex !== ifindex) this.forget(peer, `${device} was replaced`);
    const { routers } = this.surroundings;
    const { address } = peer.settings;
    const current = isUnspecified(address) ? null : address;
    const chosen = chooseRouter(routers, ifindex, current, peer.negotiated !== null);
    if (chosen === null) {
      this.reasons.set(peer, `no router seen on ${device} yet: does it send router advertisements?`);
      return;
    }
    this.move(peer, device, { address: chosen, ifindex });
    const others = otherRouters(routers, ifindex, chosen).map(formatAddress);
    const warning =
      others.length === 0
        ? null
        : `more than one router is on ${device}: taken is ${formatAddress(chosen)}, not ${others.join(', ')}`;
    if (warning === (this.ambiguous.get(peer) ?? null)) return;
    if (warning === null) this.ambiguous.delete(peer);
    else {
      this.ambiguous.set(peer, warning);
      this.host.event(peer, { type: 'ambiguousNeighbour', interface: device, warning });
    }
  }

  private move(peer: Peer, device: string, to: Learnt): void {
    this.learnt.set(peer, to);
    this.reasons.delete(peer);
    if (sameAddress(peer.settings.address, to.address)) return;
    peer.readdress(to.address, `${device} has another neighbour`);
    this.host.event(peer, { type: 'neighbour', interface: device, address: formatAddress(to.address) });
    this.host.readdressed(peer);
  }

  private forget(peer: Peer, reason: string): void {
    this.ambiguous.delete(peer);
    this.learnt.delete(peer);
    this.reasons.set(peer, reason);
    if (isUnspecified(peer.settings.address)) return;
    peer.readdress(unspecified6, reason);
    this.host.event(peer, { type: 'noNeighbour', interface: peer.settings.interface ?? '', reason });
    this.host.readdressed(peer);
  }
}
