/** `filters` and `prefixSets` of a document → those of a Router. */
import { familyIndex, networkOf, type Prefix, parseAddress } from '../address/index.js';
import { originNames } from '../bgp/wire/attributes.js';
import { AsPathRegex, AsPathRegexError } from '../policy/as-path-regex.js';
import {
  type CommunityPattern,
  parseCommunityPattern,
  parseExtendedPattern,
  parseLargePattern,
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
import type { RouteSourceKind } from '../rib/sources.js';
import { Validity, type ValidityName } from '../rpki/types.js';
import type {
  AsPathDocument,
  CommunityChangeDocument,
  CommunityMatchDocument,
  FilterRuleDocument,
  MatchDocument,
  PrefixMatchDocument,
  RangeDocument,
  SetDocument,
} from './document.js';
import { formatPath, type Path, showValue, suggest } from './issues.js';
import { prependTimes } from './schema-filters.js';
import type { Reader } from './values.js';

/** What rules may refer to by name; also what has mistakes inside. */
export interface FilterContext {
  readonly prefixSetNames: readonly string[];
  readonly peerNames: readonly string[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const MOST = 0xffffffff;

export function readPrefixSets(
  documents: Record<string, (PrefixMatchDocument | undefined)[] | undefined>,
  reader: Reader,
  path: Path,
): Record<string, PrefixMatch[]> {
  const sets: [string, PrefixMatch[]][] = [];
  for (const [name, list] of Object.entries(documents)) {
    if (list === undefined) continue;
    const matches = list.map((item, i) => readPrefixMatch(item, reader, [...path, name, i]));
    sets.push([name, matches.filter((item) => item !== undefined)]);
  }
  return Object.fromEntries(sets);
}

export function readFilters(
  documents: Record<string, (FilterRuleDocument | undefined)[] | undefined>,
  context: FilterContext,
  reader: Reader,
  path: Path,
): Record<string, Filter> {
  const filters: [string, Filter][] = [];
  for (const [name, rules] of Object.entries(documents)) {
    if (rules === undefined) continue;
    filters.push([name, { name, rules: readRules(rules, context, reader, [...path, name]) }]);
  }
  return Object.fromEntries(filters);
}

function readRules(
  rules: readonly (FilterRuleDocument | undefined)[],
  context: FilterContext,
  reader: Reader,
  path: Path,
): FilterRule[] {
  const read: FilterRule[] = [];
  let decidesAll: Path | null = null;
  for (const [i, document] of rules.entries()) {
    if (document === undefined) continue;
    const at = [...path, i];
    if (decidesAll !== null) {
      reader.warn(
        at,
        `\`${formatPath(at)}\` is never reached: the rule in ${reader.whereIs(decidesAll)} decides every route`,
      );
    }
    const rule: FilterRule = {
      match: readMatch(document.match ?? {}, context, reader, [...at, 'match']),
      set: readSet(document.set ?? {}, reader, [...at, 'set']),
      ...(document.action === undefined ? {} : { action: document.action }),
    };
    // What was mistyped in it, and so taken out, was to narrow it down.
    if (rule.action !== undefined && reader.isEmpty([...at, 'match'])) decidesAll ??= at;
    if (rule.action === 'reject' && document.set !== undefined) {
      reader.warn(
        [...at, 'set'],
        `\`${formatPath([...at, 'set'])}\` has no effect: the rule rejects the route`,
        'key',
      );
    }
    read.push(rule);
  }
  if (!rules.some((rule) => rule === undefined || rule.action === 'accept')) {
    reader.warn(
      path,
      `\`${formatPath(path)}\` accepts nothing: none of its rules has \`action: accept\``,
      'key',
    );
  }
  return read;
}

/** What is given of these, so that no key stands there without a value. */
function given<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

function readMatch(document: MatchDocument, context: FilterContext, reader: Reader, path: Path): FilterMatch {
  const match: Mutable<FilterMatch> = {};
  if (document.prefix !== undefined) {
    const at = [...path, 'prefix'];
    const list = Array.isArray(document.prefix)
      ? document.prefix.map((item, i) => readPrefixMatch(item, reader, [...at, i]))
      : [readPrefixMatch(document.prefix, reader, at)];
    match.prefixes = list.filter((item) => item !== undefined);
    const family = document.family === undefined ? undefined : familyIndex(document.family);
    if (family !== undefined && match.prefixes.some((item) => item.prefix.family !== family)) {
      reader.error(
        [...path, 'family'],
        `\`${formatPath([...path, 'family'])}\` contradicts a prefix beside it; expected prefixes of ${document.family} alone`,
      );
    }
  }
  if (document.prefixSet !== undefined) {
    match.prefixSets = readEach(document.prefixSet, [...path, 'prefixSet'], (name, at) => {
      if (context.prefixSetNames.includes(name)) return name;
      return reader.error(
        at,
        `\`${formatPath(at)}\` names the prefix set \`${name}\`, which \`spec.prefixSets\` doesn't define; ${suggest(name, context.prefixSetNames)}`,
      );
    });
  }
  if (document.family !== undefined) match.family = document.family;
  if (document.source !== undefined) {
    match.sources = readEach(document.source, [...path, 'source'], (kind) => kind as RouteSourceKind);
  }
  if (document.peer !== undefined) {
    match.peers = readEach(document.peer, [...path, 'peer'], (name, at) => {
      if (!name.includes('*') && !context.peerNames.includes(name)) {
        reader.warn(
          at,
          `\`${formatPath(at)}\` names the peer \`${name}\`, which \`spec.peers\` doesn't define; ${suggest(name, context.peerNames)}`,
        );
      }
      return name;
    });
  }
  if (document.nextHop !== undefined) {
    match.nextHop = readEach(document.nextHop, [...path, 'nextHop'], (text, at) =>
      readHosts(text, reader, at),
    );
  }
  if (document.asPath !== undefined) match.asPath = readAsPath(document.asPath, reader, [...path, 'asPath']);
  const { communities, largeCommunities, extendedCommunities } = document;
  if (communities !== undefined) {
    match.communities = readCommunityMatch(communities, [...path, 'communities'], standard(reader));
  }
  if (largeCommunities !== undefined) {
    match.largeCommunities = readCommunityMatch(
      largeCommunities,
      [...path, 'largeCommunities'],
      large(reader),
    );
  }
  if (extendedCommunities !== undefined) {
    const at = [...path, 'extendedCommunities'];
    match.extendedCommunities = readCommunityMatch(extendedCommunities, at, extended(reader));
  }
  for (const key of ['localPref', 'med'] as const) {
    const range = document[key];
    if (range !== undefined) match[key] = readRange(range, reader, [...path, key]);
  }
  if (document.origin !== undefined) {
    match.origins = readEach(document.origin, [...path, 'origin'], (name) =>
      originNames.indexOf(name as (typeof originNames)[number]),
    );
  }
  if (document.rpki !== undefined) {
    match.rpki = readEach(document.rpki, [...path, 'rpki'], (name) => Validity[name as ValidityName]);
  }
  return match;
}

function readPrefixMatch(
  document: PrefixMatchDocument | undefined,
  reader: Reader,
  path: Path,
): PrefixMatch | undefined {
  if (document === undefined) return undefined;
  if (typeof document === 'string') {
    const prefix = reader.prefix(document, path);
    return prefix && { prefix, ge: prefix.length, le: prefix.length };
  }
  const prefix = reader.prefix(document.prefix, [...path, 'prefix']);
  if (prefix === undefined) return undefined;
  const longest = prefix.family === 0 ? 32 : 128;
  const ge = document.ge ?? prefix.length;
  const le = document.le ?? (document.ge === undefined ? prefix.length : longest);
  if (ge < prefix.length || ge > longest) {
    return reader.error(
      [...path, 'ge'],
      `\`${formatPath([...path, 'ge'])}\` is ${ge}; expected a length from ${prefix.length} to ${longest}`,
    );
  }
  if (le < ge || le > longest) {
    return reader.error(
      [...path, 'le'],
      `\`${formatPath([...path, 'le'])}\` is ${le}; expected a length from ${ge} to ${longest}`,
    );
  }
  return { prefix, ge, le };
}

/** A prefix, or an address, which is the prefix of itself alone. */
function readHosts(text: string, reader: Reader, path: Path): Prefix | undefined {
  const address = text.includes('/') ? null : parseAddress(text);
  return address === null ? reader.prefix(text, path) : networkOf(address, address.family === 0 ? 32 : 128);
}

function readAsPath(document: AsPathDocument, reader: Reader, path: Path): AsPathMatch {
  const match: Mutable<AsPathMatch> = {};
  for (const key of ['contains', 'startsWith', 'endsWith'] as const) {
    const asns = document[key];
    if (asns !== undefined) match[key] = readEach(asns, [...path, key], (asn) => asn);
  }
  if (document.length !== undefined) match.length = readRange(document.length, reader, [...path, 'length']);
  if (document.regex !== undefined) {
    match.regex = readEach(document.regex, [...path, 'regex'], (source, at) => {
      try {
        new AsPathRegex(source);
        return source;
      } catch (error) {
        if (!(error instanceof AsPathRegexError)) throw error;
        return reader.error(
          at,
          `\`${formatPath(at)}\` is ${showValue(source)}, which is no regular expression: ${error.message}; expected one such as \`_65001$\``,
        );
      }
    });
  }
  return match;
}

function readRange(document: RangeDocument, reader: Reader, path: Path): NumberRange {
  if (typeof document === 'number') return { ge: document, le: document };
  const { ge, le } = document;
  if (ge !== undefined && le !== undefined && ge > le) {
    reader.error(
      [...path, 'le'],
      `\`${formatPath([...path, 'le'])}\` is ${le}, below \`ge\`, which is ${ge}; expected at least as much`,
    );
  }
  return { ...(ge === undefined ? {} : { ge }), ...(le === undefined ? {} : { le }) };
}

type Parse<T> = (text: string, at: Path) => T | undefined;

function pattern<T>(
  reader: Reader,
  parse: (text: string) => T | null,
  kind: string,
  expected: string,
): Parse<T> {
  return (text, at) =>
    parse(text) ??
    reader.error(
      at,
      `\`${formatPath(at)}\` is ${showValue(text)}, which is no ${kind}; expected ${expected}`,
    );
}

const largeForm = 'three numbers up to 4294967295 such as `65000:1:2`';
const extendedForm = '`rt:65000:100`, `ro:192.0.2.1:7`, `bandwidth:65000:125000000` or 16 hex digits';

const standard = (reader: Reader): Parse<CommunityPattern> => {
  return (text, at) => parseCommunityPattern(text) ?? reader.noCommunity(text, at);
};
const large = (reader: Reader) =>
  pattern(reader, parseLargePattern, 'large community', `${largeForm}, or \`*\` for any of them`);
const extended = (reader: Reader) =>
  pattern(reader, parseExtendedPattern, 'extended community', `${extendedForm}; \`*\` stands for any number`);

/** A pattern that stands for one value, as that value's octets in hex. */
function single(parse: Parse<WidePattern>, reader: Reader, form: string): Parse<string> {
  return (text, at) => {
    const read = parse(text, at);
    if (read === undefined || !read.hex[0].includes('.')) return read?.hex[0];
    return reader.error(
      at,
      `\`${formatPath(at)}\` is ${showValue(text)}, which leaves a part open; expected ${form}`,
    );
  };
}

function readCommunityMatch<P>(
  document: CommunityMatchDocument,
  path: Path,
  parse: Parse<P>,
): CommunityMatch<P> {
  if (Array.isArray(document)) return { all: readEach(document, path, parse) };
  return given({
    all: document.all && readEach(document.all, [...path, 'all'], parse),
    any: document.any && readEach(document.any, [...path, 'any'], parse),
  });
}

function readChange<V, P>(
  document: CommunityChangeDocument,
  path: Path,
  value: Parse<V>,
  pattern: Parse<P>,
): CommunityChange<V, P> {
  return given({
    set: document.set && readEach(document.set, [...path, 'set'], value),
    add: document.add && readEach(document.add, [...path, 'add'], value),
    remove: document.remove && readEach(document.remove, [...path, 'remove'], pattern),
  });
}

/** One value or a list of them, each once. What can't be read is left out. */
function readEach<S extends string | number, T>(
  values: S | readonly (S | undefined)[],
  path: Path,
  read: (value: S, at: Path) => T | undefined,
): T[] {
  const results = new Map<string, T>();
  const list: readonly (S | undefined)[] = Array.isArray(values) ? values : [values as S];
  for (const [i, value] of list.entries()) {
    if (value === undefined) continue;
    const result = read(value, Array.isArray(values) ? [...path, i] : path);
    if (result !== undefined) results.set(JSON.stringify(result), result);
  }
  return [...results.values()];
}

function readSet(document: SetDocument, reader: Reader, path: Path): FilterSet {
  const set: Mutable<FilterSet> = {};
  if (document.nextHop === 'self' || document.nextHop === 'unchanged') set.nextHop = document.nextHop;
  else {
    const nextHop = reader.unicast(document.nextHop, [...path, 'nextHop']);
    if (nextHop !== undefined) set.nextHop = nextHop;
  }
  const localPref = readNumber(document.localPref, reader, [...path, 'localPref']);
  if (localPref !== undefined) set.localPref = localPref;
  const med = document.med === 'remove' ? 'remove' : readNumber(document.med, reader, [...path, 'med']);
  if (med !== undefined) set.med = med;
  if (document.aigp !== undefined) set.aigp = document.aigp;
  if (document.origin !== undefined) set.origin = originNames.indexOf(document.origin);
  const { prepend, communities, largeCommunities, extendedCommunities } = document;
  if (typeof prepend === 'number') set.prepend = { asn: null, times: prepend };
  else if (prepend !== undefined) {
    set.prepend = { asn: prepend.asn ?? null, times: prepend.times ?? prependTimes };
  }
  if (communities !== undefined) {
    const at = [...path, 'communities'];
    set.communities = readChange(communities, at, (text, i) => reader.community(text, i), standard(reader));
  }
  if (largeCommunities !== undefined) {
    const parse = large(reader);
    const at = [...path, 'largeCommunities'];
    set.largeCommunities = readChange(largeCommunities, at, single(parse, reader, largeForm), parse);
  }
  if (extendedCommunities !== undefined) {
    const parse = extended(reader);
    const at = [...path, 'extendedCommunities'];
    set.extendedCommunities = readChange(extendedCommunities, at, single(parse, reader, extendedForm), parse);
  }
  if (document.validationState === true) set.validationState = true;
  return set;
}

/** A number to set, or `+N` or `-N` as a shift. */
function readNumber(
  value: string | number | undefined,
  reader: Reader,
  path: Path,
): number | Shift | undefined {
  if (value === undefined || (typeof value === 'number' && value >= 0)) return value as number | undefined;
  const shift = Number(value);
  if (Math.abs(shift) > MOST) {
    return reader.error(
      path,
      `\`${formatPath(path)}\` is ${showValue(value)}; expected a change of at most ${MOST}`,
    );
  }
  return { shift: shift === 0 ? 0 : shift };
}
