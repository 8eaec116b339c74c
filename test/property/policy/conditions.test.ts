/** Rules with every condition and action, compiled, against rules read one after the other over plain values. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Address, type Prefix, parseAddress, parsePrefix } from '../../../src/address/index.js';
import { CanonicalBuilder, describeAttributes, parseCommunity } from '../../../src/bgp/wire/index.js';
import {
  AsPathRegex,
  AsPathRegexError,
  compileFilters,
  Exporter,
  type ExportFacts,
  type Filter,
  type FilterRule,
  type ImportFacts,
  parseCommunityPattern,
  parseExtendedPattern,
  parseLargePattern,
  SetRewriter,
  treatImport,
} from '../../../src/policy/index.js';
import { OutgoingSets, type PathId, REJECTED, Rib, type RouteSourceKind } from '../../../src/rib/index.js';
import { PrefixTable } from '../../../src/rib/prefix-table.js';

function need<T>(value: T | null): T {
  if (value === null) throw new Error('a text of this test is wrong');
  return value;
}
const address = (text: string): Address => need(parseAddress(text));
const prefixOf = (text: string): Prefix => need(parsePrefix(text));

const LOCAL_ASN = 65000;
const originNames = ['igp', 'egp', 'incomplete'];

/** A route as people speak of it. Communities are texts. */
interface Route {
  prefix: string;
  source: RouteSourceKind;
  peer: string;
  nextHop: string | null;
  origin: number | undefined;
  /** Sequences and, as lists within, sets. */
  asPath: (number | number[])[];
  med: number | undefined;
  localPref: number | undefined;
  communities: string[];
  large: string[];
  extended: string[];
}

/** A rule, likewise. */
interface Rule {
  prefixSet?: string;
  contains?: number;
  startsWith?: number;
  endsWith?: number;
  length?: [number, number];
  regex?: string;
  all?: string[];
  any?: string[];
  large?: string[];
  extended?: string[];
  nextHop?: string;
  peer?: string;
  source?: RouteSourceKind;
  localPref?: [number, number];
  med?: [number, number];
  origin?: number;
  setLocalPref?: number;
  shiftLocalPref?: number;
  setMed?: number | 'remove';
  shiftMed?: number;
  setOrigin?: number;
  setNextHop?: string;
  prepend?: { asn: number | null; times: number };
  replace?: string[];
  remove?: string[];
  add?: string[];
  removeLarge?: string[];
  addLarge?: string[];
  removeExtended?: string[];
  addExtended?: string[];
  action?: 'accept' | 'reject';
}

const prefixSets: Record<string, string[]> = {
  one: ['10.0.0.0/8', '10.1.0.0/16'],
  two: ['10.2.0.0/16'],
  none: [],
};
const compiledSets = Object.fromEntries(
  Object.entries(prefixSets).map(([name, list]) => [
    name,
    list.map((text) => ({ prefix: prefixOf(text), ge: prefixOf(text).length, le: prefixOf(text).length })),
  ]),
);

// ── the plain reading ──

const pathText = (path: Route['asPath']) =>
  path.map((each) => (typeof each === 'number' ? each : `{${each.join(' ')}}`)).join(' ');

/** Part by part; `*` is anything. */
function fitsText(pattern: string, community: string): boolean {
  const wanted = pattern.split(':');
  const parts = community.split(':');
  return wanted.length === parts.length && wanted.every((part, i) => part === '*' || part === parts[i]);
}

const holds = (patterns: string[] | undefined, present: string[]) =>
  patterns === undefined || patterns.every((pattern) => present.some((each) => fitsText(pattern, each)));
const within = (range: [number, number] | undefined, value: number) =>
  range === undefined || (value >= range[0] && value <= range[1]);
const toRegExp = (source: string) =>
  new RegExp(source.replaceAll('_', '(?:^|$|[ ,{}()[\\]])').replaceAll(/(?<!\[|\?:)\^/g, '(?:^)'));

function ruleMatches(rule: Rule, route: Route): boolean {
  const { asPath } = route;
  const last = asPath.at(-1);
  return (
    (rule.prefixSet === undefined || prefixSets[rule.prefixSet].includes(route.prefix)) &&
    (rule.contains === undefined || asPath.flat().includes(rule.contains)) &&
    (rule.startsWith === undefined || asPath[0] === rule.startsWith) &&
    (rule.endsWith === undefined || last === rule.endsWith) &&
    within(rule.length, asPath.length) &&
    (rule.regex === undefined || toRegExp(rule.regex).test(pathText(asPath))) &&
    holds(rule.all, route.communities) &&
    (rule.any === undefined || rule.any.some((each) => holds([each], route.communities))) &&
    holds(rule.large, route.large) &&
    holds(rule.extended, route.extended) &&
    (rule.nextHop === undefined || route.nextHop?.startsWith(rule.nextHop) === true) &&
    (rule.peer === undefined ||
      (route.source === 'bgp' && new RegExp(`^${rule.peer.replaceAll('*', '.*')}$`).test(route.peer))) &&
    (rule.source === undefined || rule.source === route.source) &&
    within(rule.localPref, route.localPref ?? 100) &&
    within(rule.med, route.med ?? 0) &&
    (rule.origin === undefined || rule.origin === (route.origin ?? 0))
  );
}

const clamp = (value: number) => Math.min(0xffffffff, Math.max(0, value));

function edited(present: string[], replace?: string[], remove: string[] = [], add: string[] = []): string[] {
  const kept = (replace ?? present).filter((each) => !remove.some((pattern) => fitsText(pattern, each)));
  return [...new Set([...kept, ...add])];
}

function applyRule(rule: Rule, route: Route): void {
  if (rule.setLocalPref !== undefined) route.localPref = rule.setLocalPref;
  else if (rule.shiftLocalPref !== undefined)
    route.localPref = clamp((route.localPref ?? 100) + rule.shiftLocalPref);
  if (rule.setMed === 'remove') route.med = undefined;
  else if (rule.setMed !== undefined) route.med = rule.setMed;
  else if (rule.shiftMed !== undefined) route.med = clamp((route.med ?? 0) + rule.shiftMed);
  if (rule.setOrigin !== undefined) route.origin = rule.setOrigin;
  if (rule.setNextHop !== undefined) route.nextHop = rule.setNextHop;
  if (rule.prepend !== undefined) {
    const { asn, times } = rule.prepend;
    for (let i = 0; i < times; i++) route.asPath.unshift(asn ?? LOCAL_ASN);
  }
  route.communities = edited(route.communities, rule.replace, rule.remove, rule.add);
  route.large = edited(route.large, undefined, rule.removeLarge, rule.addLarge);
  route.extended = edited(route.extended, undefined, rule.removeExtended, rule.addExtended);
}

/** null: rejected. */
function read(filters: readonly Rule[][], from: Route): Route | null {
  const route = structuredClone(from);
  for (const rules of filters) {
    const decided = rules.find((rule) => {
      if (!ruleMatches(rule, route)) return false;
      if (rule.action !== 'reject') applyRule(rule, route);
      return rule.action !== undefined;
    });
    if (decided?.action !== 'accept') return null;
  }
  return route;
}

// ── what the daemon is given ──

function toFilterRule(rule: Rule): FilterRule {
  const { prepend, setNextHop } = rule;
  const range = (bounds: [number, number]) => ({ ge: bounds[0], le: bounds[1] });
  const standard = (texts: string[]) => texts.map((text) => need(parseCommunityPattern(text)));
  const large = (texts: string[]) => texts.map((text) => need(parseLargePattern(text)));
  const extended = (texts: string[]) => texts.map((text) => need(parseExtendedPattern(text)));
  const values = (texts: string[]) => texts.map((text) => need(parseCommunity(text)));
  const asPath = {
    ...(rule.contains === undefined ? {} : { contains: [rule.contains] }),
    ...(rule.startsWith === undefined ? {} : { startsWith: [rule.startsWith] }),
    ...(rule.endsWith === undefined ? {} : { endsWith: [rule.endsWith] }),
    ...(rule.length === undefined ? {} : { length: range(rule.length) }),
    ...(rule.regex === undefined ? {} : { regex: [rule.regex] }),
  };
  const localPref =
    rule.setLocalPref ?? (rule.shiftLocalPref === undefined ? undefined : { shift: rule.shiftLocalPref });
  const med = rule.setMed ?? (rule.shiftMed === undefined ? undefined : { shift: rule.shiftMed });
  return {
    match: {
      ...(rule.prefixSet === undefined ? {} : { prefixSets: [rule.prefixSet] }),
      ...(Object.keys(asPath).length === 0 ? {} : { asPath }),
      communities: {
        ...(rule.all === undefined ? {} : { all: standard(rule.all) }),
        ...(rule.any === undefined ? {} : { any: standard(rule.any) }),
      },
      ...(rule.large === undefined ? {} : { largeCommunities: { all: large(rule.large) } }),
      ...(rule.extended === undefined ? {} : { extendedCommunities: { all: extended(rule.extended) } }),
      ...(rule.nextHop === undefined ? {} : { nextHop: [prefixOf('192.0.2.0/24')] }),
      ...(rule.peer === undefined ? {} : { peers: [rule.peer] }),
      ...(rule.source === undefined ? {} : { sources: [rule.source] }),
      ...(rule.localPref === undefined ? {} : { localPref: range(rule.localPref) }),
      ...(rule.med === undefined ? {} : { med: range(rule.med) }),
      ...(rule.origin === undefined ? {} : { origins: [rule.origin] }),
    },
    set: {
      ...(setNextHop === undefined ? {} : { nextHop: address(setNextHop) }),
      ...(localPref === undefined ? {} : { localPref }),
      ...(med === undefined ? {} : { med }),
      ...(rule.setOrigin === undefined ? {} : { origin: rule.setOrigin }),
      ...(prepend === undefined ? {} : { prepend }),
      communities: {
        ...(rule.replace === undefined ? {} : { set: values(rule.replace) }),
        remove: standard(rule.remove ?? []),
        add: values(rule.add ?? []),
      },
      largeCommunities: {
        remove: large(rule.removeLarge ?? []),
        add: large(rule.addLarge ?? []).map(({ hex }) => hex[0]),
      },
      extendedCommunities: {
        remove: extended(rule.removeExtended ?? []),
        add: extended(rule.addExtended ?? []).map(({ hex }) => hex[0]),
      },
    },
    ...(rule.action === undefined ? {} : { action: rule.action }),
  };
}

const toFilters = (all: readonly Rule[][]): Filter[] =>
  all.map((rules, i) => ({ name: `f${i}`, rules: rules.map(toFilterRule) }));

function toSet(route: Route): Buffer {
  const builder = new CanonicalBuilder().empty(0);
  builder.setNextHop(route.nextHop === null ? null : address(route.nextHop));
  if (route.origin !== undefined) builder.setOrigin(route.origin);
  const path = route.asPath.flatMap((each) => {
    const asns = [each].flat();
    const segment = Buffer.alloc(2 + 4 * asns.length);
    segment[0] = typeof each === 'number' ? 2 : 1;
    segment[1] = asns.length;
    asns.forEach((asn, i) => {
      segment.writeUInt32BE(asn, 2 + 4 * i);
    });
    return [segment];
  });
  builder.put(2, 0x40, Buffer.concat(path));
  if (route.med !== undefined) builder.setMed(route.med);
  if (route.localPref !== undefined) builder.setLocalPref(route.localPref);
  builder.setCommunities(route.communities.map((text) => need(parseCommunity(text))));
  const wide = (type: number, hex: string[]) => {
    if (hex.length > 0) builder.put(type, 0xc0, Buffer.from(hex.join(''), 'hex'));
  };
  wide(
    16,
    route.extended.map((text) => need(parseExtendedPattern(text)).hex[0]),
  );
  wide(
    32,
    route.large.map((text) => need(parseLargePattern(text)).hex[0]),
  );
  return builder.toBuffer();
}

// ── what they are made of ──

const asn = fc.constantFrom(1, 2, 12, LOCAL_ASN);
const number = fc.constantFrom(0, 1, 99, 100, 101, 0xffffffff);
const range = fc.tuple(number, number).map(([x, y]): [number, number] => [Math.min(x, y), Math.max(x, y)]);
const standard = fc.constantFrom('1:1', '1:2', '2:1');
const standardPattern = fc.oneof(standard, fc.constantFrom('1:*', '*:1', '*:*'));
const large = fc.constantFrom('1:1:1', '1:2:1', '2:1:1');
const largePattern = fc.oneof(large, fc.constantFrom('1:*:*', '*:2:*', '*:*:1'));
const extended = fc.constantFrom('rt:1:1', 'rt:70000:1', 'ro:1:1', 'rt:192.0.2.1:1', 'ro:1:70000');
const extendedPattern = fc.oneof(extended, fc.constantFrom('rt:*:1', 'rt:1:*', 'ro:*:*', 'rt:*:*'));
const some = <T>(value: fc.Arbitrary<T>) => fc.uniqueArray(value, { maxLength: 2 });
const nextHop = fc.constantFrom('192.0.2.1', '198.51.100.1');
const source = fc.constantFrom<RouteSourceKind>(
  'originated',
  'connected',
  'static',
  'kernel',
  'bgp',
  'bgp',
  'bgp',
);
const regex = fc.constantFrom(
  '_1_',
  '^1_',
  '_2$',
  '^$',
  '^1(_1)*$',
  '1',
  '^[12 ]+$',
  '_(1|12)_2_',
  '\\{1',
  '65000_',
);

const route: fc.Arbitrary<Route> = fc.record({
  prefix: fc.constantFrom('10.0.0.0/8', '10.1.0.0/16', '10.2.0.0/16'),
  source,
  peer: fc.constantFrom('a', 'ab', 'b'),
  nextHop: fc.option(nextHop),
  origin: fc.option(fc.nat(2), { nil: undefined }),
  asPath: fc.array(fc.oneof({ weight: 5, arbitrary: asn }, fc.array(asn, { minLength: 1, maxLength: 2 })), {
    maxLength: 4,
  }),
  med: fc.option(number, { nil: undefined }),
  localPref: fc.option(number, { nil: undefined }),
  communities: some(standard),
  large: some(large),
  extended: some(extended),
});

/** Most rules ask for few things, so that some match. */
const rule: fc.Arbitrary<Rule> = fc
  .tuple(
    fc.record(
      {
        prefixSet: fc.constantFrom('one', 'two', 'none'),
        contains: asn,
        startsWith: asn,
        endsWith: asn,
        length: fc
          .tuple(fc.nat(3), fc.nat(3))
          .map(([x, y]): [number, number] => [Math.min(x, y), Math.max(x, y)]),
        regex,
        all: some(standardPattern),
        any: some(standardPattern),
        large: some(largePattern),
        extended: some(extendedPattern),
        nextHop: fc.constant('192.0.2.'),
        peer: fc.constantFrom('a', 'a*', '*b', '*', 'c'),
        source,
        localPref: range,
        med: range,
        origin: fc.nat(2),
      },
      { requiredKeys: [] },
    ),
    fc.uniqueArray(fc.nat(15), { minLength: 13, maxLength: 16 }),
    fc.record(
      {
        setLocalPref: number,
        shiftLocalPref: fc.integer({ min: -200, max: 200 }),
        setMed: fc.oneof(number, fc.constant('remove' as const)),
        shiftMed: fc.integer({ min: -200, max: 200 }),
        setOrigin: fc.nat(2),
        setNextHop: nextHop,
        prepend: fc.record({ asn: fc.option(asn), times: fc.integer({ min: 1, max: 3 }) }),
        replace: some(standard),
        remove: some(standardPattern),
        add: some(standard),
        removeLarge: some(largePattern),
        addLarge: some(large),
        removeExtended: some(extendedPattern),
        addExtended: some(extended),
        action: fc.constantFrom('accept', 'reject', 'accept'),
      },
      { requiredKeys: [] },
    ),
  )
  .map(([wanted, dropped, changes]) => {
    const keys = Object.keys(wanted) as (keyof typeof wanted)[];
    for (const index of dropped) if (keys[index] !== undefined) delete wanted[keys[index]];
    return { ...wanted, ...changes } as Rule;
  });
const filters = fc.array(fc.array(rule, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 2 });

const facts: ImportFacts = {
  ebgp: true,
  localAsn: LOCAL_ASN,
  routerId: 1,
  clusterIds: [1],
  peerAddress: address('192.0.2.7'),
  firstAs: null,
  maxAsPathLength: 0,
  allowOwnAs: 0,
  localAs: null,
  gracefulShutdown: false,
  acceptsBlackhole: false,
};

describe('rules with every condition and action', () => {
  it('decide and change routes as they read', () => {
    const seen = { accepted: 0, rejected: 0 };
    const keys = new PrefixTable(0, 1024);
    const out = new SetRewriter();
    fc.assert(
      fc.property(filters, fc.array(route, { minLength: 1, maxLength: 8 }), (all, routes) => {
        const policy = compileFilters(toFilters(all), 0, { prefixSets: compiledSets, localAsn: LOCAL_ASN });
        for (const from of routes) {
          const set = toSet(from);
          const prefixClass = policy.classify(keys, keys.intern(prefixOf(from.prefix)));
          const verdict = policy.decide(prefixClass, set, 0, set.length, {
            kind: from.source,
            name: from.peer,
          });
          const expected = read(all, from);
          expect(verdict.accepted).toBe(expected !== null);
          if (expected === null) {
            seen.rejected++;
            continue;
          }
          seen.accepted++;
          const outcome = treatImport(set, 0, set.length, facts, verdict.edits, out);
          const told =
            outcome === 'rewritten'
              ? describeAttributes(out.buffer, 0, out.end)
              : describeAttributes(set, 0, set.length);
          expect(told.nextHop).toBe(expected.nextHop);
          expect(told.asPath).toBe(pathText(expected.asPath));
          expect(told.origin).toBe(expected.origin === undefined ? undefined : originNames[expected.origin]);
          expect(told.med).toBe(expected.med);
          expect(told.localPref).toBe(expected.localPref);
          expect(told.communities ?? []).toEqual(expected.communities);
          expect(told.largeCommunities ?? []).toEqual(expected.large);
          expect(told.extendedCommunities ?? []).toEqual(expected.extended);
        }
      }),
      { numRuns: 2000 },
    );
    // Both outcomes were tried often, so that agreement means something.
    expect(Math.min(seen.accepted, seen.rejected)).toBeGreaterThan(1000);
  });
});

const exportFacts: ExportFacts = {
  kind: 'ibgp',
  localAsn: LOCAL_ASN,
  peerAsn: null,
  routerId: 1,
  clusterId: 1,
  nextHop: 'self',
  self: [{ address: address('192.0.2.9'), linkLocal: null }, null],
  sharedSubnet: [null, null],
  extendedNextHop: false,
};

describe('an exporter with rules of every kind', () => {
  it('remembers results apart for each source, and tells which rule decided', () => {
    fc.assert(
      fc.property(filters, fc.array(route, { minLength: 1, maxLength: 8 }), (all, routes) => {
        const rib = new Rib();
        const [table] = rib.families;
        const policy = compileFilters(toFilters(all), 0, { prefixSets: compiledSets, localAsn: LOCAL_ASN });
        const exporter = new Exporter(rib, 0, exportFacts, policy);
        const outgoing = new OutgoingSets(rib.sets);
        const sources = new Map<string, ReturnType<Rib['addSource']>>();
        for (const from of [...routes, ...routes]) {
          const key = `${from.source} ${from.source === 'bgp' ? from.peer : ''}`;
          const id =
            sources.get(key) ??
            rib.addSource({
              kind: from.source,
              name: from.peer,
              preference: 100,
              ibgp: false,
              client: false,
              routerId: 1,
              peerAddress: null,
              remoteAsn: 1,
              forwarding: 'none',
            });
          sources.set(key, id);
          const bytes = toSet(from);
          const set = rib.sets.intern(bytes, 0, bytes.length);
          const prefix = table.prefixes.intern(prefixOf(from.prefix));
          table.announce(id, prefix, set, set);
          rib.sets.release(set);
          rib.decide(Number.POSITIVE_INFINITY);
          const path = table.best(prefix) as PathId;
          const result = exporter.export(prefix, path, outgoing);
          const expected = read(all, from);
          expect(result !== REJECTED).toBe(expected !== null);
          const { accepted, reason } = exporter.explain(prefix, path);
          expect(accepted).toBe(expected !== null);
          expect(reason).toMatch(
            /^filter f[0-9] (rule [0-9] (accepts|rejects) it|has no rule that accepts it)$/,
          );
          if (expected !== null) {
            const octets = outgoing.read(result);
            expect(describeAttributes(octets, 0, octets.length)).toMatchObject({
              asPath: pathText(expected.asPath),
              localPref: expected.localPref ?? 100,
            });
            outgoing.release(result);
          }
          rib.withdrawAll(id);
          rib.decide(Number.POSITIVE_INFINITY);
        }
      }),
      { numRuns: 400 },
    );
  });
});

describe('regular expressions over AS_PATH', () => {
  const atom = fc.constantFrom('1', '2', ' ', '.', '[12]', '[^1]', '_', '^', '$', '\\{', '[0-9]');
  const joined = (parts: string[]) => parts.join('');
  /** JavaScript goes back, so what is repeated without end holds nothing that is. */
  const plainPart = fc
    .array(fc.array(atom, { minLength: 1, maxLength: 3 }).map(joined), { minLength: 1, maxLength: 2 })
    .map((parts) => `(${parts.join('|')})`);
  const repeated = fc
    .tuple(
      fc.oneof(atom, atom, plainPart),
      fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{1,2}', '{2,}'),
    )
    .map(joined);
  const sequence = fc.array(repeated, { maxLength: 3 }).map(joined);
  const group = fc
    .tuple(sequence, sequence, fc.constantFrom('', '?', '{2}', '{0,2}'))
    .map(([first, second, times]) => `(${first}|${second})${times}`);
  const expression = fc
    .array(fc.array(fc.oneof(repeated, repeated, group), { maxLength: 3 }).map(joined), {
      minLength: 1,
      maxLength: 2,
    })
    .map((parts) => parts.join('|'));
  const path = fc
    .array(fc.oneof(fc.constantFrom('1', '2', '12', '{1 2}', '(2)')), { maxLength: 3 })
    .map((parts) => parts.join(' '));

  /** For JavaScript: boundaries spelt out, and ends that may be repeated. */
  const plain = (source: string) =>
    new RegExp(
      source.replaceAll(/\\.|\[[^\]]*\]|[_^$]/g, (part) =>
        part === '_' ? '(?:^|$|[ ,{}()[\\]])' : part === '^' || part === '$' ? `(?:${part})` : part,
      ),
    );

  it('find what JavaScript finds with boundaries spelt out', () => {
    const seen = { found: 0, not: 0 };
    fc.assert(
      fc.property(expression, fc.array(path, { minLength: 1, maxLength: 6 }), (source, paths) => {
        const regex = new AsPathRegex(source);
        const oracle = plain(source);
        for (const each of paths) {
          const expected = oracle.test(each);
          seen[expected ? 'found' : 'not']++;
          expect(regex.test(each), `${source} on "${each}"`).toBe(expected);
        }
      }),
      { numRuns: 5000 },
    );
    expect(Math.min(seen.found, seen.not)).toBeGreaterThan(1000);
  });

  it('are refused with a reason or compiled, whatever their text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'12_^$.*+?{}()[]|\\-, a'), maxLength: 20 }),
        path,
        (source, each) => {
          try {
            expect(typeof new AsPathRegex(source).test(each)).toBe('boolean');
          } catch (error) {
            expect(error).toBeInstanceOf(AsPathRegexError);
          }
        },
      ),
      { numRuns: 5000 },
    );
  });
});
