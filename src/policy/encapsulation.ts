/**
 * The encapsulation decision: does a packet for a route go to its next hop as it is, through a tunnel, or is there no
 * way? Pure, for one route and family, and the same for routes from BGP and from the inventory of nodes.
 *
 * - The most specific pool that contains the prefix decides. In no pool, or in one without a backend: direct.
 * - A next hop that is no known node: IP-in-IP goes to the next hop itself; VXLAN knows no VTEP, so there is no way.
 * - Always: through the tunnel. Across subnets: direct where our own subnet contains the next hop (or, by Flannel's rule,
 *   where the kernel's route to it has no gateway), else through the tunnel.
 * - A node that does not receive what the pool asks for gets what it does receive, so that nodes can change one by one.
 * - A direct route of the inventory needs a next hop on a connected network: nobody promises that routers in between know it.
 */
import {
  type Address,
  contains,
  type FamilyIndex,
  familyNames,
  formatAddress,
  formatPrefix,
  IPV4,
  type Prefix,
  sameAddress,
} from '../address/index.js';
import type { Backend, Pool } from './pools.js';

/** Another node in one family. */
export interface NodeFamily {
  /** Where tunnels to it end. */
  readonly address: Address;
  /** Its end of the VXLAN: the device's address and MAC; null: it has none that we know of. A null `mac` is not known. */
  readonly vtep: { readonly address: Address; readonly mac: string | null } | null;
}

/** Another node. */
export interface EncapsulationNode {
  readonly name: string;
  readonly families: readonly [NodeFamily | null, NodeFamily | null];
  /** What it takes, the preferred first; null: whatever is sent. */
  readonly receives: readonly Backend[] | null;
}

/** One way out as the next hop resolved; a null gateway is the next hop on its link. */
export interface Way {
  readonly gateway: Address | null;
  readonly ifindex: number;
}

/** What of this machine and of the document the decision depends on. */
export interface EncapsulationFacts {
  /** By family: our own address with the prefix length of its subnet; null: not known. */
  readonly subnets: readonly [Prefix | null, Prefix | null];
  /** What tells our own subnet: our address and its prefix length, or the kernel's route. */
  readonly sameSubnet: 'address' | 'route';
  /** The node that has the address. */
  nodeAt(address: Address): EncapsulationNode | null;
}

export interface EncapsulationRoute {
  readonly family: FamilyIndex;
  readonly pool: Pool | null;
  readonly nextHop: Address;
  readonly source: 'bgp' | 'inventory';
  /** How the next hop is reached; empty: not at all. */
  readonly ways: readonly Way[];
}

/** Why it came out so. */
export type EncapsulationReason =
  | 'noPool'
  | 'noBackend'
  | 'always'
  | 'sameSubnet'
  | 'noGateway'
  | 'otherSubnet'
  | 'gateway'
  | 'hostAddress'
  | 'ownAddressUnknown'
  | 'notReceived'
  | 'unknownNode'
  | 'noAddress'
  | 'noVtep'
  | 'noMac'
  | 'notConnected'
  | 'receivesNothing';

export type Encapsulation =
  | { readonly kind: 'direct'; readonly reason: EncapsulationReason }
  | {
      readonly kind: 'tunnel';
      readonly backend: 'ipip' | 'vxlan';
      /** Next hop of the route on the tunnel device. */
      readonly gateway: Address;
      /** Where the outer packet goes. */
      readonly endpoint: Address;
      readonly node: string | null;
      readonly reason: EncapsulationReason;
    }
  | { readonly kind: 'unresolved'; readonly reason: EncapsulationReason };

export function decideEncapsulation(route: EncapsulationRoute, facts: EncapsulationFacts): Encapsulation {
  const { pool } = route;
  if (pool === null) return direct(route, 'noPool');
  const node = facts.nodeAt(route.nextHop);
  const backend = backendTo(pool.backend, node, route.family);
  if (backend === null) return { kind: 'unresolved', reason: 'receivesNothing' };
  if (backend === 'none') return direct(route, pool.backend === 'none' ? 'noBackend' : 'notReceived');
  const where = pool.backend !== 'none' && pool.mode === 'crossSubnet' ? placeOf(route, facts) : 'always';
  if (where === 'sameSubnet' || where === 'noGateway') return direct(route, where);
  const reason = backend === pool.backend ? where : 'notReceived';
  return tunnel(backend, route, node, reason);
}

/** What to send by: what the pool asks for where the node takes it, else what the node likes best; null: nothing fits. */
function backendTo(wanted: Backend, node: EncapsulationNode | null, family: FamilyIndex): Backend | null {
  const receives = node?.receives ?? null;
  if (receives === null || receives.includes(wanted)) return wanted;
  // IP-in-IP carries IPv4 alone: of IPv6, a node that lists nothing else has said nothing.
  const takes = family === IPV4 ? receives : receives.filter((each) => each !== 'ipip');
  return takes[0] ?? (wanted === 'none' ? 'none' : null);
}

function direct(route: EncapsulationRoute, reason: EncapsulationReason): Encapsulation {
  if (route.source === 'inventory' && !isConnected(route))
    return { kind: 'unresolved', reason: 'notConnected' };
  return { kind: 'direct', reason };
}

/** Whether the next hop itself is on a link of ours. */
function isConnected({ nextHop, ways }: EncapsulationRoute): boolean {
  return ways.length > 0 && ways.every(({ gateway }) => gateway === null || sameAddress(gateway, nextHop));
}

function placeOf(route: EncapsulationRoute, facts: EncapsulationFacts): EncapsulationReason {
  if (facts.sameSubnet === 'route') {
    return route.ways.length === 1 && isConnected(route) ? 'noGateway' : 'gateway';
  }
  const own = facts.subnets[route.nextHop.family];
  if (own === null) return 'ownAddressUnknown';
  if (own.length === (own.family === IPV4 ? 32 : 128)) return 'hostAddress';
  return contains(own, route.nextHop) ? 'sameSubnet' : 'otherSubnet';
}

function tunnel(
  backend: 'ipip' | 'vxlan',
  { family, nextHop }: EncapsulationRoute,
  node: EncapsulationNode | null,
  reason: EncapsulationReason,
): Encapsulation {
  if (node === null) {
    // A next hop of the other family is no end of this family's tunnel.
    return backend === 'ipip' && nextHop.family === family
      ? { kind: 'tunnel', backend, gateway: nextHop, endpoint: nextHop, node: null, reason }
      : { kind: 'unresolved', reason: 'unknownNode' };
  }
  const at = node.families[family];
  if (at === null) return { kind: 'unresolved', reason: 'noAddress' };
  const { address, vtep } = at;
  if (backend === 'ipip') {
    return { kind: 'tunnel', backend, gateway: address, endpoint: address, node: node.name, reason };
  }
  if (vtep === null) return { kind: 'unresolved', reason: 'noVtep' };
  if (vtep.mac === null) return { kind: 'unresolved', reason: 'noMac' };
  return { kind: 'tunnel', backend, gateway: vtep.address, endpoint: address, node: node.name, reason };
}

const backendNames: Readonly<Record<Backend, string>> = {
  none: 'no encapsulation',
  ipip: 'IP-in-IP',
  vxlan: 'VXLAN',
};

/** `through VXLAN to node b (192.0.2.2), as pool 10.0.0.0/8 asks for it always`. */
export function describeEncapsulation(
  route: EncapsulationRoute,
  facts: EncapsulationFacts,
  result: Encapsulation,
): string {
  const why = reasonText(route, facts, result.reason);
  switch (result.kind) {
    case 'direct':
      return `direct: ${why}`;
    case 'unresolved':
      return `no way: ${why}`;
    case 'tunnel': {
      const to = formatAddress(result.endpoint);
      const end = result.node === null ? `${to}, which is no known node` : `node ${result.node} (${to})`;
      return `through ${backendNames[result.backend]} to ${end}: ${why}`;
    }
  }
}

function reasonText(
  { family, pool, nextHop, source }: EncapsulationRoute,
  facts: EncapsulationFacts,
  reason: EncapsulationReason,
): string {
  const name = pool === null ? 'no pool' : `pool ${formatPrefix(pool.cidr)}`;
  const to = formatAddress(nextHop);
  const node = facts.nodeAt(nextHop);
  const who = node === null ? to : `node ${node.name}`;
  const own = facts.subnets[nextHop.family];
  const subnet = own === null ? 'our subnet' : `our subnet ${formatPrefix(own)}`;
  const backend = backendNames[pool?.backend ?? 'none'];
  switch (reason) {
    case 'noPool':
      return 'no pool contains it';
    case 'noBackend':
      return `${name} has no backend`;
    case 'always':
      return `${name} asks for ${backend} always`;
    case 'sameSubnet':
      return `${name} asks for ${backend} across subnets, and ${to} is in ${subnet}`;
    case 'noGateway':
      return `${name} asks for ${backend} across subnets, and the kernel's route to ${to} has no gateway`;
    case 'otherSubnet':
      return `${name} asks for ${backend} across subnets, and ${to} is not in ${subnet}`;
    case 'gateway':
      return `${name} asks for ${backend} across subnets, and the kernel's route to ${to} has a gateway`;
    case 'hostAddress':
      return `${name} asks for ${backend} across subnets, and our own address ${own === null ? '' : formatPrefix(own)} has no subnet`;
    case 'ownAddressUnknown':
      return `${name} asks for ${backend} across subnets, and our own ${familyNames[nextHop.family]} subnet is not known`;
    case 'notReceived':
      return `${name} asks for ${backend}, but ${who} does not receive it; it receives ${(node?.receives ?? []).map((each) => backendNames[each]).join(', ')}`;
    case 'unknownNode':
      return `${name} asks for ${backend}, and the next hop ${to} is no node of the inventory`;
    case 'noAddress':
      return `${who} has no ${familyNames[family]} address in the inventory`;
    case 'noVtep':
      return `${who} has no ${familyNames[family]} VTEP in the inventory`;
    case 'noMac':
      return `the MAC of ${who}'s ${familyNames[family]} VTEP is not in the inventory`;
    case 'notConnected':
      return `${to} (${who}) is on no connected network${source === 'inventory' ? ', and no router in between is known to know the route' : ''}`;
    case 'receivesNothing':
      return `${who} receives nothing`;
  }
}
