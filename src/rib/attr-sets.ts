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
 * A set without references is taken out a little later (`reclaim`), when there is nothing more urgent to do or others
 * come: to unchain it means to wait for memory, and those who withdraw a table have its peers wait for that. Until then
 * it is found again like any other.
 *
 * The bytes lie in slabs. A freed set leaves a hole; a slab with more holes than sets is evacuated into the current
 * one, a little work each time, so that memory follows what is held.
 */
import { endianness } from 'node:os';
import { type Address, type FamilyIndex, IPV4, IPV6, isLinkLocal, readAddress } from '../address/index.js';
import { AttributeCode, aigpMetricAt, CanonicalView, readAigpMetric } from '../bgp/wire/index.js';
import { giveBack } from '../memory/index.js';
import { communityFlag } from './community-flags.js';
import { IdQueue } from './id-queue.js';
import type { AttrSetId, NextHopId } from './ids.js';
import { findLinkBandwidth } from './link-bandwidth.js';
import { growSparse, growTo, nextCapacity, put, reserve } from './memory.js';
import type { NextHopTable } from './next-hops.js';
import { hashOctets, hasLinkLocalNextHop, u32At } from './set-octets.js';
import { newSlab, RECORD_HEADER, recordLength, SLAB_BYTES, type Slab } from './set-slab.js';

export {
  BLACKHOLE,
  GRACEFUL_SHUTDOWN,
  LLGR_STALE,
  NO_ADVERTISE,
  NO_EXPORT,
  NO_EXPORT_SUBCONFED,
  NO_LLGR,
} from './community-flags.js';

const MAX_SETS = 1 << 24;
const MIN_INDEX = 1024;
/** Ids fit into 24 bits of an entry of the index beside 8 bits of the hash. */
const ID_BITS = 0xffffff;
const TAG_BITS = 0xff000000;
const DEFAULT_LOCAL_PREF = 100;
/** Bit of `present`: the set waits in `unused`. */
const UNUSED = 16;
/** Sets that each new one takes out of `unused`: more than one, so that it becomes empty. */
const RECLAIMED_PER_SET = 2;
const AIGP = AttributeCode.aigp;
const setView = new CanonicalView();

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
  'chain',
  'place',
  'lengthOf',
  'asPathLength',
  'clusterListLength',
  'origin',
  'family',
  'communityFlags',
  'present',
] as const;

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
  /** Bit 0: LOCAL_PREF is there (else `localPref` is 100). Bit 1: MED is there (else `med` is 0). Bit 2: so is a link bandwidth. Bit 3: so is AIGP. Bit 4: UNUSED. */
  private present!: Uint8Array;
  /** Goes up when an id is freed: a cache that holds no reference compares it. */
  generation!: Uint32Array;
  /** Interface of a link-local next hop, else 0. */
  scope!: Uint32Array;
  /** Sets held now (the reserved id 0 is not counted). */
  count = 0;
  /** Those that carry AIGP, of them and of what waits in `unused`. */
  aigpCount = 0;
  /** Every id in use is below this. */
  highWater = 1;

  /** Sets that had no reference when they came here. */
  private readonly unused = new IdQueue();
  /** Sets in the index: those held, and those in `unused`. */
  private stored = 0;
  private references!: Uint32Array;
  private hashes!: Uint32Array;
  /** The entry behind the set's in its chain of the index. */
  private chain!: Uint32Array;
  /** The slab's number in the upper 16 bits, and the offset there in words. */
  private place!: Uint32Array;
  private lengthOf!: Uint32Array;
  private buffers = reserveColumns();
  private capacity = 0;
  /**
   * Heads of chains. An entry is a set's id and, in the upper 8 bits, bits of its hash, which spare nearly every look at a
   * set that is not the right one; 0 ends the chain.
   */
  private index = new Uint32Array(MIN_INDEX);
  private mask = MIN_INDEX - 1;
  /** `count` when the columns were last cut, or the highest id or count since. */
  private trimmedAt = 0;
  /** Free ids, chained through `lengthOf`; 0 ends the chain. */
  private freeHead = 0;
  /** No id has a higher generation, and one that was not used yet has this. */
  private generationBase = 0;
  private slabs: (Slab | null)[] = [];
  private freeSlabs: number[] = [];
  /** Empty ones, to be used again: garbage of this size is collected late. */
  private readonly spareSlabs: Slab[] = [];
  private current = -1;
  /** The buffers that sets were last made of, and their words: those of the decoder and of a rewriter, mostly. */
  private scratch: Uint8Array = new Uint8Array(0);
  private scratchWords: Uint32Array = new Uint32Array(0);
  private otherScratch: Uint8Array = this.scratch;
  private otherWords: Uint32Array = this.scratchWords;
  private readonly seed = Math.trunc(Math.random() * 0x100000000);
  private readonly nextHops: NextHopTable;

  /** `wake`: there is something to `reclaim`. */
  constructor(
    nextHops: NextHopTable,
    private readonly wake: () => void = () => {},
  ) {
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
    const words = this.wordsOf(buf);
    const hash = hashOctets(this.seed, words, buf, start, end, scope);
    const tag = hash & TAG_BITS;
    for (let entry = this.index[hash & this.mask]; entry !== 0; entry = this.chain[entry & ID_BITS]) {
      if (((entry ^ tag) & TAG_BITS) !== 0) continue;
      const id = entry & ID_BITS;
      if (
        this.hashes[id] === hash &&
        this.lengthOf[id] === length &&
        this.scope[id] === scope &&
        this.sameBytes(id, words, buf, start, length)
      ) {
        this.retain(id as AttrSetId);
        return id as AttrSetId;
      }
    }
    for (let n = RECLAIMED_PER_SET; n > 0 && this.unused.size > 0; n--) this.reclaimOne();
    let id = this.freeHead;
    if (id !== 0) {
      this.freeHead = this.lengthOf[id];
    } else {
      id = this.highWater;
      if (id >= this.capacity) this.ensureCapacity(id + 1);
      this.trimmedAt = ++this.highWater;
    }
    this.hashes[id] = hash;
    put(this.scope, id, scope);
    this.references[id] = 1;
    this.store(id, words, buf, start, length);
    this.decode(id);
    const slot = hash & this.mask;
    this.chain[id] = this.index[slot];
    this.index[slot] = tag | id;
    this.count++;
    if (++this.stored > this.index.length) this.rehash(this.index.length * 2);
    return id as AttrSetId;
  }

  /** One more reference. Nothing for REJECTED (0). */
  retain(id: AttrSetId): void {
    if (id !== 0 && this.references[id]++ === 0) this.count++;
  }

  /** One reference less; without any the set is not held any more. Nothing for REJECTED (0). */
  release(id: AttrSetId): void {
    if (id === 0 || --this.references[id] > 0) return;
    this.count--;
    if ((this.present[id] & UNUSED) !== 0) return;
    this.present[id] |= UNUSED;
    this.unused.push(id);
    if (this.unused.size === 1) this.wake();
  }

  /** Frees sets that nobody holds until `deadline` (performance.now()). Returns whether more are left. */
  reclaim(deadline: number): boolean {
    for (let n = 0; this.unused.size > 0; ) {
      this.reclaimOne();
      if ((++n & 63) === 0 && performance.now() >= deadline) break;
    }
    return this.unused.size > 0;
  }

  private reclaimOne(): void {
    const id = this.unused.shift() as AttrSetId;
    this.present[id] &= ~UNUSED;
    if (this.references[id] === 0) this.free(id);
  }

  /** Where the canonical bytes lie, until the next set is made or freed. */
  bytes(id: AttrSetId): { buffer: Buffer; start: number; end: number } {
    const start = this.start(id);
    return { buffer: this.buffer(id), start, end: start + this.lengthOf[id] };
  }

  /** The same without an object: `buffer(id)` from `start(id)` to `end(id)`. */
  buffer(id: AttrSetId): Buffer {
    return (this.slabs[this.place[id] >>> 16] as Slab).buffer;
  }
  start(id: AttrSetId): number {
    return (this.place[id] & 0xffff) << 2;
  }
  end(id: AttrSetId): number {
    return ((this.place[id] & 0xffff) << 2) + this.lengthOf[id];
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
    const view = setView.reset(this.buffer(id), this.start(id), this.end(id));
    const at = view.find(AIGP) ? aigpMetricAt(view.buffer, view.valueStart, view.valueEnd) : -1;
    return at < 0 ? -1 : readAigpMetric(view.buffer, at);
  }

  /** Octets per second of the set's link bandwidth community; 0: it has none. */
  linkBandwidth(id: AttrSetId): number {
    if ((this.present[id] & 4) === 0) return 0;
    const view = setView.reset(this.buffer(id), this.start(id), this.end(id));
    return view.find(AttributeCode.extendedCommunities)
      ? findLinkBandwidth(view.buffer, view.valueStart, view.valueEnd)
      : 0;
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
    bytes += this.spareSlabs.length * SLAB_BYTES;
    return bytes;
  }

  /** The buffer as words; none where it does not begin at a multiple of 4. */
  private wordsOf(buf: Uint8Array): Uint32Array {
    if (buf === this.scratch) return this.scratchWords;
    const words =
      buf === this.otherScratch
        ? this.otherWords
        : (buf.byteOffset & 3) === 0 && isLittleEndian
          ? new Uint32Array(buf.buffer, buf.byteOffset, buf.length >>> 2)
          : noWords;
    this.otherScratch = this.scratch;
    this.otherWords = this.scratchWords;
    this.scratch = buf;
    this.scratchWords = words;
    return words;
  }

  private sameBytes(id: number, words: Uint32Array, buf: Uint8Array, start: number, length: number): boolean {
    const place = this.place[id];
    const slab = this.slabs[place >>> 16] as Slab;
    const at = (place & 0xffff) << 2;
    let i = 0;
    if ((start & 3) === 0 && words.length > 0) {
      const ours = at >>> 2;
      const theirs = start >>> 2;
      const count = length >>> 2;
      for (let n = 0; n < count; n++) if (slab.words[ours + n] !== words[theirs + n]) return false;
      i = count << 2;
    }
    for (; i < length; i++) if (slab.buffer[at + i] !== buf[start + i]) return false;
    return true;
  }

  /** Copies the bytes to the end of the current slab. */
  private store(id: number, words: Uint32Array, buf: Uint8Array, start: number, length: number): void {
    const bytes = recordLength(length);
    const left = this.current;
    let slab = left < 0 ? null : this.slabs[left];
    if (slab === null || slab.used + bytes > slab.buffer.length) slab = this.openSlab(bytes);
    const header = slab.used >>> 2;
    slab.words[header] = id;
    slab.words[header + 1] = length;
    const at = slab.used + RECORD_HEADER;
    // Most sets are shorter than the cost of a call that copies.
    if (length > 512) {
      slab.buffer.set(buf.subarray(start, start + length), at);
    } else {
      let i = 0;
      if ((start & 3) === 0 && words.length > 0) {
        const ours = at >>> 2;
        const theirs = start >>> 2;
        const count = length >>> 2;
        for (let n = 0; n < count; n++) slab.words[ours + n] = words[theirs + n];
        i = count << 2;
      }
      for (; i < length; i++) slab.buffer[at + i] = buf[start + i];
    }
    slab.used += bytes;
    slab.live += bytes;
    this.place[id] = (this.current << 16) | (at >>> 2);
    this.lengthOf[id] = length;
    if (left >= 0 && left !== this.current) this.tidy(left);
  }

  private openSlab(bytes: number): Slab {
    const slab = (bytes <= SLAB_BYTES ? this.spareSlabs.pop() : undefined) ?? newSlab(bytes);
    this.current = this.freeSlabs.pop() ?? this.slabs.length;
    this.slabs[this.current] = slab;
    return slab;
  }

  private free(id: AttrSetId): void {
    const { index, chain } = this;
    const slot = this.hashes[id] & this.mask;
    let before = index[slot] & ID_BITS;
    if (before === id) {
      index[slot] = chain[id];
    } else {
      while ((chain[before] & ID_BITS) !== id) before = chain[before] & ID_BITS;
      chain[before] = chain[id];
    }
    if ((this.present[id] & 8) !== 0) this.aigpCount--;
    this.nextHops.release(this.nextHopId[id] as NextHopId);
    const slab = this.place[id] >>> 16;
    (this.slabs[slab] as Slab).live -= recordLength(this.lengthOf[id]);
    this.place[id] = 0;
    this.generation[id]++;
    this.lengthOf[id] = this.freeHead;
    this.freeHead = id;
    this.stored--;
    if (slab !== this.current) this.tidy(slab);
    if (index.length > MIN_INDEX && this.stored < index.length >> 3) {
      this.rehash(Math.max(MIN_INDEX, index.length >> 3));
    }
  }

  /** Drops a slab that is empty; moves what is left in one that is mostly holes. */
  private tidy(number: number): void {
    const slab = this.slabs[number];
    if (!slab || slab.live > slab.used >> 2) return;
    this.slabs[number] = null;
    for (let at = 0; slab.live > 0 && at < slab.used; ) {
      const id = slab.words[at >>> 2];
      const length = slab.words[(at >>> 2) + 1];
      const start = at + RECORD_HEADER;
      const place = ((number << 16) | (start >>> 2)) >>> 0;
      if (this.place[id] === place) {
        slab.live -= recordLength(length);
        this.store(id, slab.words, slab.buffer, start, length);
      }
      at += recordLength(length);
    }
    this.freeSlabs.push(number);
    if (slab.buffer.length !== SLAB_BYTES) return;
    slab.used = 0;
    slab.live = 0;
    this.spareSlabs.push(slab);
  }

  private rehash(size: number): void {
    const index = new Uint32Array(size);
    const mask = size - 1;
    for (let id = 1; id < this.highWater; id++) {
      if (this.place[id] === 0) continue;
      const hash = this.hashes[id];
      this.chain[id] = index[hash & mask];
      index[hash & mask] = (hash & TAG_BITS) | id;
    }
    giveBack(this.index);
    this.index = index;
    this.mask = mask;
  }

  /** To be called when it is quiet after many sets were freed, and none is left to `reclaim`: cuts the columns behind the last one in use. Returns whether the former ones are garbage now. */
  trim(): boolean {
    const inUse = this.slabs.length - this.freeSlabs.length;
    while (this.spareSlabs.length > inUse) this.spareSlabs.pop();
    this.trimmedAt = Math.max(this.trimmedAt, this.count);
    if (this.highWater < 4096 || this.count > this.highWater >> 2) return false;
    // It takes a look at every id: worth it each time that half of what was left has gone.
    if (this.count > this.trimmedAt >> 1) return false;
    this.trimmedAt = this.count;
    const { generation, place } = this;
    while (this.highWater > 1 && place[this.highWater - 1] === 0) {
      this.highWater--;
      this.generationBase = Math.max(this.generationBase, generation[this.highWater]);
    }
    this.freeHead = 0;
    for (let id = this.highWater - 1; id > 0; id--) {
      if (place[id] !== 0) continue;
      this.lengthOf[id] = this.freeHead;
      this.freeHead = id;
    }
    if (this.highWater > this.capacity >> 2) return false;
    const old = columnNames.map((name) => this[name]);
    this.buffers = reserveColumns();
    this.capacity = 0;
    this.ensureCapacity(this.highWater);
    columnNames.forEach((name, i) => {
      this[name].set(old[i].subarray(0, this.highWater));
    });
    return true;
  }

  /** Reads the columns out of the stored bytes. The bytes were validated when they were brought into canonical form. */
  private decode(id: number): void {
    const buffer = this.buffer(id as AttrSetId);
    const end = this.end(id as AttrSetId);
    let at = this.start(id as AttrSetId);
    const family = buffer[at] as FamilyIndex;
    const nextHopLength = buffer[at + 1];
    put(this.family, id, family);
    this.nextHopId[id] = this.internNextHop(buffer, at + 2, nextHopLength, this.scope[id]);
    let localPref = DEFAULT_LOCAL_PREF;
    let med = 0;
    let originatorId = 0;
    let clusterListLength = 0;
    let origin = 0;
    let communityFlags = 0;
    let present = 0;
    this.asPathLength[id] = 0;
    this.firstAs[id] = 0;
    at += 2 + nextHopLength;
    while (at < end) {
      const extended = buffer[at] & 0x10;
      const type = buffer[at + 1];
      const length = extended ? (buffer[at + 2] << 8) | buffer[at + 3] : buffer[at + 2];
      const value = at + (extended ? 4 : 3);
      at = value + length;
      switch (type) {
        case 1:
          origin = buffer[value];
          break;
        case 2:
          this.decodeAsPath(id, buffer, value, at);
          break;
        case 4:
          med = u32At(buffer, value);
          present |= 2;
          break;
        case 5:
          localPref = u32At(buffer, value);
          present |= 1;
          break;
        case 8:
          for (let i = value; i + 4 <= at; i += 4) {
            if (buffer[i] === 0xff) communityFlags |= communityFlag.get(u32At(buffer, i)) ?? 0;
          }
          break;
        case 9:
          originatorId = u32At(buffer, value);
          break;
        case 10:
          clusterListLength = Math.min(length >> 2, 255);
          break;
        case 16:
          if (findLinkBandwidth(buffer, value, at) > 0) present |= 4;
          break;
        case AIGP:
          present |= 8;
          this.aigpCount++;
          break;
      }
    }
    this.localPref[id] = localPref;
    put(this.med, id, med);
    put(this.originatorId, id, originatorId);
    put(this.clusterListLength, id, clusterListLength);
    put(this.origin, id, origin);
    put(this.communityFlags, id, communityFlags);
    this.present[id] = present;
  }

  private decodeAsPath(id: number, buffer: Buffer, start: number, end: number): void {
    let length = 0;
    let leading = true;
    for (let at = start; at + 2 <= end; ) {
      const type = buffer[at];
      const members = buffer[at + 1];
      if (type === 2) {
        if (leading && members > 0) this.firstAs[id] = u32At(buffer, at + 2);
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
    if (length === 4) return this.nextHops.intern4(u32At(buffer, at));
    // RFC 2545 §3: behind the global address comes the link-local one, when the sender shares the subnet.
    const linkLocal = length === 32 && scope !== 0 && isLinkLocal(readAddress(buffer, at + 16, IPV6));
    const global = readAddress(buffer, at, IPV6);
    if (!linkLocal) return this.nextHops.intern(global, scope);
    return this.nextHops.intern(readAddress(buffer, at + 16, IPV6), scope, global);
  }

  private ensureCapacity(needed: number): void {
    if (needed > MAX_SETS) throw new RangeError(`attribute set table is full: ${MAX_SETS} sets`);
    const n = nextCapacity(this.capacity, needed, MAX_SETS);
    let column = 0;
    const u32 = () => new Uint32Array(growTo(this.buffers[column++], n * 4), 0, n);
    const u16 = () => new Uint16Array(growTo(this.buffers[column++], n * 2), 0, n);
    const u8 = () => new Uint8Array(growTo(this.buffers[column++], n), 0, n);
    const sparseU32 = () => new Uint32Array(growSparse(this.buffers[column++], n * 4), 0, n);
    const sparseU8 = () => new Uint8Array(growSparse(this.buffers[column++], n), 0, n);
    this.nextHopId = u32();
    this.localPref = u32();
    this.med = sparseU32();
    this.firstAs = u32();
    this.originatorId = sparseU32();
    this.generation = sparseU32();
    if (this.generationBase > 0) this.generation.fill(this.generationBase, this.capacity);
    this.scope = sparseU32();
    this.references = u32();
    this.hashes = u32();
    this.chain = u32();
    this.place = u32();
    this.lengthOf = u32();
    this.asPathLength = u16();
    this.clusterListLength = sparseU8();
    this.origin = sparseU8();
    this.family = sparseU8();
    this.communityFlags = sparseU8();
    this.present = u8();
    this.capacity = n;
  }
}

const isLittleEndian = endianness() === 'LE';
const noWords = new Uint32Array(0);

function reserveColumns(): SharedArrayBuffer[] {
  return columnNames.map(() => reserve(MAX_SETS * 4));
}
