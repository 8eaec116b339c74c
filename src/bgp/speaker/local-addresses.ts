/**
 * What a session's own end says about the link it runs on: which address of ours a peer is told as next hop in each
 * family, and which networks both share (RFC 4271 §5.1.3, RFC 2545 §3).
 */
import {
  type Address,
  type FamilyIndex,
  IPV4,
  IPV6,
  isLinkLocal,
  networkOf,
  type Prefix,
  sameAddress,
} from '../../address/index.js';

export interface OwnAddress {
  readonly ifindex: number;
  /** With its prefix length, host bits as they are. */
  readonly address: Prefix;
  /** The other end of a point-to-point link. */
  readonly peer?: Address | null;
  /** IPv6 duplicate address detection has not let it through (yet). */
  readonly tentative: boolean;
}

export interface LinkFacts {
  /** 0 when the local address is on no interface that we know. */
  readonly ifindex: number;
  /**
   * The peer is on the link: at an address of its networks, at the other end of it, or where packets of the session get no
   * further. Only then do the link-local next hops that it announces mean something on that link (RFC 2545 §3).
   */
  readonly direct: boolean;
  /** By family: what "next hop self" means towards the peer; null when this node has no such address. */
  readonly nextHop: readonly [Address | null, Address | null];
  /**
   * Our link-local address where the peer is on the link and `nextHop` has a global IPv6 address: it goes along with it, as
   * the link may have no route to the global one (RFC 2545 §3).
   */
  readonly linkLocal: Address | null;
  /**
   * Networks that the peer is on too: of its own family those that hold its address, of the other family those of the
   * link. None if it is on no network of the link.
   */
  readonly sharedSubnets: readonly Prefix[];
}

function covers(network: Prefix, address: Address): boolean {
  const own = networkOf(network, network.length);
  const other = networkOf(address, network.length);
  return own.family === address.family && sameAddress(own, other);
}

/** fe80::/10 is no next hop of its own here; 169.254.0.0/16 numbers links between routers like any other network. */
function isUnroutable(address: Address): boolean {
  return address.family === IPV6 && isLinkLocal(address);
}

function plain({ family, a, b, c, d }: Address): Address {
  return { family, a, b, c, d };
}

/** `local` and `remote` are the ends of the TCP connection; `boundToLink`: its packets get no further than the link. */
export function linkFacts(
  local: Address,
  remote: Address,
  addresses: readonly OwnAddress[],
  scopeId: number,
  boundToLink = false,
): LinkFacts {
  const own = addresses.find(
    (each) => sameAddress(each.address, local) && (scopeId === 0 || each.ifindex === scopeId),
  );
  const ifindex = own?.ifindex ?? scopeId;
  const onLink = addresses.filter((each) => each.ifindex === ifindex && !each.tentative);
  const usable = (family: FamilyIndex, from: readonly OwnAddress[]): Address | null => {
    const found = from.find(
      ({ address }) => address.family === family && !isUnroutable(address) && !isLoopback(address),
    );
    return found ? plain(found.address) : null;
  };
  const nextHop = (family: FamilyIndex): Address | null => {
    if (family === local.family && !isUnroutable(local)) return plain(local);
    // The link's own address of that family first, then any that the node has.
    const found = usable(family, onLink) ?? (isOnLoopback(own, addresses) ? usable(family, addresses) : null);
    // RFC 2545 §3 wants a global address; on a link that has none, both ends know the link-local one.
    return found ?? (family === local.family ? plain(local) : null);
  };
  const ipv6 = nextHop(IPV6);
  const sharesSubnet = onLink.some(({ address }) => covers(address, remote)) || isUnroutable(remote);
  const isOtherEnd = onLink.some(
    ({ peer }) => peer !== null && peer !== undefined && sameAddress(peer, remote),
  );
  const linkLocal = isUnroutable(local)
    ? local
    : sharesSubnet
      ? onLink.find(({ address }) => isUnroutable(address))?.address
      : undefined;
  return {
    ifindex,
    direct: sharesSubnet || isOtherEnd || boundToLink,
    nextHop: [nextHop(IPV4), ipv6],
    linkLocal: linkLocal !== undefined && ipv6 !== null && !isUnroutable(ipv6) ? plain(linkLocal) : null,
    sharedSubnets: sharesSubnet
      ? onLink
          .filter(({ address }) => !isUnroutable(address))
          .filter(({ address }) => address.family !== remote.family || covers(address, remote))
          .map(({ address }) => networkOf(address, address.length))
      : [],
  };
}

function isLoopback(address: Address): boolean {
  return address.family === IPV4
    ? address.a >>> 24 === 127
    : address.a === 0 && address.b === 0 && address.c === 0 && address.d === 1;
}

/** Whether the session runs from an address of the loopback interface (the one that also has 127.0.0.1 or ::1). */
function isOnLoopback(own: OwnAddress | undefined, addresses: readonly OwnAddress[]): boolean {
  return (
    own !== undefined && addresses.some((each) => each.ifindex === own.ifindex && isLoopback(each.address))
  );
}
