import { describe, expect, it } from 'vitest';
import { type FamilyIndex, familyIndex, parsePrefix } from '../../../src/address/index.js';
import { buildCanonical, parseCommunity } from '../../../src/bgp/wire/index.js';
import {
  compileFilters,
  editCommunities,
  exactly,
  policyMissing,
  type Verdict,
} from '../../../src/policy/index.js';
import type { Filter, FilterMatch, FilterRule, FilterSet, PrefixMatch } from '../../../src/policy/types.js';
import { PrefixTable } from '../../../src/rib/prefix-table.js';

const prefix = (text: string) => {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`${text} is no prefix`);
  return parsed;
};
const community = (text: string): number => {
  const value = parseCommunity(text);
  if (value === null) throw new Error(`${text} is no community`);
  return value;
};
const itself = (text: string): PrefixMatch => ({
  prefix: prefix(text),
  ge: prefix(text).length,
  le: prefix(text).length,
});
const between = (text: string, ge: number, le: number): PrefixMatch => ({ prefix: prefix(text), ge, le });
const rule = (
  action: 'accept' | 'reject' | undefined,
  match: FilterMatch = {},
  set: FilterSet = {},
): FilterRule => (action === undefined ? { match, set } : { match, set, action });
const peer = { kind: 'bgp', name: 'p' } as const;
const all = (...texts: string[]) => ({ all: texts.map((text) => exactly(community(text))) });
const filter = (name: string, ...rules: FilterRule[]): Filter => ({ name, rules });

function decide(filters: readonly Filter[], text: string, communities: readonly string[] = []): Verdict {
  const { family } = prefix(text);
  const keys = new PrefixTable(family, 1024);
  const id = keys.intern(prefix(text));
  const policy = compileFilters(filters, family);
  const set = buildCanonical({ family, communities: communities.map(community) });
  return policy.decide(policy.classify(keys, id), set, 0, set.length, peer);
}

describe('filters', () => {
  it('accept everything where there are none', () => {
    expect(decide([], '10.0.0.0/8')).toMatchObject({ accepted: true });
  });

  it('reject what no rule decides', () => {
    const verdict = decide([filter('customers', rule(undefined, {}, { med: 1 }))], '10.0.0.0/8');
    expect(verdict).toMatchObject({
      accepted: false,
      reason: 'filter customers has no rule that accepts it',
    });
  });

  it('let the first rule that matches and has an action decide, and name it', () => {
    const filters = [
      filter(
        'f',
        rule('reject', { prefixes: [between('10.1.0.0/16', 16, 32)] }),
        rule('accept', { prefixes: [between('10.0.0.0/8', 8, 24)] }, { localPref: 200 }),
      ),
    ];
    expect(decide(filters, '10.1.2.0/24')).toMatchObject({
      accepted: false,
      reason: 'filter f rule 1 rejects it',
    });
    expect(decide(filters, '10.2.2.0/24')).toMatchObject({
      accepted: true,
      reason: 'filter f rule 2 accepts it',
      edits: { localPref: 200 },
    });
    expect(decide(filters, '10.2.2.0/25')).toMatchObject({ accepted: false });
    expect(decide(filters, '11.0.0.0/24')).toMatchObject({ accepted: false });
  });

  it('match lengths from ge to le and nothing shorter than the prefix itself', () => {
    const filters = [filter('f', rule('accept', { prefixes: [between('2001:db8::/32', 0, 48)] }))];
    expect(decide(filters, '2001:db8::/32').accepted).toBe(true);
    expect(decide(filters, '2001:db8:1::/48').accepted).toBe(true);
    expect(decide(filters, '2001:db8:1::/49').accepted).toBe(false);
    expect(decide(filters, '2001:d00::/24').accepted).toBe(false);
    expect(decide(filters, '2001:db9::/48').accepted).toBe(false);
  });

  it('pass over rules of the other family', () => {
    const filters = [filter('f', rule('reject', { family: 'ipv6' }), rule('accept'))];
    expect(decide(filters, '10.0.0.0/8').accepted).toBe(true);
    expect(decide(filters, '2001:db8::/32').accepted).toBe(false);
  });

  it('match no prefix with an empty list of prefixes', () => {
    expect(decide([filter('f', rule('accept', { prefixes: [] }))], '10.0.0.0/8').accepted).toBe(false);
  });

  it('ask for all of the communities, as the rules before left them', () => {
    const wanted = { communities: all('65000:1', '65000:2') };
    const filters = [
      filter(
        'f',
        rule(undefined, { communities: all('65000:9') }, { communities: { add: [community('65000:2')] } }),
        rule('accept', wanted, { med: 7 }),
      ),
    ];
    expect(decide(filters, '10.0.0.0/8', ['65000:1']).accepted).toBe(false);
    expect(decide(filters, '10.0.0.0/8', ['65000:2', '65000:1']).accepted).toBe(true);
    expect(decide(filters, '10.0.0.0/8', ['65000:1', '65000:9'])).toMatchObject({
      accepted: true,
      edits: { med: 7, communities: { add: [community('65000:2')] } },
    });
  });

  it('must all accept, in order, the later seeing what the earlier set', () => {
    const tag = filter(
      'tag',
      rule('accept', {}, { localPref: 50, communities: { set: [community('65000:5')] } }),
    );
    const need = filter('need', rule('accept', { communities: all('65000:5') }, { localPref: 60 }));
    const deny = filter('deny', rule('reject', { prefixes: [itself('10.0.0.0/8')] }), rule('accept'));
    expect(decide([tag, need, deny], '11.0.0.0/8')).toMatchObject({
      accepted: true,
      edits: { localPref: 60 },
    });
    expect(decide([need, tag], '11.0.0.0/8').reason).toBe('filter need has no rule that accepts it');
    expect(decide([tag, need, deny], '10.0.0.0/8').reason).toBe('filter deny rule 1 rejects it');
  });

  it('share one class among prefixes that no rule tells apart', () => {
    const keys = new PrefixTable(0, 1024);
    const ids = ['10.1.0.0/16', '10.2.0.0/16', '11.0.0.0/8', '12.0.0.0/8'].map((text) =>
      keys.intern(prefix(text)),
    );
    const policy = compileFilters(
      [filter('f', rule('accept', { prefixes: [between('10.0.0.0/8', 8, 32)] }))],
      0,
    );
    const classes = ids.map((id) => policy.classify(keys, id));
    expect(classes[0]).toBe(classes[1]);
    expect(classes[2]).toBe(classes[3]);
    expect(classes[0]).not.toBe(classes[2]);
    expect(compileFilters([filter('g', rule('accept'))], 0).looksAtPrefix).toBe(false);
  });

  it('refuse everything, by name, where an external peer has none (RFC 8212)', () => {
    const set = buildCanonical({ family: 0 });
    const policy = policyMissing('export', 0);
    const keys = new PrefixTable(0, 1024);
    const verdict = policy.decide(
      policy.classify(keys, keys.intern(prefix('10.0.0.0/8'))),
      set,
      0,
      set.length,
      peer,
    );
    expect(verdict).toMatchObject({
      accepted: false,
      reason: 'no export filter is configured for this external peer (RFC 8212)',
    });
  });

  it('find a prefix in a long list as in a short one', () => {
    const families: FamilyIndex[] = [familyIndex('ipv4'), familyIndex('ipv6')];
    for (const family of families) {
      const base = (i: number) => (family === 0 ? `10.${i}.0.0/16` : `2001:db8:${i.toString(16)}::/48`);
      const longest = family === 0 ? 24 : 64;
      const many = Array.from({ length: 200 }, (_, i) => between(base(i), prefix(base(i)).length, longest));
      const filters = [filter('f', rule('accept', { prefixes: many }))];
      expect(decide(filters, base(7)).accepted).toBe(true);
      expect(decide(filters, family === 0 ? '10.199.255.0/24' : '2001:db8:c7:1::/64').accepted).toBe(true);
      expect(decide(filters, family === 0 ? '10.199.255.0/25' : '2001:db8:c7:1::/65').accepted).toBe(false);
      expect(decide(filters, base(201)).accepted).toBe(false);
    }
  });
});

describe('community edits', () => {
  it('replace, remove, then add, each community once', () => {
    expect(editCommunities([1, 2, 3], { replace: null, remove: [exactly(2)], add: [3, 4, 4] })).toEqual([
      1, 3, 4,
    ]);
    expect(editCommunities([1, 2], { replace: [5, 6], remove: [exactly(6)], add: [] })).toEqual([5]);
    expect(editCommunities([1], null)).toEqual([1]);
  });
});
