/** Filters and prefix sets of a Router → those of a document. Lists stay lists, also of one. */
import { formatAddress, formatPrefix } from '../address/index.js';
import { formatCommunity, originNames } from '../bgp/wire/attributes.js';
import {
  type CommunityPattern,
  formatCommunityPattern,
  formatExtended,
  formatLarge,
  type WidePattern,
} from '../policy/communities.js';
import type {
  AsPathMatch,
  CommunityChange,
  CommunityMatch,
  Filter,
  FilterMatch,
  FilterRule,
  FilterSet,
  NumberRange,
  PrefixMatch,
  Shift,
} from '../policy/types.js';
import { validityNames } from '../rpki/types.js';

export function renderPrefixSet(list: readonly PrefixMatch[]) {
  return list.map(renderPrefixMatch);
}

export function renderFilter(filter: Filter) {
  return filter.rules.map(renderRule);
}

function renderRule({ match, set, action }: FilterRule) {
  const matches = renderMatch(match);
  const sets = renderSet(set);
  return {
    ...(Object.keys(matches).length === 0 ? {} : { match: matches }),
    ...(Object.keys(sets).length === 0 ? {} : { set: sets }),
    ...(action === undefined ? {} : { action }),
  };
}

function renderMatch(match: FilterMatch) {
  const { communities, largeCommunities, extendedCommunities } = match;
  return {
    ...(match.prefixes === undefined ? {} : { prefix: match.prefixes.map(renderPrefixMatch) }),
    ...(match.prefixSets === undefined ? {} : { prefixSet: [...match.prefixSets] }),
    ...(match.family === undefined ? {} : { family: match.family }),
    ...(match.sources === undefined ? {} : { source: [...match.sources] }),
    ...(match.peers === undefined ? {} : { peer: [...match.peers] }),
    ...(match.nextHop === undefined ? {} : { nextHop: match.nextHop.map(formatPrefix) }),
    ...(match.asPath === undefined ? {} : { asPath: renderAsPath(match.asPath) }),
    ...(communities === undefined ? {} : { communities: renderWanted(communities, formatCommunityPattern) }),
    ...(largeCommunities === undefined ? {} : { largeCommunities: renderWanted(largeCommunities, textOf) }),
    ...(extendedCommunities === undefined
      ? {}
      : { extendedCommunities: renderWanted(extendedCommunities, textOf) }),
    ...(match.localPref === undefined ? {} : { localPref: renderRange(match.localPref) }),
    ...(match.med === undefined ? {} : { med: renderRange(match.med) }),
    ...(match.origins === undefined ? {} : { origin: match.origins.map((origin) => originNames[origin]) }),
    ...(match.rpki === undefined ? {} : { rpki: match.rpki.map((state) => validityNames[state]) }),
  };
}

function renderAsPath(match: AsPathMatch) {
  const { contains, startsWith, endsWith, length, regex } = match;
  return {
    ...(contains === undefined ? {} : { contains: [...contains] }),
    ...(startsWith === undefined ? {} : { startsWith: [...startsWith] }),
    ...(endsWith === undefined ? {} : { endsWith: [...endsWith] }),
    ...(length === undefined ? {} : { length: renderRange(length) }),
    ...(regex === undefined ? {} : { regex: [...regex] }),
  };
}

function renderRange(range: NumberRange) {
  return range.ge !== undefined && range.ge === range.le ? range.ge : { ...range };
}

const textOf = (pattern: WidePattern) => pattern.text;

function renderWanted<P>({ all, any }: CommunityMatch<P>, format: (pattern: P) => string) {
  if (all !== undefined && any === undefined) return all.map(format);
  return {
    ...(all === undefined ? {} : { all: all.map(format) }),
    ...(any === undefined ? {} : { any: any.map(format) }),
  };
}

function renderPrefixMatch({ prefix, ge, le }: PrefixMatch) {
  const text = formatPrefix(prefix);
  return ge === prefix.length && le === prefix.length ? text : { prefix: text, ge, le };
}

function renderSet(set: FilterSet) {
  const { nextHop, localPref, med, prepend, communities, largeCommunities, extendedCommunities } = set;
  const standard = (changes: CommunityChange<number, CommunityPattern>) =>
    renderChange(changes, formatCommunity, formatCommunityPattern);
  return {
    ...(nextHop === undefined
      ? {}
      : { nextHop: typeof nextHop === 'string' ? nextHop : formatAddress(nextHop) }),
    ...(localPref === undefined ? {} : { localPref: renderNumber(localPref) }),
    ...(med === undefined ? {} : { med: med === 'remove' ? med : renderNumber(med) }),
    ...(set.aigp === undefined ? {} : { aigp: set.aigp }),
    ...(set.origin === undefined ? {} : { origin: originNames[set.origin] }),
    ...(prepend === undefined
      ? {}
      : { prepend: prepend.asn === null ? prepend.times : { asn: prepend.asn, times: prepend.times } }),
    ...(communities === undefined ? {} : { communities: standard(communities) }),
    ...(largeCommunities === undefined
      ? {}
      : { largeCommunities: renderChange(largeCommunities, formatLarge, textOf) }),
    ...(extendedCommunities === undefined
      ? {}
      : { extendedCommunities: renderChange(extendedCommunities, formatExtended, textOf) }),
    ...(set.validationState === undefined ? {} : { validationState: set.validationState }),
  };
}

function renderNumber(value: number | Shift): number | string {
  if (typeof value === 'number') return value;
  return value.shift < 0 ? String(value.shift) : `+${value.shift}`;
}

function renderChange<V, P>(
  { set, remove, add }: CommunityChange<V, P>,
  value: (value: V) => string,
  pattern: (pattern: P) => string,
) {
  return {
    ...(set === undefined ? {} : { set: set.map(value) }),
    ...(remove === undefined ? {} : { remove: remove.map(pattern) }),
    ...(add === undefined ? {} : { add: add.map(value) }),
  };
}
