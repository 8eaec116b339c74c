import { describe, expect, it } from 'vitest';
import { type Address, parseAddress, parsePrefix } from '../../../src/address/index.js';
import {
  AttributeCode,
  buildCanonical,
  type CanonicalAttributes,
  CanonicalBuilder,
  describeAttributes,
} from '../../../src/bgp/wire/index.js';
import {
  compileFilters,
  exactly,
  type Filter,
  Importer,
  type ImportFacts,
  policyMissing,
} from '../../../src/policy/index.js';
import { REJECTED, Rib } from '../../../src/rib/index.js';

const address = (text: string): Address => {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
};
const facts: ImportFacts = {
  ebgp: true,
  localAsn: 65000,
  routerId: 0x0a000001,
  clusterIds: [0x0a0000ff],
  peerAddress: address('192.0.2.7'),
  firstAs: null,
  maxAsPathLength: 0,
  allowOwnAs: 0,
  gracefulShutdown: true,
  acceptsBlackhole: false,
  localAs: null,
};
const learnt: CanonicalAttributes = { family: 0, nextHop: address('192.0.2.7'), asPath: [65007] };

function importRoute(set: Buffer, filters: readonly Filter[] | 'missing', its: ImportFacts = facts) {
  const rib = new Rib();
  const received = rib.sets.intern(set, 0, set.length);
  const prefix = rib.families[0].prefixes.intern(
    parsePrefix('203.0.113.0/24') ?? { ...address('::'), length: 0 },
  );
  const policy = filters === 'missing' ? policyMissing('import', 0) : compileFilters(filters, 0);
  const importer = new Importer(rib, 0, its, policy, 'p');
  const first = importer.import(prefix, received);
  const again = importer.import(prefix, received);
  expect(again).toBe(first);
  const bytes = first === REJECTED ? null : rib.sets.bytes(first);
  const result = {
    same: first === received,
    attributes: bytes === null ? null : describeAttributes(bytes.buffer, bytes.start, bytes.end),
    explanation: importer.explain(prefix, received),
  };
  // What import hands out is counted, and the cache counts nothing.
  for (const set of [first, again, received]) rib.sets.release(set);
  expect(rib.sets.count).toBe(0);
  return result;
}

describe('what comes from a peer', () => {
  it('is taken as it is where nothing is to be changed', () => {
    const result = importRoute(buildCanonical(learnt), []);
    expect(result.same).toBe(true);
    expect(result.explanation.accepted).toBe(true);
  });

  it('is rejected when our AS is in its AS_PATH', () => {
    const result = importRoute(buildCanonical({ ...learnt, asPath: [65007, 65000, 65009] }), []);
    expect(result.attributes).toBeNull();
    expect(result.explanation).toEqual({
      accepted: false,
      reason: 'our own AS is in its AS_PATH (RFC 4271 §9.1.2)',
    });
  });

  it('is rejected when we reflected or originated it, from internal peers', () => {
    const base = buildCanonical(learnt);
    const builder = new CanonicalBuilder();
    const own = builder
      .load(base, 0, base.length)
      .putU32(AttributeCode.originatorId, facts.routerId)
      .toBuffer();
    const cluster = builder
      .load(base, 0, base.length)
      .put(AttributeCode.clusterList, 0x80, Buffer.from('0a0000fe0a0000ff', 'hex'))
      .toBuffer();
    const inside = { ...facts, ebgp: false, clusterIds: [7, 0x0a0000fe] };
    expect(importRoute(own, [], inside).explanation.reason).toBe('we are its ORIGINATOR_ID (RFC 4456 §8)');
    expect(importRoute(cluster, [], inside).explanation.reason).toBe(
      'a cluster of ours is in its CLUSTER_LIST (RFC 4456 §8)',
    );
  });

  it('may carry our own AS as often as is allowed', () => {
    const twice = buildCanonical({ ...learnt, asPath: [65007, 65000, 65009, 65000] });
    expect(importRoute(twice, [], { ...facts, allowOwnAs: 1 }).explanation.accepted).toBe(false);
    expect(importRoute(twice, [], { ...facts, allowOwnAs: 2 }).same).toBe(true);
  });

  it('leads through the AS that the peer knows us by, and is a loop with either of our numbers (RFC 7705)', () => {
    const known = { ...facts, localAs: { asn: 64999, prepends: true } };
    expect(importRoute(buildCanonical(learnt), [], known).attributes?.asPath).toBe('64999 65007');
    const quiet = { ...facts, localAs: { asn: 64999, prepends: false } };
    expect(importRoute(buildCanonical(learnt), [], quiet).same).toBe(true);
    for (const own of [64999, 65000]) {
      const loop = buildCanonical({ ...learnt, asPath: [65007, own] });
      expect(importRoute(loop, [], known).explanation.reason).toMatch(/^our own AS is in its AS_PATH/);
    }
  });

  const filtered: Filter[] = [
    { name: 'in', rules: [{ match: {}, set: { localPref: 200 }, action: 'accept' }] },
  ];

  it('goes behind all else when the peer is about to take it away (RFC 8326), whatever the filter prefers', () => {
    const leaving = buildCanonical({ ...learnt, communities: [0xffff0000] });
    for (const filters of [[], filtered]) {
      expect(importRoute(leaving, filters).attributes?.localPref).toBe(0);
    }
    expect(importRoute(leaving, [], { ...facts, gracefulShutdown: false }).same).toBe(true);
    expect(importRoute(leaving, [], { ...facts, ebgp: false }).same).toBe(true);
    const strip: Filter[] = [
      {
        name: 'in',
        rules: [{ match: {}, set: { communities: { remove: [exactly(0xffff0000)] } }, action: 'accept' }],
      },
    ];
    expect(importRoute(leaving, strip).attributes).not.toHaveProperty('localPref');
    const staying = buildCanonical({ ...learnt, communities: [65000 * 65536 + 1] });
    expect(importRoute(staying, []).same).toBe(true);
  });

  it('leads nowhere and stays within the AS when the peer may ask for that (RFC 7999)', () => {
    const drop = buildCanonical({ ...learnt, communities: [0xffff029a] });
    const allowed = { ...facts, acceptsBlackhole: true };
    const { attributes } = importRoute(drop, [], allowed);
    expect(attributes).toMatchObject({ communities: ['blackhole', 'no-export'] });
    expect(attributes?.nextHop).toBeNull();
    expect(importRoute(drop, []).same).toBe(true);
    const quiet = buildCanonical({ ...learnt, communities: [0xffff029a, 0xffffff02] });
    expect(importRoute(quiet, [], allowed).attributes?.communities).toEqual(['blackhole', 'no-advertise']);
    expect(importRoute(buildCanonical(learnt), [], allowed).same).toBe(true);
  });

  it('is rejected when it does not begin with the AS of the peer, where it must', () => {
    const strict = { ...facts, firstAs: 65007 };
    const reason = "its AS_PATH does not begin with the peer's AS (enforceFirstAs, RFC 4271 §6.3)";
    expect(importRoute(buildCanonical(learnt), [], strict).explanation.accepted).toBe(true);
    for (const asPath of [[65009, 65007], []]) {
      const set = buildCanonical({ ...learnt, asPath });
      expect(importRoute(set, [], strict).explanation).toEqual({ accepted: false, reason });
      expect(importRoute(set, []).explanation.accepted).toBe(true);
    }
    // An AS_SET in front hides who sent it.
    const base = buildCanonical(learnt);
    const inSet = new CanonicalBuilder()
      .load(base, 0, base.length)
      .put(AttributeCode.asPath, 0x40, Buffer.from('01010000fdef', 'hex'))
      .toBuffer();
    expect(importRoute(inSet, [], strict).explanation.reason).toBe(reason);
  });

  it('is rejected when its AS_PATH is longer than allowed, a set counting one', () => {
    const limited = { ...facts, maxAsPathLength: 3 };
    const ofLength = (n: number) =>
      buildCanonical({ ...learnt, asPath: Array.from({ length: n }, (_, i) => 65100 + i) });
    expect(importRoute(ofLength(3), [], limited).explanation.accepted).toBe(true);
    expect(importRoute(ofLength(4), [], limited).explanation).toEqual({
      accepted: false,
      reason: 'its AS_PATH is longer than maxAsPathLength',
    });
    const base = buildCanonical(learnt);
    const sequenceAndSet = new CanonicalBuilder()
      .load(base, 0, base.length)
      .put(AttributeCode.asPath, 0x40, Buffer.from('02020000fdef0000fdf001030000fdf10000fdf20000fdf3', 'hex'))
      .toBuffer();
    expect(importRoute(sequenceAndSet, [], limited).explanation.accepted).toBe(true);
  });

  it('is rejected when its next hop is an IPv4-mapped IPv6 address', () => {
    const mapped = buildCanonical({ ...learnt, family: 1, nextHop: address('::ffff:192.0.2.7') });
    expect(importRoute(mapped, []).explanation).toEqual({
      accepted: false,
      reason: 'its next hop is an IPv4-mapped address, which no packet goes to (RFC 4291 §2.5.5.2)',
    });
    const global = buildCanonical({ ...learnt, family: 1, nextHop: address('2001:db8::ffff:c000:207') });
    expect(importRoute(global, []).explanation.accepted).toBe(true);
  });

  it('is rejected, with the reason, where an external peer has no filter (RFC 8212)', () => {
    const result = importRoute(buildCanonical(learnt), 'missing');
    expect(result.attributes).toBeNull();
    expect(result.explanation.reason).toBe(
      'no import filter is configured for this external peer (RFC 8212)',
    );
  });

  it('is changed as the filter says', () => {
    const set = {
      localPref: 200,
      med: 4,
      nextHop: address('192.0.2.8'),
      communities: { add: [65000 * 65536 + 1] },
    };
    const filters: Filter[] = [{ name: 'in', rules: [{ match: {}, set, action: 'accept' }] }];
    expect(importRoute(buildCanonical(learnt), filters).attributes).toEqual({
      nextHop: '192.0.2.8',
      origin: 'igp',
      asPath: '65007',
      med: 4,
      localPref: 200,
      communities: ['65000:1'],
    });
  });

  it('has the peer itself as next hop where the filter says self', () => {
    const filters: Filter[] = [
      { name: 'in', rules: [{ match: {}, set: { nextHop: 'self' }, action: 'accept' }] },
    ];
    const third = buildCanonical({ ...learnt, nextHop: address('192.0.2.99') });
    expect(importRoute(third, filters).attributes).toMatchObject({ nextHop: '192.0.2.7' });
  });
});
