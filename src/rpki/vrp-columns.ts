/**
 * The VRPs of one family as dense entries in typed arrays, chained in hash buckets by their prefix. An entry carries,
 * for each cache, a bit that says whether the cache has it, and one that says whether it will when what is on its way
 * is whole. So two caches that say the same cost one entry, and to put a new state in the place of an old one is one
 * pass over one column.
 */
import { type FamilyIndex, IPV4, wordMask } from '../address/index.js';
import { Validity } from './types.js';

const SMALLEST = 256;
const NONE = -1;
/** Bits from here on: what will hold. Below: what holds. */
export const NEXT_SHIFT = 16;

export class VrpColumns {
  readonly stride: 1 | 4;
  /** Keys of entries; an entry whose `states` is 0 is free. */
  words: Uint32Array;
  lengths = new Uint8Array(SMALLEST);
  maxLengths = new Uint8Array(SMALLEST);
  asns = new Uint32Array(SMALLEST);
  states = new Uint32Array(SMALLEST);
  /** Every entry in use is below this. */
  highWater = 0;
  /** The bits of the caches whose VRPs decide. */
  inForce = 0;
  private next = new Int32Array(SMALLEST);
  private heads = new Int32Array(SMALLEST).fill(NONE);
  private free = NONE;
  private used = 0;
  /** Entries of each length, and the lengths that there are. */
  private readonly countByLength = new Uint32Array(129);
  private present: readonly number[] = [];
  /** IPv4: by the first 16 bits, the lengths that a VRP covering something there may have; never too few. */
  private readonly lengthsAt: Uint32Array | null;
  /** Random, so that nobody outside can choose prefixes that collide. */
  private readonly seed = Math.trunc(Math.random() * 0x100000000);

  constructor(readonly family: FamilyIndex) {
    this.stride = family === IPV4 ? 1 : 4;
    this.words = new Uint32Array(SMALLEST * this.stride);
    this.lengthsAt = family === IPV4 ? new Uint32Array(1 << 16) : null;
  }

  /** The entry, or -1. `words[0…]` is the prefix, host bits zero. */
  find(words: Uint32Array, length: number, maxLength: number, asn: number): number {
    const { next, lengths, maxLengths, asns } = this;
    for (let e = this.heads[this.bucket(words, 0, length)]; e !== NONE; e = next[e]) {
      if (asns[e] === asn && maxLengths[e] === maxLength && lengths[e] === length && this.has(e, words, 0)) {
        return e;
      }
    }
    return NONE;
  }

  /** A new entry, with state 0: the caller sets one. */
  insert(words: Uint32Array, length: number, maxLength: number, asn: number): number {
    if (this.free === NONE && this.highWater === this.lengths.length) this.grow();
    let entry = this.free;
    if (entry === NONE) entry = this.highWater++;
    else this.free = this.next[entry];
    for (let i = 0; i < this.stride; i++) this.words[entry * this.stride + i] = words[i];
    this.lengths[entry] = length;
    this.maxLengths[entry] = maxLength;
    this.asns[entry] = asn;
    this.states[entry] = 0;
    const bucket = this.bucket(words, 0, length);
    this.next[entry] = this.heads[bucket];
    this.heads[bucket] = entry;
    this.used++;
    if (this.countByLength[length]++ === 0) this.findPresent();
    if (this.lengthsAt !== null) this.noteLength(this.lengthsAt, words[0], length);
    return entry;
  }

  release(entry: number): void {
    const { next, heads } = this;
    const bucket = this.bucket(this.words, entry * this.stride, this.lengths[entry]);
    if (heads[bucket] === entry) heads[bucket] = next[entry];
    else {
      let before = heads[bucket];
      while (next[before] !== entry) before = next[before];
      next[before] = next[entry];
    }
    this.states[entry] = 0;
    next[entry] = this.free;
    this.free = entry;
    this.used--;
    if (--this.countByLength[this.lengths[entry]] === 0) this.findPresent();
    if (this.used === 0) this.lengthsAt?.fill(0);
  }

  /** RFC 6811 §2. The route's prefix is `words[at…]`; an origin below 1 is none that a VRP could match. */
  validate(words: Uint32Array, at: number, length: number, origin: number): Validity {
    if (this.used === 0) return Validity.notFound;
    const { next, heads, lengths, maxLengths, asns, states, inForce, present } = this;
    const own = this.words;
    let covered = false;
    if (this.lengthsAt !== null) {
      const address = words[at];
      // Bit n stands for length n, bit 0 for 0 and 32.
      const there = this.lengthsAt[address >>> 16];
      for (const each of present) {
        if (each > length) break;
        if ((there & (1 << (each & 31))) === 0) continue;
        const key = (address & wordMask(each)) >>> 0;
        for (let e = heads[this.bucket4(key, each)]; e !== NONE; e = next[e]) {
          if (own[e] !== key || lengths[e] !== each || (states[e] & inForce) === 0) continue;
          if (asns[e] === origin && length <= maxLengths[e] && origin > 0) return Validity.valid;
          covered = true;
        }
      }
    } else {
      for (const each of present) {
        if (each > length) break;
        for (let e = heads[this.bucket(words, at, each)]; e !== NONE; e = next[e]) {
          if (lengths[e] !== each || (states[e] & inForce) === 0 || !this.has(e, words, at)) continue;
          if (asns[e] === origin && length <= maxLengths[e] && origin > 0) return Validity.valid;
          covered = true;
        }
      }
    }
    return covered ? Validity.invalid : Validity.notFound;
  }

  /** The entries in force whose prefix is the given one or contains it, shortest first. */
  covering(words: Uint32Array, at: number, length: number): number[] {
    const found: number[] = [];
    for (const each of this.present) {
      if (each > length) break;
      for (let e = this.heads[this.bucket(words, at, each)]; e !== NONE; e = this.next[e]) {
        if (this.lengths[e] === each && (this.states[e] & this.inForce) !== 0 && this.has(e, words, at)) {
          found.push(e);
        }
      }
    }
    return found;
  }

  memoryBytes(): number {
    const { words, lengths, maxLengths, asns, states, next, heads, lengthsAt } = this;
    return [words, lengths, maxLengths, asns, states, next, heads].reduce(
      (sum, column) => sum + column.byteLength,
      lengthsAt?.byteLength ?? 0,
    );
  }

  /** Whether the first bits of `words[at…]`, as many as the entry's length, are the entry's prefix. */
  private has(entry: number, words: Uint32Array, at: number): boolean {
    const length = this.lengths[entry];
    for (let i = 0; i < this.stride; i++) {
      const mask = wordMask(length - 32 * i);
      if (((words[at + i] ^ this.words[entry * this.stride + i]) & mask) !== 0) return false;
    }
    return true;
  }

  private bucket(words: Uint32Array, at: number, length: number): number {
    if (this.stride === 1) return this.bucket4((words[at] & wordMask(length)) >>> 0, length);
    let h = this.seed ^ length;
    for (let i = 0; i < 4; i++) {
      h = Math.imul(h ^ (words[at + i] & wordMask(length - 32 * i)), 0x9e3779b1);
      h ^= h >>> 15;
    }
    return this.spread(h);
  }

  private bucket4(key: number, length: number): number {
    return this.spread(key ^ Math.imul(length, 0x9e3779b1) ^ this.seed);
  }

  private spread(h: number): number {
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) & (this.heads.length - 1);
  }

  private noteLength(at: Uint32Array, address: number, length: number): void {
    const first = address >>> 16;
    const last = first + (length >= 16 ? 0 : (1 << (16 - length)) - 1);
    for (let i = first; i <= last; i++) at[i] |= 1 << (length & 31);
  }

  private findPresent(): void {
    const present: number[] = [];
    for (let length = 0; length <= 128; length++) if (this.countByLength[length] > 0) present.push(length);
    this.present = present;
  }

  private grow(): void {
    const capacity = this.lengths.length * 2;
    const words = new Uint32Array(capacity * this.stride);
    words.set(this.words);
    this.words = words;
    const octets = (column: Uint8Array) => {
      const grown = new Uint8Array(capacity);
      grown.set(column);
      return grown;
    };
    const numbers = (column: Uint32Array) => {
      const grown = new Uint32Array(capacity);
      grown.set(column);
      return grown;
    };
    this.lengths = octets(this.lengths);
    this.maxLengths = octets(this.maxLengths);
    this.asns = numbers(this.asns);
    this.states = numbers(this.states);
    // As many buckets as entries. It grows only when no entry is free, so every one is chained anew.
    this.next = new Int32Array(capacity);
    this.heads = new Int32Array(capacity).fill(NONE);
    for (let entry = 0; entry < this.highWater; entry++) {
      const bucket = this.bucket(this.words, entry * this.stride, this.lengths[entry]);
      this.next[entry] = this.heads[bucket];
      this.heads[bucket] = entry;
    }
  }
}
