/**
 * Filters as a document states them. A filter is a list of rules in order; the first rule that matches and has an
 * `action` decides; a rule that matches and has none applies its `set` and goes on. No rule decided: reject.
 */
import type { Address, Family, Prefix } from '../address/index.js';
import type { RouteSourceKind } from '../rib/sources.js';
import type { Validity } from '../rpki/types.js';
import type { CommunityPattern, WidePattern } from './communities.js';

export interface PrefixMatch {
  readonly prefix: Prefix;
  /** Shortest and longest accepted prefix length; both default to the prefix's own length. With `ge` alone, `le` is the family's maximum; with `le` alone, `ge` is the own length. */
  readonly ge: number;
  readonly le: number;
}

/** Prefix lists by name, as rules refer to them. */
export type PrefixSets = Readonly<Record<string, readonly PrefixMatch[]>>;

/** From `ge` to `le`, both included; absent: open at that end. */
export interface NumberRange {
  readonly ge?: number;
  readonly le?: number;
}

/** All keys given must hold. */
export interface AsPathMatch {
  /** Any of these AS numbers stands anywhere in the path. */
  readonly contains?: readonly number[];
  /** The neighbouring AS, first in the path, is any of these. */
  readonly startsWith?: readonly number[];
  /** The AS that originated the route, last in the path, is any of these. */
  readonly endsWith?: readonly number[];
  /** Of the path's length as RFC 4271 §9.1.2.2 (a) counts it. */
  readonly length?: NumberRange;
  /** Any of these regular expressions (see as-path-regex.ts) finds something in the path. */
  readonly regex?: readonly string[];
}

/** `all` must be there, and of `any` at least one; a pattern is there where a community fits it. */
export interface CommunityMatch<Pattern> {
  readonly all?: readonly Pattern[];
  readonly any?: readonly Pattern[];
}

/** All keys given must hold. */
export interface FilterMatch {
  /** Any of them. Absent: every prefix. */
  readonly prefixes?: readonly PrefixMatch[];
  /** Names of prefix sets, any of which must hold the prefix. */
  readonly prefixSets?: readonly string[];
  readonly family?: Family;
  readonly asPath?: AsPathMatch;
  readonly communities?: CommunityMatch<CommunityPattern>;
  readonly largeCommunities?: CommunityMatch<WidePattern>;
  readonly extendedCommunities?: CommunityMatch<WidePattern>;
  /** The next hop lies in any of these. */
  readonly nextHop?: readonly Prefix[];
  /** Names of the peer that the route was learnt from, any of them; `*` stands for any run of characters. */
  readonly peers?: readonly string[];
  /** Where the route comes from, any of them. */
  readonly sources?: readonly RouteSourceKind[];
  readonly localPref?: NumberRange;
  readonly med?: NumberRange;
  /** Values of ORIGIN, any of them. */
  readonly origins?: readonly number[];
  /** States of origin validation (RFC 6811), any of them. */
  readonly rpki?: readonly Validity[];
}

/** First `set` replaces all, then `remove` drops what fits, then `add` comes behind. */
export interface CommunityChange<Value, Pattern> {
  readonly set?: readonly Value[];
  readonly remove?: readonly Pattern[];
  readonly add?: readonly Value[];
}

/** To what is there, added; below zero: subtracted. The result stays within 32 bits. */
export interface Shift {
  readonly shift: number;
}

export interface FilterSet {
  readonly nextHop?: 'self' | 'unchanged' | Address;
  readonly localPref?: number | Shift;
  /** A number sets it, 'remove' drops it. */
  readonly med?: number | Shift | 'remove';
  /** RFC 7311: at most 2^53. */
  readonly aigp?: number | 'remove';
  /** A value of ORIGIN. */
  readonly origin?: number;
  /** In front of AS_PATH, so many times; `asn` null: our own. */
  readonly prepend?: { readonly asn: number | null; readonly times: number };
  readonly communities?: CommunityChange<number, CommunityPattern>;
  /** Values in hex, 24 digits each. */
  readonly largeCommunities?: CommunityChange<string, WidePattern>;
  /** Values in hex, 16 digits each. */
  readonly extendedCommunities?: CommunityChange<string, WidePattern>;
  /** The origin validation state as an extended community (RFC 8097), in the place of any that is there. */
  readonly validationState?: true;
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
