/** The conditions of a rule that look at a route's attributes or source, each compiled to a question of its own. */
import { contains } from '../address/index.js';
import { AsPathRegex } from './as-path-regex.js';
import { type CommunityPattern, fits, fitsWide } from './communities.js';
import type { RouteView } from './route-view.js';
import type { AsPathMatch, CommunityMatch, FilterMatch, FilterSet, NumberRange } from './types.js';

export type Condition = (route: RouteView) => boolean;

/** All of them must hold. Those that cost least come first. */
export function compileConditions(match: FilterMatch): Condition[] {
  const conditions: Condition[] = [];
  const { sources, peers, localPref, med, origins, nextHop, asPath, rpki } = match;
  if (sources !== undefined) conditions.push((route) => sources.includes(route.source.kind));
  if (peers !== undefined) conditions.push(fromPeer(peers));
  if (localPref !== undefined) conditions.push((route) => within(localPref, route.localPref));
  if (med !== undefined) conditions.push((route) => within(med, route.med));
  if (origins !== undefined) conditions.push((route) => origins.includes(route.origin));
  if (rpki !== undefined) conditions.push((route) => rpki.includes(route.validity));
  if (nextHop !== undefined) {
    conditions.push((route) => {
      const address = route.nextHop;
      return address !== null && nextHop.some((prefix) => contains(prefix, address));
    });
  }
  if (asPath !== undefined) addPathConditions(asPath, conditions);
  addCommunityConditions(match.communities, (route) => route.communities, fits, conditions, hasOneOf);
  addCommunityConditions(
    match.extendedCommunities,
    (route) => route.extendedCommunities,
    fitsWide,
    conditions,
  );
  addCommunityConditions(match.largeCommunities, (route) => route.largeCommunities, fitsWide, conditions);
  return conditions;
}

/** Whether what a `set` makes depends on what the route has. */
export function isRelative(set: FilterSet): boolean {
  return typeof set.localPref === 'object' || typeof set.med === 'object' || asksValidity({}, set);
}

/** Whether a rule needs to know the state of origin validation. */
export function asksValidity(match: FilterMatch, set: FilterSet): boolean {
  return match.rpki !== undefined || set.validationState === true;
}

function within(range: NumberRange, value: number): boolean {
  return value >= (range.ge ?? 0) && value <= (range.le ?? Number.POSITIVE_INFINITY);
}

function fromPeer(patterns: readonly string[]): Condition {
  const names = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const wild = patterns.filter((pattern) => pattern.includes('*')).map((pattern) => pattern.split('*'));
  return ({ source }) =>
    source.kind === 'bgp' &&
    (names.has(source.name) || wild.some((pieces) => hasPieces(source.name, pieces)));
}

/** Whether the text is these pieces in this order, with anything between them. */
function hasPieces(text: string, pieces: readonly string[]): boolean {
  const first = pieces[0];
  const last = pieces[pieces.length - 1];
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

function addPathConditions(match: AsPathMatch, into: Condition[]): void {
  const { contains: through, startsWith, endsWith, length } = match;
  if (startsWith !== undefined) into.push((route) => startsWith.includes(route.firstAsn));
  if (endsWith !== undefined) into.push((route) => endsWith.includes(route.originAsn));
  if (length !== undefined) into.push((route) => within(length, route.asPathLength));
  if (through !== undefined) into.push((route) => through.some((asn) => route.passesThrough(asn)));
  if (match.regex !== undefined) {
    const expressions = match.regex.map((source) => new AsPathRegex(source));
    into.push((route) => {
      const path = route.asPath;
      return expressions.some((expression) => expression.test(path));
    });
  }
}

/** Whether one of many communities is there: those without a wildcard are looked up, not compared one by one. */
function hasOneOf(patterns: readonly CommunityPattern[]): (present: readonly number[]) => boolean {
  const isExact = ({ mask }: CommunityPattern) => mask === 0xffffffff;
  const exact = new Set(patterns.filter(isExact).map(({ value }) => value));
  const others = patterns.filter((pattern) => !isExact(pattern));
  return (present) =>
    present.some((value) => exact.has(value) || others.some((pattern) => fits(pattern, value)));
}

/** `compileAny` makes the question for `any`, where comparing each pattern with each value is not good enough. */
function addCommunityConditions<Value, Pattern>(
  match: CommunityMatch<Pattern> | undefined,
  read: (route: RouteView) => readonly Value[],
  fitting: (pattern: Pattern, value: Value) => boolean,
  into: Condition[],
  compileAny?: (patterns: readonly Pattern[]) => (present: readonly Value[]) => boolean,
): void {
  if (match === undefined) return;
  const { all = [], any } = match;
  // An empty list of demands is none.
  if (all.length === 0 && any === undefined) return;
  const fitsOne = (present: readonly Value[], pattern: Pattern) =>
    present.some((value) => fitting(pattern, value));
  const hasAny =
    any === undefined
      ? () => true
      : (compileAny?.(any) ??
        ((present: readonly Value[]) => any.some((pattern) => fitsOne(present, pattern))));
  into.push((route) => {
    const present = read(route);
    return all.every((pattern) => fitsOne(present, pattern)) && hasAny(present);
  });
}
