/** Values and tables → records. */
import { type Address, type FamilyIndex, IPV4, writeAddress } from '../../address/index.js';
import { writeHeader } from '../wire/header.js';
import { AS_TRANS, afiOf, HEADER_LENGTH, writeNlri4, writeNlri6 } from '../wire/index.js';
import { canonicalAttributesLength, writeCanonicalAttributes } from './attributes.js';
import {
  Bgp4mpSubtype as B,
  type BgpMessage,
  type MrtPeer,
  type MrtRecord,
  MrtType,
  RECORD_HEADER_LENGTH,
  type SessionEnds,
  type StateChange,
  TableDumpSubtype as T,
} from './types.js';

/** Header of a RIB record with the longest prefix; and of one entry. */
const RIB_HEAD = RECORD_HEADER_LENGTH + 4 + 17 + 2;
const ENTRY_HEAD = 2 + 4 + 4 + 2;
/** Header of a BGP4MP record with IPv6 addresses and 4-octet AS numbers. */
const BGP4MP_HEAD = RECORD_HEADER_LENGTH + 4 + 4 + 2 + 2 + 16 + 16;

/** Appends records to a buffer that grows; `take` hands it out. */
export class MrtWriter {
  private out: Buffer;
  /** Octets since the last `take`. */
  length = 0;
  /** Start of the RIB record under way, where its count stands, and how many entries it has. */
  private record = 0;
  private countAt = 0;
  private entries = 0;
  private addPath = false;

  constructor(private readonly initialSize = 1 << 16) {
    this.out = Buffer.allocUnsafeSlow(initialSize);
  }

  /** The records since the last call; the buffer is the caller's. */
  take(): Buffer {
    const taken = this.out.subarray(0, this.length);
    this.out = Buffer.allocUnsafeSlow(this.initialSize);
    this.length = 0;
    return taken;
  }

  /** RFC 6396 §4.3.1. At most 65535 peers, a view name of at most 65535 octets. */
  peerIndexTable(time: number, collectorId: number, viewName: string, peers: readonly MrtPeer[]): void {
    const name = Buffer.from(viewName, 'utf8');
    this.reserve(RECORD_HEADER_LENGTH + 8 + name.length + peers.length * 25);
    const start = this.header(time, MrtType.tableDumpV2, T.peerIndexTable);
    this.u32(collectorId);
    this.u16(name.length);
    this.bytes(name, 0, name.length);
    this.u16(peers.length);
    for (const { routerId, address, asn } of peers) {
      // Bit 0: IPv6; bit 1: four octets of AS number, always.
      this.out[this.length++] = address.family | 2;
      this.u32(routerId);
      this.address(address);
      this.u32(asn);
    }
    this.finish(start);
  }

  /**
   * Begins the record of one prefix (RFC 6396 §4.3.2; with `addPath`, RFC 8050 §4.1); entries follow, then endRib().
   * IPv4 has the word `a` alone; host bits are zero.
   */
  beginRib(
    time: number,
    sequence: number,
    family: FamilyIndex,
    a: number,
    b: number,
    c: number,
    d: number,
    length: number,
    addPath: boolean,
  ): void {
    this.reserve(RIB_HEAD);
    const subtype =
      family === IPV4
        ? addPath
          ? T.ribIpv4UnicastAddPath
          : T.ribIpv4Unicast
        : addPath
          ? T.ribIpv6UnicastAddPath
          : T.ribIpv6Unicast;
    this.record = this.header(time, MrtType.tableDumpV2, subtype);
    this.u32(sequence);
    this.length =
      family === IPV4
        ? writeNlri4(this.out, this.length, a, length)
        : writeNlri6(this.out, this.length, a, b, c, d, length);
    this.countAt = this.length;
    this.length += 2;
    this.entries = 0;
    this.addPath = addPath;
  }

  /** An entry whose attributes are already in the form of a record (RFC 6396 §4.3.4). */
  ribEntry(peerIndex: number, originatedTime: number, pathId: number, attributes: Buffer): void {
    this.entryHead(peerIndex, originatedTime, pathId, attributes.length);
    this.bytes(attributes, 0, attributes.length);
  }

  /** An entry whose attributes are the canonical set in `start`–`end` (see bgp/wire). */
  canonicalRibEntry(
    peerIndex: number,
    originatedTime: number,
    pathId: number,
    canonical: Buffer,
    start: number,
    end: number,
  ): void {
    const octets = canonicalAttributesLength(canonical, start, end);
    this.entryHead(peerIndex, originatedTime, pathId, octets);
    this.length = writeCanonicalAttributes(canonical, start, end, this.out, this.length);
  }

  endRib(): void {
    this.out.writeUInt16BE(this.entries, this.countAt);
    this.finish(this.record);
  }

  /** Drops the RIB record under way. */
  cancelRib(): void {
    this.length = this.record;
  }

  /** RFC 6396 §4.4.1, §4.4.4. */
  stateChange(time: number, change: StateChange): void {
    this.reserve(BGP4MP_HEAD + 4);
    const subtype = change.fourOctetAs ? B.stateChangeAs4 : B.stateChange;
    const start = this.header(time, MrtType.bgp4mp, subtype);
    this.ends(change, change.fourOctetAs);
    this.u16(change.oldState);
    this.u16(change.newState);
    this.finish(start);
  }

  /** RFC 6396 §4.4.2, §4.4.3, RFC 8050 §3: a message whose body without its header lies in `start`–`end`. */
  messageBody(
    time: number,
    ends: SessionEnds,
    form: Pick<BgpMessage, 'fourOctetAs' | 'addPath' | 'local'>,
    messageType: number,
    buf: Buffer,
    start: number,
    end: number,
  ): void {
    const length = HEADER_LENGTH + end - start;
    this.reserve(BGP4MP_HEAD + length);
    const record = this.header(time, MrtType.bgp4mp, messageSubtype(form));
    this.ends(ends, form.fourOctetAs);
    writeHeader(this.out, this.length, length, messageType);
    this.length += HEADER_LENGTH;
    this.bytes(buf, start, end);
    this.finish(record);
  }

  /** The same for a whole message. */
  message(time: number, message: BgpMessage): void {
    this.reserve(BGP4MP_HEAD + message.message.length);
    const record = this.header(time, MrtType.bgp4mp, messageSubtype(message));
    this.ends(message, message.fourOctetAs);
    this.bytes(message.message, 0, message.message.length);
    this.finish(record);
  }

  /** A record of a type of which only the bytes are known. */
  other(time: number, type: number, subtype: number, body: Buffer): void {
    this.reserve(RECORD_HEADER_LENGTH + body.length);
    const start = this.header(time, type, subtype);
    this.bytes(body, 0, body.length);
    this.finish(start);
  }

  private entryHead(peerIndex: number, originatedTime: number, pathId: number, octets: number): void {
    this.reserve(ENTRY_HEAD + octets);
    this.u16(peerIndex);
    this.u32(originatedTime);
    if (this.addPath) this.u32(pathId);
    this.u16(octets);
    this.entries++;
  }

  private ends(ends: SessionEnds, fourOctetAs: boolean): void {
    for (const asn of [ends.peerAsn, ends.localAsn]) {
      if (fourOctetAs) this.u32(asn);
      else this.u16(asn > 0xffff ? AS_TRANS : asn);
    }
    this.u16(ends.interfaceIndex);
    this.u16(afiOf(ends.peerAddress.family));
    this.address(ends.peerAddress);
    this.address(ends.localAddress);
  }

  private header(time: number, type: number, subtype: number): number {
    const start = this.length;
    this.u32(time);
    this.u16(type);
    this.u16(subtype);
    this.length += 4;
    return start;
  }

  private finish(start: number): void {
    this.out.writeUInt32BE(this.length - start - RECORD_HEADER_LENGTH, start + 8);
  }

  private reserve(octets: number): void {
    const needed = this.length + octets;
    if (needed <= this.out.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.out.length * 2));
    this.out.copy(larger, 0, 0, this.length);
    this.out = larger;
  }

  private u16(value: number): void {
    this.out.writeUInt16BE(value, this.length);
    this.length += 2;
  }
  private u32(value: number): void {
    this.out.writeUInt32BE(value, this.length);
    this.length += 4;
  }
  private address(address: Address): void {
    this.length = writeAddress(this.out, this.length, address);
  }
  private bytes(from: Buffer, start: number, end: number): void {
    this.length += from.copy(this.out, this.length, start, end);
  }
}

function messageSubtype({
  fourOctetAs,
  addPath,
  local,
}: Pick<BgpMessage, 'fourOctetAs' | 'addPath' | 'local'>) {
  if (addPath) {
    if (local) return fourOctetAs ? B.messageAs4LocalAddPath : B.messageLocalAddPath;
    return fourOctetAs ? B.messageAs4AddPath : B.messageAddPath;
  }
  if (local) return fourOctetAs ? B.messageAs4Local : B.messageLocal;
  return fourOctetAs ? B.messageAs4 : B.message;
}

/** One record. `microseconds` are not written: the types that carry them are only read. */
export function encodeRecord({ time, body }: MrtRecord): Buffer {
  const writer = new MrtWriter(1024);
  switch (body.kind) {
    case 'peerIndexTable':
      writer.peerIndexTable(time, body.collectorId, body.viewName, body.peers);
      break;
    case 'rib': {
      const { family, a, b, c, d, length } = body.prefix;
      writer.beginRib(time, body.sequence, family, a, b, c, d, length, body.addPath);
      for (const { peerIndex, originatedTime, pathId, attributes } of body.entries) {
        writer.ribEntry(peerIndex, originatedTime, pathId, attributes);
      }
      writer.endRib();
      break;
    }
    case 'stateChange':
      writer.stateChange(time, body);
      break;
    case 'message':
      writer.message(time, body);
      break;
    case 'other':
      writer.other(time, body.type, body.subtype, body.body);
      break;
  }
  return writer.take();
}
