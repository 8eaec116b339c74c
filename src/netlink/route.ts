/**
 * Routes out: what to write into the kernel, prepared once per way of forwarding and stamped with a prefix per
 * route. A full table shares a few dozen templates, so a route costs a copy of some sixty bytes and no object.
 */
import { type Address, type FamilyIndex, IPV4, type Prefix, writeAddress } from '../address/index.js';
import {
  AF_INET,
  AF_INET6,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_UNSPEC,
  RTA_DST,
  RTA_GATEWAY,
  RTA_MULTIPATH,
  RTA_NH_ID,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_TABLE,
  RTA_VIA,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  RTN_BLACKHOLE,
  RTN_PROHIBIT,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  RTN_UNSPEC,
  RTNH_F_ONLINK,
} from './constants.js';
import {
  beginAttribute,
  endAttribute,
  endMessage,
  HEADER_LENGTH,
  writeHeader,
  writeU32Attribute,
} from './message.js';

/** Bytes of `struct rtmsg`. */
export const RTMSG_LENGTH = 12;

/** Create; fail with EEXIST where any route holds table, prefix and metric. The one way to write a new route. */
export const CREATE = NLM_F_CREATE | NLM_F_EXCL;
/** Overwrite. Only ever over a route of ours that was seen: the kernel overwrites anybody's. */
export const REPLACE = NLM_F_CREATE | NLM_F_REPLACE;

/** One next hop of a route or of a nexthop group. */
export interface RouteHop {
  /** null: directly on the link. An IPv4 route may have an IPv6 gateway (RFC 8950), not the other way round. */
  readonly gateway: Address | null;
  readonly ifindex: number;
  /** 1 to 256. */
  readonly weight: number;
  /** The gateway is on the link even if no address says so. */
  readonly onlink: boolean;
}

/** How a route forwards. */
export type RouteForwarding =
  /** One hop, or several: multipath. Never none. */
  | { readonly kind: 'hops'; readonly hops: readonly RouteHop[] }
  /** By a nexthop object or group. */
  | { readonly kind: 'nexthop'; readonly id: number }
  | { readonly kind: 'blackhole' | 'unreachable' | 'prohibit' };

/** A route without its prefix. */
export interface RouteAttributes {
  readonly family: FamilyIndex;
  readonly table: number;
  readonly protocol: number;
  /** RTA_PRIORITY. IPv6 turns 0 into 1024. */
  readonly metric: number;
  readonly preferredSource: Address | null;
  readonly forwarding: RouteForwarding;
}

const routeTypes = {
  blackhole: RTN_BLACKHOLE,
  unreachable: RTN_UNREACHABLE,
  prohibit: RTN_PROHIBIT,
} as const;

/** The `rtm_type` of a way to forward. */
export function routeTypeOf(forwarding: RouteForwarding): number {
  return forwarding.kind === 'hops' || forwarding.kind === 'nexthop'
    ? RTN_UNICAST
    : routeTypes[forwarding.kind];
}

/** `ip route` does the same: an IPv4 route straight onto the link has link scope, all others reach the universe. */
function scopeOf(attributes: RouteAttributes): number {
  const { forwarding } = attributes;
  if (attributes.family !== IPV4 || forwarding.kind !== 'hops') return RT_SCOPE_UNIVERSE;
  return forwarding.hops.every((hop) => hop.gateway === null) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

function addressLength(address: Address): number {
  return address.family === IPV4 ? 4 : 16;
}

/** Writes RTA_GATEWAY, or RTA_VIA where the gateway is of the other family. */
function writeGateway(bytes: Buffer, offset: number, family: FamilyIndex, gateway: Address): number {
  if (gateway.family === family) {
    beginAttribute(bytes, offset, RTA_GATEWAY);
    return endAttribute(bytes, offset, writeAddress(bytes, offset + 4, gateway));
  }
  beginAttribute(bytes, offset, RTA_VIA);
  bytes.writeUInt16LE(gateway.family === IPV4 ? AF_INET : AF_INET6, offset + 4);
  return endAttribute(bytes, offset, writeAddress(bytes, offset + 6, gateway));
}

/** RTA_MULTIPATH: `struct rtnexthop` (u16 length, u8 flags, u8 weight - 1, i32 ifindex) and its attributes, per hop. */
function writeMultipath(
  bytes: Buffer,
  offset: number,
  family: FamilyIndex,
  hops: readonly RouteHop[],
): number {
  let at = beginAttribute(bytes, offset, RTA_MULTIPATH);
  for (const hop of hops) {
    const start = at;
    bytes[start + 2] = hop.onlink ? RTNH_F_ONLINK : 0;
    bytes[start + 3] = hop.weight - 1;
    bytes.writeInt32LE(hop.ifindex, start + 4);
    at = start + 8;
    if (hop.gateway !== null) at = writeGateway(bytes, at, family, hop.gateway);
    bytes.writeUInt16LE(at - start, start);
  }
  return endAttribute(bytes, offset, at);
}

function writeRtmsg(
  bytes: Buffer,
  offset: number,
  family: FamilyIndex,
  table: number,
  protocol: number,
  scope: number,
  type: number,
  flags: number,
): void {
  bytes[offset] = family === IPV4 ? AF_INET : AF_INET6;
  bytes[offset + 1] = 0;
  bytes[offset + 2] = 0;
  bytes[offset + 3] = 0;
  bytes[offset + 4] = table < 256 ? table : RT_TABLE_UNSPEC;
  bytes[offset + 5] = protocol;
  bytes[offset + 6] = scope;
  bytes[offset + 7] = type;
  bytes.writeUInt32LE(flags, offset + 8);
}

const HEAD_LENGTH = HEADER_LENGTH + RTMSG_LENGTH;
/** The word of the head that has the prefix length in its second octet. */
const LENGTH_WORD = HEADER_LENGTH / 4;

/** What was written into last, and its words: a batch is filled with thousands of messages before the next one is. */
let viewed: Buffer | null = null;
let view: DataView = new DataView(new ArrayBuffer(0));

function wordsOf(bytes: Buffer): DataView {
  if (bytes !== viewed) {
    viewed = bytes;
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }
  return view;
}

/** Messages are made of words, as netlink aligns all that they are made of. */
function asWords(bytes: Buffer): Int32Array {
  return Int32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readInt32LE(4 * i));
}

/**
 * A route message short of its prefix, made once and written many times.
 *
 * `write4` and `write6` put the whole message at `offset`, its sequence number left 0 (a batch or a socket sets
 * it), and return the offset behind it. They need up to `maxLength` bytes of room. Words are in host order.
 */
export class RouteTemplate {
  readonly family: FamilyIndex;
  readonly maxLength: number;
  readonly #head: Int32Array;
  readonly #tail: Int32Array;

  private constructor(family: FamilyIndex, head: Buffer, tail: Buffer) {
    this.family = family;
    this.#head = asWords(head);
    this.#tail = asWords(tail);
    this.maxLength = HEAD_LENGTH + 20 + tail.length;
  }

  /** A route to be written: with `CREATE` where nothing of that prefix and metric is there, else `REPLACE`. */
  static route(attributes: RouteAttributes, flags: number): RouteTemplate {
    const { family, table, protocol, metric, preferredSource, forwarding } = attributes;
    const hops = forwarding.kind === 'hops' ? forwarding.hops : [];
    if (forwarding.kind === 'hops' && hops.length === 0) throw new RangeError('a route needs a next hop');
    const onlink = hops.length === 1 && hops[0].onlink ? RTNH_F_ONLINK : 0;
    const head = Buffer.alloc(HEAD_LENGTH);
    writeHeader(head, 0, RTM_NEWROUTE, flags);
    const type = routeTypeOf(forwarding);
    writeRtmsg(head, HEADER_LENGTH, family, table, protocol, scopeOf(attributes), type, onlink);
    const tail = Buffer.alloc(64 + 40 * hops.length);
    let end = writeU32Attribute(tail, 0, RTA_PRIORITY, metric);
    end = writeU32Attribute(tail, end, RTA_TABLE, table);
    if (preferredSource !== null) {
      beginAttribute(tail, end, RTA_PREFSRC);
      end = endAttribute(tail, end, writeAddress(tail, end + 4, preferredSource));
    }
    if (forwarding.kind === 'nexthop') end = writeU32Attribute(tail, end, RTA_NH_ID, forwarding.id);
    else if (hops.length === 1) {
      const [hop] = hops;
      if (hop.gateway !== null) end = writeGateway(tail, end, family, hop.gateway);
      end = writeU32Attribute(tail, end, RTA_OIF, hop.ifindex);
    } else if (hops.length > 1) end = writeMultipath(tail, end, family, hops);
    return new RouteTemplate(family, head, tail.subarray(0, end));
  }

  /**
   * The deletion of whatever `protocol` holds under `table` and `metric`. Beware: to an IPv4 deletion metric 0
   * means any metric.
   */
  static deletion(family: FamilyIndex, table: number, protocol: number, metric: number): RouteTemplate {
    const head = Buffer.alloc(HEAD_LENGTH);
    writeHeader(head, 0, RTM_DELROUTE, 0);
    writeRtmsg(head, HEADER_LENGTH, family, table, protocol, RT_SCOPE_NOWHERE, RTN_UNSPEC, 0);
    const tail = Buffer.alloc(16);
    writeU32Attribute(tail, writeU32Attribute(tail, 0, RTA_PRIORITY, metric), RTA_TABLE, table);
    return new RouteTemplate(family, head, tail);
  }

  #finish(words: DataView, start: number, at: number, length: number): number {
    const head = this.#head;
    const tail = this.#tail;
    const end = at + 4 * tail.length;
    words.setInt32(start, end - start, true);
    for (let i = 1; i < head.length; i++) words.setInt32(start + 4 * i, head[i], true);
    words.setInt32(start + 4 * LENGTH_WORD, head[LENGTH_WORD] | (length << 8), true);
    for (let i = 0; i < tail.length; i++) words.setInt32(at + 4 * i, tail[i], true);
    return end;
  }

  /** Writes the route to the IPv4 prefix `a`/`length`. */
  write4(bytes: Buffer, offset: number, a: number, length: number): number {
    const words = wordsOf(bytes);
    const at = offset + HEAD_LENGTH;
    words.setInt32(at, (RTA_DST << 16) | 8, true);
    words.setInt32(at + 4, a);
    return this.#finish(words, offset, at + 8, length);
  }

  /** Writes the route to the IPv6 prefix of the four words and `length`. */
  write6(bytes: Buffer, offset: number, a: number, b: number, c: number, d: number, length: number): number {
    const words = wordsOf(bytes);
    const at = offset + HEAD_LENGTH;
    words.setInt32(at, (RTA_DST << 16) | 20, true);
    words.setInt32(at + 4, a);
    words.setInt32(at + 8, b);
    words.setInt32(at + 12, c);
    words.setInt32(at + 16, d);
    return this.#finish(words, offset, at + 20, length);
  }

  /** Writes the route to `prefix`, which must be of the template's family. */
  write(bytes: Buffer, offset: number, prefix: Prefix): number {
    return this.family === IPV4
      ? this.write4(bytes, offset, prefix.a, prefix.length)
      : this.write6(bytes, offset, prefix.a, prefix.b, prefix.c, prefix.d, prefix.length);
  }

  /** The route to `prefix` as a message of its own. */
  message(prefix: Prefix): Buffer {
    const bytes = Buffer.alloc(this.maxLength);
    return bytes.subarray(0, this.write(bytes, 0, prefix));
  }
}

/**
 * Asks for all routes of a family, or those of one table or protocol (the kernel filters). A table that does
 * not exist ends the dump with ENOENT.
 */
export function routeDumpRequest(
  family: FamilyIndex,
  filter: { readonly table?: number; readonly protocol?: number } = {},
): Buffer {
  const bytes = Buffer.alloc(HEAD_LENGTH + 8);
  writeHeader(bytes, 0, RTM_GETROUTE, NLM_F_REQUEST);
  const { table = RT_TABLE_UNSPEC, protocol = 0 } = filter;
  writeRtmsg(bytes, HEADER_LENGTH, family, table, protocol, 0, RTN_UNSPEC, 0);
  const end =
    table === RT_TABLE_UNSPEC ? HEAD_LENGTH : writeU32Attribute(bytes, HEAD_LENGTH, RTA_TABLE, table);
  return bytes.subarray(0, endMessage(bytes, 0, end));
}

/** Asks which route the kernel would use for an address (the answer is one NEWROUTE message). */
export function routeLookupRequest(address: Address): Buffer {
  const bytes = Buffer.alloc(HEAD_LENGTH + 20);
  writeHeader(bytes, 0, RTM_GETROUTE, 0);
  writeRtmsg(bytes, HEADER_LENGTH, address.family, RT_TABLE_UNSPEC, 0, 0, RTN_UNSPEC, 0);
  bytes[HEADER_LENGTH + 1] = 8 * addressLength(address);
  beginAttribute(bytes, HEAD_LENGTH, RTA_DST);
  const end = endAttribute(bytes, HEAD_LENGTH, writeAddress(bytes, HEAD_LENGTH + 4, address));
  return bytes.subarray(0, endMessage(bytes, 0, end));
}
