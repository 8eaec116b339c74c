import { describe, expect, it } from 'vitest';
import { parseAddress, parsePrefix } from '../../../src/address/index.js';
import {
  AttributeCode,
  aigpDefect,
  buildCanonical,
  CanonicalBuilder,
  describeAttributes,
} from '../../../src/bgp/wire/index.js';
import {
  compileFilters,
  Exporter,
  type ExportFacts,
  type FilterSet,
  Importer,
} from '../../../src/policy/index.js';
import {
  type AttrSetId,
  OutgoingSets,
  type PathId,
  type PrefixId,
  Rib,
  type SourceId,
} from '../../../src/rib/index.js';

const address = (text: string) => {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
};
const prefix = (text: string) => {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`${text} is no prefix`);
  return parsed;
};
const metricTlv = (hex: string) => `01000b${hex}`;

describe('the value of AIGP', () => {
  it.each([
    metricTlv('0000000000000000'),
    metricTlv('fffffffffffffffe'),
    `${metricTlv('0000000000000001')}${metricTlv('ffffffffffffffff')}`,
    `020003${metricTlv('0000000000000001')}`,
    '0700050102',
  ])('%s is sound', (hex) => {
    const value = Buffer.from(hex, 'hex');
    expect(aigpDefect(value, 0, value.length)).toBeNull();
  });

  it.each([
    ['', /empty/],
    ['01', /head of a TLV/],
    ['01000b00', /past its end/],
    ['010002', /2 octets, expected at least 3/],
    ['01000c000000000000000000', /12 octets, expected 11/],
    [metricTlv('ffffffffffffffff'), /highest/],
  ])('%s is not', (hex, why) => {
    const value = Buffer.from(hex, 'hex');
    expect(aigpDefect(value, 0, value.length)).toMatch(why);
  });
});

const facts: ExportFacts = {
  kind: 'ibgp',
  localAsn: 65001,
  peerAsn: null,
  routerId: 1,
  clusterId: 1,
  aigp: true,
  nextHop: 'self',
  self: [{ address: address('10.0.9.1'), linkLocal: null }, null],
  sharedSubnet: [null, null],
  extendedNextHop: false,
};

/** One path to 198.51.100.0/24 through 10.0.1.2, which the kernel reaches with a metric. */
class World {
  readonly rib = new Rib();
  readonly source: SourceId;
  readonly prefix: PrefixId;
  private readonly outgoing = new OutgoingSets(this.rib.sets);
  private held: AttrSetId = 0 as AttrSetId;
  private metric = 0;

  constructor(metric: number, value: string, kind: 'bgp' | 'static' = 'bgp') {
    this.source = this.rib.addSource({
      kind,
      name: 'p',
      preference: 1,
      ibgp: false,
      client: false,
      routerId: 2,
      peerAddress: kind === 'bgp' ? address('10.0.1.2') : null,
      remoteAsn: 65002,
      forwarding: 'nextHop',
    });
    this.reachBy(metric);
    this.prefix = this.rib.families[0].prefixes.intern(prefix('198.51.100.0/24'));
    const bytes = buildCanonical({ family: 0, nextHop: address('10.0.1.2'), asPath: [65002] });
    const builder = new CanonicalBuilder().load(bytes, 0, bytes.length);
    if (value !== '') builder.put(AttributeCode.aigp, 0x80, Buffer.from(value, 'hex'));
    builder.finish();
    this.held = this.rib.sets.intern(builder.buffer, builder.start, builder.end);
    this.rib.families[0].announce(this.source, this.prefix, this.held, this.held);
    this.rib.decide(Number.POSITIVE_INFINITY);
  }

  reachBy(metric: number): void {
    const route = (of: number) => ({
      prefix: prefix('10.0.1.0/24'),
      protocol: 2,
      metric: of,
      type: 'unicast' as const,
      hops: [{ gateway: null, ifindex: 7 }],
    });
    this.rib.nextHops.changeKernelRoutes([route(metric)], [route(this.metric)]);
    this.metric = metric;
    this.rib.decide(Number.POSITIVE_INFINITY);
  }

  get received(): AttrSetId {
    return this.held;
  }

  exporter(changed: Partial<ExportFacts> = {}, set?: FilterSet): Exporter {
    const filters =
      set === undefined ? [] : [{ name: 'f', rules: [{ match: {}, set, action: 'accept' as const }] }];
    return new Exporter(this.rib, 0, { ...facts, ...changed }, compileFilters(filters, 0));
  }

  /** The octets of AIGP as they go out; null: it doesn't. */
  out(exporter: Exporter): string | null {
    return this.valueOf(this.prefix, this.rib.families[0].best(this.prefix) as PathId, exporter);
  }

  valueOf(id: PrefixId, path: PathId, exporter: Exporter): string | null {
    const hex = this.outgoing.read(exporter.export(id, path, this.outgoing)).toString('hex');
    const at = hex.indexOf('801a');
    return at < 0 ? null : hex.slice(at + 6, at + 6 + 2 * Number.parseInt(hex.slice(at + 4, at + 6), 16));
  }
}

const five = metricTlv('0000000000000005');

describe('AIGP on its way out', () => {
  it('grows by the metric to the next hop where we become it, by 1 where that is 0', () => {
    const far = new World(20, five);
    expect(far.out(far.exporter())).toBe(metricTlv('0000000000000019'));
    const near = new World(0, five);
    expect(near.out(near.exporter())).toBe(metricTlv('0000000000000006'));
  });

  it('grows in its first metric alone, exactly, and never past the most there is', () => {
    const high = new World(7, `020003${metricTlv('8000000000000001')}${five}`);
    expect(high.out(high.exporter())).toBe(`020003${metricTlv('8000000000000008')}${five}`);
    const most = new World(7, metricTlv('fffffffffffffffa'));
    expect(most.out(most.exporter())).toBe(metricTlv('ffffffffffffffff'));
  });

  it('stays as it is where the next hop does, whatever a filter says', () => {
    const world = new World(20, five);
    expect(world.out(world.exporter({ nextHop: 'unchanged' }))).toBe(five);
    expect(world.out(world.exporter({ nextHop: 'unchanged' }, { aigp: 9 }))).toBe(five);
    expect(world.out(world.exporter({ nextHop: 'unchanged' }, { aigp: 'remove' }))).toBeNull();
  });

  it('does not go out on a session without it', () => {
    const world = new World(20, five);
    expect(world.out(world.exporter({ aigp: false }))).toBeNull();
    expect(world.out(world.exporter({ aigp: false }, { aigp: 9 }))).toBeNull();
  });

  it('is what a filter sets, where there was none too', () => {
    for (const value of ['', five]) {
      const world = new World(20, value);
      expect(world.out(world.exporter({}, { aigp: 9 }))).toBe(metricTlv('0000000000000009'));
    }
  });

  it('begins with what a static route says', () => {
    const world = new World(20, five, 'static');
    expect(world.out(world.exporter())).toBe(five);
  });

  it('follows the metric, of which the RIB tells though the best path is the same', () => {
    const world = new World(20, five);
    const exporter = world.exporter();
    expect(world.out(exporter)).toBe(metricTlv('0000000000000019'));
    const told: number[] = [];
    world.rib.onBestChange((_, changed) => told.push(changed));
    world.reachBy(30);
    expect(told).toContain(world.prefix);
    expect(world.out(exporter)).toBe(metricTlv('0000000000000023'));
  });

  it('is of no concern to routes without it when the metric changes', () => {
    const world = new World(20, '');
    const told: number[] = [];
    world.rib.onBestChange((_, changed) => told.push(changed));
    world.reachBy(30);
    expect(told).toEqual([]);
  });
});

describe('AIGP through a BGP route', () => {
  /** A second path, to 203.0.113.0/24 through 198.51.100.1, which the first one leads to. */
  function recursive(value: string) {
    const world = new World(20, value);
    const { rib } = world;
    const bytes = buildCanonical({ family: 0, nextHop: address('198.51.100.1'), aigp: 100 });
    const set = rib.sets.intern(bytes, 0, bytes.length);
    const id = rib.families[0].prefixes.intern(prefix('203.0.113.0/24'));
    rib.families[0].announce(world.source, id, set, set);
    rib.decide(Number.POSITIVE_INFINITY);
    const path = rib.families[0].best(id) as PathId;
    return world.valueOf(id, path, world.exporter());
  }

  it('adds what that route has accumulated', () => {
    expect(recursive(five)).toBe(metricTlv('000000000000007d'));
  });

  it('ends where that route has none', () => {
    expect(recursive('')).toBeNull();
  });
});

describe('AIGP on its way in', () => {
  const importFacts = {
    ebgp: true,
    localAsn: 65001,
    routerId: 1,
    clusterIds: [],
    peerAddress: address('10.0.1.2'),
    firstAs: null,
    maxAsPathLength: 0,
    allowOwnAs: 0,
    localAs: null,
    gracefulShutdown: true,
    acceptsBlackhole: false,
  };

  it.each([
    [true, 5],
    [false, undefined],
  ])('with the session set to %s is %s', (aigp, wanted) => {
    const world = new World(20, five);
    const importer = new Importer(world.rib, 0, { ...importFacts, aigp }, compileFilters([], 0), 'p');
    const accepted = importer.import(world.prefix, world.received);
    const { buffer, start, end } = world.rib.sets.bytes(accepted);
    expect(describeAttributes(buffer, start, end).aigp).toBe(wanted);
  });
});
