import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/address/index.js';
import { AttributeCode, buildCanonical, CanonicalBuilder } from '../../../src/bgp/wire/index.js';
import { DROP, SetRewriter } from '../../../src/policy/rewrite.js';
import { type AttrSetId, NO_RECIPE, OutgoingSets, REJECTED, Rib } from '../../../src/rib/index.js';

const RECIPES = 127;

function world() {
  const { sets } = new Rib();
  const outgoing = new OutgoingSets(sets);
  const canonical = (asn: number, med?: number) =>
    buildCanonical({
      family: 0,
      nextHop: parseAddress('192.0.2.1'),
      asPath: [asn],
      ...(med === undefined ? {} : { med }),
    });
  const intern = (asn: number, med?: number): AttrSetId => {
    const octets = canonical(asn, med);
    return sets.intern(octets, 0, octets.length);
  };
  return { sets, outgoing, canonical, intern };
}

const withLocalPref = (localPref: number) => Object.assign(new SetRewriter(), { localPref });

describe('outgoing sets', () => {
  it('are the accepted set changed by the recipe, or as it is without one', () => {
    const { outgoing, canonical, intern } = world();
    const set = intern(64500);
    expect(outgoing.read(set)).toEqual(canonical(64500));
    const changed = outgoing.idOf(set, outgoing.intern(withLocalPref(7)));
    const octets = canonical(64500);
    const expected = new CanonicalBuilder().load(octets, 0, octets.length);
    expected.put(AttributeCode.localPref, 0x40, Buffer.of(0, 0, 0, 7)).finish();
    expect(outgoing.read(changed)).toEqual(expected.buffer.subarray(expected.start, expected.end));
  });

  it('are the same where their octets are, whatever they were made of', () => {
    const { outgoing, intern } = world();
    const [plain, low, high, other] = [intern(1), intern(1, 5), intern(1, 6), intern(2, 6)];
    const withoutMed = outgoing.intern(Object.assign(new SetRewriter(), { med: DROP }));
    const of = (set: AttrSetId) => outgoing.idOf(set, withoutMed);
    expect(outgoing.areSame(of(low), of(high))).toBe(true);
    expect(outgoing.areSame(of(low), plain)).toBe(true);
    expect(outgoing.areSame(of(high), of(other))).toBe(false);
    expect(outgoing.areSame(of(high), outgoing.idOf(high, outgoing.intern(withLocalPref(3))))).toBe(false);
    const withoutPrivate = Object.assign(new SetRewriter(), {
      asPath: { asn: 64500, behind: null, override: null, removePrivate: 'all', peerAsn: null },
    });
    const bare = outgoing.intern(withoutPrivate);
    expect(outgoing.areSame(outgoing.idOf(intern(65001), bare), outgoing.idOf(intern(65002), bare))).toBe(
      true,
    );
    expect(outgoing.areSame(outgoing.idOf(intern(65001), bare), outgoing.idOf(intern(9), bare))).toBe(false);
    expect(outgoing.areSame(low, high)).toBe(false);
    expect(outgoing.areSame(low, low)).toBe(true);
    expect(outgoing.areSame(low, REJECTED)).toBe(false);
    expect(outgoing.areSame(REJECTED, REJECTED)).toBe(true);
  });

  it('are compared anew when an id names another set', () => {
    const { sets, outgoing, intern } = world();
    const [first, second] = [intern(1, 5), intern(1, 6)];
    const withoutMed = outgoing.intern(Object.assign(new SetRewriter(), { med: DROP }));
    const same = () => outgoing.areSame(outgoing.idOf(first, withoutMed), outgoing.idOf(second, withoutMed));
    expect(same()).toBe(true);
    sets.release(second);
    expect(intern(3)).toBe(second);
    expect(same()).toBe(false);
  });

  it('hold their set', () => {
    const { sets, outgoing, intern } = world();
    const set = intern(1);
    const id = outgoing.idOf(set, outgoing.intern(withLocalPref(1)));
    outgoing.retain(id);
    sets.release(set);
    expect(sets.count).toBe(1);
    outgoing.release(id);
    expect(sets.count).toBe(0);
    outgoing.retain(REJECTED);
    outgoing.release(REJECTED);
    expect(sets.count).toBe(0);
  });
});

describe('recipes', () => {
  it('have one number while they are equal, and numbers of their own where anything differs', () => {
    const { outgoing } = world();
    const base = () =>
      Object.assign(new SetRewriter(), { nextHopLength: 4, prepend: 1, prependMore: [2], completes: true });
    const number = outgoing.intern(base());
    expect(outgoing.intern(base())).toBe(number);
    const others: readonly Partial<SetRewriter>[] = [
      { nextHopLength: 16 },
      { keptNextHop: 16 },
      { origin: 1 },
      { prepend: 2 },
      { prependOuter: 2 },
      { memberAs: 2 },
      { leavesConfederation: true },
      { asPath: { asn: 1, behind: null, override: null, removePrivate: true, peerAsn: null } },
      { prependMore: [3] },
      { prependMore: [2, 2] },
      { med: 2 },
      { localPref: 2 },
      { defaultLocalPref: 2 },
      { originatorId: 2 },
      { clusterId: 2 },
      { clusterIdOuter: 2 },
      { onlyToCustomer: 2 },
      { aigp: DROP },
      { leavesAs: true },
      { completes: false },
    ];
    const numbers = others.map((other) => outgoing.intern(Object.assign(base(), other)));
    const further = base();
    further.nextHop[3] = 1;
    numbers.push(number, outgoing.intern(further));
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(others.map((other) => outgoing.intern(Object.assign(base(), other)))).toEqual(
      numbers.slice(0, -2),
    );
  });

  it('do not change with what they were copied from', () => {
    const { outgoing, canonical, intern } = world();
    const set = intern(1, 9);
    const rewriter = Object.assign(new SetRewriter(), { med: DROP });
    const id = outgoing.idOf(set, outgoing.intern(rewriter));
    rewriter.reset();
    rewriter.med = 4;
    expect(outgoing.read(id)).toEqual(canonical(1));
  });

  it('give way to others when all numbers are taken and theirs is not used', () => {
    const { outgoing, canonical, intern } = world();
    const set = intern(1, 9);
    const ids = Array.from({ length: RECIPES }, (_, i) =>
      outgoing.idOf(set, outgoing.intern(withLocalPref(i))),
    );
    expect(new Set(ids).size).toBe(RECIPES);
    for (const id of ids) outgoing.retain(id);
    expect(outgoing.intern(withLocalPref(1000))).toBe(NO_RECIPE);
    expect(outgoing.generation).toBe(0);
    outgoing.release(ids[70]);
    const late = outgoing.intern(Object.assign(new SetRewriter(), { med: DROP }));
    expect(outgoing.idOf(set, late)).toBe(ids[70]);
    expect(outgoing.generation).toBe(1);
    expect(outgoing.read(outgoing.idOf(set, late))).toEqual(canonical(1));
    expect(outgoing.read(ids[69])).not.toEqual(outgoing.read(ids[71]));
  });
});
