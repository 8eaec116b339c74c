import type { FamilyIndex } from '../../address/index.js';
import { copyWithoutConfederations, narrowAsPath, needsAs4Path } from './as-path.js';
import { AttributeCode, AttributeFlag } from './attributes.js';
import { frame, writeHeader } from './header.js';
import { PATH_ID_OCTETS, writeNlri4, writeNlri6, writePathId } from './nlri.js';
import { AS_TRANS, afiOf, HEADER_LENGTH, MessageType, Safi } from './types.js';

/** Where the prefixes of the message under construction stand. */
const Field = { none: 0, nlri: 1, mpReach: 2, withdrawn: 3, mpUnreach: 4 } as const;
type Field = (typeof Field)[keyof typeof Field];

/** Longest prefix on the wire: a length octet and an IPv6 address. */
const MAX_NLRI4 = 5;
const MAX_NLRI6 = 17;
/** Octets of the NEXT_HOP attribute. */
const NEXT_HOP_ATTRIBUTE = 7;
/** MP attributes are written with a 2-octet length, since it is known only at the end. */
const MP_HEAD_LENGTH = 4;
const MP_FLAGS = AttributeFlag.optional | AttributeFlag.extendedLength;
/** Octets of a buffer at most, as long as all fits: a larger one is a mapping of its own, each page of which is a fault. */
const ROOM = 80 * 1024;

/**
 * Packs prefixes into as few UPDATEs as fit, one after the other into a growing buffer.
 *
 *     encoder.beginUnreach(0);
 *     encoder.addIpv4(a, length);            // as often as wanted
 *     if (encoder.beginReach(set, start, end)) encoder.addIpv4(…);
 *     const bytes = encoder.take();          // whole messages, ready for the socket
 *
 * RFC 7606 §5.1: each message has one kind of NLRI, and MP attributes stand first. IPv4 with a 4-octet next hop goes
 * into NEXT_HOP and the NLRI field, anything else into MP_REACH_NLRI (RFC 4760, RFC 8950). What is in the canonical set
 * is sent: dropping LOCAL_PREF or setting the next hop is the policy's work.
 *
 * To peers that are sent path identifiers (RFC 7911), prefixes are added with `addPathIpv4` and `addPathIpv6`, to all
 * others with `addIpv4` and `addIpv6`.
 */
export class UpdateEncoder {
  private readonly maxLength: number;
  private readonly fourOctetAs: boolean;
  /** Octets of the longest prefix that may be added, by family. */
  private readonly longestNlri: readonly [number, number];
  private out: Buffer = Buffer.allocUnsafeSlow(16384);
  /** End of the last whole message, and start of the one under construction. */
  private messageStart = 0;
  private at = 0;
  private field: Field = Field.none;
  /** Where the prefixes of this message begin, and the offset that they must not pass. */
  private nlriStart = 0;
  private nlriLimit = 0;
  /** Attributes of the current set as this peer reads them. */
  private readonly attributes: Buffer;
  private attributesLength = 0;

  /**
   * `maxLength` is 4096, or 65535 where extended messages are agreed. `fourOctetAs` false: a peer without RFC 6793.
   * `pathIds`: prefixes have path identifiers.
   */
  constructor(maxLength: number, fourOctetAs: boolean, pathIds = false) {
    this.maxLength = maxLength;
    this.fourOctetAs = fourOctetAs;
    const ahead = pathIds ? PATH_ID_OCTETS : 0;
    this.longestNlri = [MAX_NLRI4 + ahead, MAX_NLRI6 + ahead];
    this.attributes = Buffer.allocUnsafeSlow(maxLength + 64);
  }

  /** Octets of whole and begun messages not yet taken. */
  get length(): number {
    return this.at;
  }

  /**
   * The prefixes that follow are reachable with this canonical set, which is copied. Returns false where the attributes
   * leave no room for a prefix in a message (RFC 8654 §4): then nothing was begun, and the prefixes are to be
   * withdrawn instead. Throws RangeError where the set has no next hop, or one that its family can't use.
   */
  beginReach(canonical: Buffer, start: number, end: number): boolean {
    this.end();
    const family = canonical[start];
    const nextHopLength = canonical[start + 1];
    const isClassic = family === 0 && nextHopLength === 4;
    if (!isClassic && nextHopLength !== 16 && nextHopLength !== 32) {
      throw new RangeError(`canonical set of family ${family} has a next hop of ${nextHopLength} octets`);
    }
    const nextHop = start + 2;
    if (end - start > this.maxLength + 64) return false;
    if (isClassic && this.fourOctetAs) return this.beginClassic(canonical, start, end);
    if (!this.copyAttributes(canonical, nextHop + nextHopLength, end, isClassic ? nextHop : -1)) return false;
    const fixed =
      HEADER_LENGTH + 4 + this.attributesLength + (isClassic ? 0 : MP_HEAD_LENGTH + 5 + nextHopLength);
    if (fixed + this.longestNlri[family as FamilyIndex] > this.maxLength) return false;
    this.open();
    let at = this.at;
    const { out } = this;
    if (isClassic) {
      out[at++] = this.attributesLength >>> 8;
      out[at++] = this.attributesLength;
      at = copy(this.attributes, 0, this.attributesLength, out, at);
      this.begin(Field.nlri, at, this.messageStart + this.maxLength);
    } else {
      at = this.openMp(AttributeCode.mpReachNlri, family as FamilyIndex);
      out[at++] = nextHopLength;
      at = copy(canonical, nextHop, nextHop + nextHopLength, out, at);
      out[at++] = 0;
      this.begin(Field.mpReach, at, this.messageStart + this.maxLength - this.attributesLength);
    }
    return true;
  }

  /** What nearly every message is: IPv4 with NEXT_HOP to a peer of 4-octet AS numbers. */
  private beginClassic(canonical: Buffer, start: number, end: number): boolean {
    const nextHop = start + 2;
    const attributes = nextHop + 4;
    const length = end - attributes + NEXT_HOP_ATTRIBUTE;
    if (HEADER_LENGTH + 4 + length + this.longestNlri[0] > this.maxLength) return false;
    this.open();
    const { out } = this;
    let { at } = this;
    out[at++] = length >>> 8;
    out[at++] = length;
    const split = findType(canonical, attributes, end, AttributeCode.nextHop);
    at = writeNextHop(out, copy(canonical, attributes, split, out, at), canonical, nextHop);
    this.begin(Field.nlri, copy(canonical, split, end, out, at), this.messageStart + this.maxLength);
    return true;
  }

  /** The prefixes that follow are withdrawn. */
  beginUnreach(family: FamilyIndex): void {
    this.end();
    this.open();
    if (family === 0) {
      this.begin(Field.withdrawn, this.at, this.messageStart + this.maxLength - 2);
    } else {
      const at = this.openMp(AttributeCode.mpUnreachNlri, family);
      this.begin(Field.mpUnreach, at, this.messageStart + this.maxLength);
    }
  }

  /** Bits behind `length` must be zero. */
  addIpv4(a: number, length: number): void {
    if (this.at + 1 + ((length + 7) >> 3) > this.nlriLimit) this.continueInNext();
    this.at = writeNlri4(this.out, this.at, a, length);
  }

  /** The prefixes with these ids, whose addresses and lengths stand in `words` and `lengths`. */
  addAllIpv4(ids: Int32Array, count: number, words: Uint32Array, lengths: Uint8Array): void {
    let { out, at, nlriLimit } = this;
    for (let i = 0; i < count; i++) {
      const id = ids[i];
      const length = lengths[id];
      if (at + MAX_NLRI4 > nlriLimit && at + 1 + ((length + 7) >> 3) > nlriLimit) {
        this.at = at;
        this.continueInNext();
        ({ out, at, nlriLimit } = this);
      }
      at = writeNlri4(out, at, words[id], length);
    }
    this.at = at;
  }

  /** Likewise, four words each. */
  addAllIpv6(ids: Int32Array, count: number, words: Uint32Array, lengths: Uint8Array): void {
    for (let i = 0; i < count; i++) {
      const at = ids[i] * 4;
      this.addIpv6(words[at], words[at + 1], words[at + 2], words[at + 3], lengths[ids[i]]);
    }
  }

  /** Bits behind `length` must be zero. */
  addIpv6(a: number, b: number, c: number, d: number, length: number): void {
    if (this.at + 1 + ((length + 7) >> 3) > this.nlriLimit) this.continueInNext();
    this.at = writeNlri6(this.out, this.at, a, b, c, d, length);
  }

  /** A prefix with its path identifier (RFC 7911 §3). */
  addPathIpv4(pathId: number, a: number, length: number): void {
    if (this.at + PATH_ID_OCTETS + 1 + ((length + 7) >> 3) > this.nlriLimit) this.continueInNext();
    this.at = writeNlri4(this.out, writePathId(this.out, this.at, pathId), a, length);
  }

  /** A prefix with its path identifier (RFC 7911 §3). */
  addPathIpv6(pathId: number, a: number, b: number, c: number, d: number, length: number): void {
    if (this.at + PATH_ID_OCTETS + 1 + ((length + 7) >> 3) > this.nlriLimit) this.continueInNext();
    this.at = writeNlri6(this.out, writePathId(this.out, this.at, pathId), a, b, c, d, length);
  }

  /** Completes the message under construction; one without a prefix is dropped. */
  end(): void {
    if (this.field === Field.none) return;
    if (this.at === this.nlriStart) this.at = this.messageStart;
    else this.close();
    this.field = Field.none;
    this.messageStart = this.at;
  }

  /** All messages since the last take(), in a buffer that is the caller's own; null if there are none. */
  take(): Buffer | null {
    this.end();
    const { out, at } = this;
    if (at === 0) return null;
    this.at = 0;
    this.messageStart = 0;
    if (at < out.length >> 1) {
      const bytes = Buffer.allocUnsafeSlow(at);
      copy(out, 0, at, bytes, 0);
      return bytes;
    }
    // It is filled so far that to copy it would cost more than what lies idle behind its end.
    this.out = Buffer.allocUnsafeSlow(Math.min(out.length, ROOM));
    return out.subarray(0, at);
  }

  private begin(field: Field, at: number, limit: number): void {
    this.field = field;
    this.at = at;
    this.nlriStart = at;
    this.nlriLimit = limit;
  }

  /** Header and an empty withdrawn-routes length; makes room for a whole message. */
  private open(): void {
    const needed = this.messageStart + this.maxLength;
    if (this.out.length < needed) {
      const usual = Math.min(2 * this.out.length, ROOM);
      const larger = Buffer.allocUnsafeSlow(usual >= needed ? usual : Math.max(needed, 2 * this.out.length));
      this.out.copy(larger, 0, 0, this.messageStart);
      this.out = larger;
    }
    const { out, messageStart } = this;
    writeHeader(out, messageStart, 0, MessageType.update);
    out[messageStart + HEADER_LENGTH] = 0;
    out[messageStart + HEADER_LENGTH + 1] = 0;
    this.at = messageStart + HEADER_LENGTH + 2;
  }

  /** Room for the attributes' total length, then the head of an MP attribute up to its SAFI; returns the offset behind it. */
  private openMp(type: number, family: FamilyIndex): number {
    const { out } = this;
    let at = this.at + 2;
    out[at++] = MP_FLAGS;
    out[at++] = type;
    at += 2;
    out[at++] = 0;
    out[at++] = afiOf(family);
    out[at++] = Safi.unicast;
    return at;
  }

  /** Fills in the lengths, and what follows the prefixes. */
  private close(): void {
    const { out, messageStart } = this;
    const body = messageStart + HEADER_LENGTH;
    const mp = body + 4;
    switch (this.field) {
      case Field.withdrawn:
        writeU16(out, body, this.at - body - 2);
        writeU16(out, this.at, 0);
        this.at += 2;
        break;
      case Field.mpReach:
        writeU16(out, mp + 2, this.at - mp - MP_HEAD_LENGTH);
        this.at = copy(this.attributes, 0, this.attributesLength, out, this.at);
        writeU16(out, body + 2, this.at - mp);
        break;
      case Field.mpUnreach:
        writeU16(out, mp + 2, this.at - mp - MP_HEAD_LENGTH);
        writeU16(out, body + 2, this.at - mp);
        break;
    }
    writeU16(out, messageStart + 16, this.at - messageStart);
  }

  /** The message is full: the next one begins as this one did. */
  private continueInNext(): void {
    if (this.field === Field.none)
      throw new RangeError('a prefix was added before beginReach or beginUnreach');
    const previous = this.messageStart;
    const headLength = this.nlriStart - previous;
    const room = this.nlriLimit - previous;
    this.close();
    this.messageStart = this.at;
    this.open();
    this.out.copyWithin(this.messageStart, previous, previous + headLength);
    writeU16(this.out, this.messageStart + HEADER_LENGTH, 0);
    this.begin(this.field, this.messageStart + headLength, this.messageStart + room);
  }

  /**
   * Brings a set's attributes to this peer's form in `attributes`. `nextHop` is the offset of a 4-octet NEXT_HOP to put in
   * its place, -1 for none. Returns false where they do not fit.
   */
  private copyAttributes(canonical: Buffer, start: number, end: number, nextHop: number): boolean {
    const to = this.attributes;
    if (end - start + 7 > to.length) return false;
    if (!this.fourOctetAs) return this.copyNarrowed(canonical, start, end, nextHop);
    if (nextHop < 0) {
      this.attributesLength = copy(canonical, start, end, to, 0);
      return true;
    }
    const split = findType(canonical, start, end, AttributeCode.nextHop);
    const at = writeNextHop(to, copy(canonical, start, split, to, 0), canonical, nextHop);
    this.attributesLength = copy(canonical, split, end, to, at);
    return true;
  }

  /** The same for a peer of 2-octet AS numbers (RFC 6793 §4.2.2). */
  private copyNarrowed(canonical: Buffer, start: number, end: number, nextHop: number): boolean {
    const pieces: Buffer[] = [];
    const late: Buffer[] = [];
    for (let p = start; p < end; ) {
      const flags = canonical[p];
      const type = canonical[p + 1];
      const isExtended = (flags & AttributeFlag.extendedLength) !== 0;
      const value = p + (isExtended ? 4 : 3);
      const next = value + (isExtended ? (canonical[p + 2] << 8) | canonical[p + 3] : canonical[p + 2]);
      if (nextHop >= 0 && type > AttributeCode.nextHop) {
        pieces.push(nextHopAttribute(canonical, nextHop));
        nextHop = -1;
      }
      if (type > AttributeCode.as4Aggregator) pieces.push(...late.splice(0));
      if (type === AttributeCode.asPath) {
        const narrow = Buffer.allocUnsafe(next - value);
        const length = narrowAsPath(canonical, value, next, narrow, 0);
        pieces.push(tlv(flags, type, narrow.subarray(0, length)));
        if (needsAs4Path(canonical, value, next)) {
          const as4 = Buffer.allocUnsafe(next - value);
          const as4Length = copyWithoutConfederations(canonical, value, next, as4, 0);
          late.push(tlv(AS4_FLAGS, AttributeCode.as4Path, as4.subarray(0, as4Length)));
        }
      } else if (type === AttributeCode.aggregator) {
        const fits = canonical.readUInt16BE(value) === 0;
        const narrow = Buffer.from(canonical.subarray(value + 2, next));
        if (!fits) {
          narrow.writeUInt16BE(AS_TRANS, 0);
          late.push(tlv(AS4_FLAGS, AttributeCode.as4Aggregator, canonical.subarray(value, next)));
        }
        pieces.push(tlv(flags, type, narrow));
      } else {
        pieces.push(canonical.subarray(p, next));
      }
      p = next;
    }
    if (nextHop >= 0) pieces.push(nextHopAttribute(canonical, nextHop));
    pieces.push(...late);
    const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (total > this.attributes.length) return false;
    let at = 0;
    for (const piece of pieces) {
      this.attributes.set(piece, at);
      at += piece.length;
    }
    this.attributesLength = at;
    return true;
  }
}

const AS4_FLAGS = AttributeFlag.optional | AttributeFlag.transitive;

/** The End-of-RIB marker (RFC 4724 §2), a whole message: an empty UPDATE for IPv4, an empty MP_UNREACH_NLRI for IPv6. */
export function encodeEndOfRib(family: FamilyIndex): Buffer {
  const body =
    family === 0
      ? [0, 0, 0, 0]
      : [0, 0, 0, 6, AttributeFlag.optional, AttributeCode.mpUnreachNlri, 3, 0, afiOf(family), Safi.unicast];
  return frame(MessageType.update, Uint8Array.from(body));
}

function writeU16(out: Buffer, at: number, value: number): void {
  out[at] = value >>> 8;
  out[at + 1] = value;
}

/** A call into native code costs as much as some sixty octets by hand. */
function copy(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  if (end - start > 64) {
    from.copy(to, at, start, end);
    return at + end - start;
  }
  for (let p = start; p < end; p++) to[at++] = from[p];
  return at;
}

/** Where an attribute of `type` stands or would stand among sorted TLVs. */
function findType(buf: Buffer, start: number, end: number, type: number): number {
  let at = start;
  while (at < end && buf[at + 1] < type) {
    at +=
      (buf[at] & AttributeFlag.extendedLength) !== 0
        ? 4 + ((buf[at + 2] << 8) | buf[at + 3])
        : 3 + buf[at + 2];
  }
  return at;
}

function writeNextHop(out: Buffer, at: number, from: Buffer, nextHop: number): number {
  out[at] = AttributeFlag.transitive;
  out[at + 1] = AttributeCode.nextHop;
  out[at + 2] = 4;
  for (let i = 0; i < 4; i++) out[at + 3 + i] = from[nextHop + i];
  return at + 7;
}

function nextHopAttribute(from: Buffer, nextHop: number): Buffer {
  const attribute = Buffer.allocUnsafe(7);
  writeNextHop(attribute, 0, from, nextHop);
  return attribute;
}

/** One attribute; the extended-length flag is set where the value needs it and cleared where not. */
function tlv(flags: number, type: number, value: Uint8Array): Buffer {
  const head =
    value.length > 255
      ? [flags | AttributeFlag.extendedLength, type, value.length >>> 8, value.length & 255]
      : [flags & ~AttributeFlag.extendedLength, type, value.length];
  return Buffer.concat([Uint8Array.from(head), value]);
}
