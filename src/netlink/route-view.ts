/**
 * Routes in: a view that is laid over one route message after another. Half a million routes are dumped
 * without an object per route; what is needed of one is copied out of the view's fields.
 */
import { type Address, type FamilyIndex, IPV4, IPV6, type Prefix, readAddress } from '../address/index.js';
import {
  AF_INET,
  AF_INET6,
  NLA_TYPE_MASK,
  RTA_DST,
  RTA_GATEWAY,
  RTA_METRICS,
  RTA_MULTIPATH,
  RTA_NH_ID,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_SRC,
  RTA_TABLE,
  RTA_VIA,
  RTM_DELROUTE,
  RTM_F_CLONED,
  RTN_UNICAST,
  RTNH_F_DEAD,
  RTNH_F_LINKDOWN,
  RTNH_F_ONLINK,
} from './constants.js';
import { align4, HEADER_LENGTH } from './message.js';
import { type RouteAttributes, type RouteHop, RTMSG_LENGTH, routeTypeOf } from './route.js';

const BODY = HEADER_LENGTH + RTMSG_LENGTH;

/** 32-bit FNV-1a, one word at a time. */
function mix(hash: number, word: number): number {
  return Math.imul(hash ^ word, 0x01000193);
}

function mixAddress(hash: number, address: Address | null): number {
  if (address === null) return mix(hash, 0x9e3779b9);
  hash = mix(hash, address.family);
  hash = mix(hash, address.a);
  if (address.family === IPV4) return hash;
  return mix(mix(mix(hash, address.b), address.c), address.d);
}

function mixHop(hash: number, hop: RouteHop): number {
  return mix(mix(mix(mixAddress(hash, hop.gateway), hop.ifindex), hop.weight), hop.onlink ? 1 : 0);
}

/**
 * A hash of how a route forwards (type, nexthop id or else hops, preferred source), the same for what is to be
 * written and for what the kernel then shows: see `RouteView.forwardingHash`. Unsigned 32 bits.
 */
export function forwardingHash(attributes: Pick<RouteAttributes, 'forwarding' | 'preferredSource'>): number {
  const { forwarding } = attributes;
  let hash = mix(0x811c9dc5, routeTypeOf(forwarding));
  hash = mixAddress(hash, attributes.preferredSource);
  if (forwarding.kind === 'nexthop') return mix(hash, forwarding.id) >>> 0;
  if (forwarding.kind !== 'hops') return hash >>> 0;
  for (const hop of forwarding.hops) hash = mixHop(hash, hop);
  return hash >>> 0;
}

/** The fields of one NEWROUTE or DELROUTE message, valid until the next `decode`; hops read on demand. */
export class RouteView {
  /** Whether the message takes the route away (DELROUTE). */
  deleted = false;
  /** Flags of the header: NLM_F_REPLACE and NLM_F_APPEND in a notification say how the route came. */
  headerFlags = 0;
  /** The port of the socket that asked for it; 0: the kernel by itself. */
  port = 0;
  family: FamilyIndex = IPV4;
  /** The destination: words in host order, 0 where the family has no such word. */
  a = 0;
  b = 0;
  c = 0;
  d = 0;
  length = 0;
  /** Not a plain destination route: it has a source prefix, a TOS, or is a cached clone. */
  special = false;
  table = 0;
  protocol = 0;
  scope = 0;
  /** `RTN_…` */
  type = 0;
  /** `RTM_F_…` and, for a single hop, `RTNH_F_…`. */
  flags = 0;
  metric = 0;
  /** 0: none. With one, gateway and hops are what the kernel adds for old programs. */
  nexthopId = 0;
  /** Of a single hop; 0 where there is none. */
  ifindex = 0;
  /** It carries RTA_METRICS (MTU and the like), which Tartan never writes. */
  hasMetrics = false;
  #bytes: Buffer = Buffer.alloc(0);
  #gateway = -1;
  #gatewayFamily: FamilyIndex = IPV4;
  #source = -1;
  #multipath = -1;
  #multipathEnd = -1;

  /**
   * Lays the view over the message. False: it is of another family or malformed, and the fields mean nothing.
   * `bytes` must stay as it is while hops, gateway and source are read.
   */
  decode(bytes: Buffer, start: number, end: number): boolean {
    if (end - start < BODY || end > bytes.length) return false;
    const rtmsg = start + HEADER_LENGTH;
    const family = bytes[rtmsg];
    if (family !== AF_INET && family !== AF_INET6) return false;
    this.family = family === AF_INET ? IPV4 : IPV6;
    this.#bytes = bytes;
    this.deleted = (bytes[start + 4] | (bytes[start + 5] << 8)) === RTM_DELROUTE;
    this.headerFlags = bytes[start + 6] | (bytes[start + 7] << 8);
    this.port = bytes.readUInt32LE(start + 12);
    this.length = bytes[rtmsg + 1];
    if (this.length > (family === AF_INET ? 32 : 128)) return false;
    this.table = bytes[rtmsg + 4];
    this.protocol = bytes[rtmsg + 5];
    this.scope = bytes[rtmsg + 6];
    this.type = bytes[rtmsg + 7];
    this.flags = bytes.readUInt32LE(rtmsg + 8);
    this.special = bytes[rtmsg + 2] !== 0 || bytes[rtmsg + 3] !== 0 || (this.flags & RTM_F_CLONED) !== 0;
    this.a = this.b = this.c = this.d = 0;
    this.metric = this.nexthopId = this.ifindex = 0;
    this.hasMetrics = false;
    this.#gateway = this.#source = this.#multipath = this.#multipathEnd = -1;
    return this.#attributes(bytes, start + BODY, end, family === AF_INET ? 4 : 16);
  }

  #attributes(bytes: Buffer, start: number, end: number, width: number): boolean {
    let offset = start;
    while (offset + 4 <= end) {
      const length = bytes[offset] | (bytes[offset + 1] << 8);
      if (length < 4 || length > end - offset) return false;
      const type = (bytes[offset + 2] | (bytes[offset + 3] << 8)) & NLA_TYPE_MASK;
      const value = offset + 4;
      const size = length - 4;
      switch (type) {
        case RTA_DST:
          if (size < width) return false;
          this.a = bytes.readUInt32BE(value);
          if (width === 16) {
            this.b = bytes.readUInt32BE(value + 4);
            this.c = bytes.readUInt32BE(value + 8);
            this.d = bytes.readUInt32BE(value + 12);
          }
          break;
        case RTA_PRIORITY:
          if (size < 4) return false;
          this.metric = bytes.readUInt32LE(value);
          break;
        case RTA_TABLE:
          if (size < 4) return false;
          this.table = bytes.readUInt32LE(value);
          break;
        case RTA_OIF:
          if (size < 4) return false;
          this.ifindex = bytes.readUInt32LE(value);
          break;
        case RTA_NH_ID:
          if (size < 4) return false;
          this.nexthopId = bytes.readUInt32LE(value);
          break;
        case RTA_GATEWAY:
          if (size < width) return false;
          this.#gateway = value;
          this.#gatewayFamily = this.family;
          break;
        case RTA_VIA:
          if (!this.#via(bytes, value, size)) return false;
          break;
        case RTA_PREFSRC:
          if (size < width) return false;
          this.#source = value;
          break;
        case RTA_MULTIPATH:
          this.#multipath = value;
          this.#multipathEnd = value + size;
          break;
        case RTA_SRC:
          this.special = true;
          break;
        case RTA_METRICS:
          this.hasMetrics = true;
          break;
      }
      offset += align4(length);
    }
    return true;
  }

  /** RTA_VIA: u16 address family, then the address. */
  #via(bytes: Buffer, value: number, size: number): boolean {
    const family = size < 2 ? 0 : bytes.readUInt16LE(value);
    if (size < (family === AF_INET ? 6 : 18) || (family !== AF_INET && family !== AF_INET6)) return false;
    this.#gateway = value + 2;
    this.#gatewayFamily = family === AF_INET ? IPV4 : IPV6;
    return true;
  }

  get prefix(): Prefix {
    return { family: this.family, a: this.a, b: this.b, c: this.c, d: this.d, length: this.length };
  }

  get preferredSource(): Address | null {
    return this.#source < 0 ? null : readAddress(this.#bytes, this.#source, this.family);
  }

  /** The gateway of a single hop. */
  get gateway(): Address | null {
    return this.#gateway < 0 ? null : readAddress(this.#bytes, this.#gateway, this.#gatewayFamily);
  }

  /** It can forward nothing: the kernel marks it (all of it, or its single hop) dead or its link down. */
  get dead(): boolean {
    return (this.flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) !== 0;
  }

  /** The hops, in the kernel's order; none for a blackhole and its like. A malformed hop ends the list. */
  hops(): RouteHop[] {
    const hops: RouteHop[] = [];
    if (this.#multipath < 0) {
      if (this.ifindex !== 0 || this.#gateway >= 0)
        hops.push({
          gateway: this.gateway,
          ifindex: this.ifindex,
          weight: 1,
          onlink: (this.flags & RTNH_F_ONLINK) !== 0,
        });
      return hops;
    }
    const bytes = this.#bytes;
    let offset = this.#multipath;
    while (offset + 8 <= this.#multipathEnd) {
      const length = bytes.readUInt16LE(offset);
      if (length < 8 || length > this.#multipathEnd - offset) break;
      hops.push({
        gateway: this.#hopGateway(offset + 8, offset + length),
        ifindex: bytes.readInt32LE(offset + 4),
        weight: bytes[offset + 3] + 1,
        onlink: (bytes[offset + 2] & RTNH_F_ONLINK) !== 0,
      });
      offset += align4(length);
    }
    return hops;
  }

  #hopGateway(start: number, end: number): Address | null {
    const bytes = this.#bytes;
    let offset = start;
    while (offset + 4 <= end) {
      const length = bytes.readUInt16LE(offset);
      if (length < 4 || length > end - offset) break;
      const type = bytes.readUInt16LE(offset + 2) & NLA_TYPE_MASK;
      if (type === RTA_GATEWAY && length >= (this.family === IPV4 ? 8 : 20))
        return readAddress(bytes, offset + 4, this.family);
      if (type === RTA_VIA && length >= 10) {
        const family = bytes.readUInt16LE(offset + 4);
        if (family === AF_INET) return readAddress(bytes, offset + 6, IPV4);
        if (family === AF_INET6 && length >= 22) return readAddress(bytes, offset + 6, IPV6);
      }
      offset += align4(length);
    }
    return null;
  }

  /** Equal to `forwardingHash(attributes)` of the attributes it was written with. */
  forwardingHash(): number {
    let hash = mix(0x811c9dc5, this.type);
    hash = mixAddress(hash, this.preferredSource);
    if (this.nexthopId !== 0) return mix(hash, this.nexthopId) >>> 0;
    for (const hop of this.type === RTN_UNICAST ? this.hops() : []) hash = mixHop(hash, hop);
    return hash >>> 0;
  }
}
