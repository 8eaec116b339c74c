/**
 * A set of prefix ids that remembers no order: one bit per prefix and one bit per 32 of those, so that a million
 * prefixes cost 128 kB whether one or all of them are in, and an almost empty set is searched in a few steps.
 */
import { NONE, type PrefixId } from './ids.js';

export class PrefixSet {
  private words = new Uint32Array(64);
  /** Bit i: words[i] is not zero. */
  private summary = new Uint32Array(2);
  private count = 0;
  /** Word from which `take` searches on, so that low ids don't starve high ones. */
  private cursor = 0;

  get size(): number {
    return this.count;
  }

  has(prefix: PrefixId): boolean {
    const word = prefix >>> 5;
    return word < this.words.length && (this.words[word] & (1 << (prefix & 31))) !== 0;
  }

  /** Returns whether it was new. */
  add(prefix: PrefixId): boolean {
    const index = prefix >>> 5;
    if (index >= this.words.length) this.grow(index + 1);
    const word = this.words[index];
    const bit = 1 << (prefix & 31);
    if ((word & bit) !== 0) return false;
    this.words[index] = word | bit;
    if (word === 0) this.summary[index >>> 5] |= 1 << (index & 31);
    this.count++;
    return true;
  }

  /** Adds every id below `end`. */
  addBelow(end: number): void {
    for (let prefix = 0; prefix < end; prefix++) this.add(prefix as PrefixId);
  }

  /** Takes out the next id, in ascending order from the last one taken and round again; NONE when empty. */
  take(): PrefixId | typeof NONE {
    if (this.count === 0) return NONE;
    let index = this.cursor;
    if (this.words[index] === 0) index = this.seek(index);
    const word = this.words[index];
    const bit = 31 - Math.clz32(word & -word);
    const rest = word & (word - 1);
    this.words[index] = rest;
    if (rest === 0) this.summary[index >>> 5] &= ~(1 << (index & 31));
    this.cursor = index;
    this.count--;
    return ((index << 5) | bit) as PrefixId;
  }

  clear(): void {
    this.words = new Uint32Array(64);
    this.summary = new Uint32Array(2);
    this.count = 0;
    this.cursor = 0;
  }

  /** The next word from `index` on, round again, that is not zero. The set is not empty. */
  private seek(index: number): number {
    const { summary } = this;
    let block = index >>> 5;
    let bits = summary[block] & (-1 << (index & 31));
    while (bits === 0) {
      block = block + 1 === summary.length ? 0 : block + 1;
      bits = summary[block];
    }
    return (block << 5) | (31 - Math.clz32(bits & -bits));
  }

  private grow(wanted: number): void {
    let length = this.words.length;
    while (length < wanted) length *= 2;
    const words = new Uint32Array(length);
    words.set(this.words);
    this.words = words;
    const summary = new Uint32Array(length >>> 5);
    summary.set(this.summary);
    this.summary = summary;
  }
}
