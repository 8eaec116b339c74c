import { describe, expect, it } from 'vitest';
import { type Address, parseAddress, parsePrefix } from '../../../src/address/index.js';
import {
  AttributeCode,
  buildCanonical,
  type CanonicalAttributes,
  CanonicalBuilder,
  describeAttributes,
  parseCommunity,
} from '../../../src/bgp/wire/index.js';
import {
  compileFilters,
  type Filter,
  type FilterMatch,
  type FilterSet,
  type ImportFacts,
  parseCommunityPattern,
  parseExtendedPattern,
  parseLargePattern,
  type RouteSource,
  SetRewriter,
  treatImport,
} from '../../../src/policy/index.js';
import { PrefixTable } from '../../../src/rib/prefix-table.js';

function need<T>(value: T | null): T {
  if (value === null) throw new Error('a text of this test is wrong');
  return value;
}
const address = (text: string): Address => need(parseAddress(text));
const prefix = (text: string) => need(parsePrefix(text));
const standard = (...texts: string[]) => texts.map((text) => need(parseCommunityPattern(text)));
const large = (...texts: string[]) => texts.map((text) => need(parseLargePattern(text)));
const extended = (...texts: string[]) => texts.map((text) => need(parseExtendedPattern(text)));

const keys = new PrefixTable(0, 1024);
const route = keys.intern(prefix('203.0.113.0/24'));
const sets = {
  mine: [{ prefix: prefix('203.0.113.0/24'), ge: 24, le: 24 }],
  others: [{ prefix: prefix('198.51.100.0/24'), ge: 24, le: 32 }],
  v6: [{ prefix: prefix('2001:db8::/32'), ge: 32, le: 128 }],
};
const fromPeer: RouteSource = { kind: 'bgp', name: 'spine1' };

function decide(filters: readonly Filter[], attributes: CanonicalAttributes | Buffer, source = fromPeer) {
  const policy = compileFilters(filters, 0, { prefixSets: sets, localAsn: 65000 });
  const set = Buffer.isBuffer(attributes) ? attributes : buildCanonical(attributes);
  return { set, verdict: policy.decide(policy.classify(keys, route), set, 0, set.length, source) };
}

const matches = (match: FilterMatch, attributes: CanonicalAttributes | Buffer, source?: RouteSource) =>
  decide([{ name: 'f', rules: [{ match, set: {}, action: 'accept' }] }], attributes, source).verdict.accepted;

const facts: ImportFacts = {
  ebgp: true,
  localAsn: 65000,
  routerId: 1,
  clusterIds: [1],
  peerAddress: address('192.0.2.7'),
  firstAs: null,
  maxAsPathLength: 0,
  allowOwnAs: 0,
  localAs: null,
  gracefulShutdown: true,
  acceptsBlackhole: false,
};
const out = new SetRewriter();

/** What a route becomes through rules of which all but the last only set something. */
function changed(changes: readonly FilterSet[], attributes: CanonicalAttributes | Buffer) {
  const rules = changes.map((set) => ({ match: {}, set }));
  const { set, verdict } = decide(
    [{ name: 'f', rules: [...rules, { match: {}, set: {}, action: 'accept' }] }],
    attributes,
  );
  treatImport(set, 0, set.length, facts, verdict.edits, out);
  return describeAttributes(out.buffer, 0, out.end);
}

const learnt: CanonicalAttributes = {
  family: 0,
  nextHop: address('192.0.2.7'),
  asPath: [65001, 65002, 65003],
  med: 30,
  localPref: 250,
  communities: [need(parseCommunity('65001:1')), need(parseCommunity('65001:2'))],
  largeCommunities: [
    [65001, 1, 2],
    [65002, 1, 2],
  ],
};
const withValue = (type: number, value: string | Uint8Array, base: CanonicalAttributes = learnt) => {
  const set = buildCanonical(base);
  const octets = typeof value === 'string' ? Buffer.from(value, 'hex') : value;
  return new CanonicalBuilder()
    .load(set, 0, set.length)
    .put(type, type === AttributeCode.asPath ? 0x40 : 0xc0, octets)
    .toBuffer();
};
const bare: CanonicalAttributes = { family: 0 };

describe('a rule matches', () => {
  it('prefixes by the names of sets, together with prefixes of its own', () => {
    expect(matches({ prefixSets: ['mine'] }, bare)).toBe(true);
    expect(matches({ prefixSets: ['others', 'mine'] }, bare)).toBe(true);
    expect(matches({ prefixSets: ['others'] }, bare)).toBe(false);
    expect(matches({ prefixSets: ['v6'] }, bare)).toBe(false);
    expect(matches({ prefixSets: [] }, bare)).toBe(false);
    const longer = { prefix: prefix('203.0.0.0/16'), ge: 20, le: 24 };
    expect(matches({ prefixSets: ['mine'], prefixes: [longer] }, bare)).toBe(true);
    expect(matches({ prefixSets: ['mine'], prefixes: [{ ...longer, ge: 17, le: 20 }] }, bare)).toBe(false);
  });

  it('AS_PATH by what it contains, starts with and ends with', () => {
    expect(matches({ asPath: { contains: [1, 65002] } }, learnt)).toBe(true);
    expect(matches({ asPath: { contains: [65004] } }, learnt)).toBe(false);
    expect(matches({ asPath: { startsWith: [65001] } }, learnt)).toBe(true);
    expect(matches({ asPath: { startsWith: [65002] } }, learnt)).toBe(false);
    expect(matches({ asPath: { endsWith: [65003, 1] } }, learnt)).toBe(true);
    expect(matches({ asPath: { endsWith: [65002] } }, learnt)).toBe(false);
    for (const key of ['contains', 'startsWith', 'endsWith'] as const) {
      expect(matches({ asPath: { [key]: [65001] } }, { ...learnt, asPath: [] })).toBe(false);
    }
  });

  it('AS_PATH that ends in a set by no origin, and passes over confederations', () => {
    // 65001 {65002}; then (65010) 65001
    const set = withValue(AttributeCode.asPath, '02010000fde901010000fdea');
    expect(matches({ asPath: { endsWith: [65001, 65002] } }, set)).toBe(false);
    expect(matches({ asPath: { contains: [65002], length: { ge: 2, le: 2 } } }, set)).toBe(true);
    expect(matches({ asPath: { regex: ['^65001_\\{65002\\}$'] } }, set)).toBe(true);
    const inside = withValue(AttributeCode.asPath, '03010000fdf202010000fde9');
    const match = { startsWith: [65001], endsWith: [65001], length: { ge: 1, le: 1 } };
    expect(matches({ asPath: match }, inside)).toBe(true);
  });

  it('AS_PATH by length and by regular expression', () => {
    expect(matches({ asPath: { length: { ge: 3 } } }, learnt)).toBe(true);
    expect(matches({ asPath: { length: { ge: 4 } } }, learnt)).toBe(false);
    expect(matches({ asPath: { length: { le: 2 } } }, learnt)).toBe(false);
    expect(matches({ asPath: { length: { ge: 0, le: 0 } } }, bare)).toBe(true);
    expect(matches({ asPath: { regex: ['_65009_', '_65002_'] } }, learnt)).toBe(true);
    expect(matches({ asPath: { regex: ['^65002_'] } }, learnt)).toBe(false);
    expect(matches({ asPath: { regex: ['^$'] } }, bare)).toBe(true);
  });

  it('communities, all of one list and any of another, with patterns', () => {
    expect(matches({ communities: { all: standard('65001:1', '65001:2') } }, learnt)).toBe(true);
    expect(matches({ communities: { all: standard('65001:1', '65001:3') } }, learnt)).toBe(false);
    expect(matches({ communities: { any: standard('65001:3', '65001:2') } }, learnt)).toBe(true);
    expect(matches({ communities: { any: standard('65002:*') } }, learnt)).toBe(false);
    const both = { all: standard('65001:*'), any: standard('*:2') };
    expect(matches({ communities: both }, learnt)).toBe(true);
    expect(matches({ communities: { all: standard('65001:*') } }, bare)).toBe(false);
    expect(matches({ communities: { any: [] } }, learnt)).toBe(false);
    expect(matches({ communities: { all: [] } }, bare)).toBe(true);
  });

  it('large and extended communities likewise', () => {
    expect(matches({ largeCommunities: { all: large('65001:1:2', '65002:*:*') } }, learnt)).toBe(true);
    expect(matches({ largeCommunities: { any: large('65003:*:*') } }, learnt)).toBe(false);
    const tagged = withValue(16, '0002fde8000000640102c0000201000702030000fde90009');
    expect(
      matches({ extendedCommunities: { all: extended('rt:65000:100', 'rt:192.0.2.1:7') } }, tagged),
    ).toBe(true);
    // The four-octet encoding of a small AS number is the same to people.
    expect(matches({ extendedCommunities: { all: extended('ro:65001:9') } }, tagged)).toBe(true);
    expect(matches({ extendedCommunities: { any: extended('rt:65001:9', 'ro:65000:*') } }, tagged)).toBe(
      false,
    );
    expect(matches({ extendedCommunities: { any: extended('ro:*:9') } }, tagged)).toBe(true);
  });

  it('the next hop, never that of a route of our own', () => {
    expect(matches({ nextHop: [prefix('192.0.2.0/28')] }, learnt)).toBe(true);
    expect(matches({ nextHop: [prefix('192.0.2.8/29'), prefix('::/0')] }, learnt)).toBe(false);
    expect(matches({ nextHop: [prefix('0.0.0.0/0')] }, bare)).toBe(false);
  });

  it('where the route comes from', () => {
    const own: RouteSource = { kind: 'originated', name: 'networks' };
    expect(matches({ sources: ['bgp'] }, bare)).toBe(true);
    expect(matches({ sources: ['bgp', 'static'] }, bare, own)).toBe(false);
    expect(matches({ sources: ['originated'] }, bare, own)).toBe(true);
    expect(matches({ peers: ['leaf', 'spine1'] }, bare)).toBe(true);
    expect(matches({ peers: ['spine'] }, bare)).toBe(false);
    for (const pattern of ['spine*', '*', '*1', 's*n*1', '*spine1*']) {
      expect(matches({ peers: [pattern] }, bare)).toBe(true);
    }
    for (const pattern of ['spine1*1', '*spine', 's*x*1', 'spine1*spine1']) {
      expect(matches({ peers: [pattern] }, bare)).toBe(false);
    }
    expect(matches({ peers: ['*'] }, bare, own)).toBe(false);
  });

  it('LOCAL_PREF, MED and ORIGIN, and what holds where they are absent', () => {
    expect(matches({ localPref: { ge: 250, le: 250 }, med: { le: 30 }, origins: [0, 1] }, learnt)).toBe(true);
    expect(matches({ localPref: { ge: 251 } }, learnt)).toBe(false);
    expect(matches({ med: { ge: 31 } }, learnt)).toBe(false);
    expect(matches({ origins: [1, 2] }, learnt)).toBe(false);
    expect(matches({ localPref: { ge: 100, le: 100 }, med: { ge: 0, le: 0 } }, bare)).toBe(true);
  });

  it('only where all of its conditions hold', () => {
    const match: FilterMatch = { peers: ['spine*'], med: { ge: 30 }, asPath: { contains: [65002] } };
    expect(matches(match, learnt)).toBe(true);
    expect(matches({ ...match, localPref: { le: 200 } }, learnt)).toBe(false);
    expect(matches({ ...match, prefixSets: ['others'] }, learnt)).toBe(false);
  });

  it('what the rules before it made of the route', () => {
    const before: FilterSet = {
      nextHop: address('198.51.100.1'),
      localPref: 300,
      med: 'remove',
      origin: 2,
      prepend: { asn: null, times: 2 },
      communities: { add: [5] },
      largeCommunities: { remove: large('*:*:*') },
      extendedCommunities: { add: ['0002fde800000064'] },
    };
    const after: FilterMatch = {
      nextHop: [prefix('198.51.100.0/24')],
      localPref: { ge: 300 },
      med: { le: 0 },
      origins: [2],
      asPath: {
        startsWith: [65000],
        contains: [65000],
        endsWith: [65003],
        length: { ge: 5, le: 5 },
        regex: ['^65000 65000 65001_'],
      },
      communities: { all: standard('0:5', '65001:1') },
      extendedCommunities: { all: extended('rt:65000:100') },
    };
    const rules = [
      { match: {}, set: before },
      { match: { largeCommunities: { any: large('*:*:*') } }, set: {}, action: 'reject' as const },
      { match: after, set: {}, action: 'accept' as const },
    ];
    expect(decide([{ name: 'f', rules }], learnt).verdict).toMatchObject({
      accepted: true,
      reason: 'filter f rule 3 accepts it',
    });
    expect(decide([{ name: 'f', rules: rules.slice(1) }], learnt).verdict).toMatchObject({
      accepted: false,
      reason: 'filter f rule 1 rejects it',
    });
    // A path of nothing but what was prepended has its origin among that.
    const own = [
      { match: {}, set: before },
      {
        match: { asPath: { endsWith: [65000], regex: ['^65000 65000$'] } },
        set: {},
        action: 'accept' as const,
      },
    ];
    expect(decide([{ name: 'f', rules: own }], bare).verdict.accepted).toBe(true);
  });

  it('nothing by a prefix set or an AS number of our own that is not there', () => {
    const filter = (match: FilterMatch, set: FilterSet): Filter[] => [{ name: 'f', rules: [{ match, set }] }];
    expect(() => compileFilters(filter({ prefixSets: ['x'] }, {}), 0)).toThrow(
      'filter f rule 1: there is no prefix set x',
    );
    expect(() => compileFilters(filter({}, { prepend: { asn: null, times: 1 } }), 0)).toThrow(
      'our own AS number',
    );
  });
});

describe('a rule sets', () => {
  it('LOCAL_PREF and MED to a number, or away from what they are, within 32 bits', () => {
    expect(changed([{ localPref: 7, med: 8 }], learnt)).toMatchObject({ localPref: 7, med: 8 });
    expect(changed([{ localPref: { shift: 10 }, med: { shift: -10 } }], learnt)).toMatchObject({
      localPref: 260,
      med: 20,
    });
    expect(changed([{ localPref: { shift: -10 }, med: { shift: 5 } }], bare)).toMatchObject({
      localPref: 90,
      med: 5,
    });
    expect(changed([{ med: { shift: -31 }, localPref: { shift: 0xffffffff } }], learnt)).toMatchObject({
      med: 0,
      localPref: 0xffffffff,
    });
    expect(changed([{ med: 100 }, { med: { shift: 1 } }, { med: { shift: 1 } }], learnt)).toMatchObject({
      med: 102,
    });
    expect(changed([{ med: 'remove' }], learnt)).not.toHaveProperty('med');
    expect(changed([{ med: 'remove' }, { med: { shift: 3 } }], learnt)).toMatchObject({ med: 3 });
  });

  it('ORIGIN, where there is one and where not', () => {
    expect(changed([{ origin: 2 }], learnt)).toMatchObject({ origin: 'incomplete' });
    const set = new CanonicalBuilder().empty(0).setAsPath([1]).toBuffer();
    expect(changed([{ origin: 1 }], set)).toMatchObject({ origin: 'egp', asPath: '1' });
  });

  it('AS numbers in front of AS_PATH, the last rule nearest to us', () => {
    expect(
      changed([{ prepend: { asn: null, times: 2 } }, { prepend: { asn: 7, times: 1 } }], learnt),
    ).toMatchObject({
      asPath: '7 65000 65000 65001 65002 65003',
    });
    const full = Array.from({ length: 254 }, (_, i) => i + 1);
    expect(changed([{ prepend: { asn: 9, times: 3 } }], { ...learnt, asPath: full }).asPath).toBe(
      `9 9 9 ${full.join(' ')}`,
    );
    const aggregate = withValue(AttributeCode.asPath, '01010000fde9');
    expect(changed([{ prepend: { asn: 9, times: 2 } }], aggregate).asPath).toBe('9 9 {65001}');
  });

  it('communities of all kinds', () => {
    const numbers = (...texts: string[]) => texts.map((text) => need(parseCommunity(text)));
    expect(
      changed([{ communities: { remove: standard('65001:*'), add: numbers('65000:7') } }], learnt),
    ).toMatchObject({ communities: ['65000:7'] });
    expect(
      changed(
        [
          { communities: { add: numbers('65000:7', '65000:8') } },
          { communities: { remove: standard('*:7') } },
        ],
        learnt,
      ),
    ).toMatchObject({ communities: ['65001:1', '65001:2', '65000:8'] });
    expect(changed([{ communities: { set: [] } }], learnt)).not.toHaveProperty('communities');
    const one = '0000fde80000000100000002';
    expect(
      changed([{ largeCommunities: { remove: large('65001:*:*'), add: [one, one] } }], learnt),
    ).toMatchObject({ largeCommunities: ['65002:1:2', '65000:1:2'] });
    expect(changed([{ largeCommunities: { set: [one] } }], bare)).toMatchObject({
      largeCommunities: ['65000:1:2'],
    });
    const tagged = withValue(16, '0002fde8000000640002fde900000001');
    expect(
      changed(
        [{ extendedCommunities: { remove: extended('rt:65000:*'), add: ['0003fde800000009'] } }],
        tagged,
      ),
    ).toMatchObject({ extendedCommunities: ['rt:65001:1', 'ro:65000:9'] });
    expect(changed([{ extendedCommunities: { remove: extended('rt:*:*') } }], tagged)).not.toHaveProperty(
      'extendedCommunities',
    );
  });
});
