/**
 * What is to be done to one tunnel device so that it is as desired. Pure.
 *
 * What the kernel changes in place (seen alike in Linux 6.1 and 6.18): of VXLAN the local address within its family, the
 * underlay, TTL, TOS and learning; of IP-in-IP everything but a remote end that was not there. The rest takes a new
 * device, which costs the traffic that uses it until its routes are written again: that is the last resort.
 */
import { type Prefix, sameAddress } from '../../address/index.js';
import {
  type IpipInfo,
  type Link,
  type LinkAddress,
  type LinkSettings,
  RT_SCOPE_LINK,
} from '../../netlink/index.js';
import type { IpipAttributes, OverlayDevice, VxlanAttributes } from '../../overlay/index.js';

/** The kernel's fallback device of IP-in-IP. Its attributes are fixed, and it can't be removed. */
const FALLBACK = 'tunl0';
const IFF_UP = 1;

export interface SeenDevice {
  readonly link: Link;
  readonly addresses: readonly LinkAddress[];
  /** null: not known, or not asked for. */
  readonly txChecksumOffload: boolean | null;
}

export type DeviceOperation =
  | { readonly kind: 'create'; readonly name: string; readonly settings: CreationSettings }
  | { readonly kind: 'delete'; readonly name: string; readonly ifindex: number; readonly reason: string }
  | {
      readonly kind: 'change';
      readonly name: string;
      readonly ifindex: number;
      readonly settings: LinkSettings;
    }
  | {
      readonly kind: 'addAddress' | 'removeAddress';
      readonly name: string;
      readonly ifindex: number;
      readonly address: Prefix;
    }
  | { readonly kind: 'txChecksum'; readonly name: string; readonly ifindex: number; readonly on: boolean };

type CreationSettings = LinkSettings & Required<Pick<LinkSettings, 'tunnel'>>;

export type DevicePlan =
  /** The name is somebody else's. */
  | { readonly verdict: 'conflict'; readonly holder: string }
  /** To be done in this order, then looked at again. Empty: as desired. */
  | { readonly verdict: 'ours'; readonly operations: readonly DeviceOperation[] };

export function isFallback(link: Link): boolean {
  return link.name === FALLBACK && link.kind === 'ipip';
}

function sameOrNone(x: VxlanAttributes['local'] | null, y: VxlanAttributes['local'] | null): boolean {
  return x === null || y === null ? x === y : sameAddress(x, y);
}

function creation(desired: OverlayDevice): DeviceOperation {
  const { name, attributes, mtu, mac, txQueueLength } = desired;
  const { underlay: link, ...rest } = attributes;
  const tunnel = rest.kind === 'ipip' && name === FALLBACK ? { kind: rest.kind } : { ...rest, link };
  return {
    kind: 'create',
    name,
    settings: {
      mtu,
      ...(mac === null ? {} : { mac }),
      ...(txQueueLength === null ? {} : { txQueueLength }),
      tunnel,
    },
  };
}

/** Why the device must be made anew; null: it need not. */
function incompatibility(link: Link, { attributes }: OverlayDevice): string | null {
  const seen = link.tunnel;
  if (seen === null || seen.kind !== attributes.kind) return 'its attributes can not be read';
  if (seen.collectMetadata) return 'it is external';
  if (seen.kind === 'ipip') {
    const wanted = attributes as IpipAttributes;
    if ((seen.remote === null) !== (wanted.remote === null)) return 'it has another kind of remote end';
    return seen.encapsulation === 0 ? null : 'it encapsulates in UDP';
  }
  const wanted = attributes as VxlanAttributes;
  if (seen.vni !== wanted.vni) return `its VNI is ${seen.vni}`;
  if (seen.port !== wanted.port) return `its port is ${seen.port}`;
  if (seen.remote !== null) return 'it has a group or a remote end';
  if (seen.local !== null && seen.local.family !== wanted.local.family)
    return 'its local address is of another family';
  if (seen.gbp !== wanted.gbp) return `GBP is ${seen.gbp ? 'on' : 'off'}`;
  if (seen.l2miss || seen.l3miss || seen.proxy || seen.rsc) return 'it answers or tells of misses';
  if (
    seen.udpChecksum !== wanted.udpChecksum ||
    seen.udpZeroChecksum6Tx !== wanted.udpZeroChecksum6Tx ||
    seen.udpZeroChecksum6Rx !== wanted.udpZeroChecksum6Rx
  )
    return 'its UDP checksums are otherwise';
  return null;
}

/** Attributes to be changed in place; null: none. */
function tunnelChange(link: Link, { attributes }: OverlayDevice): CreationSettings['tunnel'] | null {
  const seen = link.tunnel;
  if (seen === null) return null;
  if (seen.kind === 'ipip') {
    const { underlay, ...wanted } = attributes as IpipAttributes;
    const same =
      sameOrNone(seen.local, wanted.local) &&
      sameOrNone(seen.remote, wanted.remote) &&
      seen.link === underlay &&
      seen.ttl === wanted.ttl &&
      seen.tos === wanted.tos &&
      seen.pathMtuDiscovery === wanted.pathMtuDiscovery;
    // Whatever is left out would go back to its default.
    const all: Partial<IpipInfo> & { kind: 'ipip' } = { ...wanted, link: underlay, protocol: seen.protocol };
    return same ? null : all;
  }
  const wanted = attributes as VxlanAttributes;
  const change = {
    ...(sameOrNone(seen.local, wanted.local) ? {} : { local: wanted.local }),
    ...(seen.link === wanted.underlay ? {} : { link: wanted.underlay }),
    ...(seen.ttl === wanted.ttl ? {} : { ttl: wanted.ttl }),
    ...(seen.tos === wanted.tos ? {} : { tos: wanted.tos }),
    ...(seen.learning === wanted.learning ? {} : { learning: wanted.learning }),
  };
  return Object.keys(change).length === 0 ? null : { kind: 'vxlan', ...change };
}

/** Whether an address is the kernel's own: link-local ones of IPv6 come and go with the device. */
function isKernels({ address, scope }: LinkAddress): boolean {
  return address.family === 1 && scope === RT_SCOPE_LINK;
}

function samePrefix(x: Prefix, y: Prefix): boolean {
  return x.length === y.length && sameAddress(x, y);
}

function addressOperations(
  { name, addresses }: OverlayDevice,
  { link, addresses: seen }: SeenDevice,
): DeviceOperation[] {
  const { ifindex } = link;
  const held = seen.filter((address) => !isKernels(address));
  const add = (address: Prefix): DeviceOperation => ({ kind: 'addAddress', name, ifindex, address });
  const remove = (address: Prefix): DeviceOperation => ({ kind: 'removeAddress', name, ifindex, address });
  const missing = addresses.filter((wanted) => !held.some(({ address }) => samePrefix(address, wanted)));
  const surplus = held.map(({ address }) => address).filter((h) => !addresses.some((w) => samePrefix(h, w)));
  // IPv6 has an address once, whatever its length; so what is in the way goes first. Else there is always one.
  const inTheWay = surplus.filter((held) => missing.some((wanted) => sameAddress(held, wanted)));
  const rest = surplus.filter((held) => !inTheWay.includes(held));
  return [...inTheWay.map(remove), ...missing.map(add), ...rest.map(remove)];
}

/**
 * @param seen What the kernel has by the desired name; null: nothing.
 * @param mark The alias of devices of ours.
 * @param anew Changing it in place was tried and refused.
 */
export function planDevice(
  desired: OverlayDevice,
  seen: SeenDevice | null,
  mark: string,
  anew: boolean,
): DevicePlan {
  if (seen === null) return { verdict: 'ours', operations: [creation(desired)] };
  const { link } = seen;
  const { name, ifindex, kind } = link;
  if (kind !== desired.attributes.kind) return { verdict: 'conflict', holder: kind ?? 'a hardware device' };
  const fallback = isFallback(link);
  if (!fallback) {
    const reason = incompatibility(link, desired) ?? (anew ? 'the kernel does not change it in place' : null);
    if (reason !== null)
      return { verdict: 'ours', operations: [{ kind: 'delete', name, ifindex, reason }, creation(desired)] };
  }
  const tunnel = fallback ? null : tunnelChange(link, desired);
  const { mac, mtu, txQueueLength, txChecksumOffload } = desired;
  const change: LinkSettings = {
    ...(tunnel === null ? {} : { tunnel }),
    ...(link.mtu === mtu ? {} : { mtu }),
    ...(mac === null || link.mac === null || link.mac === mac ? {} : { mac }),
    ...(txQueueLength === null || link.txQueueLength === txQueueLength ? {} : { txQueueLength }),
    ...(link.alias === mark ? {} : { alias: mark }),
    ...((link.flags & IFF_UP) !== 0 ? {} : { up: true }),
  };
  const operations: DeviceOperation[] = [];
  // The kernel takes several at once and undoes none where it refuses one: so each by itself, the device up at last.
  for (const [key, value] of Object.entries(change))
    operations.push({ kind: 'change', name, ifindex, settings: { [key]: value } });
  if (
    txChecksumOffload !== null &&
    seen.txChecksumOffload !== null &&
    seen.txChecksumOffload !== txChecksumOffload
  )
    operations.push({ kind: 'txChecksum', name, ifindex, on: txChecksumOffload });
  operations.push(...addressOperations(desired, seen));
  return { verdict: 'ours', operations };
}

/** What is to be done to a device of ours that nobody desires. Empty: nothing is left of it. */
export function planRemoval({ link, addresses }: SeenDevice, mark: string): DeviceOperation[] {
  const { name, ifindex } = link;
  if (link.alias !== mark || (link.kind !== 'vxlan' && link.kind !== 'ipip')) return [];
  if (!isFallback(link)) return [{ kind: 'delete', name, ifindex, reason: 'nobody wants it any more' }];
  const removals: DeviceOperation[] = addresses
    .filter((address) => !isKernels(address))
    .map(({ address }) => ({ kind: 'removeAddress', name, ifindex, address }));
  return [
    ...removals,
    { kind: 'change', name, ifindex, settings: { up: false } },
    { kind: 'change', name, ifindex, settings: { alias: '' } },
  ];
}
