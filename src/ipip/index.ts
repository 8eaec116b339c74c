/**
 * IP-in-IP (RFC 2003): one device without a remote end, IPv4 alone. A route goes `via NODE dev DEVICE onlink`: its next
 * hop is the outer destination, so nothing but the device is wanted. `tunl0` is the kernel's own fallback device, which
 * the module brings; a device of another name has this node's address as its local end. Pure.
 */
import type { Address } from '../address/index.js';
import type { OverlayDevice, Sysctl } from '../overlay/index.js';

/** The outer header. */
export const ipipOverhead = 20;

/** The kernel's fallback device: it has no local end, and takes what no other device takes. */
export const fallbackDevice = 'tunl0';

export interface IpipSettings {
  readonly device: string;
  /** null: that of the underlay less what the encapsulation takes. */
  readonly mtu: number | null;
  readonly checksumOffload: boolean | null;
}

export interface LocalTunnel {
  readonly underlay: { readonly address: Address; readonly mtu: number };
  /** On the device; null: none. */
  readonly address: Address | null;
}

export function ipipDevice(settings: IpipSettings, { underlay, address }: LocalTunnel): OverlayDevice {
  return {
    name: settings.device,
    attributes: {
      kind: 'ipip',
      local: settings.device === fallbackDevice ? null : underlay.address,
      remote: null,
      underlay: 0,
      ttl: 0,
      tos: settings.device === fallbackDevice ? 1 : 0,
      pathMtuDiscovery: settings.device === fallbackDevice,
    },
    mtu: settings.mtu ?? underlay.mtu - ipipOverhead,
    mac: null,
    txQueueLength: null,
    txChecksumOffload: settings.checksumOffload,
    addresses: address === null ? [] : [{ ...address, length: 32 }],
  };
}

export function ipipSysctls(device: string): Sysctl[] {
  return [{ path: `net/ipv4/conf/${device}/rp_filter`, value: '2' }];
}
