/**
 * VXLAN (RFC 7348) as Calico and Flannel use it: what a node wants in the kernel to reach all others. Pure.
 *
 * One device per family of the inner and outer header (the same here), without learning and without multicast. Its
 * address is this node's VTEP. For each remote VTEP there are a permanent neighbour (its address → its MAC) and an FDB
 * entry (its MAC → the node's address); a route goes `via VTEP dev DEVICE onlink`. So one lookup after the other leads
 * from a pod's address to the outer header, and nothing is ever flooded.
 */
import { type Address, type FamilyIndex, IPV4 } from '../address/index.js';
import type { OverlayDevice, OverlayEntry, Sysctl } from '../overlay/index.js';
import type { VxlanSettings } from './settings.js';

export { macOfNode, parseMac } from './mac.js';
export type { VxlanSettings } from './settings.js';

/** Bytes that the outer headers take: Ethernet 14, VXLAN 8, UDP 8, and IP 20 or 40. */
export const vxlanOverhead: readonly [number, number] = [50, 70];

/** This node's end. */
export interface LocalVtep {
  /** On the underlay. */
  readonly underlay: { readonly address: Address; readonly ifindex: number; readonly mtu: number };
  readonly address: Address;
  /** null: whatever the device has. */
  readonly mac: string | null;
}

/** Another node's end. */
export interface RemoteVtep {
  readonly endpoint: Address;
  readonly address: Address;
  readonly mac: string;
}

export function vxlanDevice(settings: VxlanSettings, family: FamilyIndex, local: LocalVtep): OverlayDevice {
  const { underlay } = local;
  return {
    name: settings.device,
    attributes: {
      kind: 'vxlan',
      vni: settings.vni,
      port: settings.port,
      local: underlay.address,
      underlay: underlay.ifindex,
      learning: false,
      gbp: false,
      ttl: 0,
      tos: 0,
      udpChecksum: true,
      udpZeroChecksum6Tx: false,
      udpZeroChecksum6Rx: false,
    },
    mtu: settings.mtu ?? underlay.mtu - vxlanOverhead[family],
    mac: local.mac,
    txQueueLength: 0,
    txChecksumOffload: settings.checksumOffload,
    addresses: [{ ...local.address, length: family === IPV4 ? 32 : 128 }],
  };
}

/** The neighbour and the FDB entry of a remote VTEP. */
export function vxlanEntries(device: string, remote: RemoteVtep): [OverlayEntry, OverlayEntry] {
  const { mac } = remote;
  return [
    { kind: 'neighbour', device, address: remote.address, mac },
    { kind: 'fdb', device, mac, destination: remote.endpoint },
  ];
}

/** The device neither takes addresses from router advertisements nor drops what comes another way than it would go. */
export function vxlanSysctls(device: string, family: FamilyIndex): Sysctl[] {
  return family === IPV4
    ? [
        { path: `net/ipv4/conf/${device}/rp_filter`, value: '2' },
        { path: `net/ipv6/conf/${device}/accept_ra`, value: '0' },
      ]
    : [{ path: `net/ipv6/conf/${device}/accept_ra`, value: '0' }];
}
