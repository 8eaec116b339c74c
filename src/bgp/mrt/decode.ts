/** Record bodies → values. Nothing is copied: what the values hold lies in the record's bytes. */
import { type Address, type FamilyIndex, IPV4, IPV6, networkOf, readAddress } from '../../address/index.js';
import {
  Bgp4mpSubtype as B,
  type BgpMessage,
  type MrtBody,
  MrtFault,
  type MrtPeer,
  type MrtRecord,
  MrtType,
  type RibEntry,
  type SessionEnds,
  TableDumpSubtype as T,
} from './types.js';

export type DecodedRecord = MrtRecord | MrtFault;

/** Walks a range and notes where it was asked for more than there is; from then on everything reads as zero. */
class Cursor {
  fault: MrtFault | null = null;

  constructor(
    readonly buf: Buffer,
    public at: number,
    readonly end: number,
    private readonly start = at,
  ) {}

  fail(message: string): MrtFault {
    this.fault ??= new MrtFault(message, this.at - this.start);
    return this.fault;
  }

  /** Whether `octets` are there; they are then taken, and lie before `at`. */
  take(octets: number, what: string): boolean {
    if (this.fault !== null) return false;
    const left = this.end - this.at;
    if (octets > left) {
      this.fail(`${what} is cut short: ${left} octets left, expected ${octets}`);
      return false;
    }
    this.at += octets;
    return true;
  }

  u8(what: string): number {
    return this.take(1, what) ? this.buf[this.at - 1] : 0;
  }
  u16(what: string): number {
    return this.take(2, what) ? this.buf.readUInt16BE(this.at - 2) : 0;
  }
  u32(what: string): number {
    return this.take(4, what) ? this.buf.readUInt32BE(this.at - 4) : 0;
  }
  bytes(octets: number, what: string): Buffer {
    return this.take(octets, what) ? this.buf.subarray(this.at - octets, this.at) : none;
  }
  address(family: FamilyIndex, what: string): Address {
    const octets = family === IPV4 ? 4 : 16;
    return this.take(octets, what) ? readAddress(this.buf, this.at - octets, family) : unspecified[family];
  }
}

const none = Buffer.alloc(0);
const unspecified: readonly [Address, Address] = [
  { family: IPV4, a: 0, b: 0, c: 0, d: 0 },
  { family: IPV6, a: 0, b: 0, c: 0, d: 0 },
];

/** One record of the framer. Never throws. */
export function decodeRecord(
  time: number,
  type: number,
  subtype: number,
  buf: Buffer,
  start: number,
  end: number,
): DecodedRecord {
  const cursor = new Cursor(buf, start, end);
  let microseconds: number | null = null;
  if (type === MrtType.bgp4mpEt) microseconds = cursor.u32('the microseconds');
  const body = decodeBody(type, subtype, cursor);
  return cursor.fault ?? { time, microseconds, body };
}

function decodeBody(type: number, subtype: number, cursor: Cursor): MrtBody {
  if (type === MrtType.tableDumpV2) {
    switch (subtype) {
      case T.peerIndexTable:
        return decodePeers(cursor);
      case T.ribIpv4Unicast:
        return decodeRib(cursor, IPV4, false);
      case T.ribIpv6Unicast:
        return decodeRib(cursor, IPV6, false);
      case T.ribIpv4UnicastAddPath:
        return decodeRib(cursor, IPV4, true);
      case T.ribIpv6UnicastAddPath:
        return decodeRib(cursor, IPV6, true);
    }
  } else if (type === MrtType.bgp4mp || type === MrtType.bgp4mpEt) {
    switch (subtype) {
      case B.stateChange:
      case B.stateChangeAs4: {
        const fourOctetAs = subtype === B.stateChangeAs4;
        const ends = decodeEnds(cursor, fourOctetAs);
        const oldState = cursor.u16('the old state');
        const newState = cursor.u16('the new state');
        return { kind: 'stateChange', fourOctetAs, ...ends, oldState, newState };
      }
      case B.message:
        return decodeMessage(cursor, false, false, false);
      case B.messageAs4:
        return decodeMessage(cursor, true, false, false);
      case B.messageLocal:
        return decodeMessage(cursor, false, false, true);
      case B.messageAs4Local:
        return decodeMessage(cursor, true, false, true);
      case B.messageAddPath:
        return decodeMessage(cursor, false, true, false);
      case B.messageAs4AddPath:
        return decodeMessage(cursor, true, true, false);
      case B.messageLocalAddPath:
        return decodeMessage(cursor, false, true, true);
      case B.messageAs4LocalAddPath:
        return decodeMessage(cursor, true, true, true);
    }
  }
  return { kind: 'other', type, subtype, body: cursor.bytes(cursor.end - cursor.at, 'the body') };
}

/** RFC 6396 §4.3.1. */
function decodePeers(cursor: Cursor): MrtBody {
  const collectorId = cursor.u32("the collector's BGP Identifier");
  const viewName = cursor.bytes(cursor.u16("the view name's length"), 'the view name').toString('utf8');
  const count = cursor.u16('the number of peers');
  const peers: MrtPeer[] = [];
  for (let i = 0; i < count && cursor.fault === null; i++) {
    const type = cursor.u8('a peer');
    const routerId = cursor.u32("a peer's BGP Identifier");
    const address = cursor.address((type & 1) === 0 ? IPV4 : IPV6, "a peer's address");
    const asn = (type & 2) === 0 ? cursor.u16("a peer's AS number") : cursor.u32("a peer's AS number");
    peers.push({ routerId, address, asn });
  }
  return { kind: 'peerIndexTable', collectorId, viewName, peers };
}

/** RFC 6396 §4.3.2, §4.3.4, RFC 8050 §4.1. */
function decodeRib(cursor: Cursor, family: FamilyIndex, addPath: boolean): MrtBody {
  const sequence = cursor.u32('the sequence number');
  const length = cursor.u8("the prefix's length");
  if (length > (family === IPV4 ? 32 : 128)) {
    cursor.fail(`the prefix's length is ${length}, expected at most ${family === IPV4 ? 32 : 128}`);
  }
  const given = cursor.bytes((length + 7) >> 3, 'the prefix');
  const octets = Buffer.alloc(16);
  given.copy(octets);
  const prefix = networkOf(readAddress(octets, 0, family), cursor.fault === null ? length : 0);
  const count = cursor.u16('the number of entries');
  const entries: RibEntry[] = [];
  for (let i = 0; i < count && cursor.fault === null; i++) {
    const peerIndex = cursor.u16("an entry's peer");
    const originatedTime = cursor.u32("an entry's time");
    const pathId = addPath ? cursor.u32("an entry's path identifier") : 0;
    const attributes = cursor.bytes(cursor.u16("the attributes' length"), "an entry's attributes");
    entries.push({ peerIndex, originatedTime, pathId, attributes });
  }
  return { kind: 'rib', sequence, prefix, addPath, entries };
}

/** RFC 6396 §4.4.1–§4.4.3: what both kinds of records begin with. */
function decodeEnds(cursor: Cursor, fourOctetAs: boolean): SessionEnds {
  const asn = (what: string) => (fourOctetAs ? cursor.u32(what) : cursor.u16(what));
  const peerAsn = asn("the peer's AS number");
  const localAsn = asn('the local AS number');
  const interfaceIndex = cursor.u16('the interface index');
  const afi = cursor.u16('the address family');
  if (afi !== 1 && afi !== 2) cursor.fail(`the address family is ${afi}, expected 1 (IPv4) or 2 (IPv6)`);
  const family = afi === 2 ? IPV6 : IPV4;
  const peerAddress = cursor.address(family, "the peer's address");
  const localAddress = cursor.address(family, 'the local address');
  return { peerAsn, localAsn, interfaceIndex, peerAddress, localAddress };
}

function decodeMessage(cursor: Cursor, fourOctetAs: boolean, addPath: boolean, local: boolean): BgpMessage {
  const ends = decodeEnds(cursor, fourOctetAs);
  const message = cursor.bytes(cursor.end - cursor.at, 'the message');
  return { kind: 'message', fourOctetAs, addPath, local, ...ends, message };
}
