/**
 * A hash index from prefixes of one family to slot numbers: open addressing, deletion by shifting back, never more than
 * half full. Slot numbers stay put while a slot lives; freed ones are used again. What a slot means is the business of
 * the classes that extend it by arrays of their own.
 */
import { type FamilyIndex, IPV4, type Prefix } from '../address/index.js';

export const NO_SLOT = -1;

const FIRST_CAPACITY = 256;

/** Random, so that nobody outside can choose prefixes that collide. */
const seed = Math.trunc(Math.random() * 0x100000000);

function hashPrefix(a: number, b: number, c: number, d: number, length: number): number {
  let h = Math.imul(a ^ seed ^ Math.imul(length + 1, 0x9e3779b1), 0x85ebca6b);
  if ((b | c | d) !== 0) {
    h = Math.imul(h ^ (h >>> 15) ^ b, 0xc2b2ae35);
    h = Math.imul(h ^ (h >>> 13) ^ c, 0x27d4eb2f);
    h = Math.imul(h ^ (h >>> 15) ^ d, 0x165667b1);
  }
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  return (h ^ (h >>> 15)) >>> 0;
}

/** A longer copy of a typed array. */
export function grown<T extends Uint32Array | Int32Array | Uint16Array | Uint8Array>(
  old: T,
  length: number,
): T {
  const bigger = new (old.constructor as new (length: number) => T)(length);
  bigger.set(old);
  return bigger;
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
  private live: Uint8Array;
  private next: Int32Array;
  private free = NO_SLOT;
  private index: Int32Array = new Int32Array(FIRST_CAPACITY * 2).fill(NO_SLOT);
  private mask = FIRST_CAPACITY * 2 - 1;

  constructor(readonly family: FamilyIndex) {
    this.wordsPerSlot = family === IPV4 ? 1 : 4;
    this.words = new Uint32Array(this.capacity * this.wordsPerSlot);
    this.lengths = new Uint8Array(this.capacity);
    this.live = new Uint8Array(this.capacity);
    this.next = new Int32Array(this.capacity);
  }

  /** Makes the arrays of the extending class as long as `capacity` says. */
  protected abstract growFields(capacity: number): void;
  /** Brings a new slot's fields to their first values. */
  protected abstract clearFields(slot: number): void;

  isLive(slot: number): boolean {
    return this.live[slot] === 1;
  }

  /** The slot of the prefix, or NO_SLOT. */
  find(a: number, b: number, c: number, d: number, length: number): number {
    for (let at = hashPrefix(a, b, c, d, length) & this.mask; ; at = (at + 1) & this.mask) {
      const slot = this.index[at];
      if (slot === NO_SLOT || this.is(slot, a, b, c, d, length)) return slot;
    }
  }

  /** The slot of the prefix, made when there is none. */
  intern(a: number, b: number, c: number, d: number, length: number): number {
    let at = hashPrefix(a, b, c, d, length) & this.mask;
    for (; this.index[at] !== NO_SLOT; at = (at + 1) & this.mask) {
      const slot = this.index[at];
      if (this.is(slot, a, b, c, d, length)) return slot;
    }
    let slot = this.free;
    if (slot !== NO_SLOT) {
      this.free = this.next[slot];
    } else {
      if (this.end === this.capacity) this.grow();
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
    this.live[slot] = 1;
    this.clearFields(slot);
    this.count++;
    if (this.count * 2 > this.mask) this.rehash((this.mask + 1) * 2);
    else this.index[at] = slot;
    return slot;
  }

  remove(slot: number): void {
    let hole = this.home(slot);
    while (this.index[hole] !== slot) hole = (hole + 1) & this.mask;
    // Shift back what would no longer be found across the hole.
    for (let at = (hole + 1) & this.mask; this.index[at] !== NO_SLOT; at = (at + 1) & this.mask) {
      const home = this.home(this.index[at]);
      if (((at - home) & this.mask) >= ((at - hole) & this.mask)) {
        this.index[hole] = this.index[at];
        hole = at;
      }
    }
    this.index[hole] = NO_SLOT;
    this.live[slot] = 0;
    this.next[slot] = this.free;
    this.free = slot;
    this.count--;
    if (this.mask > FIRST_CAPACITY * 2 && this.count * 16 < this.mask) this.rehash((this.mask + 1) / 4);
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

  private is(slot: number, a: number, b: number, c: number, d: number, length: number): boolean {
    if (this.lengths[slot] !== length) return false;
    if (this.wordsPerSlot === 1) return this.words[slot] === a;
    const w = slot * 4;
    const words = this.words;
    return words[w] === a && words[w + 1] === b && words[w + 2] === c && words[w + 3] === d;
  }

  private home(slot: number): number {
    const { words, mask } = this;
    if (this.wordsPerSlot === 1) return hashPrefix(words[slot], 0, 0, 0, this.lengths[slot]) & mask;
    const w = slot * 4;
    return hashPrefix(words[w], words[w + 1], words[w + 2], words[w + 3], this.lengths[slot]) & mask;
  }

  private grow(): void {
    this.capacity *= 2;
    this.words = grown(this.words, this.capacity * this.wordsPerSlot);
    this.lengths = grown(this.lengths, this.capacity);
    this.live = grown(this.live, this.capacity);
    this.next = grown(this.next, this.capacity);
    this.growFields(this.capacity);
  }

  private rehash(size: number): void {
    this.index = new Int32Array(size).fill(NO_SLOT);
    this.mask = size - 1;
    for (let slot = 0; slot < this.end; slot++) {
      if (this.live[slot] === 0) continue;
      let at = this.home(slot);
      while (this.index[at] !== NO_SLOT) at = (at + 1) & this.mask;
      this.index[at] = slot;
    }
  }
}
