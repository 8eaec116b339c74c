/** Links: network devices, their state and MTU. */
import { Parser } from 'binary-parser';
import { MessageBuilder } from './builder.js';
import {
  AF_UNSPEC,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_EXT_MASK,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  RTEXT_FILTER_SKIP_STATS,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
} from './constants.js';
import { attributeString, forEachAttribute, HEADER_LENGTH, messageType } from './message.js';

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
  /** The message was DELLINK: it is gone. */
  readonly deleted: boolean;
}

function macText(bytes: Buffer): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
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
  const whole = forEachAttribute(bytes, body + IFINFOMSG_LENGTH, end, (type, from, to) => {
    if (type === IFLA_IFNAME) name = attributeString(bytes, from, to);
    else if (type === IFLA_MTU && to - from >= 4) mtu = bytes.readUInt32LE(from);
    else if (type === IFLA_MASTER && to - from >= 4) master = bytes.readUInt32LE(from);
    else if (type === IFLA_ADDRESS && to - from === 6) mac = macText(bytes.subarray(from, to));
    else if (type === IFLA_LINKINFO)
      forEachAttribute(bytes, from, to, (inner, innerFrom, innerTo) => {
        if (inner === IFLA_INFO_KIND) kind = attributeString(bytes, innerFrom, innerTo);
      });
  });
  if (!whole) return null;
  const up = (head.flags & IFF_UP) !== 0 && (head.flags & IFF_LOWER_UP) !== 0;
  const loopback = (head.flags & IFF_LOOPBACK) !== 0;
  const deleted = messageType(bytes, start) === RTM_DELLINK;
  return { ifindex: head.index, name, flags: head.flags, up, loopback, mtu, mac, master, kind, deleted };
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

/** Changes a link that is there: brings it up or down, sets its MTU. */
export function linkChange(
  ifindex: number,
  change: { readonly up?: boolean; readonly mtu?: number },
): Buffer {
  const flags = change.up ? IFF_UP : 0;
  const builder = new MessageBuilder(
    RTM_NEWLINK,
    0,
    structure(ifindex, flags, change.up === undefined ? 0 : IFF_UP),
  );
  if (change.mtu !== undefined) builder.u32(IFLA_MTU, change.mtu);
  return builder.finish();
}
