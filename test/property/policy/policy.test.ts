import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  contains,
  type FamilyIndex,
  networkOf,
  type Prefix,
  parseAddress,
} from '../../../src/address/index.js';
import {
  AttributeCode,
  buildCanonical,
  CanonicalBuilder,
  CanonicalView,
} from '../../../src/bgp/wire/index.js';
import {
  compileFilters,
  DROP,
  Exporter,
  type ExportFacts,
  editCommunities,
  exactly,
  type Filter,
  type FilterRule,
  KEEP,
  noEdits,
  type RouteEdits,
  SetRewriter,
  withSet,
} from '../../../src/policy/index.js';
import { OutgoingSets, type PathId, REJECTED, Rib, type SourceId } from '../../../src/rib/index.js';
import { PrefixTable } from '../../../src/rib/prefix-table.js';
import { asPaths } from '../../oracle/arbitraries.js';
import { decodeAsPath, encodeAsPath, type Segment } from '../../oracle/update-codec.js';

/** Few addresses and lengths, so that conditions hold often. */
const prefixOf = (family: FamilyIndex): fc.Arbitrary<Prefix> =>
  fc
    .tuple(fc.nat(3), fc.nat(3), fc.constantFrom(0, 6, 8, 16, 24, 32))
    .map(([high, low, length]) =>
      networkOf({ family, a: ((high << 24) | (low << 16)) >>> 0, b: 0, c: 0, d: 0 }, length),
    );

const communities = fc.uniqueArray(fc.nat(4), { maxLength: 3 });

const filterRule = (family: FamilyIndex): fc.Arbitrary<FilterRule> =>
  fc
    .record({
      prefixes: fc.option(
        fc.array(
          fc
            .tuple(prefixOf(family), fc.nat(32), fc.nat(32))
            .map(([prefix, x, y]) => ({ prefix, ge: Math.min(x, y), le: Math.max(x, y) })),
          { maxLength: 12 },
        ),
        { nil: undefined },
      ),
      communities: fc.option(communities, { nil: undefined, freq: 1 }),
      add: communities,
      remove: communities,
      med: fc.option(fc.nat(9), { nil: undefined }),
      action: fc.constantFrom('accept' as const, 'reject' as const, undefined),
    })
    .map(({ prefixes, communities: wanted, add, remove, med, action }) => ({
      match: {
        ...(prefixes === undefined ? {} : { prefixes }),
        ...(wanted === undefined ? {} : { communities: { all: wanted.map(exactly) } }),
      },
      set: { communities: { add, remove: remove.map(exactly) }, ...(med === undefined ? {} : { med }) },
      ...(action === undefined ? {} : { action }),
    }));

const filters = (family: FamilyIndex): fc.Arbitrary<Filter[]> =>
  fc
    .array(fc.array(filterRule(family), { maxLength: 4 }), { maxLength: 3 })
    .map((all) => all.map((rules, i) => ({ name: `f${i}`, rules })));

const nothing = { localAsn: 65000, localPref: 100, med: 0, validity: 1 } as const;
const peer = { kind: 'bgp', name: 'p' } as const;

/** Rule after rule, as the document reads. */
function naive(all: readonly Filter[], route: Prefix, present: readonly number[]): RouteEdits | null {
  let edits = noEdits;
  for (const { rules } of all) {
    let accepted = false;
    for (const { match, set, action } of rules) {
      const prefixMatches =
        match.prefixes === undefined ||
        match.prefixes.some(
          ({ prefix, ge, le }) =>
            contains(prefix, route) &&
            route.length >= prefix.length &&
            route.length >= ge &&
            route.length <= le,
        );
      const now = editCommunities(present, edits.communities);
      if (!prefixMatches || !(match.communities?.all ?? []).every((c) => now.includes(c.value))) continue;
      if (action === 'reject') return null;
      edits = withSet(edits, set, nothing);
      if (action === 'accept') {
        accepted = true;
        break;
      }
    }
    if (!accepted) return null;
  }
  return edits;
}

describe.each([0, 1] as const)('compiled filters of family %i', (family) => {
  it('decide as the rules do when read one after the other', () => {
    fc.assert(
      fc.property(
        filters(family),
        fc.array(fc.tuple(prefixOf(family), communities), { minLength: 1, maxLength: 12 }),
        (all, routes) => {
          const policy = compileFilters(all, family);
          const keys = new PrefixTable(family, 1024);
          for (const [route, present] of routes) {
            const set = buildCanonical({ family, communities: present });
            const verdict = policy.decide(
              policy.classify(keys, keys.intern(route)),
              set,
              0,
              set.length,
              peer,
            );
            const expected = naive(all, route, present);
            expect(verdict.accepted).toBe(expected !== null);
            if (expected === null) continue;
            expect(verdict.edits.med).toBe(expected.med);
            expect(editCommunities(present, verdict.edits.communities)).toEqual(
              editCommunities(present, expected.communities),
            );
          }
        },
      ),
      { numRuns: 1500 },
    );
  });
});

/** Canonical sets with any mix of attributes, values of any length included. */
const canonicalSet: fc.Arbitrary<Buffer> = fc
  .record({
    nextHopLength: fc.constantFrom(0, 4, 16, 32),
    asPath: fc.option(asPaths(4, 4), { nil: undefined }),
    med: fc.option(fc.nat(), { nil: undefined }),
    localPref: fc.option(fc.nat(), { nil: undefined }),
    communities: fc.option(fc.uniqueArray(fc.nat(), { maxLength: 80 }), { nil: undefined }),
    originatorId: fc.option(fc.nat(), { nil: undefined }),
    clusters: fc.option(fc.uint8Array({ minLength: 1, maxLength: 70 }), { nil: undefined }),
    extended: fc.option(fc.uint8Array({ minLength: 1, maxLength: 40 }), { nil: undefined }),
    aigp: fc.option(fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }), { nil: undefined }),
    large: fc.option(fc.uint8Array({ minLength: 1, maxLength: 30 }), { nil: undefined }),
    unknown: fc.uniqueArray(
      fc.tuple(
        fc.integer({ min: 40, max: 250 }),
        fc.constantFrom(0x80, 0xc0, 0xe0),
        fc.uint8Array({ maxLength: 300 }),
      ),
      { maxLength: 3, selector: ([type]) => type },
    ),
  })
  .map((parts) => {
    const builder = new CanonicalBuilder().empty(1);
    builder.setNextHopBytes(Buffer.alloc(32, 0x20), 0, parts.nextHopLength);
    if (parts.asPath !== undefined) builder.setOrigin(1).put(2, 0x40, encodeAsPath(parts.asPath, 4));
    if (parts.med !== undefined) builder.setMed(parts.med);
    if (parts.localPref !== undefined) builder.setLocalPref(parts.localPref);
    if (parts.communities !== undefined) builder.setCommunities(parts.communities);
    if (parts.originatorId !== undefined) builder.putU32(AttributeCode.originatorId, parts.originatorId);
    if (parts.clusters !== undefined) {
      const value = Buffer.concat([...parts.clusters].map((n) => Buffer.of(10, 0, 0, n)));
      builder.put(AttributeCode.clusterList, 0x80, value);
    }
    const repeated = (values: Uint8Array, unit: number) =>
      Buffer.concat([...values].map((n) => Buffer.alloc(unit, n)));
    if (parts.extended !== undefined) builder.put(16, 0xc0, repeated(parts.extended, 8));
    if (parts.aigp !== undefined) builder.put(26, 0x80, aigpTlvs(parts.aigp));
    if (parts.large !== undefined) builder.put(32, 0xc0, repeated(parts.large, 12));
    for (const [type, flags, value] of parts.unknown) builder.put(type, flags, value);
    return builder.toBuffer();
  });

/** A TLV of another type, the AIGP TLV that counts, and one that does not (RFC 7311 §3). */
const aigpTlvs = (metric: bigint) =>
  Buffer.from(
    `07000401 01000b${metric.toString(16).padStart(16, '0')} 01000b0000000000000005`.replaceAll(' ', ''),
    'hex',
  );

/** RFC 4271 §5.1.2, RFC 5065 §4.1: into the first segment where that is of the type and has room, else into one of its own. */
function inFront(path: Segment[], type: number, asn: number): Segment[] {
  const [first, ...rest] = path;
  return first?.type === type && first.asns.length < 255
    ? [{ type, asns: [asn, ...first.asns] }, ...rest]
    : [{ type, asns: [asn] }, ...path];
}

const octets = (unit: number) =>
  fc
    .array(fc.uint8Array({ minLength: unit, maxLength: unit }), { maxLength: 40 })
    .map((list) => Buffer.concat(list));
const number = fc.option(fc.nat(), { nil: KEEP });
const numberOrDrop = fc.oneof(number, fc.constant(DROP));

describe('the rewriter', () => {
  it('writes what the canonical builder makes step by step', () => {
    fc.assert(
      fc.property(
        canonicalSet,
        fc.record({
          nextHopLength: fc.option(fc.constantFrom(4, 16, 32), { nil: KEEP }),
          origin: fc.option(fc.nat(2), { nil: KEEP }),
          prepend: fc.option(fc.integer({ min: 1, max: 0xffffffff }), { nil: KEEP }),
          prependOuter: fc.option(fc.integer({ min: 1, max: 0xffffffff }), { nil: KEEP }),
          memberAs: fc.option(fc.integer({ min: 1, max: 0xffffffff }), { nil: KEEP }),
          leavesConfederation: fc.boolean(),
          prependMore: fc.array(fc.integer({ min: 1, max: 0xffffffff }), { maxLength: 300 }),
          extendedCommunities: fc.option(octets(8)),
          largeCommunities: fc.option(octets(12)),
          med: numberOrDrop,
          localPref: numberOrDrop,
          communities: fc.option(fc.uniqueArray(fc.nat(), { maxLength: 80 })),
          originatorId: numberOrDrop,
          clusterId: numberOrDrop,
          clusterIdOuter: number,
          aigp: fc.oneof(fc.maxSafeNat(), fc.constantFrom(KEEP, DROP)),
          aigpIncrease: fc.oneof(fc.constant(0), fc.nat(), fc.maxSafeNat()),
          completes: fc.boolean(),
        }),
        (set, plan) => {
          const out = new SetRewriter();
          Object.assign(out, plan);
          out.nextHop.fill(0x33);
          expect(out.rewrite(set, 0, set.length)).toBe(true);

          const view = new CanonicalView().reset(set, 0, set.length);
          const hadClusters = view.find(AttributeCode.clusterList)
            ? Buffer.from(set.subarray(view.valueStart, view.valueEnd))
            : Buffer.alloc(0);
          const builder = new CanonicalBuilder().load(set, 0, set.length);
          builder.removeWhere((type, flags) => type >= 40 && (flags & 0x40) === 0);
          const unknown = new CanonicalView().reset(set, 0, set.length);
          while (unknown.next()) {
            if (unknown.type < 40 || (unknown.flags & 0x40) === 0) continue;
            const value = Buffer.from(set.subarray(unknown.valueStart, unknown.valueEnd));
            builder.put(unknown.type, (unknown.flags & 0xe0) | 0x20, value);
          }
          if (plan.nextHopLength !== KEEP)
            builder.setNextHopBytes(Buffer.alloc(32, 0x33), 0, plan.nextHopLength);
          if (plan.completes && !builder.has(AttributeCode.origin)) builder.setOrigin(0);
          if (plan.completes && !builder.has(AttributeCode.asPath)) builder.setAsPath([]);
          if (plan.origin !== KEEP) builder.setOrigin(plan.origin);
          const had = new CanonicalView().reset(set, 0, set.length);
          let path = had.find(2) ? (decodeAsPath(set.subarray(had.valueStart, had.valueEnd), 4) ?? []) : [];
          if (plan.leavesConfederation) path = path.filter(({ type }) => type <= 2);
          for (const asn of plan.prependMore.toReversed()) path = inFront(path, 2, asn);
          if (plan.prepend !== KEEP) {
            path = inFront(path, 2, plan.prepend);
            if (plan.prependOuter !== KEEP) path = inFront(path, 2, plan.prependOuter);
          }
          if (plan.memberAs !== KEEP) path = inFront(path, 3, plan.memberAs);
          if (path.length > 0 || builder.has(2)) builder.put(2, 0x40, encodeAsPath(path, 4));
          const wide = (type: number, value: Buffer | null) => {
            if (value?.length === 0) builder.remove(type);
            else if (value !== null) builder.put(type, 0xc0, value);
          };
          wide(AttributeCode.extendedCommunities, plan.extendedCommunities);
          wide(AttributeCode.largeCommunities, plan.largeCommunities);
          const simple = (type: number, value: number) => {
            if (value === DROP) builder.remove(type);
            else if (value !== KEEP) builder.putU32(type, value);
          };
          simple(AttributeCode.multiExitDisc, plan.med);
          simple(AttributeCode.localPref, plan.localPref);
          if (plan.communities !== null) builder.setCommunities(plan.communities);
          if (plan.originatorId === DROP || !builder.has(AttributeCode.originatorId))
            simple(AttributeCode.originatorId, plan.originatorId);
          if (plan.clusterId === DROP) builder.remove(AttributeCode.clusterList);
          else if (plan.clusterId !== KEEP) {
            const ids = [...(plan.clusterIdOuter === KEEP ? [] : [plan.clusterIdOuter]), plan.clusterId];
            const own = Buffer.alloc(4 * ids.length);
            for (const [i, id] of ids.entries()) own.writeUInt32BE(id, 4 * i);
            builder.put(AttributeCode.clusterList, 0x80, Buffer.concat([own, hadClusters]));
          }
          const aigpView = new CanonicalView().reset(set, 0, set.length);
          if (plan.aigp === DROP) builder.remove(AttributeCode.aigp);
          else if (plan.aigp !== KEEP) {
            const tlv = `01000b${plan.aigp.toString(16).padStart(16, '0')}`;
            builder.put(AttributeCode.aigp, 0x80, Buffer.from(tlv, 'hex'));
          } else if (aigpView.find(AttributeCode.aigp)) {
            const sum = set.readBigUInt64BE(aigpView.valueStart + 7) + BigInt(plan.aigpIncrease);
            const most = 0xffffffffffffffffn;
            builder.put(AttributeCode.aigp, 0x80, aigpTlvs(sum > most ? most : sum));
          }
          expect(out.buffer.subarray(0, out.end).toString('hex')).toBe(builder.toBuffer().toString('hex'));
        },
      ),
      { numRuns: 1500 },
    );
  });
});

const facts: ExportFacts = {
  kind: 'ebgp',
  localAsn: 65000,
  peerAsn: null,
  routerId: 1,
  clusterId: 1,
  nextHop: 'self',
  self: [
    { address: parseAddress('192.0.2.1') ?? { family: 0, a: 1, b: 0, c: 0, d: 0 }, linkLocal: null },
    null,
  ],
  sharedSubnet: [null, null],
  extendedNextHop: false,
};

describe('an exporter', () => {
  it('answers from its memory what a new one works out, while ids come and go', () => {
    fc.assert(
      fc.property(
        filters(0),
        fc.array(
          fc.record({ prefix: prefixOf(0), set: fc.nat(5), source: fc.nat(2), withdraw: fc.boolean() }),
          { maxLength: 60 },
        ),
        (all, steps) => {
          const rib = new Rib();
          const [table] = rib.families;
          const addPeer = (i: number): SourceId =>
            rib.addSource({
              kind: i === 0 ? 'originated' : 'bgp',
              name: `s${i}`,
              preference: 100,
              ibgp: i === 2,
              client: false,
              routerId: i,
              peerAddress: null,
              remoteAsn: 65000 + i,
              forwarding: 'none',
            });
          const sources = [0, 1, 2].map(addPeer);
          const policy = compileFilters(all, 0);
          const lasting = new Exporter(rib, 0, facts, policy);
          const lastingSets = new OutgoingSets(rib.sets);
          for (const step of steps) {
            const prefix = table.prefixes.intern(step.prefix);
            const source = sources[step.source];
            if (step.withdraw) table.withdraw(source, prefix);
            else {
              const bytes = buildCanonical({
                family: 0,
                asPath: [64512 + step.set],
                communities: [step.set],
                med: 3,
              });
              const set = rib.sets.intern(bytes, 0, bytes.length);
              table.announce(source, prefix, set, set);
              rib.sets.release(set);
            }
            rib.decide(Number.POSITIVE_INFINITY);
            const best = table.best(prefix);
            if (best < 0) continue;
            const fresh = new Exporter(rib, 0, facts, policy);
            const answers = [lasting, fresh].map((exporter) => {
              const outgoing = exporter === lasting ? lastingSets : new OutgoingSets(rib.sets);
              const set = exporter.export(prefix, best as PathId, outgoing);
              const hex = set === REJECTED ? '' : outgoing.read(set).toString('hex');
              // Freed at once, so that its id names another set soon.
              outgoing.release(set);
              return hex;
            });
            expect(answers[0]).toBe(answers[1]);
            expect(lasting.explain(prefix, best as PathId).accepted).toBe(answers[0] !== '');
          }
          for (const source of sources) rib.withdrawAll(source);
          rib.decide(Number.POSITIVE_INFINITY);
          expect(rib.sets.count).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });
});
