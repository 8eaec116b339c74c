/**
 * RFC 8950: IPv4 routes whose next hop is an IPv6 address, so that IPv4 crosses links that have none. What is offered,
 * and what "next hop self" is then.
 */
import { type Address, type FamilyIndex, IPV4, IPV6, isLinkLocal } from '../../address/index.js';
import type { Negotiated } from '../session/index.js';
import type { Capability } from '../wire/index.js';
import type { LinkFacts } from './local-addresses.js';
import type { PeerSettings } from './settings.js';

const AFI_IPV4 = 1;
const AFI_IPV6 = 2;
const SAFI_UNICAST = 1;

/** RFC 8950 §4: for which routes next hops of which other family may be sent and are understood. */
export function extendedNextHopCapability({ extendedNextHop, families }: PeerSettings): Capability[] {
  if (!extendedNextHop || !families.includes('ipv4')) return [];
  const pair = { afi: AFI_IPV4, safi: SAFI_UNICAST, nextHopAfi: AFI_IPV6 };
  return [{ type: 'extendedNextHop', families: [pair] }];
}

/** What a peer is told as our own next hop; null: this node has no address that fits. */
export interface SelfNextHop {
  readonly nextHop: Address | null;
  /** Behind a global IPv6 address, where the peer is on its link (RFC 2545 §3). */
  readonly linkLocal: Address | null;
}

/**
 * "Self" for routes of `family`. For IPv4 routes over an IPv6 session it is the session's own end once RFC 8950 is
 * agreed on, also where the link has an IPv4 address: that the peer reaches the one, the session shows; the other may be
 * borrowed from the loopback, and unknown beyond the link.
 */
export function selfNextHop(
  family: FamilyIndex,
  link: LinkFacts,
  { extendedNextHop, localAddress }: Pick<Negotiated, 'extendedNextHop' | 'localAddress'>,
): SelfNextHop {
  const [ipv4, ipv6] = link.nextHop;
  const prefersIpv6 = family === IPV6 || (extendedNextHop && localAddress.family === IPV6);
  const nextHop = prefersIpv6
    ? (ipv6 ?? (family === IPV4 ? ipv4 : null))
    : (ipv4 ?? (extendedNextHop ? ipv6 : null));
  // For IPv4 routes it is not asked for (RFC 8950 §3), and goes along where the session itself is between such.
  const goesAlong = family === IPV6 || isLinkLocal(localAddress);
  return { nextHop, linkLocal: nextHop?.family === IPV6 && goesAlong ? link.linkLocal : null };
}
