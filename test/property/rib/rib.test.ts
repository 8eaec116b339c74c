import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Address, networkOf } from '../../../src/address/index.js';
import { AttributeCode, buildCanonical, CanonicalBuilder } from '../../../src/bgp/wire/index.js';
import { type AttrSetId, NONE, type PathId, type PrefixId, type SourceId } from '../../../src/rib/ids.js';
import { type KernelRoute, SELF } from '../../../src/rib/next-hops.js';
import { Rib } from '../../../src/rib/rib.js';
import type { SourceInfo } from '../../../src/rib/sources.js';
import { encodeAsPath } from '../../oracle/update-codec.js';
import {
  type ModelAttributes,
  type ModelMedRules,
  type ModelPath,
  type ModelSource,
  modelBest,
  modelMultipath,
} from '../../support/rib-model.js';

const PREFIXES = 12;
const NEXT_HOPS = 4;
const SOURCES = 5;

const sources: readonly ModelSource[] = Array.from({ length: SOURCES }, (_, i) => ({
  name: `peer${i}`,
  preference: i === 4 ? 200 : 100,
  ibgp: i === 1,
  confed: i === 3,
  routerId: i < 2 ? 7 : 9 - i,
  address: 50 - i,
}));

const attributesArbitrary: fc.Arbitrary<ModelAttributes> = fc.record({
  localPref: fc.constantFrom(100, 100, 100, 200),
  asPath: fc.constantFrom([], [65001], [65002], [65001, 65009], [65002, 65009], [65003, 65009]),
  members: fc.constantFrom([], [], [64601], [64602, 64601]),
  origin: fc.constantFrom(0, 0, 0, 2),
  med: fc.constantFrom(null, 0, 5, 10),
  nextHop: fc.nat(NEXT_HOPS - 1),
  originatorId: fc.constantFrom(0, 0, 3),
  clusterListLength: fc.constantFrom(0, 0, 1, 2),
  aigp: fc.constantFrom(null, null, null, 0, 10, 11),
});

type Operation =
  | { type: 'announce'; source: number; prefix: number; attributes: ModelAttributes; pathId: number }
  | { type: 'withdraw'; source: number; prefix: number; pathId: number }
  | {
      type: 'withdrawAll' | 'markStale' | 'sweepStale' | 'beginRefresh' | 'endRefresh' | 'replace';
      source: number;
    }
  | { type: 'refilter'; source: number; rejectOrigin: number }
  | { type: 'nextHop'; nextHop: number; metric: number | null }
  | { type: 'maxPaths'; maxPaths: number }
  | { type: 'med'; rules: ModelMedRules }
  | { type: 'decide'; all: boolean };

const source = fc.nat(SOURCES - 1);
/** Paths of one prefix that differ, if at all, in MED and neighbouring AS, and behind that. */
const closeOperation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('announce' as const),
      source: fc.nat(SOURCES - 2),
      prefix: fc.constant(0),
      attributes: fc.record({
        localPref: fc.constantFrom(100, 100, 100, 100, 100, 100, 100, 200),
        asPath: fc.constantFrom([65001], [65002]),
        members: fc.constant([]),
        origin: fc.constant(0),
        med: fc.constantFrom(0, 5),
        nextHop: fc.nat(1),
        originatorId: fc.constantFrom(0, 3, 8, 11),
        clusterListLength: fc.constant(0),
        aigp: fc.constant(null),
      }),
      pathId: fc.nat(3),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('withdraw' as const),
      source: fc.nat(SOURCES - 2),
      prefix: fc.constant(0),
      pathId: fc.nat(3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('nextHop' as const),
      nextHop: fc.nat(NEXT_HOPS - 1),
      metric: fc.constantFrom(null, 10, 10, 20),
    }),
  },
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      type: fc.constant('announce' as const),
      source,
      prefix: fc.nat(PREFIXES - 1),
      attributes: attributesArbitrary,
      pathId: fc.constantFrom(0, 0, 0, 1),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('withdraw' as const),
      source,
      prefix: fc.nat(PREFIXES - 1),
      pathId: fc.constantFrom(0, 0, 1),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom(
        'beginRefresh' as const,
        'endRefresh' as const,
        'withdrawAll' as const,
        'markStale' as const,
        'sweepStale' as const,
        'replace' as const,
      ),
      source,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('refilter' as const),
      source,
      rejectOrigin: fc.constantFrom(-1, 0, 2),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('nextHop' as const),
      nextHop: fc.nat(NEXT_HOPS - 1),
      metric: fc.constantFrom(null, 0, 10, 10, 20),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('maxPaths' as const), maxPaths: fc.constantFrom(1, 2, 4) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('med' as const),
      rules: fc.record({ alwaysCompare: fc.boolean(), missingAsWorst: fc.boolean() }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('decide' as const), all: fc.boolean() }) },
);

const nextHopAddress = (i: number): Address => ({ family: 0, a: 0xc0000200 + i, b: 0, c: 0, d: 0 });

/** The real RIB and the model side by side, and a consumer that hears of changes alone. */
class Bench {
  readonly rib = new Rib();
  readonly ids: SourceId[] = [];
  readonly rejectOrigin = new Array<number>(SOURCES).fill(-1);
  readonly metrics = new Array<number | null>(NEXT_HOPS).fill(null);
  readonly model = new Map<number, ModelPath[]>();
  /** Sources whose refresh (RFC 7313) is under way. */
  readonly refreshing = new Set<number>();
  /** What a consumer knows from notifications: prefix number to text of the best and of all paths to forward by. */
  readonly heard = new Map<number, { best: string; multipath: string }>();
  maxPaths = 1;
  medRules: ModelMedRules = { alwaysCompare: false, missingAsWorst: false };

  constructor(readonly family: 0 | 1) {
    for (const each of sources) this.ids.push(this.rib.addSource(this.info(each)));
    const table = this.rib.families[family];
    this.rib.onBestChange((changedFamily, prefix) => {
      expect(changedFamily).toBe(family);
      const number = table.prefixes.words[prefix * table.prefixes.stride] >>> 8;
      this.heard.set(number & 0xff, {
        best: table.best(prefix) === NONE ? '' : this.text(table.best(prefix) as PathId),
        multipath: table
          .multipath(prefix)
          .map((path) => this.text(path))
          .sort()
          .join(' '),
      });
    });
  }

  info(each: ModelSource): SourceInfo {
    return {
      kind: 'bgp',
      name: each.name,
      preference: each.preference,
      ibgp: each.ibgp,
      confed: each.confed,
      client: false,
      routerId: each.routerId,
      peerAddress: { family: 0, a: 0x0a000000 + each.address, b: 0, c: 0, d: 0 },
      remoteAsn: 65000,
      forwarding: 'nextHop',
    };
  }

  intern(attributes: ModelAttributes): AttrSetId {
    const { localPref, asPath, origin, med } = attributes;
    const bytes = buildCanonical({
      family: this.family,
      nextHop: nextHopAddress(attributes.nextHop),
      localPref,
      asPath,
      origin,
      ...(med === null ? {} : { med }),
      ...(attributes.aigp === null ? {} : { aigp: attributes.aigp }),
    });
    const builder = new CanonicalBuilder().load(bytes, 0, bytes.length);
    const { members } = attributes;
    if (members.length > 0) {
      const segments = [
        { type: 3, asns: [...members] },
        ...(asPath.length > 0 ? [{ type: 2, asns: [...asPath] }] : []),
      ];
      builder.put(AttributeCode.asPath, 0x40, encodeAsPath(segments, 4));
    }
    if (attributes.originatorId !== 0) builder.putU32(9, attributes.originatorId);
    if (attributes.clusterListLength > 0) {
      builder.put(10, 0x80, Buffer.alloc(4 * attributes.clusterListLength, 1));
    }
    builder.finish();
    return this.rib.sets.intern(builder.buffer, builder.start, builder.end);
  }

  prefix(number: number): PrefixId {
    const address: Address = { family: this.family, a: (0x0b000000 + (number << 8)) >>> 0, b: 0, c: 0, d: 0 };
    return this.rib.families[this.family].prefixes.intern(networkOf(address, 24));
  }

  /** The import filter of a source as it is now: rejects one ORIGIN. */
  accepts(i: number, origin: number): boolean {
    return this.rejectOrigin[i] !== origin;
  }

  text(path: PathId): string {
    const { paths } = this.rib.families[this.family];
    const { sets } = this.rib;
    const set = paths.accepted[path];
    return [
      this.rib.sources.get(paths.source[path] as SourceId).name,
      paths.receivedPathId(path),
      sets.localPref[set],
      sets.asPathLength[set],
      sets.firstAs[set],
      sets.origin[set],
      sets.hasMed(set as AttrSetId) ? sets.med[set] : null,
      sets.originatorId[set],
      sets.clusterListLength[set],
      sets.aigp(set as AttrSetId),
      sets.nextHopAddress(set as AttrSetId)?.a,
    ].join('/');
  }

  modelText(path: ModelPath): string {
    const set = path.accepted;
    if (set === null) throw new Error('a rejected path was chosen');
    return [
      path.source.name,
      path.pathId,
      set.localPref,
      set.asPath.length,
      set.asPath[0] ?? 0,
      set.origin,
      set.med,
      set.originatorId,
      set.clusterListLength,
      set.aigp ?? -1,
      nextHopAddress(set.nextHop).a,
    ].join('/');
  }

  eachOf(i: number, change: (path: ModelPath) => void): void {
    for (const paths of this.model.values())
      for (const path of paths) if (path.source === sources[i]) change(path);
  }

  removeWhere(gone: (path: ModelPath) => boolean): void {
    for (const [prefix, paths] of this.model) {
      this.model.set(
        prefix,
        paths.filter((path) => !gone(path)),
      );
    }
  }

  kernelRoute(nextHop: number, metric: number): KernelRoute {
    return {
      prefix: { ...nextHopAddress(nextHop), length: 32 },
      protocol: 2,
      metric,
      type: 'unicast',
      hops: [{ gateway: null, ifindex: 7 }],
    };
  }

  apply(op: Operation): void {
    const { rib } = this;
    const table = rib.families[this.family];
    switch (op.type) {
      case 'announce': {
        const received = this.intern(op.attributes);
        const accepted = this.accepts(op.source, op.attributes.origin) ? received : (0 as AttrSetId);
        table.announce(this.ids[op.source], this.prefix(op.prefix), received, accepted, op.pathId);
        rib.sets.release(received);
        const paths = this.model.get(op.prefix) ?? [];
        const others = paths.filter((p) => p.source !== sources[op.source] || p.pathId !== op.pathId);
        this.model.set(op.prefix, [
          ...others,
          {
            source: sources[op.source],
            pathId: op.pathId,
            received: op.attributes,
            accepted: accepted === 0 ? null : op.attributes,
            stale: false,
          },
        ]);
        break;
      }
      case 'withdraw': {
        const prefix = table.prefixes.find(table.prefixes.read(this.prefix(op.prefix)));
        const had = table.withdraw(this.ids[op.source], prefix as PrefixId, op.pathId);
        const before = this.model.get(op.prefix) ?? [];
        const after = before.filter((p) => p.source !== sources[op.source] || p.pathId !== op.pathId);
        // A path that a sweep has yet to come to may still be found; the model removed it at once.
        if (before.length !== after.length) expect(had).toBe(true);
        this.model.set(op.prefix, after);
        break;
      }
      case 'withdrawAll':
        table.withdrawAll(this.ids[op.source]);
        this.refreshing.delete(op.source);
        this.removeWhere((path) => path.source === sources[op.source]);
        break;
      case 'markStale':
        table.markStale(this.ids[op.source]);
        this.removeWhere((path) => path.source === sources[op.source] && path.stale);
        this.refreshing.delete(op.source);
        this.eachOf(op.source, (path) => {
          path.stale = true;
          path.old = false;
        });
        break;
      case 'sweepStale':
        table.sweepStale(this.ids[op.source]);
        this.removeWhere((path) => path.source === sources[op.source] && path.stale);
        break;
      case 'beginRefresh': {
        const isStale = table.hasStale(this.ids[op.source]);
        const begins = table.beginRefresh(this.ids[op.source]);
        // Nobody asks so often here that the sweeps fall behind.
        expect(begins).toBe(!isStale);
        if (!begins) break;
        this.refreshing.add(op.source);
        this.eachOf(op.source, (path) => {
          path.old = true;
        });
        break;
      }
      case 'endRefresh':
        expect(table.endRefresh(this.ids[op.source])).toBe(this.refreshing.delete(op.source));
        this.removeWhere((path) => path.source === sources[op.source] && path.old === true);
        break;
      case 'replace':
        rib.removeSource(this.ids[op.source]);
        this.ids[op.source] = rib.addSource(this.info(sources[op.source]));
        this.removeWhere((path) => path.source === sources[op.source]);
        this.refreshing.delete(op.source);
        break;
      case 'refilter':
        this.rejectOrigin[op.source] = op.rejectOrigin;
        table.refilter(this.ids[op.source], (_, received) => {
          if (rib.sets.origin[received] === op.rejectOrigin) return 0 as AttrSetId;
          rib.sets.retain(received);
          return received;
        });
        for (const paths of this.model.values()) {
          for (const path of paths) {
            if (path.source !== sources[op.source]) continue;
            path.accepted = this.accepts(op.source, path.received.origin) ? path.received : null;
          }
        }
        break;
      case 'nextHop': {
        const before = this.metrics[op.nextHop];
        const removed = before === null ? [] : [this.kernelRoute(op.nextHop, before)];
        const added = op.metric === null ? [] : [this.kernelRoute(op.nextHop, op.metric)];
        rib.nextHops.changeKernelRoutes(added, removed);
        this.metrics[op.nextHop] = op.metric;
        break;
      }
      case 'maxPaths':
        rib.setMaxPaths(op.maxPaths);
        this.maxPaths = op.maxPaths;
        break;
      case 'med':
        rib.setMedRules(op.rules);
        this.medRules = op.rules;
        break;
      case 'decide':
        rib.decide(op.all ? Number.POSITIVE_INFINITY : 0);
        break;
    }
  }

  check(): void {
    const { rib } = this;
    const table = rib.families[this.family];
    expect(rib.decide(Number.POSITIVE_INFINITY)).toBe(false);
    let bestCount = 0;
    const counts = sources.map(() => ({ received: 0, upToDate: 0, accepted: 0 }));
    for (const [number, model] of this.model) {
      const id = table.prefixes.find(table.prefixes.read(this.prefix(number))) as PrefixId;
      const best = modelBest(model, this.metrics, this.medRules);
      const multipath = modelMultipath(model, this.metrics, this.maxPaths, this.medRules);
      const wantedBest = best === null ? '' : this.modelText(best);
      const wantedMultipath = multipath.map((path) => this.modelText(path)).sort();
      expect(table.best(id) === NONE ? '' : this.text(table.best(id) as PathId)).toBe(wantedBest);
      expect(
        table
          .multipath(id)
          .map((path) => this.text(path))
          .sort(),
      ).toEqual(wantedMultipath);
      // Ranked, each is the best of those that the ones before it leave (RFC 7911).
      const ranked: string[] = [];
      const { decision, paths } = table;
      const candidates = decision.rank(paths.firstOf(id));
      for (let path = decision.nextRanked(); path !== NONE; path = decision.nextRanked()) {
        ranked.push(this.text(path as PathId));
      }
      const wantedRanks: string[] = [];
      let left: readonly ModelPath[] = model;
      for (let first = best; first !== null; first = modelBest(left, this.metrics, this.medRules)) {
        const gone = first;
        wantedRanks.push(this.modelText(gone));
        left = left.filter((path) => path !== gone);
      }
      expect(ranked).toEqual(wantedRanks);
      expect(candidates).toBe(ranked.length);
      expect(this.heard.get(number) ?? { best: '', multipath: '' }).toEqual({
        best: wantedBest,
        multipath: wantedMultipath.join(' '),
      });
      expect([...table.chain(id)].filter((path) => table.isStale(path)).length).toBe(
        model.filter((path) => path.stale).length,
      );
      const verdicts = rib.explain(this.family, id);
      expect(verdicts.length).toBe(model.length);
      expect(verdicts.filter((each) => each.step === null).length).toBe(best === null ? 0 : 1);
      if (best !== null) bestCount++;
      for (const path of model) {
        const count = counts[sources.indexOf(path.source)];
        count.received++;
        if (!path.stale && path.old !== true) count.upToDate++;
        if (path.accepted !== null) count.accepted++;
      }
    }
    expect(table.bestCount).toBe(bestCount);
    expect(this.ids.map((id) => rib.sources.counts(id)[this.family])).toEqual(counts);
  }

  /** Everything withdrawn: nothing may be left in any table. */
  checkEmptyAfterwards(): void {
    const { rib } = this;
    const table = rib.families[this.family];
    for (const id of this.ids) rib.removeSource(id);
    // Prefixes that were interned for looking alone have no path; give them one and take it away.
    const source = rib.addSource(this.info(sources[0]));
    const set = this.intern({
      localPref: 1,
      asPath: [],
      members: [],
      origin: 0,
      med: 0,
      nextHop: 0,
      originatorId: 0,
      clusterListLength: 0,
      aigp: 1,
    });
    for (let i = 0; i < PREFIXES; i++) table.announce(source, this.prefix(i), set, set);
    rib.sets.release(set);
    rib.removeSource(source);
    rib.decide(Number.POSITIVE_INFINITY);
    expect(table.prefixes.count).toBe(0);
    expect(table.paths.count).toBe(0);
    expect(table.bestCount).toBe(0);
    expect(rib.sets.count).toBe(0);
    expect(rib.sets.aigpCount).toBe(0);
    expect(rib.nextHops.count).toBe(0);
    expect([...rib.sources.ids()]).toEqual([]);
    expect([...this.heard.values()].every((each) => each.best === '' && each.multipath === '')).toBe(true);
    expect(rib.nextHops.resolved[SELF]).toBe(1);
  }
}

describe('Rib against a naive model', () => {
  for (const family of [0, 1] as const) {
    it(`IPv${family === 0 ? 4 : 6}: best, multipath, notifications and counts agree whatever happens, and nothing leaks`, () => {
      fc.assert(
        fc.property(fc.array(operation, { minLength: 1, maxLength: 120 }), (operations) => {
          const bench = new Bench(family);
          operations.forEach((op, i) => {
            bench.apply(op);
            if (i % 40 === 39) bench.check();
          });
          bench.check();
          bench.checkEmptyAfterwards();
        }),
        { numRuns: 300 },
      );
    });
  }

  it('one path at a time, mostly equal ones: what is compared with the best alone comes out as if all were', () => {
    fc.assert(
      fc.property(fc.array(closeOperation, { minLength: 10, maxLength: 60 }), (operations) => {
        const bench = new Bench(0);
        for (const op of operations) {
          bench.apply(op);
          bench.check();
        }
      }),
      { numRuns: 300 },
    );
  });
});
