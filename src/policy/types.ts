/**
 * Filters as a document states them. A filter is a list of rules in order; the first rule that matches and has an
 * `action` decides; a rule that matches and has none applies its `set` and goes on. No rule decided: reject.
 */
import type { Address, Family, Prefix } from '../address/index.js';

export interface PrefixMatch {
  readonly prefix: Prefix;
  /** Shortest and longest accepted prefix length; both default to the prefix's own length. With `ge` alone, `le` is the family's maximum; with `le` alone, `ge` is the own length. */
  readonly ge: number;
  readonly le: number;
}

export interface FilterMatch {
  /** Any of them. Absent: every prefix. */
  readonly prefixes?: readonly PrefixMatch[];
  readonly family?: Family;
  /** RFC 1997 communities, as high 16 bits : low 16 bits in one u32. All of them must be present. */
  readonly communities?: readonly number[];
}

export interface FilterSet {
  readonly nextHop?: 'self' | 'unchanged' | Address;
  readonly localPref?: number;
  /** A number sets it, 'remove' drops it. */
  readonly med?: number | 'remove';
  readonly communities?: {
    readonly set?: readonly number[];
    readonly add?: readonly number[];
    readonly remove?: readonly number[];
  };
}

export interface FilterRule {
  readonly match: FilterMatch;
  readonly set: FilterSet;
  readonly action?: 'accept' | 'reject';
}

export interface Filter {
  readonly name: string;
  readonly rules: readonly FilterRule[];
}
