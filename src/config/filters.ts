/** `filters` of a document → filters of a Router. */
import { familyIndex } from '../address/index.js';
import type { Filter, FilterMatch, FilterRule, FilterSet, PrefixMatch } from '../policy/types.js';
import type { FilterRuleDocument, PrefixMatchDocument } from './document.js';
import { formatPath, type Path } from './issues.js';
import type { Reader } from './values.js';

export function readFilters(
  documents: Record<string, (FilterRuleDocument | undefined)[] | undefined>,
  reader: Reader,
  path: Path,
): Record<string, Filter> {
  const filters: [string, Filter][] = [];
  for (const [name, rules] of Object.entries(documents)) {
    if (rules === undefined) continue;
    filters.push([name, { name, rules: readRules(rules, reader, [...path, name]) }]);
  }
  return Object.fromEntries(filters);
}

function readRules(
  rules: readonly (FilterRuleDocument | undefined)[],
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
      match: readMatch(document.match ?? {}, reader, [...at, 'match']),
      set: readSet(document.set ?? {}, reader, [...at, 'set']),
      ...(document.action === undefined ? {} : { action: document.action }),
    };
    const matchesAll = document.match === undefined || Object.keys(document.match).length === 0;
    if (matchesAll && rule.action !== undefined) decidesAll ??= at;
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

function readMatch(
  document: NonNullable<FilterRuleDocument['match']>,
  reader: Reader,
  path: Path,
): FilterMatch {
  const match: { -readonly [key in keyof FilterMatch]: FilterMatch[key] } = {};
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
  if (document.family !== undefined) match.family = document.family;
  const communities = reader.communities(document.communities, [...path, 'communities']);
  if (communities !== undefined) match.communities = communities;
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

function readSet(document: NonNullable<FilterRuleDocument['set']>, reader: Reader, path: Path): FilterSet {
  const set: { -readonly [key in keyof FilterSet]: FilterSet[key] } = {};
  if (document.nextHop === 'self' || document.nextHop === 'unchanged') set.nextHop = document.nextHop;
  else {
    const nextHop = reader.unicast(document.nextHop, [...path, 'nextHop']);
    if (nextHop !== undefined) set.nextHop = nextHop;
  }
  if (document.localPref !== undefined) set.localPref = document.localPref;
  if (document.med !== undefined) set.med = document.med;
  if (document.communities !== undefined) {
    const changes: { set?: number[]; add?: number[]; remove?: number[] } = {};
    for (const key of ['set', 'add', 'remove'] as const) {
      const list = reader.communities(document.communities[key], [...path, 'communities', key]);
      if (list !== undefined) changes[key] = list;
    }
    set.communities = changes;
  }
  return set;
}
