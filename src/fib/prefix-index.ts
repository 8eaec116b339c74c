/**
 * A hash index from prefixes of one family to slot numbers, neighbours in one cache line (see rib/prefix-hash): open
 * addressing, deletion by shifting back, never more than half full. Slot numbers stay put while a slot lives; freed ones are used again. When few are left of many, the arrays
 * are cut behind the last of them. What a slot means is the business of the classes that extend it by arrays of their own.
 */
import { type FamilyIndex, IPV4, type Prefix } from '../address/index.js';
import { giveBack } from '../memory/index.js';
import {
  below,
  distance,
  hashPrefix4,
  hashPrefix6,
  MAX_ENTRIES,
  NUMBER_BITS,
  newIndex,
  TAG_BITS,
} from '../rib/prefix-hash.js';

export const NO_SLOT = -1;

const FIRST_CAPACITY = 256;
/** `lengths` of a slot that is not live. */
const FREE_LENGTH = 255;

/** Random, so that nobody outside can choose prefixes that collide. */
const seed = Math.trunc(Math.random() * 0x100000000);

/** A copy of a typed array, longer or shorter. */
export function resized<T extends Uint32Array | Int32Array | Uint16Array | Uint8Array>(
  old: T,
  length: number,
): T {
  const copy = new (old.constructor as new (length: number) => T)(length);
  copy.set(old.length > length ? old.subarray(0, length) : old);
  return copy;
}

export abstract class PrefixIndex {
  /** One word per slot for IPv4, four for IPv6, host order. */
  words: Uint32Array;
  lengths: Uint8Array;
  /** Live slots. */
  count = 0;
  /** Slots from here on were never used. */
  end = 0;
  protected capacity = FIRST_CAPACITY;

  private readonly wordsPerSlot: 1 | 4;
  /** Chain of free slots below `end`, through their first word (slot + 1, 0 ends it). */
  private free = 0;
  /** With fewer live slots it is worth a look whether the arrays can be cut. */
  private trimBelow = 0;
  private index = newIndex(FIRST_CAPACITY * 2);
  private mask = FIRST_CAPACITY * 2 - 1;

  constructor(readonly family: FamilyIndex) {
    this.wordsPerSlot = family === IPV4 ? 1 : 4;
    this.words = new Uint32Array(this.capacity * this.wordsPerSlot);
    this.lengths = new Uint8Array(this.capacity).fill(FREE_LENGTH);
  }

  /** Makes the arrays of the extending class as long as `capacity` says. */
  protected abstract resizeFields(capacity: number): void;
  /** Brings a new slot's fields to their first values. */
  protected abstract clearFields(slot: number): void;

  isLive(slot: number): boolean {
    return this.lengths[slot] !== FREE_LENGTH;
  }

  /** The slot of the prefix, or NO_SLOT. */
  find(a: number, b: number, c: number, d: number, length: number): number {
    const entry = this.index[this.place(a, b, c, d, length, this.hash(a, b, c, d, length))];
    return (entry & NUMBER_BITS) - 1;
  }

  /** The slot of the prefix, made when there is none. */
  intern(a: number, b: number, c: number, d: number, length: number): number {
    const hash = this.hash(a, b, c, d, length);
    const at = this.place(a, b, c, d, length, hash);
    const entry = this.index[at];
    if (entry !== 0) return (entry & NUMBER_BITS) - 1;
    let slot: number;
    if (this.free !== 0) {
      slot = this.free - 1;
      this.free = this.words[slot * this.wordsPerSlot];
    } else {
      if (this.end === MAX_ENTRIES) throw new RangeError(`more than ${MAX_ENTRIES} prefixes`);
      if (this.end === this.capacity) this.resize(this.capacity * 2);
      slot = this.end++;
    }
    const w = slot * this.wordsPerSlot;
    this.words[w] = a;
    if (this.wordsPerSlot === 4) {
      this.words[w + 1] = b;
      this.words[w + 2] = c;
      this.words[w + 3] = d;
    }
    this.lengths[slot] = length;
    this.clearFields(slot);
    this.count++;
    this.index[at] = (hash & TAG_BITS) | (slot + 1);
    if (this.count * 2 > this.mask) this.rehash((this.mask + 1) * 2);
    return slot;
  }

  remove(slot: number): void {
    const { index, mask } = this;
    let hole = this.hashOf(slot) & mask;
    while ((index[hole] & NUMBER_BITS) !== slot + 1) hole = below(hole, mask);
    // Shift back what would no longer be found across the hole.
    for (let at = below(hole, mask); index[at] !== 0; at = below(at, mask)) {
      const home = this.hashOf((index[at] & NUMBER_BITS) - 1) & mask;
      if (distance(home, at, mask) >= distance(hole, at, mask)) {
        index[hole] = index[at];
        hole = at;
      }
    }
    index[hole] = 0;
    this.lengths[slot] = FREE_LENGTH;
    this.words[slot * this.wordsPerSlot] = this.free;
    this.free = slot + 1;
    this.count--;
    if (this.mask > FIRST_CAPACITY * 2 && this.count * 16 < this.mask) this.rehash((this.mask + 1) / 4);
    if (this.count < this.trimBelow) this.trim();
  }

  read(slot: number): Prefix {
    const { family, words } = this;
    const length = this.lengths[slot];
    if (family === IPV4) return { family, a: words[slot], b: 0, c: 0, d: 0, length };
    const w = slot * 4;
    return { family, a: words[w], b: words[w + 1], c: words[w + 2], d: words[w + 3], length };
  }

  /** Orders two slots by address, then by length. */
  compare(x: number, y: number): number {
    const n = this.wordsPerSlot;
    for (let i = 0; i < n; i++) {
      const difference = this.words[x * n + i] - this.words[y * n + i];
      if (difference !== 0) return difference;
    }
    return this.lengths[x] - this.lengths[y];
  }

  private hash(a: number, b: number, c: number, d: number, length: number): number {
    return this.wordsPerSlot === 1 ? hashPrefix4(a, length, seed) : hashPrefix6(a, b, c, d, length, seed);
  }

  private hashOf(slot: number): number {
    const { words } = this;
    if (this.wordsPerSlot === 1) return hashPrefix4(words[slot], this.lengths[slot], seed);
    const w = slot * 4;
    return hashPrefix6(words[w], words[w + 1], words[w + 2], words[w + 3], this.lengths[slot], seed);
  }

  /** Where in the index the prefix stands, or the empty place where it belongs. */
  private place(a: number, b: number, c: number, d: number, length: number, hash: number): number {
    const { index, mask } = this;
    let at = hash & mask;
    for (let entry = index[at]; entry !== 0; entry = index[at]) {
      if (((entry ^ hash) & TAG_BITS) === 0 && this.is((entry & NUMBER_BITS) - 1, a, b, c, d, length))
        return at;
      at = below(at, mask);
    }
    return at;
  }

  private is(slot: number, a: number, b: number, c: number, d: number, length: number): boolean {
    if (this.lengths[slot] !== length) return false;
    if (this.wordsPerSlot === 1) return this.words[slot] === a;
    const w = slot * 4;
    const words = this.words;
    return words[w] === a && words[w + 1] === b && words[w + 2] === c && words[w + 3] === d;
  }

  private resize(capacity: number): void {
    this.words = resized(this.words, capacity * this.wordsPerSlot);
    this.lengths = resized(this.lengths, capacity);
    if (capacity > this.capacity) this.lengths.fill(FREE_LENGTH, this.capacity);
    this.capacity = capacity;
    this.resizeFields(capacity);
    this.trimBelow = capacity > FIRST_CAPACITY ? capacity / 8 : 0;
  }

  /** Cuts the arrays behind the last live slot if that is worth it, and has low slots used first again. */
  private trim(): void {
    const { lengths } = this;
    while (this.end > 0 && lengths[this.end - 1] === FREE_LENGTH) this.end--;
    this.free = 0;
    for (let slot = this.end - 1; slot >= 0; slot--) {
      if (lengths[slot] !== FREE_LENGTH) continue;
      this.words[slot * this.wordsPerSlot] = this.free;
      this.free = slot + 1;
    }
    let capacity = FIRST_CAPACITY;
    while (capacity < this.end * 2) capacity *= 2;
    if (capacity < this.capacity) this.resize(capacity);
    // With the last one far behind: not again before half of them are gone.
    this.trimBelow = Math.min(this.trimBelow, this.count >> 1);
  }

  private rehash(size: number): void {
    const index = newIndex(size);
    const mask = size - 1;
    for (let slot = 0; slot < this.end; slot++) {
      if (this.lengths[slot] === FREE_LENGTH) continue;
      const hash = this.hashOf(slot);
      let at = hash & mask;
      while (index[at] !== 0) at = below(at, mask);
      index[at] = (hash & TAG_BITS) | (slot + 1);
    }
    giveBack(this.index);
    this.index = index;
    this.mask = mask;
  }
}
