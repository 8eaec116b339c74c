/** From pools, nodes and what this machine is to the kernel objects that the tunnels need, beside routes. Pure. */
import { type FamilyIndex, formatAddress, IPV4, IPV6 } from '../../address/index.js';
import type { NodeConfig, Router } from '../../config/router.js';
import { ipipDevice, ipipSysctls } from '../../ipip/index.js';
import type { OverlayDevice, OverlayEntry, Sysctl } from '../../overlay/index.js';
import type { Backend } from '../../policy/index.js';
import { vxlanDevice, vxlanEntries, vxlanSysctls } from '../../vxlan/index.js';
import type { Underlay } from './underlay.js';

export type OverlayRouter = Pick<Router, 'name' | 'pools' | 'overlay' | 'nodes'>;

export interface DesiredDevices {
  readonly devices: readonly OverlayDevice[];
  readonly sysctls: readonly Sysctl[];
  /** Why a device that is wanted can't be: text for people. */
  readonly problems: readonly string[];
}

/** Whether a device is to be there: a pool asks for it, we say that we receive by it, or another node takes nothing else. */
export function wantsBackend(
  { pools, nodes }: OverlayRouter,
  own: NodeConfig | null,
  backend: 'ipip' | 'vxlan',
  family: FamilyIndex,
): boolean {
  if (backend === 'ipip' && family === IPV6) return false;
  const asked: ReadonlySet<Backend> = new Set(
    pools.filter(({ cidr }) => cidr.family === family).map((pool) => pool.backend),
  );
  const fits = own?.addresses.some(({ address }) => address.family === family) ?? false;
  if (asked.has(backend)) return true;
  if (!fits) return false;
  if (own?.receives?.includes(backend)) return true;
  return (
    asked.size > 0 &&
    nodes.some(
      ({ name, receives }) =>
        name !== own?.name &&
        receives !== null &&
        receives.includes(backend) &&
        ![...asked].every((each) => receives.includes(each)),
    )
  );
}

export function desiredDevices(
  router: OverlayRouter,
  own: NodeConfig | null,
  underlays: readonly [Underlay | null, Underlay | null],
  isRouterAdvertised: (device: string) => boolean,
): DesiredDevices {
  const devices: OverlayDevice[] = [];
  const sysctls: Sysctl[] = [];
  const problems: string[] = [];
  for (const family of [IPV4, IPV6] as const) {
    const underlay = underlays[family];
    if (router.pools.some(({ cidr }) => cidr.family === family)) {
      sysctls.push(...forwarding(family, underlay, isRouterAdvertised));
    }
    for (const backend of ['vxlan', 'ipip'] as const) {
      if (!wantsBackend(router, own, backend, family)) continue;
      const name = backend === 'vxlan' ? router.overlay.vxlan[family].device : router.overlay.ipip.device;
      if (underlay === null) {
        const wanted = own?.addresses.filter(({ address }) => address.family === family) ?? [];
        const texts = wanted.map(({ address }) => formatAddress(address)).join(', ');
        problems.push(`${name}: our own address (${texts}) is on no interface of this machine`);
        continue;
      }
      if (backend === 'ipip') {
        devices.push(ipipDevice(router.overlay.ipip, { underlay, address: own?.ipipAddress ?? null }));
        sysctls.push(...ipipSysctls(name));
        continue;
      }
      const vtep = own?.vteps[family] ?? null;
      if (vtep === null) {
        problems.push(`${name}: this node has no VTEP address, as it has no pod CIDR of the family`);
        continue;
      }
      devices.push(vxlanDevice(router.overlay.vxlan[family], family, { underlay, ...vtep }));
      sysctls.push(...vxlanSysctls(name, family));
    }
  }
  return { devices, sysctls, problems };
}

/** A router of IPv6 hears no more router advertisements, unless it is told to. */
function forwarding(
  family: FamilyIndex,
  underlay: Underlay | null,
  isRouterAdvertised: (device: string) => boolean,
): Sysctl[] {
  if (family === IPV4) return [{ path: 'net/ipv4/ip_forward', value: '1' }];
  const listens = underlay !== null && isRouterAdvertised(underlay.device);
  return [
    ...(listens ? [{ path: `net/ipv6/conf/${underlay.device}/accept_ra`, value: '2' }] : []),
    { path: 'net/ipv6/conf/all/forwarding', value: '1' },
  ];
}

/** Neighbours and FDB entries towards one remote node, on the VXLAN devices that are there. */
export function nodeEntries(
  node: NodeConfig,
  { overlay }: OverlayRouter,
  devices: readonly OverlayDevice[],
): OverlayEntry[] {
  const entries: OverlayEntry[] = [];
  if (node.receives !== null && !node.receives.includes('vxlan')) return entries;
  for (const family of [IPV4, IPV6] as const) {
    const { device } = overlay.vxlan[family];
    const vtep = node.vteps[family];
    const endpoint = node.addresses.find(({ address }) => address.family === family)?.address;
    if (vtep === null || vtep.mac === null || endpoint === undefined) continue;
    if (!devices.some(({ name }) => name === device)) continue;
    entries.push(...vxlanEntries(device, { endpoint, address: vtep.address, mac: vtep.mac }));
  }
  return entries;
}

/** What the kernel tells neighbours and FDB entries apart by. */
export function entryKey(entry: OverlayEntry): string {
  return entry.kind === 'fdb'
    ? `fdb ${entry.device} ${entry.mac}`
    : `neighbour ${entry.device} ${formatAddress(entry.address)}`;
}

export function sameEntry(x: OverlayEntry, y: OverlayEntry): boolean {
  return contentOf(x) === contentOf(y);
}

function contentOf(entry: OverlayEntry): string {
  return `${entryKey(entry)} ${entry.kind === 'fdb' ? formatAddress(entry.destination) : entry.mac}`;
}
