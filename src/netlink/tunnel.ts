/** Tunnel devices: the attributes of a link's kind, `IFLA_INFO_DATA` of `vxlan` and `ipip`. */
import { type Address, type FamilyIndex, IPV4, IPV6, readAddress } from '../address/index.js';
import type { MessageBuilder } from './builder.js';
import { forEachAttribute } from './message.js';

/** `linux/if_link.h`. */
const IFLA_VXLAN_ID = 1;
const IFLA_VXLAN_GROUP = 2;
const IFLA_VXLAN_LINK = 3;
const IFLA_VXLAN_LOCAL = 4;
const IFLA_VXLAN_TTL = 5;
const IFLA_VXLAN_TOS = 6;
const IFLA_VXLAN_LEARNING = 7;
const IFLA_VXLAN_AGEING = 8;
const IFLA_VXLAN_PROXY = 11;
const IFLA_VXLAN_RSC = 12;
const IFLA_VXLAN_L2MISS = 13;
const IFLA_VXLAN_L3MISS = 14;
const IFLA_VXLAN_PORT = 15;
const IFLA_VXLAN_GROUP6 = 16;
const IFLA_VXLAN_LOCAL6 = 17;
const IFLA_VXLAN_UDP_CSUM = 18;
const IFLA_VXLAN_UDP_ZERO_CSUM6_TX = 19;
const IFLA_VXLAN_UDP_ZERO_CSUM6_RX = 20;
const IFLA_VXLAN_GBP = 23;
const IFLA_VXLAN_COLLECT_METADATA = 25;
const IFLA_VXLAN_DF = 29;

/** `linux/if_tunnel.h`. */
const IFLA_IPTUN_LINK = 1;
const IFLA_IPTUN_LOCAL = 2;
const IFLA_IPTUN_REMOTE = 3;
const IFLA_IPTUN_TTL = 4;
const IFLA_IPTUN_TOS = 5;
const IFLA_IPTUN_PROTO = 9;
const IFLA_IPTUN_PMTUDISC = 10;
const IFLA_IPTUN_ENCAP_TYPE = 15;
const IFLA_IPTUN_COLLECT_METADATA = 19;

/** IFLA_VXLAN_DF. */
export const VXLAN_DF_UNSET = 0;
export const VXLAN_DF_SET = 1;
export const VXLAN_DF_INHERIT = 2;

/** A VXLAN device. */
export interface VxlanInfo {
  readonly kind: 'vxlan';
  /** VXLAN network identifier, 24 bits. */
  readonly vni: number;
  /** UDP port of the outer header. */
  readonly port: number;
  /** Source of the outer header. */
  readonly local: Address | null;
  /** Where frames go that no FDB entry knows: a group or an address. */
  readonly remote: Address | null;
  /** Index of the device that outer packets leave by; 0: any. */
  readonly link: number;
  /** 0: the kernel's choice. */
  readonly ttl: number;
  /** 0: none; 1: that of the inner packet. */
  readonly tos: number;
  /** `VXLAN_DF_…` */
  readonly df: number;
  readonly learning: boolean;
  /** Seconds until a learned entry goes. */
  readonly ageing: number;
  /** Answers ARP and neighbour solicitations itself. */
  readonly proxy: boolean;
  /** Route short circuit. */
  readonly rsc: boolean;
  /** Tells of frames, packets, whose MAC, address, it does not know. */
  readonly l2miss: boolean;
  readonly l3miss: boolean;
  readonly udpChecksum: boolean;
  readonly udpZeroChecksum6Tx: boolean;
  readonly udpZeroChecksum6Rx: boolean;
  /** Group policy extension. */
  readonly gbp: boolean;
  /** Each packet's metadata say where it goes (`external`). */
  readonly collectMetadata: boolean;
}

/** An IPv4-in-IPv4 device. */
export interface IpipInfo {
  readonly kind: 'ipip';
  /** null: any. */
  readonly local: Address | null;
  /** null: any; the next hop of a route is then the outer destination. */
  readonly remote: Address | null;
  /** Index of the device that outer packets leave by; 0: any. */
  readonly link: number;
  /** 0: that of the inner packet. */
  readonly ttl: number;
  /** 0: none; 1: that of the inner packet. */
  readonly tos: number;
  readonly pathMtuDiscovery: boolean;
  /** The inner protocol: 4, IPv4. 0: any, MPLS too. */
  readonly protocol: number;
  /** FOU or GUE around it; 0: none. */
  readonly encapsulation: number;
  readonly collectMetadata: boolean;
}

export type TunnelInfo = VxlanInfo | IpipInfo;

/** Reads `IFLA_INFO_DATA` between `start` and `end`. Null: malformed, or of a kind that is not read here. */
export function decodeTunnel(kind: string, bytes: Buffer, start: number, end: number): TunnelInfo | null {
  const values = new Map<number, { from: number; size: number }>();
  const whole = forEachAttribute(bytes, start, end, (type, from, to) => {
    values.set(type, { from, size: to - from });
  });
  if (!whole) return null;
  const u8 = (type: number): number => {
    const value = values.get(type);
    return value === undefined || value.size < 1 ? 0 : bytes[value.from];
  };
  const u32 = (type: number): number => {
    const value = values.get(type);
    return value === undefined || value.size < 4 ? 0 : bytes.readUInt32LE(value.from);
  };
  /** Null where it is not there, or the unspecified address. */
  const address = (type: number, family: FamilyIndex): Address | null => {
    const value = values.get(type);
    if (value === undefined || value.size < (family === IPV4 ? 4 : 16)) return null;
    const found = readAddress(bytes, value.from, family);
    return (found.a | found.b | found.c | found.d) === 0 ? null : found;
  };
  if (kind === 'vxlan') {
    const port = values.get(IFLA_VXLAN_PORT);
    return {
      kind,
      vni: u32(IFLA_VXLAN_ID),
      // The one integer in network order.
      port: port === undefined || port.size < 2 ? 0 : bytes.readUInt16BE(port.from),
      local: address(IFLA_VXLAN_LOCAL, IPV4) ?? address(IFLA_VXLAN_LOCAL6, IPV6),
      remote: address(IFLA_VXLAN_GROUP, IPV4) ?? address(IFLA_VXLAN_GROUP6, IPV6),
      link: u32(IFLA_VXLAN_LINK),
      ttl: u8(IFLA_VXLAN_TTL),
      tos: u8(IFLA_VXLAN_TOS),
      df: u8(IFLA_VXLAN_DF),
      learning: u8(IFLA_VXLAN_LEARNING) !== 0,
      ageing: u32(IFLA_VXLAN_AGEING),
      proxy: u8(IFLA_VXLAN_PROXY) !== 0,
      rsc: u8(IFLA_VXLAN_RSC) !== 0,
      l2miss: u8(IFLA_VXLAN_L2MISS) !== 0,
      l3miss: u8(IFLA_VXLAN_L3MISS) !== 0,
      udpChecksum: u8(IFLA_VXLAN_UDP_CSUM) !== 0,
      udpZeroChecksum6Tx: u8(IFLA_VXLAN_UDP_ZERO_CSUM6_TX) !== 0,
      udpZeroChecksum6Rx: u8(IFLA_VXLAN_UDP_ZERO_CSUM6_RX) !== 0,
      gbp: values.has(IFLA_VXLAN_GBP),
      collectMetadata: u8(IFLA_VXLAN_COLLECT_METADATA) !== 0,
    };
  }
  if (kind === 'ipip') {
    const encapsulation = values.get(IFLA_IPTUN_ENCAP_TYPE);
    return {
      kind,
      local: address(IFLA_IPTUN_LOCAL, IPV4),
      remote: address(IFLA_IPTUN_REMOTE, IPV4),
      link: u32(IFLA_IPTUN_LINK),
      ttl: u8(IFLA_IPTUN_TTL),
      tos: u8(IFLA_IPTUN_TOS),
      pathMtuDiscovery: u8(IFLA_IPTUN_PMTUDISC) !== 0,
      protocol: u8(IFLA_IPTUN_PROTO),
      encapsulation:
        encapsulation === undefined || encapsulation.size < 2 ? 0 : bytes.readUInt16LE(encapsulation.from),
      collectMetadata: values.has(IFLA_IPTUN_COLLECT_METADATA),
    };
  }
  return null;
}

/**
 * Writes attributes of a kind. What is absent has the kernel's default in a new device. In an old one it stays as it is
 * where that is VXLAN; IP-in-IP goes back to the default, so all of it must be named.
 */
export function writeTunnel(
  builder: MessageBuilder,
  info: Partial<TunnelInfo> & Pick<TunnelInfo, 'kind'>,
): void {
  if (info.kind === 'vxlan') writeVxlan(builder, info as Partial<VxlanInfo>);
  else writeIpip(builder, info as Partial<IpipInfo>);
}

function writeVxlan(builder: MessageBuilder, info: Partial<VxlanInfo>): void {
  const flag = (type: number, value: boolean | undefined): void => {
    if (value !== undefined) builder.u8(type, value ? 1 : 0);
  };
  const { local, remote } = info;
  if (info.vni !== undefined) builder.u32(IFLA_VXLAN_ID, info.vni);
  if (remote) builder.address(remote.family === IPV4 ? IFLA_VXLAN_GROUP : IFLA_VXLAN_GROUP6, remote);
  if (info.link !== undefined) builder.u32(IFLA_VXLAN_LINK, info.link);
  if (local) builder.address(local.family === IPV4 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, local);
  if (info.ttl !== undefined) builder.u8(IFLA_VXLAN_TTL, info.ttl);
  if (info.tos !== undefined) builder.u8(IFLA_VXLAN_TOS, info.tos);
  if (info.df !== undefined) builder.u8(IFLA_VXLAN_DF, info.df);
  flag(IFLA_VXLAN_LEARNING, info.learning);
  if (info.ageing !== undefined) builder.u32(IFLA_VXLAN_AGEING, info.ageing);
  flag(IFLA_VXLAN_PROXY, info.proxy);
  flag(IFLA_VXLAN_RSC, info.rsc);
  flag(IFLA_VXLAN_L2MISS, info.l2miss);
  flag(IFLA_VXLAN_L3MISS, info.l3miss);
  if (info.port !== undefined)
    builder.attribute(IFLA_VXLAN_PORT, Buffer.of(info.port >>> 8, info.port & 255));
  flag(IFLA_VXLAN_UDP_CSUM, info.udpChecksum);
  flag(IFLA_VXLAN_UDP_ZERO_CSUM6_TX, info.udpZeroChecksum6Tx);
  flag(IFLA_VXLAN_UDP_ZERO_CSUM6_RX, info.udpZeroChecksum6Rx);
  if (info.gbp) builder.flag(IFLA_VXLAN_GBP);
  flag(IFLA_VXLAN_COLLECT_METADATA, info.collectMetadata);
}

function writeIpip(builder: MessageBuilder, info: Partial<IpipInfo>): void {
  const any: Address = { family: IPV4, a: 0, b: 0, c: 0, d: 0 };
  if (info.link !== undefined) builder.u32(IFLA_IPTUN_LINK, info.link);
  if (info.local !== undefined) builder.address(IFLA_IPTUN_LOCAL, info.local ?? any);
  if (info.remote !== undefined) builder.address(IFLA_IPTUN_REMOTE, info.remote ?? any);
  if (info.ttl !== undefined) builder.u8(IFLA_IPTUN_TTL, info.ttl);
  if (info.tos !== undefined) builder.u8(IFLA_IPTUN_TOS, info.tos);
  if (info.pathMtuDiscovery !== undefined) builder.u8(IFLA_IPTUN_PMTUDISC, info.pathMtuDiscovery ? 1 : 0);
  // Absent it would mean IPv4; `ip` says `any`, which covers it.
  builder.u8(IFLA_IPTUN_PROTO, info.protocol ?? 0);
  if (info.encapsulation !== undefined && info.encapsulation !== 0) {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(info.encapsulation);
    builder.attribute(IFLA_IPTUN_ENCAP_TYPE, bytes);
  }
  if (info.collectMetadata) builder.flag(IFLA_IPTUN_COLLECT_METADATA);
}
