/**
 * Attribute sets: the canonical bytes of an UPDATE's path attributes, kept once however many paths carry them, under a
 * dense id with a reference count. What the decision process compares is decoded once per set, into columns.
 *
 * Canonical form: u8 family, u8 length of the next hop (0, 4, 16 or 32), the next hop, then the path attributes as on
 * the wire (flags, type, length in one octet or two, value) sorted by type, AS numbers in 4 octets, without NEXT_HOP,
 * MP_REACH_NLRI, MP_UNREACH_NLRI, AS4_PATH and AS4_AGGREGATOR. Equal sets have equal bytes.
 *
 * A link-local next hop means something on one interface alone, so the same bytes from two interfaces are two sets:
 * the interface is the set's scope. All other sets have scope 0.
 *
 * The bytes lie in slabs. A freed set leaves a hole; a slab with more holes than sets is evacuated into the current
 * one, a little work each time, so that memory follows what is held.
 */
import { type Address, type FamilyIndex, IPV4, IPV6, isLinkLocal, readAddress } from '../address/index.js';
import { AttributeCode, aigpMetricAt, CanonicalView, readAigpMetric } from '../bgp/wire/index.js';
import type { AttrSetId, NextHopId } from './ids.js';
import { findLinkBandwidth } from './link-bandwidth.js';
import { growTo, nextCapacity, reserve } from './memory.js';
import type { NextHopTable } from './next-hops.js';

/** Well-known communities of a set, as bits of `communityFlags` (RFC 1997, RFC 8326, RFC 7999, RFC 9494). */
export const NO_EXPORT = 1;
export const NO_ADVERTISE = 2;
export const NO_EXPORT_SUBCONFED = 4;
export const GRACEFUL_SHUTDOWN = 8;
export const BLACKHOLE = 16;
export const LLGR_STALE = 32;
export const NO_LLGR = 64;

const communityFlag = new Map<number, number>([
  [0xffffff01, NO_EXPORT],
  [0xffffff02, NO_ADVERTISE],
  [0xffffff03, NO_EXPORT_SUBCONFED],
  [0xffff0000, GRACEFUL_SHUTDOWN],
  [0xffff029a, BLACKHOLE],
  [0xffff0006, LLGR_STALE],
  [0xffff0007, NO_LLGR],
]);

const MAX_SETS = 1 << 24;
const MIN_INDEX = 1024;
const SLAB_BYTES = 1 << 18;
/** Before each set in its slab: u32 id, u32 length. */
const RECORD_HEADER = 8;
const DEFAULT_LOCAL_PREF = 100;
const AIGP = AttributeCode.aigp;
const aigpView = new CanonicalView();

const columnNames = [
  'nextHopId',
  'localPref',
  'med',
  'firstAs',
  'originatorId',
  'generation',
  'scope',
  'references',
  'hashes',
  'slabOf',
  'offsetOf',
  'lengthOf',
  'asPathLength',
  'clusterListLength',
  'origin',
  'family',
  'communityFlags',
  'present',
] as const;

interface Slab {
  readonly buffer: Buffer;
  used: number;
  /** Bytes of records whose set is still held. */
  live: number;
}

export class AttrSets {
  /** Columns by AttrSetId; made anew when they grow, so read them through the table each time. */
  nextHopId!: Uint32Array;
  localPref!: Uint32Array;
  med!: Uint32Array;
  /** AS numbers in AS_PATH as RFC 4271 §9.1.2.2 (a) counts them: an AS_SET is one, confederation segments none. */
  asPathLength!: Uint16Array;
  /** The neighbouring AS: first of a leading AS_SEQUENCE, 0 if there is none. */
  firstAs!: Uint32Array;
  /** 0 when absent. */
  originatorId!: Uint32Array;
  clusterListLength!: Uint8Array;
  /** 0 IGP, 1 EGP, 2 INCOMPLETE. */
  origin!: Uint8Array;
  family!: Uint8Array;
  communityFlags!: Uint8Array;
  /** Bit 0: LOCAL_PREF is there (else `localPref` is 100). Bit 1: MED is there (else `med` is 0). Bit 2: so is a link bandwidth. Bit 3: so is AIGP. */
  private present!: Uint8Array;
  /** Goes up when an id is freed: a cache that holds no reference compares it. */
  generation!: Uint32Array;
  /** Interface of a link-local next hop, else 0. */
  scope!: Uint32Array;
  /** Sets held now (the reserved id 0 is not counted). */
  count = 0;
  /** Those of them that carry AIGP. */
  aigpCount = 0;
  /** Every id in use is below this. */
  highWater = 1;

  private references!: Uint32Array;
  private hashes!: Uint32Array;
  private slabOf!: Uint32Array;
  private offsetOf!: Uint32Array;
  private lengthOf!: Uint32Array;
  private buffers = reserveColumns();
  private capacity = 0;
  private index = new Uint32Array(MIN_INDEX);
  private mask = MIN_INDEX - 1;
  /** Free ids, chained through `lengthOf`; 0 ends the chain. */
  private freeHead = 0;
  /** No id has a higher generation, and one that was not used yet has this. */
  private generationBase = 0;
  private slabs: (Slab | null)[] = [];
  private freeSlabs: number[] = [];
  private current = -1;
  private readonly seed = Math.trunc(Math.random() * 0x100000000);
  private readonly nextHops: NextHopTable;

  constructor(nextHops: NextHopTable) {
    this.nextHops = nextHops;
    this.ensureCapacity(MIN_INDEX);
  }

  /**
   * The id of the canonical set in `buf[start, end)`, with one more reference, which is the caller's. The bytes are
   * copied if they are new. `scope` is the interface on which the set arrived; it matters for link-local next hops alone.
   */
  intern(buf: Uint8Array, start: number, end: number, scope = 0): AttrSetId {
    if (scope !== 0 && !hasLinkLocalNextHop(buf, start)) scope = 0;
    const length = end - start;
    const hash = this.hash(buf, start, end, scope);
    const { index, mask } = this;
    let slot = hash & mask;
    for (let entry = index[slot]; entry !== 0; entry = index[slot]) {
      if (
        this.hashes[entry] === hash &&
        this.lengthOf[entry] === length &&
        this.scope[entry] === scope &&
        this.sameBytes(entry, buf, start, length)
      ) {
        this.references[entry]++;
        return entry as AttrSetId;
      }
      slot = (slot + 1) & mask;
    }
    let id = this.freeHead;
    if (id !== 0) {
      this.freeHead = this.lengthOf[id];
    } else {
      id = this.highWater;
      if (id >= this.capacity) this.ensureCapacity(id + 1);
      this.highWater++;
    }
    this.hashes[id] = hash;
    this.scope[id] = scope;
    this.references[id] = 1;
    this.store(id, buf, start, length);
    this.decode(id);
    index[slot] = id;
    this.count++;
    if (this.count > index.length >> 1) this.rehash(index.length * 2);
    return id as AttrSetId;
  }

  /** One more reference. Nothing for REJECTED (0). */
  retain(id: AttrSetId): void {
    if (id !== 0) this.references[id]++;
  }

  /** One reference less; the last one frees the set. Nothing for REJECTED (0). */
  release(id: AttrSetId): void {
    if (id !== 0 && --this.references[id] === 0) this.free(id);
  }

  /** Where the canonical bytes lie. A set may move later, but bytes never change under a buffer that was handed out. */
  bytes(id: AttrSetId): { buffer: Buffer; start: number; end: number } {
    const start = this.start(id);
    return { buffer: this.buffer(id), start, end: start + this.lengthOf[id] };
  }

  /** The same without an object: `buffer(id)` from `start(id)` to `end(id)`. */
  buffer(id: AttrSetId): Buffer {
    return (this.slabs[this.slabOf[id]] as Slab).buffer;
  }
  start(id: AttrSetId): number {
    return this.offsetOf[id];
  }
  end(id: AttrSetId): number {
    return this.offsetOf[id] + this.lengthOf[id];
  }

  hasLocalPref(id: AttrSetId): boolean {
    return (this.present[id] & 1) !== 0;
  }
  hasMed(id: AttrSetId): boolean {
    return (this.present[id] & 2) !== 0;
  }

  hasAigp(id: AttrSetId): boolean {
    return (this.present[id] & 8) !== 0;
  }

  /** The metric of the set's AIGP (RFC 7311), rounded beyond 2^53; -1: it has none. */
  aigp(id: AttrSetId): number {
    if ((this.present[id] & 8) === 0) return -1;
    const view = aigpView.reset(this.buffer(id), this.start(id), this.end(id));
    const at = view.find(AIGP) ? aigpMetricAt(view.buffer, view.valueStart, view.valueEnd) : -1;
    return at < 0 ? -1 : readAigpMetric(view.buffer, at);
  }

  /** Octets per second of the set's link bandwidth community; 0: it has none. */
  linkBandwidth(id: AttrSetId): number {
    if ((this.present[id] & 4) === 0) return 0;
    const buffer = this.buffer(id);
    const end = this.end(id);
    for (let at = this.start(id) + 2 + buffer[this.start(id) + 1]; at < end; ) {
      const extended = buffer[at] & 0x10;
      const value = at + (extended ? 4 : 3);
      const next = value + (extended ? buffer.readUInt16BE(at + 2) : buffer[at + 2]);
      if (buffer[at + 1] === 16) return findLinkBandwidth(buffer, value, next);
      at = next;
    }
    return 0;
  }

  referenceCount(id: AttrSetId): number {
    return this.references[id];
  }

  /** The next hop as the set carries it (of 32 octets the global one); null when it carries none. */
  nextHopAddress(id: AttrSetId): Address | null {
    const buffer = this.buffer(id);
    const start = this.start(id);
    const length = buffer[start + 1];
    if (length === 0) return null;
    return readAddress(buffer, start + 2, length === 4 ? IPV4 : IPV6);
  }

  /** Bytes of the slabs and the index, and of the columns up to the highest id in use. */
  memoryBytes(): number {
    let bytes = this.index.byteLength + this.highWater * 58;
    for (const slab of this.slabs) bytes += slab?.buffer.length ?? 0;
    return bytes;
  }

  private hash(buf: Uint8Array, start: number, end: number, scope: number): number {
    let h = this.seed ^ (end - start) ^ Math.imul(scope, 0x9e3779b1);
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word = buf[at] | (buf[at + 1] << 8) | (buf[at + 2] << 16) | (buf[at + 3] << 24);
      h = Math.imul(h ^ word, 0x85ebca6b);
      h ^= h >>> 15;
    }
    for (; at < end; at++) h = Math.imul(h ^ buf[at], 0x01000193);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
  }

  private sameBytes(id: number, buf: Uint8Array, start: number, length: number): boolean {
    const { buffer } = this.slabs[this.slabOf[id]] as Slab;
    const at = this.offsetOf[id];
    for (let i = 0; i < length; i++) if (buffer[at + i] !== buf[start + i]) return false;
    return true;
  }

  /** Copies the bytes to the end of the current slab. */
  private store(id: number, buf: Uint8Array, start: number, length: number): void {
    const bytes = RECORD_HEADER + length;
    const left = this.current;
    let slab = left < 0 ? null : this.slabs[left];
    if (slab === null || slab.used + bytes > slab.buffer.length) slab = this.openSlab(bytes);
    const at = slab.used;
    slab.buffer.writeUInt32LE(id, at);
    slab.buffer.writeUInt32LE(length, at + 4);
    // Most sets are shorter than the cost of a call that copies.
    if (length > 128) slab.buffer.set(buf.subarray(start, start + length), at + RECORD_HEADER);
    else for (let i = 0; i < length; i++) slab.buffer[at + RECORD_HEADER + i] = buf[start + i];
    slab.used += bytes;
    slab.live += bytes;
    this.slabOf[id] = this.current;
    this.offsetOf[id] = at + RECORD_HEADER;
    this.lengthOf[id] = length;
    if (left >= 0 && left !== this.current) this.tidy(left);
  }

  private openSlab(bytes: number): Slab {
    const slab: Slab = { buffer: Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes)), used: 0, live: 0 };
    this.current = this.freeSlabs.pop() ?? this.slabs.length;
    this.slabs[this.current] = slab;
    return slab;
  }

  private free(id: AttrSetId): void {
    const { index, mask } = this;
    let hole = this.hashes[id] & mask;
    while (index[hole] !== id) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; index[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.hashes[index[slot]] & mask;
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        index[hole] = index[slot];
        hole = slot;
      }
    }
    index[hole] = 0;
    if ((this.present[id] & 8) !== 0) this.aigpCount--;
    this.nextHops.release(this.nextHopId[id] as NextHopId);
    const slab = this.slabOf[id];
    (this.slabs[slab] as Slab).live -= RECORD_HEADER + this.lengthOf[id];
    this.offsetOf[id] = 0;
    this.generation[id]++;
    this.lengthOf[id] = this.freeHead;
    this.freeHead = id;
    this.count--;
    if (slab !== this.current) this.tidy(slab);
    if (index.length > MIN_INDEX && this.count < index.length >> 4) {
      this.rehash(Math.max(MIN_INDEX, index.length >> 3));
    }
  }

  /** Drops a slab that is empty; moves what is left in one that is mostly holes. */
  private tidy(number: number): void {
    const slab = this.slabs[number];
    if (!slab || slab.live > slab.used >> 2) return;
    this.slabs[number] = null;
    for (let at = 0; slab.live > 0 && at < slab.used; ) {
      const id = slab.buffer.readUInt32LE(at);
      const length = slab.buffer.readUInt32LE(at + 4);
      const start = at + RECORD_HEADER;
      if (this.slabOf[id] === number && this.offsetOf[id] === start) {
        slab.live -= RECORD_HEADER + length;
        this.store(id, slab.buffer, start, length);
      }
      at = start + length;
    }
    this.freeSlabs.push(number);
  }

  private rehash(size: number): void {
    const index = new Uint32Array(size);
    const mask = size - 1;
    for (let id = 1; id < this.highWater; id++) {
      if (this.references[id] === 0) continue;
      let slot = this.hashes[id] & mask;
      while (index[slot] !== 0) slot = (slot + 1) & mask;
      index[slot] = id;
    }
    this.index = index;
    this.mask = mask;
  }

  /** To be called when it is quiet after many sets were freed: cuts the columns behind the last one in use. */
  trim(): void {
    if (this.highWater < 4096 || this.count > this.highWater >> 2) return;
    const { generation, references } = this;
    while (this.highWater > 1 && references[this.highWater - 1] === 0) {
      this.highWater--;
      this.generationBase = Math.max(this.generationBase, generation[this.highWater]);
    }
    this.freeHead = 0;
    for (let id = this.highWater - 1; id > 0; id--) {
      if (references[id] !== 0) continue;
      this.lengthOf[id] = this.freeHead;
      this.freeHead = id;
    }
    if (this.highWater > this.capacity >> 2) return;
    const old = columnNames.map((name) => this[name]);
    this.buffers = reserveColumns();
    this.capacity = 0;
    this.ensureCapacity(this.highWater);
    columnNames.forEach((name, i) => {
      this[name].set(old[i].subarray(0, this.highWater));
    });
  }

  /** Reads the columns out of the stored bytes. The bytes were validated when they were brought into canonical form. */
  private decode(id: number): void {
    const buffer = this.buffer(id as AttrSetId);
    const end = this.end(id as AttrSetId);
    let at = this.start(id as AttrSetId);
    const family = buffer[at] as FamilyIndex;
    const nextHopLength = buffer[at + 1];
    this.family[id] = family;
    this.nextHopId[id] = this.internNextHop(buffer, at + 2, nextHopLength, this.scope[id]);
    this.localPref[id] = DEFAULT_LOCAL_PREF;
    this.med[id] = 0;
    this.asPathLength[id] = 0;
    this.firstAs[id] = 0;
    this.originatorId[id] = 0;
    this.clusterListLength[id] = 0;
    this.origin[id] = 0;
    this.communityFlags[id] = 0;
    this.present[id] = 0;
    at += 2 + nextHopLength;
    while (at < end) {
      const extended = buffer[at] & 0x10;
      const type = buffer[at + 1];
      const length = extended ? (buffer[at + 2] << 8) | buffer[at + 3] : buffer[at + 2];
      const value = at + (extended ? 4 : 3);
      at = value + length;
      switch (type) {
        case 1:
          this.origin[id] = buffer[value];
          break;
        case 2:
          this.decodeAsPath(id, buffer, value, at);
          break;
        case 4:
          this.med[id] = buffer.readUInt32BE(value);
          this.present[id] |= 2;
          break;
        case 5:
          this.localPref[id] = buffer.readUInt32BE(value);
          this.present[id] |= 1;
          break;
        case 8:
          for (let i = value; i + 4 <= at; i += 4) {
            if (buffer[i] === 0xff) {
              this.communityFlags[id] |= communityFlag.get(buffer.readUInt32BE(i)) ?? 0;
            }
          }
          break;
        case 9:
          this.originatorId[id] = buffer.readUInt32BE(value);
          break;
        case 10:
          this.clusterListLength[id] = Math.min(length >> 2, 255);
          break;
        case 16:
          if (findLinkBandwidth(buffer, value, at) > 0) this.present[id] |= 4;
          break;
        case AIGP:
          this.present[id] |= 8;
          this.aigpCount++;
          break;
      }
    }
  }

  private decodeAsPath(id: number, buffer: Buffer, start: number, end: number): void {
    let length = 0;
    let leading = true;
    for (let at = start; at + 2 <= end; ) {
      const type = buffer[at];
      const members = buffer[at + 1];
      if (type === 2) {
        if (leading && members > 0) this.firstAs[id] = buffer.readUInt32BE(at + 2);
        length += members;
      } else if (type === 1) {
        length += 1;
      }
      if (type === 1 || type === 2) leading = false;
      at += 2 + members * 4;
    }
    this.asPathLength[id] = length;
  }

  private internNextHop(buffer: Buffer, at: number, length: number, scope: number): NextHopId {
    if (length === 0) return 0 as NextHopId;
    if (length === 4) return this.nextHops.intern(readAddress(buffer, at, IPV4), 0);
    // RFC 2545 §3: behind the global address comes the link-local one, when the sender shares the subnet.
    const linkLocal = length === 32 && scope !== 0 && isLinkLocal(readAddress(buffer, at + 16, IPV6));
    return this.nextHops.intern(readAddress(buffer, linkLocal ? at + 16 : at, IPV6), scope);
  }

  private ensureCapacity(needed: number): void {
    if (needed > MAX_SETS) throw new RangeError(`attribute set table is full: ${MAX_SETS} sets`);
    const n = nextCapacity(this.capacity, needed, MAX_SETS);
    let column = 0;
    const u32 = () => new Uint32Array(growTo(this.buffers[column++], n * 4), 0, n);
    const u16 = () => new Uint16Array(growTo(this.buffers[column++], n * 2), 0, n);
    const u8 = () => new Uint8Array(growTo(this.buffers[column++], n), 0, n);
    this.nextHopId = u32();
    this.localPref = u32();
    this.med = u32();
    this.firstAs = u32();
    this.originatorId = u32();
    this.generation = u32().fill(this.generationBase, this.capacity);
    this.scope = u32();
    this.references = u32();
    this.hashes = u32();
    this.slabOf = u32();
    this.offsetOf = u32();
    this.lengthOf = u32();
    this.asPathLength = u16();
    this.clusterListLength = u8();
    this.origin = u8();
    this.family = u8();
    this.communityFlags = u8();
    this.present = u8();
    this.capacity = n;
  }
}

function reserveColumns(): SharedArrayBuffer[] {
  return columnNames.map(() => reserve(MAX_SETS * 4));
}

/** Whether a canonical set's next hop (its second address, of 32 octets) is an IPv6 link-local one: fe80::/10. */
function hasLinkLocalNextHop(buf: Uint8Array, start: number): boolean {
  const length = buf[start + 1];
  const at = start + 2;
  const linkLocalAt = (i: number) => buf[i] === 0xfe && (buf[i + 1] & 0xc0) === 0x80;
  return (length === 16 || length === 32) && (linkLocalAt(at) || (length === 32 && linkLocalAt(at + 16)));
}
