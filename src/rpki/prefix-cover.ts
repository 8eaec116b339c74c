/**
 * A set of prefixes that is asked whether one of them covers another prefix. Answers yes too often (never too seldom)
 * where hashes of IPv6 prefixes meet, or where so much was added that it counts as everything.
 */
import { type FamilyIndex, IPV4, wordMask } from '../address/index.js';

/** More than this many prefixes are as good as all. */
const EVERYTHING = 1 << 16;

export class PrefixCover {
  private everything = false;
  private count = 0;
  /** By family, per length hashes of prefixes; the lengths in ascending order. */
  private readonly sets: [Map<number, Set<number>>, Map<number, Set<number>>] = [new Map(), new Map()];
  private readonly lengths: [number[], number[]] = [[], []];

  get isEmpty(): boolean {
    return this.count === 0;
  }

  /** The prefix in `words[at…]`, one word or four, in host order. */
  add(family: FamilyIndex, words: Uint32Array, at: number, length: number): void {
    if (++this.count > EVERYTHING) this.everything = true;
    if (this.everything) return;
    let set = this.sets[family].get(length);
    if (set === undefined) {
      set = new Set();
      this.sets[family].set(length, set);
      this.lengths[family] = [...this.sets[family].keys()].sort((x, y) => x - y);
    }
    set.add(hash(family, words, at, length));
  }

  /** Whether one of the prefixes is the given one or contains it. */
  covers(family: FamilyIndex, words: Uint32Array, at: number, length: number): boolean {
    if (this.everything) return true;
    const sets = this.sets[family];
    for (const each of this.lengths[family]) {
      if (each > length) return false;
      if (sets.get(each)?.has(hash(family, words, at, each))) return true;
    }
    return false;
  }
}

/** Of the first `length` bits. IPv4: themselves. */
function hash(family: FamilyIndex, words: Uint32Array, at: number, length: number): number {
  if (family === IPV4) return (words[at] & wordMask(length)) >>> 0;
  let mixed = 0;
  for (let i = 0; i < 4; i++) {
    mixed = Math.imul(mixed ^ (words[at + i] & wordMask(length - 32 * i)), 0x9e3779b1);
    mixed ^= mixed >>> 15;
  }
  return mixed >>> 0;
}
