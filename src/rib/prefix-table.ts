/**
 * The prefixes of one family as dense ids. A prefix's key is one 32-bit word (IPv4) or four (IPv6) in host order
 * and a length; the keys lie in growable shared memory, so that the kernel thread reads them by id and no copy of
 * the table exists. The hash index belongs to the thread that writes.
 *
 * The index is open addressing in lanes: its slots are rows of 16, a cache line each, and prefixes of one length that
 * differ in their last four bits alone share a row, each in another lane. Tables are announced, withdrawn and sent by
 * other peers mostly by neighbouring prefixes, and sixteen of them then cost one cache miss. Who finds its slot taken goes on down
 * its lane, row by row, so that two rows that are full get in each other's way no more than two prefixes would.
 *
 * An id is valid from `intern` until `release`, and is then given to another prefix. Whoever releases makes sure
 * that nobody needs the id any more (see Rib.reclaim).
 */
import {
  type Address,
  contains,
  type FamilyIndex,
  IPV4,
  networkOf,
  type Prefix,
  wordMask,
} from '../address/index.js';
import { giveBack } from '../memory/index.js';
import { NONE, type PrefixId } from './ids.js';
import { growTo, nextCapacity, reserve } from './memory.js';
import {
  below,
  distance,
  hashPrefix4,
  hashPrefix6,
  MAX_ENTRIES,
  NUMBER_BITS,
  newIndex,
  TAG_BITS,
} from './prefix-hash.js';

/** The keys by PrefixId, for another thread: `words` is u32 × `stride`, `lengths` is u8. They grow, each at times of its own: take new views when an id lies beyond one of them. */
export interface SharedPrefixKeys {
  /** 1 (IPv4) or 4 (IPv6). */
  readonly stride: 1 | 4;
  readonly words: SharedArrayBuffer;
  readonly lengths: SharedArrayBuffer;
}

/** Ids looked at between two pauses, less one. */
const PAUSE_MASK = (1 << 15) - 1;
/** `lengths[id]` of an id that names no prefix. */
export const FREE_LENGTH = 255;

const MIN_INDEX = 1024;
export class PrefixTable {
  readonly family: FamilyIndex;
  /** Words per key: 1 or 4. */
  readonly stride: 1 | 4;
  /** Keys by id; made anew when the table grows, so read it through the table each time. */
  words: Uint32Array = new Uint32Array(0);
  lengths: Uint8Array = new Uint8Array(0);
  /** Ids that name a prefix now. */
  count = 0;
  /** Every id in use is below this. */
  highWater = 0;
  /** Prefixes of each length, so that a longest match tries no length in vain. */
  readonly countByLength = new Uint32Array(129);
  /** Ids for which the columns have room. */
  capacity = 0;

  private readonly wordBuffer: SharedArrayBuffer;
  private readonly lengthBuffer: SharedArrayBuffer;
  private readonly maxIds: number;
  /** Ids by key, as prefix-hash lays them out. */
  private index = newIndex(MIN_INDEX);
  private mask = MIN_INDEX - 1;
  /** Free ids, chained through their first key word (id + 1, 0 ends the chain). */
  private freeHead = 0;
  /** `count` when ids were last put in order, or the highest id or count since. */
  private trimmedAt = 0;
  /** Random, so that nobody outside can choose prefixes that collide. */
  private readonly seed = Math.trunc(Math.random() * 0x100000000);

  constructor(family: FamilyIndex, maxIds = MAX_ENTRIES) {
    this.family = family;
    this.stride = family === IPV4 ? 1 : 4;
    this.maxIds = Math.min(maxIds, MAX_ENTRIES);
    this.wordBuffer = reserve(this.maxIds * this.stride * 4);
    this.lengthBuffer = reserve(this.maxIds);
    this.ensureCapacity(MIN_INDEX);
  }

  shared(): SharedPrefixKeys {
    return { stride: this.stride, words: this.wordBuffer, lengths: this.lengthBuffer };
  }

  /** The id of a prefix, made if there is none. Host bits must be zero. Host order words, length in bits. */
  intern(prefix: Prefix): PrefixId {
    return this.family === IPV4
      ? this.intern4(prefix.a, prefix.length)
      : this.intern6(prefix.a, prefix.b, prefix.c, prefix.d, prefix.length);
  }

  /** The id of a prefix, or NONE. */
  find(prefix: Prefix): PrefixId | typeof NONE {
    if (prefix.family !== this.family) return NONE;
    return this.family === IPV4
      ? this.find4(prefix.a, prefix.length)
      : this.find6(prefix.a, prefix.b, prefix.c, prefix.d, prefix.length);
  }

  intern4(a: number, length: number): PrefixId {
    a >>>= 0;
    const hash = hashPrefix4(a, length, this.seed);
    const slot = this.slot4(a, length, hash);
    const entry = this.index[slot];
    if (entry !== 0) return ((entry & NUMBER_BITS) - 1) as PrefixId;
    const id = this.allocate(length);
    this.words[id] = a;
    this.link(slot, hash, id);
    return id as PrefixId;
  }

  find4(a: number, length: number): PrefixId | typeof NONE {
    a >>>= 0;
    const entry = this.index[this.slot4(a, length, hashPrefix4(a, length, this.seed))];
    return entry === 0 ? NONE : (((entry & NUMBER_BITS) - 1) as PrefixId);
  }

  intern6(a: number, b: number, c: number, d: number, length: number): PrefixId {
    const hash = hashPrefix6(a, b, c, d, length, this.seed);
    const slot = this.slot6(a >>> 0, b >>> 0, c >>> 0, d >>> 0, length, hash);
    const entry = this.index[slot];
    if (entry !== 0) return ((entry & NUMBER_BITS) - 1) as PrefixId;
    const id = this.allocate(length);
    const { words } = this;
    words[id * 4] = a;
    words[id * 4 + 1] = b;
    words[id * 4 + 2] = c;
    words[id * 4 + 3] = d;
    this.link(slot, hash, id);
    return id as PrefixId;
  }

  find6(a: number, b: number, c: number, d: number, length: number): PrefixId | typeof NONE {
    const hash = hashPrefix6(a, b, c, d, length, this.seed);
    const entry = this.index[this.slot6(a >>> 0, b >>> 0, c >>> 0, d >>> 0, length, hash)];
    return entry === 0 ? NONE : (((entry & NUMBER_BITS) - 1) as PrefixId);
  }

  has(id: number): boolean {
    return id < this.highWater && this.lengths[id] !== FREE_LENGTH;
  }

  read(id: PrefixId): Prefix {
    const { words } = this;
    const length = this.lengths[id];
    if (this.family === IPV4) return { family: 0, a: words[id], b: 0, c: 0, d: 0, length };
    const at = id * 4;
    return { family: 1, a: words[at], b: words[at + 1], c: words[at + 2], d: words[at + 3], length };
  }

  /** Gives the id back; it will name another prefix. */
  release(id: PrefixId): void {
    this.unlink(id);
    this.countByLength[this.lengths[id]]--;
    this.lengths[id] = FREE_LENGTH;
    this.words[id * this.stride] = this.freeHead;
    this.freeHead = id + 1;
    this.count--;
    if (this.index.length > MIN_INDEX && this.count < this.index.length >> 4) this.shrinkIndex();
  }

  /** Every id in use, in no particular order. Ids released or made meanwhile may or may not appear. */
  *walk(): Generator<PrefixId> {
    for (let id = 0; id < this.highWater; id++) if (this.lengths[id] !== FREE_LENGTH) yield id as PrefixId;
  }

  /**
   * Every id in use by address, then length, as people want lists. Sorted piecewise by leading 16 bits as the
   * caller goes on, so that no long pause occurs; ids released meanwhile are left out.
   */
  *inOrder(): Generator<PrefixId> {
    for (const id of this.inOrderWithPauses()) if (id !== NONE) yield id;
  }

  /**
   * The same, with NONE now and then while the order is found out: a moment for others, since that alone takes tens of
   * milliseconds for a million prefixes. Prefixes that come meanwhile may be left out.
   */
  *inOrderWithPauses(): Generator<PrefixId | typeof NONE> {
    const { stride } = this;
    const total = this.highWater;
    const free = 65536;
    // Leading 16 bits by id as they are now: an id may mean another prefix after a pause.
    const keys = new Uint32Array(total);
    const starts = new Uint32Array(free + 1);
    for (let id = 0; id < total; id++) {
      const key = this.lengths[id] === FREE_LENGTH ? free : this.words[id * stride] >>> 16;
      keys[id] = key;
      if (key !== free) starts[key + 1]++;
      if ((id & PAUSE_MASK) === PAUSE_MASK) yield NONE;
    }
    for (let i = 0; i < free; i++) starts[i + 1] += starts[i];
    const ids = new Uint32Array(starts[free]);
    const next = starts.slice(0, free);
    for (let id = 0; id < total; id++) {
      const key = keys[id];
      if (key !== free) ids[next[key]++] = id;
      if ((id & PAUSE_MASK) === PAUSE_MASK) yield NONE;
    }
    for (let bucket = 0; bucket < 65536; bucket++) {
      if (starts[bucket] === starts[bucket + 1]) continue;
      const part = ids.subarray(starts[bucket], starts[bucket + 1]).sort((x, y) => this.compare(x, y));
      for (const id of part) {
        if (this.has(id) && this.words[id * stride] >>> 16 === bucket) yield id as PrefixId;
      }
    }
  }

  /** The longest prefix that contains `address`, no longer than `maxLength`, and that `accept` agrees to; or NONE. */
  longestMatch(
    address: Address,
    accept: (id: PrefixId) => boolean = () => true,
    maxLength = this.family === IPV4 ? 32 : 128,
  ): PrefixId | typeof NONE {
    if (address.family !== this.family) return NONE;
    for (let length = maxLength; length >= 0; length--) {
      if (this.countByLength[length] === 0) continue;
      const id =
        this.family === IPV4
          ? this.find4((address.a & wordMask(length)) >>> 0, length)
          : this.find(networkOf(address, length));
      if (id !== NONE && accept(id as PrefixId)) return id;
    }
    return NONE;
  }

  /** Whether the prefix contains the address. */
  contains(id: PrefixId, address: Address): boolean {
    return contains(this.read(id), address);
  }

  /** Bytes of the index and of the columns up to the highest id in use. */
  memoryBytes(): number {
    return this.index.byteLength + this.highWater * (this.stride * 4 + 1);
  }

  private compare(x: number, y: number): number {
    const { words, stride } = this;
    for (let i = 0; i < stride; i++) {
      const difference = words[x * stride + i] - words[y * stride + i];
      if (difference !== 0) return difference;
    }
    return this.lengths[x] - this.lengths[y];
  }

  private hashOf(id: number): number {
    const { words } = this;
    if (this.stride === 1) return hashPrefix4(words[id], this.lengths[id], this.seed);
    const at = id * 4;
    return hashPrefix6(words[at], words[at + 1], words[at + 2], words[at + 3], this.lengths[id], this.seed);
  }

  /** The slot that holds the key, or the empty one where it belongs. */
  private slot4(a: number, length: number, hash: number): number {
    const { index, mask, words, lengths } = this;
    let slot = hash & mask;
    for (let entry = index[slot]; entry !== 0; entry = index[slot]) {
      if (((entry ^ hash) & TAG_BITS) === 0) {
        const id = (entry & NUMBER_BITS) - 1;
        if (words[id] === a && lengths[id] === length) return slot;
      }
      slot = below(slot, mask);
    }
    return slot;
  }

  private slot6(a: number, b: number, c: number, d: number, length: number, hash: number): number {
    const { index, mask, words, lengths } = this;
    let slot = hash & mask;
    for (let entry = index[slot]; entry !== 0; entry = index[slot]) {
      if (((entry ^ hash) & TAG_BITS) === 0) {
        const id = (entry & NUMBER_BITS) - 1;
        const at = id * 4;
        if (
          words[at] === a &&
          words[at + 1] === b &&
          words[at + 2] === c &&
          words[at + 3] === d &&
          lengths[id] === length
        ) {
          return slot;
        }
      }
      slot = below(slot, mask);
    }
    return slot;
  }

  private allocate(length: number): number {
    let id: number;
    if (this.freeHead !== 0) {
      id = this.freeHead - 1;
      this.freeHead = this.words[id * this.stride];
    } else {
      id = this.highWater;
      if (id >= this.capacity) this.ensureCapacity(id + 1);
      this.trimmedAt = ++this.highWater;
    }
    this.lengths[id] = length;
    this.countByLength[length]++;
    this.count++;
    return id;
  }

  private link(slot: number, hash: number, id: number): void {
    this.index[slot] = (hash & TAG_BITS) | (id + 1);
    if (this.count > (this.index.length >> 3) * 5) this.rehash(this.index.length * 2);
  }

  /** Empties the id's slot and moves up the entries behind it that would no longer be found. */
  private unlink(id: number): void {
    const { index, mask } = this;
    let hole = this.hashOf(id) & mask;
    while ((index[hole] & NUMBER_BITS) !== id + 1) hole = below(hole, mask);
    for (let slot = below(hole, mask); index[slot] !== 0; slot = below(slot, mask)) {
      const home = this.hashOf((index[slot] & NUMBER_BITS) - 1) & mask;
      if (distance(home, slot, mask) >= distance(hole, slot, mask)) {
        index[hole] = index[slot];
        hole = slot;
      }
    }
    index[hole] = 0;
  }

  private rehash(size: number): void {
    const index = newIndex(size);
    const mask = size - 1;
    for (let id = 0; id < this.highWater; id++) {
      if (this.lengths[id] === FREE_LENGTH) continue;
      const hash = this.hashOf(id);
      let slot = hash & mask;
      while (index[slot] !== 0) slot = below(slot, mask);
      index[slot] = (hash & TAG_BITS) | (id + 1);
    }
    giveBack(this.index);
    this.index = index;
    this.mask = mask;
  }

  /** To be called when it is quiet after withdrawals: cuts what can be cut, if that is most of it. */
  trim(): void {
    this.trimmedAt = Math.max(this.trimmedAt, this.count);
    if (this.highWater <= 1024 || this.count >= this.highWater >> 2) return;
    // It takes a look at every id: worth it each time that half of what was left has gone.
    if (this.count > this.trimmedAt >> 1) return;
    this.trimmedAt = this.count;
    this.lowIdsFirst();
    this.shrinkIndex();
  }

  /** So that tables by PrefixId can end earlier. */
  private lowIdsFirst(): void {
    while (this.highWater > 0 && this.lengths[this.highWater - 1] === FREE_LENGTH) this.highWater--;
    this.freeHead = 0;
    for (let id = this.highWater - 1; id >= 0; id--) {
      if (this.lengths[id] !== FREE_LENGTH) continue;
      this.words[id * this.stride] = this.freeHead;
      this.freeHead = id + 1;
    }
  }

  private shrinkIndex(): void {
    let size = MIN_INDEX;
    while (size < this.count * 4) size *= 2;
    if (size < this.index.length) this.rehash(size);
  }

  private ensureCapacity(needed: number): void {
    if (needed > this.maxIds) throw new RangeError(`prefix table is full: ${this.maxIds} prefixes`);
    const capacity = nextCapacity(this.capacity, needed, this.maxIds);
    const { stride } = this;
    this.words = new Uint32Array(growTo(this.wordBuffer, capacity * stride * 4), 0, capacity * stride);
    this.lengths = new Uint8Array(growTo(this.lengthBuffer, capacity), 0, capacity);
    this.lengths.fill(FREE_LENGTH, this.capacity);
    this.capacity = capacity;
  }
}
