/** The desired and the reported state of an overlay's kernel objects. Plain values: they pass between threads. */
import type { Address, Prefix } from '../address/index.js';

/** Attributes of `ip link add … type vxlan`. What is not named here has the kernel's default. */
export interface VxlanAttributes {
  readonly kind: 'vxlan';
  /** VXLAN network identifier, 24 bits. Can't be changed in place. */
  readonly vni: number;
  /** UDP port of the outer header, 1 to 65535. Can't be changed in place. */
  readonly port: number;
  /** Source of the outer header; its family is that of the underlay. */
  readonly local: Address;
  /** Index of the device that the outer packets leave by; 0: the routing table says. */
  readonly underlay: number;
  /** Whether the kernel learns MACs from what arrives. */
  readonly learning: boolean;
  /** Group policy extension. Can't be changed in place. */
  readonly gbp: boolean;
  /** Outer TTL; 0: the kernel's choice. */
  readonly ttl: number;
  /** Outer TOS; 0: none, 1: that of the inner packet. */
  readonly tos: number;
  /** Whether outer UDP over IPv4 has a checksum. Can't be changed in place. */
  readonly udpChecksum: boolean;
  /** Whether outer UDP over IPv6 is sent without a checksum. Can't be changed in place. */
  readonly udpZeroChecksum6Tx: boolean;
  /** Whether outer UDP over IPv6 without a checksum is accepted. Can't be changed in place. */
  readonly udpZeroChecksum6Rx: boolean;
}

/** Attributes of `ip link add … type ipip`. */
export interface IpipAttributes {
  readonly kind: 'ipip';
  /** Source of the outer header; null: any, as the kernel's fallback device `tunl0` has it. */
  readonly local: Address | null;
  /** null: any; each route's next hop is then the outer destination. */
  readonly remote: Address | null;
  /** Index of the device that the outer packets leave by; 0: the routing table says. */
  readonly underlay: number;
  /** Outer TTL; 0: that of the inner packet. */
  readonly ttl: number;
  /** Outer TOS; 0: none, 1: that of the inner packet. */
  readonly tos: number;
  /** Whether outer packets are sent with "don't fragment"; with a TTL other than 0 the kernel demands it. */
  readonly pathMtuDiscovery: boolean;
}

export type TunnelAttributes = VxlanAttributes | IpipAttributes;

/** A tunnel device, always up. */
export interface OverlayDevice {
  /** At most 15 bytes. */
  readonly name: string;
  readonly attributes: TunnelAttributes;
  readonly mtu: number;
  /** `02:00:00:00:00:01`; null: whatever it has (always so where the kind has no six-byte MAC). */
  readonly mac: string | null;
  /** null: whatever it has. */
  readonly txQueueLength: number | null;
  /** Whether the device computes checksums of what it sends (`ethtool -K … tx`); null: whatever it does. */
  readonly txChecksumOffload: boolean | null;
  /** All addresses but link-local ones, host bits set. */
  readonly addresses: readonly Prefix[];
}

/** A permanent neighbour: to reach `address` on `device`, send to `mac`. Key: device, address. */
export interface OverlayNeighbour {
  readonly kind: 'neighbour';
  readonly device: string;
  readonly address: Address;
  readonly mac: string;
}

/** A permanent entry of a VXLAN device's FDB: frames to `mac` go to `destination`. Key: device, mac. */
export interface OverlayFdbEntry {
  readonly kind: 'fdb';
  readonly device: string;
  readonly mac: string;
  /** Of the VTEP on the underlay, in the family of the device's `local`. Port and VNI are the device's own. */
  readonly destination: Address;
}

export type OverlayEntry = OverlayNeighbour | OverlayFdbEntry;

export interface Sysctl {
  /** Below /proc/sys, such as `net/ipv6/conf/flannel.1/accept_ra`: dots may be part of a device's name. */
  readonly path: string;
  /** As the file reads, without the line's end. */
  readonly value: string;
}

/** The alias of devices that we make, so that they are known as ours when nobody desires them any more. */
export function deviceMark(protocol: number): string {
  return `tartan protocol ${protocol}`;
}

/** All that is desired. */
export interface OverlayState {
  /** By name, each once. */
  readonly devices: readonly OverlayDevice[];
  /** Each key once; of devices that are desired. */
  readonly entries: readonly OverlayEntry[];
  /** Set after the devices are there. */
  readonly sysctls: readonly Sysctl[];
}

/** A change of what is desired: what is absent stays as it is. */
export interface OverlayChange {
  readonly devices?: readonly OverlayDevice[];
  readonly sysctls?: readonly Sysctl[];
  /** New entries, and those that replace one of the same key. */
  readonly set?: readonly OverlayEntry[];
  /** Entries that are desired no more; of each, the key counts. */
  readonly remove?: readonly OverlayEntry[];
}

/**
 * - `ready`: as desired, with its addresses.
 * - `pending`: not yet, or being repaired.
 * - `failed`: the kernel refuses; `problem` says why. Tried again.
 * - `unsupported`: the kernel has no such kind of device.
 * - `conflict`: somebody else's device has the name.
 */
export type OverlayDeviceState = 'ready' | 'pending' | 'failed' | 'unsupported' | 'conflict';

export interface OverlayDeviceStatus {
  readonly name: string;
  readonly kind: 'vxlan' | 'ipip';
  readonly state: OverlayDeviceState;
  /** null: there is none (of ours). Another one after the device was made anew. */
  readonly ifindex: number | null;
  readonly mac: string | null;
  readonly mtu: number | null;
  /** What is wrong, and what to do about it. */
  readonly problem: string | null;
}

/** Something that could not be made so, other than a device itself. */
export interface OverlayProblem {
  /** An address, a neighbour, an FDB entry, a sysctl: as a person would name it. */
  readonly what: string;
  /** Of the device, where it is on one. */
  readonly device: string | null;
  /** What the kernel said; with the exact command to run where that is the remedy. */
  readonly message: string;
}

export interface OverlayStatus {
  readonly devices: readonly OverlayDeviceStatus[];
  readonly problems: readonly OverlayProblem[];
  /** Entries desired, and of those the ones that the kernel holds as desired. */
  readonly entries: { readonly desired: number; readonly installed: number };
}
