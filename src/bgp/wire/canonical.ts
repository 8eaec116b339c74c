/**
 * Canonical sets (see index.ts) read and rewritten: `CanonicalView` walks one in place, `CanonicalBuilder` makes a new
 * one out of another or out of nothing.
 */
import { type Address, type FamilyIndex, IPV4, writeAddress } from '../../address/index.js';
import { AIGP_TLV_LENGTH, writeAigpTlv } from './aigp.js';
import { MAX_SEGMENT, SegmentType } from './as-path.js';
import { AttributeCode, AttributeFlag, attributeSpecs, Origin } from './attributes.js';

/**
 * Walks the attributes of one canonical set.
 *
 *     view.reset(buffer, start, end);
 *     while (view.next()) if (view.type === AttributeCode.communities) …view.valueStart, view.valueEnd…
 */
export class CanonicalView {
  buffer: Buffer = Buffer.alloc(0);
  family: FamilyIndex = IPV4;
  nextHopStart = 0;
  /** 0, 4, 16 or 32. */
  nextHopLength = 0;
  type = 0;
  flags = 0;
  valueStart = 0;
  valueEnd = 0;
  private at = 0;
  private end = 0;

  /** Begins anew with the set in `start`–`end`. */
  reset(buffer: Buffer, start: number, end: number): this {
    this.buffer = buffer;
    this.family = buffer[start] as FamilyIndex;
    this.nextHopLength = buffer[start + 1];
    this.nextHopStart = start + 2;
    this.at = start + 2 + this.nextHopLength;
    this.end = end;
    return this;
  }

  /** Goes to the next attribute; false behind the last. */
  next(): boolean {
    const { buffer, at } = this;
    if (at >= this.end) return false;
    this.flags = buffer[at];
    this.type = buffer[at + 1];
    if ((this.flags & AttributeFlag.extendedLength) !== 0) {
      this.valueStart = at + 4;
      this.valueEnd = at + 4 + ((buffer[at + 2] << 8) | buffer[at + 3]);
    } else {
      this.valueStart = at + 3;
      this.valueEnd = at + 3 + buffer[at + 2];
    }
    this.at = this.valueEnd;
    return true;
  }

  /** Goes forward to the attribute `type`; false where it is not there or behind us. Types are asked for in ascending order. */
  find(type: number): boolean {
    while (this.at < this.end && this.buffer[this.at + 1] <= type) {
      this.next();
      if (this.type === type) return true;
    }
    return false;
  }
}

/** Longest value that one attribute's two length octets can tell. */
const MAX_VALUE = 0xffff;
/** Room before the attributes for family, length and a next hop of up to 32 octets. */
const HEAD_ROOM = 34;
const OPTIONAL_TRANSITIVE = AttributeFlag.optional | AttributeFlag.transitive;

/**
 * Rewrites a canonical set in a scratch buffer of its own.
 *
 *     builder.load(bytes, start, end).setNextHop(self).remove(AttributeCode.localPref).prependAs(65001);
 *     builder.finish();
 *     attrSets.intern(builder.buffer, builder.start, builder.end);
 *
 * Attributes stay sorted whatever the order of the calls. The result is valid until the next load() or empty().
 */
export class CanonicalBuilder {
  /** Holds the result; another Buffer may take its place when a value grows. */
  buffer: Buffer = Buffer.allocUnsafeSlow(8192);
  /** The result's range, set by finish(). */
  start = HEAD_ROOM;
  end = HEAD_ROOM;
  private family: FamilyIndex = IPV4;
  private nextHopLength = 0;
  private readonly nextHop = Buffer.alloc(32);
  /** Where find() stopped: the attribute's head, value and end; head = end of the set where it would be appended. */
  private head = 0;
  private value = 0;
  private tail = 0;

  /** Begins with a copy of the set in `start`–`end`. */
  load(from: Buffer, start: number, end: number): this {
    this.empty(from[start] as FamilyIndex);
    this.setNextHopBytes(from, start + 2, from[start + 1]);
    const attributes = start + 2 + from[start + 1];
    this.reserve(end - attributes);
    from.copy(this.buffer, HEAD_ROOM, attributes, end);
    this.end = HEAD_ROOM + end - attributes;
    return this;
  }

  /** Begins with a set of no attributes and no next hop. */
  empty(family: FamilyIndex): this {
    this.family = family;
    this.nextHopLength = 0;
    this.end = HEAD_ROOM;
    return this;
  }

  /** The next hop in 0 (this router, to be filled in on export), 4, 16 or 32 octets. */
  setNextHopBytes(from: Buffer, start: number, length: number): this {
    from.copy(this.nextHop, 0, start, start + length);
    this.nextHopLength = length;
    return this;
  }

  /** Null is this router itself. `linkLocal` beside a global IPv6 address: RFC 2545 §3. */
  setNextHop(address: Address | null, linkLocal: Address | null = null): this {
    this.nextHopLength = address === null ? 0 : writeAddress(this.nextHop, 0, address);
    if (linkLocal !== null) this.nextHopLength = writeAddress(this.nextHop, this.nextHopLength, linkLocal);
    return this;
  }

  has(type: number): boolean {
    return this.find(type);
  }

  /** Puts an attribute in its place, over the one of its type if there is one. Flags without the extended-length bit. */
  put(type: number, flags: number, value: Uint8Array): this {
    const at = this.open(type, flags, value.length);
    this.buffer.set(value, at);
    return this;
  }

  /** Puts an attribute whose value is one unsigned 32-bit number, with the flags of the table. */
  putU32(type: number, value: number): this {
    const at = this.open(type, flagsOf(type), 4);
    this.buffer.writeUInt32BE(value, at);
    return this;
  }

  /** Drops an attribute; nothing happens if it is not there. */
  remove(type: number): this {
    if (this.find(type)) this.splice(this.head, this.tail, 0);
    return this;
  }

  /** Drops all attributes for which `predicate(type, flags)` is true. */
  removeWhere(predicate: (type: number, flags: number) => boolean): this {
    for (let at = HEAD_ROOM; at < this.end; ) {
      this.readHead(at);
      if (predicate(this.buffer[at + 1], this.buffer[at])) this.splice(at, this.tail, 0);
      else at = this.tail;
    }
    return this;
  }

  setOrigin(origin: number): this {
    return this.put(AttributeCode.origin, AttributeFlag.transitive, Uint8Array.of(origin));
  }

  setMed(med: number): this {
    return this.putU32(AttributeCode.multiExitDisc, med);
  }

  setLocalPref(localPref: number): this {
    return this.putU32(AttributeCode.localPref, localPref);
  }

  /** Puts `asn` in front of AS_PATH, `count` times, 1 to 255 (RFC 4271 §5.1.2). A leading sequence takes it in while it has room. */
  prependAs(asn: number, count = 1): this {
    if (count < 1 || count > MAX_SEGMENT)
      throw new RangeError(`AS prepended ${count} times, expected 1 to 255`);
    const type = AttributeCode.asPath;
    const path = this.copyValue(type);
    const first =
      path.length > 0 && path[0] === SegmentType.sequence && path[1] + count <= MAX_SEGMENT ? path[1] : 0;
    const rest = path.subarray(first > 0 ? 2 : 0);
    let at = this.open(type, AttributeFlag.transitive, 2 + 4 * count + rest.length);
    this.buffer[at++] = SegmentType.sequence;
    this.buffer[at++] = first + count;
    for (let i = 0; i < count; i++) at = this.buffer.writeUInt32BE(asn, at);
    this.buffer.set(rest, at);
    return this;
  }

  /** One sequence of these AS numbers; an empty path where there are none. */
  setAsPath(asns: readonly number[]): this {
    let at = this.open(AttributeCode.asPath, AttributeFlag.transitive, asPathOctets(asns.length));
    for (let i = 0; i < asns.length; i++) {
      if (i % MAX_SEGMENT === 0) {
        this.buffer[at++] = SegmentType.sequence;
        this.buffer[at++] = Math.min(MAX_SEGMENT, asns.length - i);
      }
      at = this.buffer.writeUInt32BE(asns[i], at);
    }
    return this;
  }

  /** Exactly these communities (RFC 1997), each once, in this order; none drops the attribute. */
  setCommunities(communities: readonly number[]): this {
    const unique = [...new Set(communities)];
    if (unique.length === 0) return this.remove(AttributeCode.communities);
    // RFC 4271 §5: the partial bit, once set, stays.
    const partial = this.find(AttributeCode.communities) ? this.buffer[this.head] & AttributeFlag.partial : 0;
    let at = this.open(AttributeCode.communities, OPTIONAL_TRANSITIVE | partial, 4 * unique.length);
    for (const community of unique) at = this.buffer.writeUInt32BE(community, at);
    return this;
  }

  /** Those communities that are not there yet come behind the others. */
  addCommunities(communities: readonly number[]): this {
    return this.setCommunities([...this.communities(), ...communities]);
  }

  removeCommunities(communities: readonly number[]): this {
    return this.setCommunities(this.communities().filter((value) => !communities.includes(value)));
  }

  /** The communities as they stand. */
  communities(): number[] {
    const values: number[] = [];
    if (this.find(AttributeCode.communities)) {
      for (let at = this.value; at + 4 <= this.tail; at += 4) values.push(this.buffer.readUInt32BE(at));
    }
    return values;
  }

  /** Writes the head before the attributes; afterwards `buffer`, `start`, `end` are the set. More calls and another finish() may follow. */
  finish(): this {
    this.start = HEAD_ROOM - 2 - this.nextHopLength;
    this.buffer[this.start] = this.family;
    this.buffer[this.start + 1] = this.nextHopLength;
    this.nextHop.copy(this.buffer, this.start + 2, 0, this.nextHopLength);
    return this;
  }

  /** finish(), and the result as bytes of the caller's own. */
  toBuffer(): Buffer {
    this.finish();
    return Buffer.from(this.buffer.subarray(this.start, this.end));
  }

  private readHead(at: number): void {
    this.head = at;
    if ((this.buffer[at] & AttributeFlag.extendedLength) !== 0) {
      this.value = at + 4;
      this.tail = this.value + ((this.buffer[at + 2] << 8) | this.buffer[at + 3]);
    } else {
      this.value = at + 3;
      this.tail = this.value + this.buffer[at + 2];
    }
  }

  /** Looks for an attribute; where it is not there, `head` and `tail` both say where it belongs. */
  private find(type: number): boolean {
    let at = HEAD_ROOM;
    while (at < this.end) {
      this.readHead(at);
      if (this.buffer[at + 1] === type) return true;
      if (this.buffer[at + 1] > type) break;
      at = this.tail;
    }
    this.head = at;
    this.value = at;
    this.tail = at;
    return false;
  }

  private copyValue(type: number): Uint8Array {
    return this.find(type) ? Uint8Array.from(this.buffer.subarray(this.value, this.tail)) : new Uint8Array(0);
  }

  /** Makes an attribute of `length` octets and returns where its value goes. */
  private open(type: number, flags: number, length: number): number {
    if (length > MAX_VALUE)
      throw new RangeError(`attribute ${type} of ${length} octets, at most ${MAX_VALUE} fit`);
    this.find(type);
    const { head } = this;
    const headLength = length > 255 ? 4 : 3;
    this.splice(head, this.tail, headLength + length);
    const { buffer } = this;
    buffer[head + 1] = type;
    if (headLength === 4) {
      buffer[head] = flags | AttributeFlag.extendedLength;
      buffer[head + 2] = length >>> 8;
      buffer[head + 3] = length;
    } else {
      buffer[head] = flags & ~AttributeFlag.extendedLength;
      buffer[head + 2] = length;
    }
    return head + headLength;
  }

  /** Gives `from`–`to` the size of `length` octets and moves what follows. */
  private splice(from: number, to: number, length: number): void {
    const grown = length - (to - from);
    if (grown > 0) this.reserve(this.end - HEAD_ROOM + grown);
    this.buffer.copyWithin(from + length, to, this.end);
    this.end += grown;
  }

  private reserve(attributesLength: number): void {
    const needed = HEAD_ROOM + attributesLength;
    if (this.buffer.length >= needed) return;
    const larger = Buffer.allocUnsafeSlow(2 * needed);
    this.buffer.copy(larger, 0, 0, this.end);
    this.buffer = larger;
  }
}

function flagsOf(type: number): number {
  return attributeSpecs[type]?.flags ?? OPTIONAL_TRANSITIVE;
}

function asPathOctets(count: number): number {
  return 4 * count + 2 * Math.ceil(count / MAX_SEGMENT);
}

/** The attributes of a route that does not come from a peer, or of a test. */
export interface CanonicalAttributes {
  readonly family: FamilyIndex;
  /** Null or absent: this router itself, filled in on export. */
  readonly nextHop?: Address | null;
  readonly linkLocalNextHop?: Address | null;
  /** One of Origin; igp if absent. */
  readonly origin?: number;
  /** One sequence; empty if absent. */
  readonly asPath?: readonly number[];
  readonly med?: number;
  readonly localPref?: number;
  readonly communities?: readonly number[];
  /** RFC 7311: at most 2^53. */
  readonly aigp?: number;
  /** RFC 8092, three unsigned 32-bit numbers each. */
  readonly largeCommunities?: readonly (readonly [number, number, number])[];
}

/** Of `buildCanonical`, which may be asked once per route. */
let scratch: CanonicalBuilder | null = null;

/** A canonical set in bytes of its own. */
export function buildCanonical(attributes: CanonicalAttributes): Buffer {
  scratch ??= new CanonicalBuilder();
  const builder = scratch.empty(attributes.family);
  builder.setNextHop(attributes.nextHop ?? null, attributes.linkLocalNextHop ?? null);
  builder.setOrigin(attributes.origin ?? Origin.igp).setAsPath(attributes.asPath ?? []);
  if (attributes.med !== undefined) builder.setMed(attributes.med);
  if (attributes.localPref !== undefined) builder.setLocalPref(attributes.localPref);
  if (attributes.communities !== undefined) builder.setCommunities(attributes.communities);
  if (attributes.aigp !== undefined) {
    const value = Buffer.allocUnsafe(AIGP_TLV_LENGTH);
    writeAigpTlv(value, 0, attributes.aigp);
    builder.put(AttributeCode.aigp, AttributeFlag.optional, value);
  }
  const large = attributes.largeCommunities ?? [];
  if (large.length > 0) {
    const value = Buffer.allocUnsafe(12 * large.length);
    let at = 0;
    for (const community of large) for (const part of community) at = value.writeUInt32BE(part, at);
    builder.put(AttributeCode.largeCommunities, OPTIONAL_TRANSITIVE, value);
  }
  return builder.toBuffer();
}
