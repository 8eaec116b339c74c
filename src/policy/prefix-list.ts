/** The prefixes of rules and the named sets that rules refer to, compiled for one family: does a route's prefix match any of them? */
import { type FamilyIndex, IPV4, networkOf, wordMask } from '../address/index.js';
import { NONE } from '../rib/ids.js';
import { PrefixTable } from '../rib/prefix-table.js';
import type { PrefixMatch } from './types.js';

/** So many are compared one by one; more are looked up by length. */
const FEW = 8;
/** Words of one compiled entry: four of the address, four of the mask, shortest and longest length. */
const STRIDE = 10;

/** A question about a prefix; `words[at…]` is its key, one word or four, `length` in bits. */
export interface PrefixCondition {
  /** Whether nothing can match. */
  readonly isEmpty: boolean;
  matches(words: Uint32Array, at: number, length: number): boolean;
}

export class PrefixList implements PrefixCondition {
  private readonly family: FamilyIndex;
  private readonly entries: Uint32Array;
  private readonly count: number;
  /** Base prefixes of a long list, and per base prefix its pairs of shortest and longest length. */
  private readonly bases: PrefixTable | null = null;
  private readonly ranges: number[][] = [];
  /** Per length of base prefixes the longest length that one of them accepts: a list of exact prefixes is one look-up. */
  private readonly reach = new Uint8Array(129);

  constructor(family: FamilyIndex, matches: readonly PrefixMatch[]) {
    this.family = family;
    const ours = matches.filter((match) => match.prefix.family === family && match.ge <= match.le);
    this.count = ours.length;
    this.entries = new Uint32Array(ours.length > FEW ? 0 : ours.length * STRIDE);
    if (ours.length <= FEW) {
      ours.forEach(({ prefix, ge, le }, i) => {
        const { a, b, c, d, length } = networkOf(prefix, prefix.length);
        const masks = [0, 32, 64, 96].map((from) => wordMask(length - from));
        this.entries.set([a, b, c, d, ...masks, Math.max(ge, length), le], i * STRIDE);
      });
      return;
    }
    this.bases = new PrefixTable(family, Math.max(1024, ours.length));
    for (const { prefix, ge, le } of ours) {
      const id = this.bases.intern(networkOf(prefix, prefix.length));
      this.ranges[id] ??= [];
      this.ranges[id].push(Math.max(ge, prefix.length), le);
      this.reach[prefix.length] = Math.max(this.reach[prefix.length], le);
    }
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  matches(words: Uint32Array, at: number, length: number): boolean {
    return this.bases === null
      ? this.matchesFew(words, at, length)
      : this.matchesMany(this.bases, words, at, length);
  }

  private matchesFew(words: Uint32Array, at: number, length: number): boolean {
    const { entries } = this;
    for (let e = 0; e < entries.length; e += STRIDE) {
      if (length < entries[e + 8] || length > entries[e + 9]) continue;
      if (((words[at] ^ entries[e]) & entries[e + 4]) !== 0) continue;
      if (this.family === IPV4) return true;
      if (
        ((words[at + 1] ^ entries[e + 1]) & entries[e + 5]) === 0 &&
        ((words[at + 2] ^ entries[e + 2]) & entries[e + 6]) === 0 &&
        ((words[at + 3] ^ entries[e + 3]) & entries[e + 7]) === 0
      ) {
        return true;
      }
    }
    return false;
  }

  private matchesMany(bases: PrefixTable, words: Uint32Array, at: number, length: number): boolean {
    for (let base = length; base >= 0; base--) {
      if (bases.countByLength[base] === 0 || this.reach[base] < length) continue;
      const id =
        this.family === IPV4
          ? bases.find4((words[at] & wordMask(base)) >>> 0, base)
          : bases.find6(
              (words[at] & wordMask(base)) >>> 0,
              (words[at + 1] & wordMask(base - 32)) >>> 0,
              (words[at + 2] & wordMask(base - 64)) >>> 0,
              (words[at + 3] & wordMask(base - 96)) >>> 0,
              base,
            );
      if (id === NONE) continue;
      const ranges = this.ranges[id];
      for (let i = 0; i < ranges.length; i += 2)
        if (length >= ranges[i] && length <= ranges[i + 1]) return true;
    }
    return false;
  }
}

const compiled = new WeakMap<readonly PrefixMatch[], (PrefixList | undefined)[]>();

/** The list of these prefixes; one for all policies that refer to them. */
export function prefixList(family: FamilyIndex, matches: readonly PrefixMatch[]): PrefixList {
  let lists = compiled.get(matches);
  if (lists === undefined) {
    lists = [];
    compiled.set(matches, lists);
  }
  lists[family] ??= new PrefixList(family, matches);
  return lists[family];
}

/** At least one of them matches. */
export function anyOf(conditions: readonly PrefixCondition[]): PrefixCondition {
  const able = conditions.filter((condition) => !condition.isEmpty);
  if (able.length === 1) return able[0];
  return {
    isEmpty: able.length === 0,
    matches: (words, at, length) => able.some((condition) => condition.matches(words, at, length)),
  };
}

/** All of them match. */
export function allOf(conditions: readonly PrefixCondition[]): PrefixCondition {
  if (conditions.length === 1) return conditions[0];
  return {
    isEmpty: conditions.some((condition) => condition.isEmpty),
    matches: (words, at, length) => conditions.every((condition) => condition.matches(words, at, length)),
  };
}
