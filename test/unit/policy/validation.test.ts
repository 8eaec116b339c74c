/** Filters that ask for the state of origin validation, over data of a few VRPs that changes. */
import { describe, expect, it } from 'vitest';
import { parseAddress, parsePrefix } from '../../../src/address/index.js';
import { buildCanonical, type CanonicalAttributes, describeAttributes } from '../../../src/bgp/wire/index.js';
import {
  type CompiledPolicy,
  compileFilters,
  type FilterRule,
  Importer,
  type ImportFacts,
  type OriginFacts,
  Validity,
} from '../../../src/policy/index.js';
import { type AttrSetId, type PrefixId, REJECTED, Rib } from '../../../src/rib/index.js';
import { VrpTable } from '../../../src/rpki/index.js';

const nextHop = parseAddress('192.0.2.7');
if (nextHop === null) throw new Error('no address');
const facts = {
  ebgp: false,
  localAsn: 65000,
  routerId: 1,
  clusterIds: [1],
  peerAddress: nextHop,
  firstAs: null,
  maxAsPathLength: 0,
  allowOwnAs: 0,
  gracefulShutdown: false,
  acceptsBlackhole: false,
  localAs: null,
} as unknown as ImportFacts;

class World {
  readonly rib = new Rib();
  readonly table = new VrpTable();
  private readonly sink = this.table.sink(0, () => {});
  asked = 0;

  constructor() {
    this.table.setInForce(0);
  }

  vrps(...rows: [prefix: string, maxLength: number, asn: number][]): void {
    this.sink.begin(true);
    for (const [text, maxLength, asn] of rows) {
      const prefix = parsePrefix(text);
      if (prefix !== null)
        this.sink.announce(prefix.family, Uint32Array.of(prefix.a), prefix.length, maxLength, asn);
    }
    this.sink.commit();
  }

  prefix(text: string): PrefixId {
    const prefix = parsePrefix(text);
    if (prefix === null) throw new Error(`${text} is no prefix`);
    return this.rib.families[0].prefixes.intern(prefix);
  }

  set(attributes: Partial<CanonicalAttributes>): AttrSetId {
    const set = buildCanonical({ family: 0, nextHop, ...attributes } as CanonicalAttributes);
    return this.rib.sets.intern(set, 0, set.length);
  }

  importer(...rules: FilterRule[]): { importer: Importer; policy: CompiledPolicy } {
    const policy = compileFilters([{ name: 'f', rules }], 0, { prefixSets: {}, localAsn: 65000 });
    const origins: OriginFacts = {
      ownAsn: 65000,
      vrps: {
        validate: (...route) => {
          this.asked++;
          return this.table.validate(...route);
        },
      },
    };
    return { importer: new Importer(this.rib, 0, facts, policy, 'p', origins), policy };
  }
}

const accept = { match: {}, set: {}, action: 'accept' } as const;
const when = (...rpki: Validity[]): FilterRule => ({ match: { rpki }, set: {}, action: 'accept' });

describe('a filter that asks for the state of origin validation', () => {
  it('tells prefixes apart that share an attribute set, and follows the data though results are kept', () => {
    const world = new World();
    const { importer } = world.importer(when(Validity.valid, Validity.notFound));
    const set = world.set({ asPath: [65009, 65001] });
    const judge = () =>
      ['192.0.2.0/24', '192.0.2.0/25', '198.51.100.0/24'].map(
        (prefix) => importer.import(world.prefix(prefix), set) !== REJECTED,
      );
    expect(judge()).toEqual([true, true, true]);
    world.vrps(['192.0.2.0/24', 24, 65001], ['198.51.0.0/16', 24, 65002]);
    expect(judge()).toEqual([true, false, false]);
    expect(judge()).toEqual([true, false, false]);
    world.vrps(['192.0.2.0/24', 25, 65001]);
    expect(judge()).toEqual([true, true, true]);
    expect(importer.asksValidity).toBe(true);
  });

  it.each([
    ['is empty, as our own would be', { asPath: [] }, false],
    ['ends in the AS', { asPath: [65001] }, true],
  ] as const)('knows the AS of a path that %s', (_, attributes, isValid) => {
    const world = new World();
    world.vrps(['192.0.2.0/24', 24, 65001], ['198.51.100.0/24', 24, 65000]);
    const { importer } = world.importer(when(Validity.valid));
    const set = world.set(attributes as unknown as Partial<CanonicalAttributes>);
    expect(importer.import(world.prefix('192.0.2.0/24'), set) !== REJECTED).toBe(isValid);
    // The second VRP names our own AS.
    const isOurs = attributes.asPath.length === 0;
    expect(importer.import(world.prefix('198.51.100.0/24'), set) !== REJECTED).toBe(isOurs);
  });

  it('asks of the path as it came, whatever rules before put in front of it', () => {
    const world = new World();
    world.vrps(['192.0.2.0/24', 24, 65000]);
    const prepends: FilterRule = { match: {}, set: { prepend: { asn: 65077, times: 1 } } };
    const { importer } = world.importer(prepends, when(Validity.valid));
    expect(importer.import(world.prefix('192.0.2.0/24'), world.set({ asPath: [] }))).not.toBe(REJECTED);
  });

  it('puts the state into a community in the place of any other (RFC 8097)', () => {
    const world = new World();
    world.vrps(['192.0.2.0/24', 24, 65001]);
    const { importer } = world.importer({ match: {}, set: { validationState: true }, action: 'accept' });
    const set = world.set({
      asPath: [65001],
      extendedCommunities: Buffer.from('43000000000000020002fde800000007', 'hex'),
    } as unknown as Partial<CanonicalAttributes>);
    const states = ['192.0.2.0/24', '192.0.2.0/25', '10.0.0.0/8'].map((prefix) => {
      const { buffer, start, end } = world.rib.sets.bytes(importer.import(world.prefix(prefix), set));
      return describeAttributes(buffer, start, end).extendedCommunities?.at(-1);
    });
    expect(states).toEqual(['4300000000000000', '4300000000000002', '4300000000000001']);
  });

  it('is the only one that pays for it', () => {
    const world = new World();
    const { importer, policy } = world.importer(accept);
    importer.import(world.prefix('192.0.2.0/24'), world.set({ asPath: [65001] }));
    expect(policy.looksAtValidity).toBe(false);
    expect(importer.asksValidity).toBe(false);
    expect(world.asked).toBe(0);
  });
});
