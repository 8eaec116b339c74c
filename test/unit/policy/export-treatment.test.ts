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
  type ExportFacts,
  type ExportOutcome,
  noEdits,
  type RouteEdits,
  type RouteOrigin,
  SetRewriter,
  treatExport,
} from '../../../src/policy/index.js';

const address = (text: string): Address => {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
};
const community = (text: string): number => parseCommunity(text) ?? 0;

const ebgp: ExportFacts = {
  kind: 'ebgp',
  localAsn: 65000,
  peerAsn: null,
  routerId: 0x0a000001,
  clusterId: 0x0a0000ff,
  nextHop: 'auto',
  self: [
    { address: address('192.0.2.1'), linkLocal: null },
    { address: address('2001:db8::1'), linkLocal: address('fe80::1') },
  ],
  sharedSubnet: [parsePrefix('192.0.2.0/24'), parsePrefix('2001:db8::/64')],
  extendedNextHop: false,
};
const ibgp: ExportFacts = { ...ebgp, kind: 'ibgp' };
const client: ExportFacts = { ...ebgp, kind: 'ibgpClient' };

const local: RouteOrigin = { kind: 'local', routerId: 0, address: null };
const external: RouteOrigin = { kind: 'ebgp', routerId: 7, address: address('192.0.2.7') };
const internal: RouteOrigin = { kind: 'ibgp', routerId: 0x0a000008, address: address('192.0.2.8') };
const internalClient: RouteOrigin = { ...internal, kind: 'ibgpClient' };

const learnt: CanonicalAttributes = {
  family: 0,
  nextHop: address('192.0.2.7'),
  asPath: [65007, 65008],
  med: 30,
  localPref: 250,
  communities: [community('65007:1')],
};

const out = new SetRewriter();

function treatBytes(set: Buffer, origin: RouteOrigin, facts: ExportFacts, edits: Partial<RouteEdits> = {}) {
  const outcome: ExportOutcome = treatExport(
    set,
    0,
    set.length,
    origin,
    facts,
    { ...noEdits, ...edits },
    out,
  );
  return outcome === 'announced' ? describeAttributes(out.buffer, 0, out.end) : outcome;
}
const treat = (
  attributes: CanonicalAttributes,
  origin: RouteOrigin,
  facts: ExportFacts,
  edits: Partial<RouteEdits> = {},
) => treatBytes(buildCanonical(attributes), origin, facts, edits);

describe('what goes to an external peer', () => {
  it('has our AS in front, no LOCAL_PREF, no MED of another AS, and the rest as it was', () => {
    expect(treat({ ...learnt, nextHop: address('203.0.113.9') }, external, ebgp)).toEqual({
      nextHop: '192.0.2.1',
      origin: 'igp',
      asPath: '65000 65007 65008',
      communities: ['65007:1'],
    });
  });

  it('has the MED and communities that the export filter set, never its LOCAL_PREF', () => {
    const edits = {
      med: 5,
      localPref: 300,
      communities: { replace: null, remove: [], add: [community('no-export')] },
    };
    const sent = treat(learnt, external, ebgp, edits);
    expect(sent).toMatchObject({ med: 5, communities: ['65007:1', 'no-export'] });
    expect(sent).not.toHaveProperty('localPref');
  });

  it('keeps the MED of own routes', () => {
    expect(treat({ family: 0, med: 9 }, local, ebgp)).toEqual({
      nextHop: '192.0.2.1',
      origin: 'igp',
      asPath: '65000',
      med: 9,
    });
  });

  it('opens a new segment where the first is full or a set', () => {
    const full = Array.from({ length: 255 }, (_, i) => 1000 + i);
    expect(treat({ ...learnt, asPath: full }, external, ebgp)).toMatchObject({
      asPath: `65000 ${full.join(' ')}`,
    });
    const aggregate = new CanonicalBuilder()
      .empty(0)
      .setNextHop(address('192.0.2.7'))
      .setOrigin(0)
      .put(AttributeCode.asPath, 0x40, Uint8Array.of(1, 1, 0, 0, 0xfd, 0xe9))
      .toBuffer();
    expect(treatBytes(aggregate, external, ebgp)).toMatchObject({ asPath: '65000 {65001}' });
  });

  it('is not what carries NO_EXPORT, NO_EXPORT_SUBCONFED or NO_ADVERTISE', () => {
    const tagged = (name: string) => ({ ...learnt, communities: [community('65007:1'), community(name)] });
    expect(treat(tagged('no-export'), external, ebgp)).toBe('noExport');
    expect(treat(tagged('no-export-subconfed'), internal, ebgp)).toBe('noExportSubconfed');
    expect(treat(tagged('no-advertise'), external, ebgp)).toBe('noAdvertise');
    expect(treat(tagged('no-export'), external, ibgp)).toMatchObject({ asPath: '65007 65008' });
    expect(treat(tagged('no-advertise'), external, ibgp)).toBe('noAdvertise');
    expect(treat({ family: 0, communities: [community('no-export')] }, local, ebgp)).toMatchObject({
      communities: ['no-export'],
    });
  });

  it('is not what has been in its AS, where its AS is known', () => {
    expect(treat(learnt, external, { ...ebgp, peerAsn: 65008 })).toBe('asLoop');
    expect(treat(learnt, external, { ...ebgp, peerAsn: 65009 })).toMatchObject({
      asPath: '65000 65007 65008',
    });
  });

  it('names a third party as next hop on the shared subnet only, and never another peer', () => {
    const via = (text: string) => ({ ...learnt, nextHop: address(text) });
    expect(treat(via('192.0.2.7'), external, ebgp)).toMatchObject({ nextHop: '192.0.2.7' });
    expect(treat(via('192.0.2.77'), external, ebgp)).toMatchObject({ nextHop: '192.0.2.77' });
    expect(treat(via('198.51.100.7'), external, ebgp)).toMatchObject({ nextHop: '192.0.2.1' });
    expect(treat(via('192.0.2.7'), external, { ...ebgp, sharedSubnet: [null, null] })).toMatchObject({
      nextHop: '192.0.2.1',
    });
    const facts = { ...ebgp, isPeer: () => true };
    expect(treat(via('192.0.2.7'), external, facts)).toMatchObject({ nextHop: '192.0.2.7' });
    expect(treat(via('192.0.2.77'), external, facts)).toMatchObject({ nextHop: '192.0.2.1' });
  });

  it('follows what the configuration and the filter say of the next hop, the filter first', () => {
    const far = { ...learnt, nextHop: address('198.51.100.7') };
    expect(treat(far, external, { ...ebgp, nextHop: 'unchanged' })).toMatchObject({
      nextHop: '198.51.100.7',
    });
    expect(treat(learnt, external, { ...ebgp, nextHop: 'self' })).toMatchObject({ nextHop: '192.0.2.1' });
    expect(treat(learnt, external, ebgp, { nextHop: 'self' })).toMatchObject({ nextHop: '192.0.2.1' });
    expect(treat(learnt, external, ebgp, { nextHop: address('192.0.2.99') })).toMatchObject({
      nextHop: '192.0.2.99',
    });
    expect(treat(learnt, external, { ...ebgp, self: [null, null] }, { nextHop: 'self' })).toBe('noNextHop');
  });

  it('has no reflection attributes', () => {
    const reflected = new CanonicalBuilder()
      .load(buildCanonical(learnt), 0, buildCanonical(learnt).length)
      .putU32(AttributeCode.originatorId, 5)
      .putU32(AttributeCode.clusterList, 6)
      .toBuffer();
    const sent = treatBytes(reflected, internal, ebgp);
    expect(sent).not.toHaveProperty('originatorId');
    expect(sent).not.toHaveProperty('clusterList');
  });

  it('keeps extended communities that are transitive, and no others', () => {
    const set = new CanonicalBuilder()
      .load(buildCanonical(learnt), 0, buildCanonical(learnt).length)
      .put(16, 0xc0, Buffer.from('0002fde80000000140040001000003e8', 'hex'))
      .toBuffer();
    expect(treatBytes(set, external, ebgp)).toMatchObject({ extendedCommunities: ['rt:65000:1'] });
    const inside = treatBytes(set, external, ibgp);
    expect(typeof inside === 'string' ? [] : inside.extendedCommunities).toHaveLength(2);
  });
});

describe('what goes to an internal peer', () => {
  it('keeps AS_PATH, next hop, MED and LOCAL_PREF', () => {
    expect(treat(learnt, external, ibgp)).toEqual({
      nextHop: '192.0.2.7',
      origin: 'igp',
      asPath: '65007 65008',
      med: 30,
      localPref: 250,
      communities: ['65007:1'],
    });
  });

  it('has LOCAL_PREF 100 where there is none, and what the filter sets', () => {
    expect(treat({ family: 0 }, local, ibgp)).toEqual({
      nextHop: '192.0.2.1',
      origin: 'igp',
      asPath: '',
      localPref: 100,
    });
    expect(treat(learnt, external, ibgp, { localPref: 300, med: 'remove' })).toMatchObject({
      localPref: 300,
    });
    expect(treat(learnt, external, ibgp, { med: 'remove' })).not.toHaveProperty('med');
  });

  it('is not what another internal peer told us, unless one of the two is a client (RFC 4456)', () => {
    expect(treat(learnt, internal, ibgp)).toBe('notReflected');
    for (const [origin, facts] of [
      [internal, client],
      [internalClient, ibgp],
      [internalClient, client],
    ] as const) {
      expect(treat(learnt, origin, facts)).toMatchObject({
        nextHop: '192.0.2.7',
        originatorId: '10.0.0.8',
        clusterList: ['10.0.0.255'],
      });
    }
    expect(treat(learnt, external, client)).not.toHaveProperty('originatorId');
  });

  it('tells both clusters that it goes between, where a router stands in several', () => {
    const clusters = (origin: RouteOrigin, memberClusterId: number | null) =>
      treat(learnt, origin, { ...client, memberClusterId });
    const other = { ...internalClient, clusterId: 0x0a000001 };
    expect(clusters(other, null)).toMatchObject({ clusterList: ['10.0.0.255', '10.0.0.1'] });
    expect(clusters(other, 0x0a000001)).toMatchObject({ clusterList: ['10.0.0.1'] });
    expect(clusters(other, 0x0a000002)).toMatchObject({ clusterList: ['10.0.0.2', '10.0.0.1'] });
    expect(clusters(internalClient, 0x0a000002)).toMatchObject({ clusterList: ['10.0.0.2', '10.0.0.255'] });
  });

  it('keeps a first ORIGINATOR_ID and puts our cluster in front of CLUSTER_LIST', () => {
    const base = buildCanonical(learnt);
    const reflected = new CanonicalBuilder()
      .load(base, 0, base.length)
      .putU32(AttributeCode.originatorId, 0x0a000005)
      .putU32(AttributeCode.clusterList, 0x0a000006)
      .toBuffer();
    expect(treatBytes(reflected, internalClient, client)).toMatchObject({
      originatorId: '10.0.0.5',
      clusterList: ['10.0.0.255', '10.0.0.6'],
    });
  });
});

describe('IPv6 next hops', () => {
  const route = (nextHop: string, linkLocal: string | null = null): CanonicalAttributes => ({
    ...learnt,
    family: 1,
    nextHop: address(nextHop),
    linkLocalNextHop: linkLocal === null ? null : address(linkLocal),
  });

  it('bring the link-local address along on a shared link only (RFC 2545)', () => {
    expect(treat({ family: 1 }, local, ebgp)).toMatchObject({
      nextHop: '2001:db8::1',
      linkLocalNextHop: 'fe80::1',
    });
    expect(treat(route('2001:db8::7', 'fe80::7'), external, ebgp)).toMatchObject({
      nextHop: '2001:db8::7',
      linkLocalNextHop: 'fe80::7',
    });
    const far = treat(route('2001:db8:9::7', 'fe80::7'), external, ibgp);
    expect(far).toMatchObject({ nextHop: '2001:db8:9::7' });
    expect(far).not.toHaveProperty('linkLocalNextHop');
  });

  it('are ours where the route has only a link-local one', () => {
    expect(treat(route('fe80::7'), external, ibgp)).toMatchObject({ nextHop: '2001:db8::1' });
  });

  it('serve IPv4 routes only where that was agreed (RFC 8950)', () => {
    const mixed: CanonicalAttributes = { ...learnt, nextHop: address('2001:db8::7') };
    expect(treat(mixed, external, ibgp)).toMatchObject({ nextHop: '192.0.2.1' });
    expect(treat(mixed, external, { ...ibgp, extendedNextHop: true })).toMatchObject({
      nextHop: '2001:db8::7',
    });
    expect(treat(learnt, external, ibgp, { nextHop: address('2001:db8::9') })).toBe('noNextHop');
  });
});

describe('attributes that we do not know', () => {
  it('go on with the partial bit if they are transitive, and end here if not', () => {
    const base = buildCanonical(learnt);
    const set = new CanonicalBuilder()
      .load(base, 0, base.length)
      .put(200, 0xc0, Uint8Array.of(1, 2, 3))
      .put(201, 0x80, Uint8Array.of(4))
      .toBuffer();
    for (const facts of [ebgp, ibgp]) {
      const sent = treatBytes(set, external, facts);
      expect(typeof sent === 'string' ? sent : sent.others).toEqual([
        { code: 200, name: 'attribute 200', partial: true, value: '010203' },
      ]);
    }
  });
});
