/** Links: network devices, their state, MTU and kind. */
import { Parser } from 'binary-parser';
import { MessageBuilder } from './builder.js';
import {
  AF_INET6,
  AF_UNSPEC,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_AF_SPEC,
  IFLA_EXT_MASK,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_TXQLEN,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTEXT_FILTER_SKIP_STATS,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
} from './constants.js';
import { macBytes, macText } from './mac.js';
import { attributeString, forEachAttribute, HEADER_LENGTH, messageType } from './message.js';
import { decodeTunnel, type TunnelInfo, writeTunnel } from './tunnel.js';

const IFINFOMSG_LENGTH = 16;
const ifinfomsg = new Parser()
  .endianness('little')
  .uint8('family')
  .uint8('padding')
  .uint16('type')
  .int32('index')
  .uint32('flags')
  .uint32('change');

export interface Link {
  readonly ifindex: number;
  readonly name: string;
  /** `IFF_…` */
  readonly flags: number;
  /** Administratively up and with carrier. */
  readonly up: boolean;
  readonly loopback: boolean;
  readonly mtu: number;
  /** `02:00:00:00:00:01`; null where the device has no six-byte address. */
  readonly mac: string | null;
  /** Index of the bridge, bond or VRF it belongs to; 0: none. */
  readonly master: number;
  /** `vxlan`, `veth`, `bridge` …; null for hardware. */
  readonly kind: string | null;
  /** Of the kinds `vxlan` and `ipip`. */
  readonly tunnel: TunnelInfo | null;
  readonly txQueueLength: number;
  /** What somebody wrote on it (`ip link set … alias`); empty: nothing. */
  readonly alias: string;
  /** `IN6_ADDR_GEN_MODE_…`; null where the link has no IPv6. */
  readonly addressGeneration: number | null;
  /** The message was DELLINK: it is gone. */
  readonly deleted: boolean;
}

/**
 * Reads a NEWLINK or DELLINK message. Null: malformed, or about a link's part in a bridge (its DELLINK means that
 * the link left the bridge, not that it is gone).
 */
export function decodeLink(bytes: Buffer, start: number, end: number): Link | null {
  const body = start + HEADER_LENGTH;
  if (end - body < IFINFOMSG_LENGTH) return null;
  const head = ifinfomsg.parse(bytes.subarray(body, body + IFINFOMSG_LENGTH));
  if (head.family !== AF_UNSPEC) return null;
  let name = '';
  let mtu = 0;
  let mac = null as string | null;
  let master = 0;
  let kind = null as string | null;
  let tunnel = null as TunnelInfo | null;
  let txQueueLength = 0;
  let alias = '';
  let addressGeneration = null as number | null;
  const whole = forEachAttribute(bytes, body + IFINFOMSG_LENGTH, end, (type, from, to) => {
    if (type === IFLA_IFNAME) name = attributeString(bytes, from, to);
    else if (type === IFLA_MTU && to - from >= 4) mtu = bytes.readUInt32LE(from);
    else if (type === IFLA_MASTER && to - from >= 4) master = bytes.readUInt32LE(from);
    else if (type === IFLA_ADDRESS && to - from === 6) mac = macText(bytes, from);
    else if (type === IFLA_TXQLEN && to - from >= 4) txQueueLength = bytes.readUInt32LE(from);
    else if (type === IFLA_IFALIAS) alias = attributeString(bytes, from, to);
    else if (type === IFLA_AF_SPEC) addressGeneration = readAddressGeneration(bytes, from, to);
    else if (type === IFLA_LINKINFO)
      forEachAttribute(bytes, from, to, (inner, innerFrom, innerTo) => {
        // The kind comes before its data.
        if (inner === IFLA_INFO_KIND) kind = attributeString(bytes, innerFrom, innerTo);
        else if (inner === IFLA_INFO_DATA && kind !== null)
          tunnel = decodeTunnel(kind, bytes, innerFrom, innerTo);
      });
  });
  if (!whole) return null;
  const up = (head.flags & IFF_UP) !== 0 && (head.flags & IFF_LOWER_UP) !== 0;
  const loopback = (head.flags & IFF_LOOPBACK) !== 0;
  const deleted = messageType(bytes, start) === RTM_DELLINK;
  return {
    ifindex: head.index,
    name,
    flags: head.flags,
    up,
    loopback,
    mtu,
    mac,
    master,
    kind,
    tunnel,
    txQueueLength,
    alias,
    addressGeneration,
    deleted,
  };
}

/** The IPv6 part of IFLA_AF_SPEC. */
function readAddressGeneration(bytes: Buffer, start: number, end: number): number | null {
  let mode = null as number | null;
  forEachAttribute(bytes, start, end, (family, from, to) => {
    if (family !== AF_INET6) return;
    forEachAttribute(bytes, from, to, (type, at, until) => {
      if (type === IFLA_INET6_ADDR_GEN_MODE && until > at) mode = bytes[at];
    });
  });
  return mode;
}

function structure(ifindex: number, flags: number, change: number): Buffer {
  const bytes = Buffer.alloc(IFINFOMSG_LENGTH);
  bytes.writeInt32LE(ifindex, 4);
  bytes.writeUInt32LE(flags, 8);
  bytes.writeUInt32LE(change, 12);
  return bytes;
}

/** Asks for all links, without their statistics. */
export function linkDumpRequest(): Buffer {
  return new MessageBuilder(RTM_GETLINK, 0, structure(0, 0, 0))
    .u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
    .finish();
}

/** What a link can be given, new or not. Absent: the kernel's default in a new link, no change in an old one. */
export interface LinkSettings {
  readonly up?: boolean;
  readonly mtu?: number;
  /** `02:00:00:00:00:01`. */
  readonly mac?: string;
  readonly txQueueLength?: number;
  /** Empty: none. */
  readonly alias?: string;
  /** Index of a bridge, bond or VRF; 0: none. */
  readonly master?: number;
  /** `IN6_ADDR_GEN_MODE_…` */
  readonly addressGeneration?: number;
  /** Attributes of its kind. */
  readonly tunnel?: Partial<TunnelInfo> & Pick<TunnelInfo, 'kind'>;
}

function linkMessage(flags: number, ifindex: number, name: string | null, settings: LinkSettings): Buffer {
  const { up, mtu, mac, txQueueLength, alias, master, addressGeneration, tunnel } = settings;
  const builder = new MessageBuilder(
    RTM_NEWLINK,
    flags,
    structure(ifindex, up ? IFF_UP : 0, up === undefined ? 0 : IFF_UP),
  );
  if (name !== null) builder.string(IFLA_IFNAME, name);
  if (mtu !== undefined) builder.u32(IFLA_MTU, mtu);
  if (txQueueLength !== undefined) builder.u32(IFLA_TXQLEN, txQueueLength);
  if (mac !== undefined) builder.attribute(IFLA_ADDRESS, macBytes(mac));
  if (master !== undefined) builder.u32(IFLA_MASTER, master);
  // Without a NUL: the kernel keeps its bytes, all of them.
  if (alias !== undefined) builder.attribute(IFLA_IFALIAS, Buffer.from(alias));
  if (tunnel !== undefined)
    builder.nested(IFLA_LINKINFO, () => {
      builder.attribute(IFLA_INFO_KIND, Buffer.from(tunnel.kind));
      builder.nested(IFLA_INFO_DATA, () => writeTunnel(builder, tunnel));
    });
  if (addressGeneration !== undefined)
    builder.nested(IFLA_AF_SPEC, () =>
      builder.nested(AF_INET6, () => builder.u8(IFLA_INET6_ADDR_GEN_MODE, addressGeneration)),
    );
  return builder.finish();
}

/**
 * Makes a tunnel device. EEXIST where the name is taken, or (VXLAN) VNI and port, or (IP-in-IP) both ends are another
 * device's; EOPNOTSUPP where the kernel has no such kind. The kernel does not take an alias here: see `linkChange`.
 */
export function linkCreation(
  name: string,
  settings: LinkSettings & Required<Pick<LinkSettings, 'tunnel'>>,
): Buffer {
  return linkMessage(NLM_F_CREATE | NLM_F_EXCL, 0, name, settings);
}

/** Changes a link that is there. ENODEV where there is none; EOPNOTSUPP or EINVAL for what its kind does not change. */
export function linkChange(ifindex: number, settings: LinkSettings): Buffer {
  return linkMessage(0, ifindex, null, settings);
}

/** Removes a link. ENODEV where there is none; EOPNOTSUPP for what can't be removed, such as hardware. */
export function linkDeletion(ifindex: number): Buffer {
  return new MessageBuilder(RTM_DELLINK, 0, structure(ifindex, 0, 0)).finish();
}
