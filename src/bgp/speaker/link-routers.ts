/** Which router on a link is the peer that a document names by its interface. Pure. */
import { type Address, IPV6, isLinkLocal, sameAddress } from '../../address/index.js';
import type { OwnAddress } from './local-addresses.js';

/** A neighbour that says that it is a router, by its link-local address. */
export interface LinkRouter {
  readonly ifindex: number;
  readonly address: Address;
  readonly mac: string | null;
  /** Not found to be gone. */
  readonly reachable: boolean;
}

export interface LinkState {
  readonly ifindex: number;
  readonly name: string;
  /** Administratively up and with carrier. */
  readonly up: boolean;
}

/** The links of this node and who is on them. */
export interface Surroundings {
  readonly links: readonly LinkState[];
  readonly addresses: readonly OwnAddress[];
  /** The one first seen last at the end. */
  readonly routers: readonly LinkRouter[];
}

/** `ready`: a peer can be there; else why not, for people. */
export type LinkOutlook =
  | { readonly ready: true; readonly ifindex: number }
  | { readonly ready: false; readonly reason: string };

/** Whether there can be sessions between link-local addresses on the interface of that name. */
export function outlookOf(name: string, { links, addresses }: Surroundings): LinkOutlook {
  const link = links.find((each) => each.name === name);
  if (link === undefined) return { ready: false, reason: `there is no interface ${name}` };
  if (!link.up) return { ready: false, reason: `${name} is down or has no carrier` };
  const { ifindex } = link;
  const own = addresses.filter(
    ({ ifindex: at, address }) => at === ifindex && address.family === IPV6 && isLinkLocal(address),
  );
  if (own.some(({ tentative }) => !tentative)) return { ready: true, ifindex };
  const reason =
    own.length > 0
      ? `the link-local address of ${name} is not yet known to be unique on its link`
      : `${name} has no link-local address: is IPv6 disabled on it (net.ipv6.conf.${name}.disable_ipv6)?`;
  return { ready: false, reason };
}

/**
 * The peer's address among the routers on its link; null: nobody is known.
 *
 * `current`: the one that was taken before. It stays while its session is up, whatever the table says, and while nobody
 * else is there: entries expire, and time brings them back. Otherwise the router that came last counts, as one that took
 * another's place, whose entry lingers.
 */
export function chooseRouter(
  routers: readonly LinkRouter[],
  ifindex: number,
  current: Address | null,
  established: boolean,
): Address | null {
  if (current !== null && established) return current;
  const latest = routers.findLast((each) => each.ifindex === ifindex && each.reachable);
  return latest?.address ?? current;
}

/**
 * Routers on the link besides the one that is taken: a link between two has none. A former address of the same machine,
 * whose entry the kernel keeps, is no other router.
 */
export function otherRouters(
  routers: readonly LinkRouter[],
  ifindex: number,
  taken: Address,
): readonly Address[] {
  const reachable = routers.filter((each) => each.ifindex === ifindex && each.reachable);
  const mac = reachable.find((each) => sameAddress(each.address, taken))?.mac ?? null;
  return reachable
    .filter((each) => !sameAddress(each.address, taken) && (mac === null || each.mac !== mac))
    .map(({ address }) => address);
}
