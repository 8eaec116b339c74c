/**
 * What is asked of six nodes on three subnets, and what follows of it. Subnet s is 10.0.s.0/24 and fd00:s::/64 with nodes
 * 2s-1 and 2s; node n has the pods of 10.244.n.0/24 and fd10:n::/64.
 */

export const numbers = Array.from({ length: 6 }, (_, i) => i + 1);
export const subnetOf = (node: number) => Math.ceil(node / 2);
export type Family = 'ipv4' | 'ipv6';
export const families: readonly Family[] = ['ipv4', 'ipv6'];

/** Node, pod and block `n` of a family. */
export const addressOf = (n: number, family: Family) =>
  family === 'ipv4' ? `10.0.${subnetOf(n)}.${n}` : `fd00:${subnetOf(n)}::${n}`;
export const podOf = (n: number, family: Family) => (family === 'ipv4' ? `10.244.${n}.2` : `fd10:${n}::2`);
export const blockOf = (n: number, family: Family) =>
  family === 'ipv4' ? `10.244.${n}.0/24` : `fd10:${n}::/64`;
export const vtepOf = (n: number, family: Family) => (family === 'ipv4' ? `10.244.${n}.0` : `fd10:${n}::`);

const deviceOf = (family: Family) => (family === 'ipv4' ? 'vxlan.calico' : 'vxlan-v6.calico');

export interface Scenario {
  readonly backend: 'none' | 'ipip' | 'vxlan';
  readonly mode: 'always' | 'crossSubnet';
  /** Where routes to pods come from. */
  readonly routes: 'inventory' | 'bgp';
  readonly profile?: 'calico' | 'flannel';
  readonly receives?: readonly string[];
}

/** Whether a scenario sends from one node to another in a tunnel. */
export function isTunnelled({ backend, mode }: Scenario, from: number, to: number): boolean {
  return backend !== 'none' && (mode === 'always' || subnetOf(from) !== subnetOf(to));
}

/** A next hop and device; null: there is no way. */
export type Way = { readonly gateway: string; readonly device: string } | null;

/** How node `from` sends to the pods of node `to`. */
export function wayOf(scenario: Scenario, from: number, to: number, family: Family): Way {
  if (isTunnelled(scenario, from, to)) {
    return scenario.backend === 'ipip'
      ? { gateway: addressOf(to, family), device: 'tunl0' }
      : { gateway: vtepOf(to, family), device: deviceOf(family) };
  }
  if (subnetOf(from) === subnetOf(to)) return { gateway: addressOf(to, family), device: 'eth1' };
  if (scenario.routes === 'inventory') return null;
  const router = family === 'ipv4' ? `10.0.${subnetOf(from)}.254` : `fd00:${subnetOf(from)}::fe`;
  return { gateway: router, device: 'eth1' };
}

/** A packet on the underlay as it is captured: with a tunnel, what is outside stands first, with a comma behind it. */
export interface WirePacket {
  readonly source: string;
  readonly target: string;
  /** Protocol numbers. */
  readonly protocols: string;
  readonly port: string;
  readonly vni: string;
}

/** A ping from pod `from` to pod `to`, or its answer, on the underlay. */
export function wireOf(scenario: Scenario, from: number, to: number, family: Family): WirePacket {
  const ping = family === 'ipv4' ? '1' : '58';
  const inside = { source: podOf(from, family), target: podOf(to, family) };
  if (!isTunnelled(scenario, from, to)) return { ...inside, protocols: ping, port: '', vni: '' };
  const both = {
    source: `${addressOf(from, family)},${inside.source}`,
    target: `${addressOf(to, family)},${inside.target}`,
  };
  return scenario.backend === 'ipip'
    ? { ...both, protocols: `4,${ping}`, port: '', vni: '' }
    : { ...both, protocols: `17,${ping}`, port: '4789', vni: '4096' };
}

/** The largest packet that a tunnel takes, and what of it a ping's headers are. */
export const roomOf = ({ backend }: Scenario, family: Family) =>
  backend === 'ipip' ? 1480 : family === 'ipv4' ? 1450 : 1430;
export const pingHeadersOf = (family: Family) => (family === 'ipv4' ? 28 : 48);
