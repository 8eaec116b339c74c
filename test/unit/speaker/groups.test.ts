import { describe, expect, it } from 'vitest';
import { parseAddress, parsePrefix } from '../../../src/address/index.js';
import { type GroupFacts, groupKey } from '../../../src/bgp/speaker/groups.js';

const prefix = (text: string) => {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`${text} is no prefix`);
  return parsed;
};

const facts: GroupFacts = {
  family: 0,
  kind: 'ebgp',
  fourOctetAs: true,
  paths: 0,
  maxLength: 4096,
  nextHopMode: 'auto',
  nextHop: parseAddress('192.0.2.1'),
  linkLocal: null,
  extendedNextHop: false,
  sharedSubnets: [prefix('192.0.2.0/24'), prefix('198.51.100.0/24')],
  filters: ['a', 'b'],
  asPath: null,
  clusterId: null,
  aigp: false,
  otc: null,
  longLivedStale: 'announce',
};

describe('the key of an update group', () => {
  it('is the same for the same treatment, in whatever order the networks stand', () => {
    const other = { ...facts, sharedSubnets: [...facts.sharedSubnets].reverse(), filters: ['a', 'b'] };
    expect(groupKey(other)).toBe(groupKey(facts));
  });

  const others: [string, Partial<GroupFacts>][] = [
    ['family', { family: 1 }],
    ['kind of peer', { kind: 'ibgp' }],
    ['size of AS numbers', { fourOctetAs: false }],
    ['length of messages', { maxLength: 65535 }],
    ['next hop mode', { nextHopMode: 'unchanged' }],
    ['next hop', { nextHop: parseAddress('192.0.2.3') }],
    ['lack of a next hop', { nextHop: null }],
    ['link-local address', { linkLocal: parseAddress('fe80::1') }],
    ['next hops of the other family', { extendedNextHop: true }],
    ['networks', { sharedSubnets: [prefix('192.0.2.0/24')] }],
    ['order of filters', { filters: ['b', 'a'] }],
    ['name of a filter that looks like two', { filters: ['a,b'] }],
    ['lack of filters', { filters: null }],
    ['cluster', { clusterId: 1 }],
    ['metric that is told or not', { aigp: true }],
    [
      'AS_PATH that is shown',
      { asPath: { asn: 64999, behind: null, override: null, removePrivate: false, peerAsn: null } },
    ],
    ['role', { otc: { role: 'provider', asn: 65001 } }],
  ];
  it.each(others)('differs with the %s', (_what, change) => {
    expect(groupKey({ ...facts, ...change })).not.toBe(groupKey(facts));
  });

  it('tells a filter of any name from none', () => {
    for (const name of ['-', 'null', '']) {
      expect(groupKey({ ...facts, filters: [name] })).not.toBe(groupKey({ ...facts, filters: null }));
    }
    expect(groupKey({ ...facts, filters: [] })).not.toBe(groupKey({ ...facts, filters: null }));
  });
});
