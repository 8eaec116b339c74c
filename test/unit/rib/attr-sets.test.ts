import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Address, parseAddress } from '../../../src/address/index.js';
import { AttributeCode, buildCanonical, CanonicalBuilder } from '../../../src/bgp/wire/index.js';
import {
  AttrSets,
  BLACKHOLE,
  NO_ADVERTISE,
  NO_EXPORT,
  NO_EXPORT_SUBCONFED,
} from '../../../src/rib/attr-sets.js';
import type { AttrSetId, NextHopId } from '../../../src/rib/ids.js';
import { NextHopTable, SELF } from '../../../src/rib/next-hops.js';

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`not an address: ${text}`);
  return parsed;
}

function make(): {
  sets: AttrSets;
  nextHops: NextHopTable;
  intern(bytes: Buffer, scope?: number): AttrSetId;
} {
  const nextHops = new NextHopTable();
  const sets = new AttrSets(nextHops);
  return { sets, nextHops, intern: (bytes, scope) => sets.intern(bytes, 0, bytes.length, scope) };
}

const segment = (type: number, ...asns: number[]): Buffer => {
  const bytes = Buffer.alloc(2 + 4 * asns.length);
  bytes[0] = type;
  bytes[1] = asns.length;
  asns.forEach((asn, i) => void bytes.writeUInt32BE(asn, 2 + 4 * i));
  return bytes;
};

describe('AttrSets', () => {
  it('decodes what the decision process compares', () => {
    const { sets, nextHops, intern } = make();
    const builder = new CanonicalBuilder().empty(0).setNextHop(address('192.0.2.9'));
    builder.setOrigin(2).setAsPath([65001, 65002, 65001]).setMed(77).setLocalPref(250);
    builder.setCommunities([0xfde80001, 0xffffff01, 0xffff029a]);
    builder.putU32(AttributeCode.originatorId, 0x0a000001);
    builder.put(AttributeCode.clusterList, 0x80, Buffer.alloc(12));
    const id = intern(builder.toBuffer());
    expect(nextHops.address(sets.nextHopId[id] as NextHopId)).toEqual(address('192.0.2.9'));
    expect(sets.origin[id]).toBe(2);
    expect(sets.asPathLength[id]).toBe(3);
    expect(sets.firstAs[id]).toBe(65001);
    expect([sets.med[id], sets.hasMed(id)]).toEqual([77, true]);
    expect([sets.localPref[id], sets.hasLocalPref(id)]).toEqual([250, true]);
    expect(sets.originatorId[id]).toBe(0x0a000001);
    expect(sets.clusterListLength[id]).toBe(3);
    expect(sets.communityFlags[id]).toBe(NO_EXPORT | BLACKHOLE);
    expect(sets.communityFlags[id] & (NO_ADVERTISE | NO_EXPORT_SUBCONFED)).toBe(0);
  });

  it('takes LOCAL_PREF 100 and MED 0 where they are absent, and forgets what the id named before', () => {
    const { sets, intern } = make();
    const rich = intern(
      buildCanonical({ family: 0, localPref: 7, med: 9, asPath: [1], communities: [0xffffff02] }),
    );
    sets.release(rich);
    const plain = intern(buildCanonical({ family: 1 }));
    expect(plain).toBe(rich);
    expect([sets.localPref[plain], sets.hasLocalPref(plain)]).toEqual([100, false]);
    expect([sets.med[plain], sets.hasMed(plain)]).toEqual([0, false]);
    expect([sets.asPathLength[plain], sets.firstAs[plain], sets.communityFlags[plain]]).toEqual([0, 0, 0]);
    expect(sets.nextHopId[plain]).toBe(SELF);
    expect(sets.family[plain]).toBe(1);
  });

  it('counts an AS_SET as one AS and confederation segments as none', () => {
    const { sets, intern } = make();
    const path = Buffer.concat([
      segment(3, 64512, 64513),
      segment(2, 65001, 65002),
      segment(1, 65003, 65004),
    ]);
    const id = intern(new CanonicalBuilder().empty(0).put(AttributeCode.asPath, 0x40, path).toBuffer());
    expect(sets.asPathLength[id]).toBe(3);
    expect(sets.firstAs[id]).toBe(65001);
    const set = segment(1, 65003, 65004);
    const aggregated = intern(
      new CanonicalBuilder().empty(0).put(AttributeCode.asPath, 0x40, set).toBuffer(),
    );
    expect([sets.asPathLength[aggregated], sets.firstAs[aggregated]]).toEqual([1, 0]);
  });

  it('prefers the link-local one of two IPv6 next hops, on the interface where it arrived', () => {
    const { sets, nextHops, intern } = make();
    const bytes = buildCanonical({
      family: 1,
      nextHop: address('2001:db8::1'),
      linkLocalNextHop: address('fe80::1'),
    });
    const here = intern(bytes, 3);
    const there = intern(bytes, 4);
    const remote = intern(bytes);
    expect(new Set([here, there, remote]).size).toBe(3);
    const nextHop = (id: AttrSetId) => sets.nextHopId[id] as NextHopId;
    expect(nextHops.address(nextHop(here))).toEqual(address('fe80::1'));
    expect([nextHops.scope(nextHop(here)), nextHops.scope(nextHop(there))]).toEqual([3, 4]);
    expect(nextHops.address(nextHop(remote))).toEqual(address('2001:db8::1'));
    expect(sets.nextHopAddress(here)).toEqual(address('2001:db8::1'));
  });

  it('ignores the interface where the next hop is a global address', () => {
    const { intern } = make();
    const bytes = buildCanonical({ family: 1, nextHop: address('2001:db8::1') });
    expect(intern(bytes, 3)).toBe(intern(bytes, 4));
  });

  it('tells a cache by its generation that an id names another set now', () => {
    const { sets, intern } = make();
    const first = intern(buildCanonical({ family: 0, med: 1 }));
    const generation = sets.generation[first];
    sets.release(first);
    const second = intern(buildCanonical({ family: 0, med: 2 }));
    expect(second).toBe(first);
    expect(sets.generation[second]).not.toBe(generation);
  });

  it('finds a set again that nobody held for a while, until it is reclaimed', () => {
    let woken = 0;
    const nextHops = new NextHopTable();
    const sets = new AttrSets(nextHops, () => woken++);
    const bytes = buildCanonical({ family: 0, nextHop: address('192.0.2.7'), med: 1 });
    const intern = () => sets.intern(bytes, 0, bytes.length);
    const id = intern();
    const generation = sets.generation[id];
    for (let round = 0; round < 3; round++) {
      sets.release(id);
      expect(sets.count).toBe(0);
      expect(intern()).toBe(id);
      expect(sets.count).toBe(1);
    }
    expect(woken).toBe(1);
    expect(sets.reclaim(Number.POSITIVE_INFINITY)).toBe(false);
    expect([sets.generation[id], sets.referenceCount(id), nextHops.count]).toEqual([generation, 1, 1]);
    sets.release(id);
    expect(woken).toBe(2);
    sets.reclaim(Number.POSITIVE_INFINITY);
    expect([sets.generation[id], nextHops.count]).toEqual([generation + 1, 0]);
    expect(sets.count).toBe(0);
  });

  it('takes no more room for new sets while there are old ones to be freed', () => {
    const { sets, intern } = make();
    const fill = (from: number) =>
      Array.from({ length: 2000 }, (_, i) => intern(buildCanonical({ family: 0, med: from + i })));
    const first = fill(0);
    const { highWater } = sets;
    for (const id of first) sets.release(id);
    fill(10_000);
    expect(sets.highWater).toBe(highWater);
  });

  it('never repeats a generation, even when the columns were cut and grew again', () => {
    const { sets, intern } = make();
    const fill = () => Array.from({ length: 20_000 }, (_, med) => intern(buildCanonical({ family: 0, med })));
    const seen = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const ids = fill();
      for (const id of ids) {
        const key = `${id}/${sets.generation[id]}`;
        expect(seen.has(key)).toBe(false);
        seen.add(key);
      }
      for (const id of ids) sets.release(id);
      sets.reclaim(Number.POSITIVE_INFINITY);
      expect(sets.trim()).toBe(true);
      expect(sets.memoryBytes()).toBeLessThan(1_000_000);
      expect(sets.trim()).toBe(false);
    }
  });

  it('keeps exactly the sets that are referenced, with their bytes, and shrinks, whatever comes and goes', () => {
    const bytesOf = (n: number): Buffer =>
      buildCanonical({
        family: 0,
        nextHop: { family: 0, a: n % 50, b: 0, c: 0, d: 0 },
        med: n,
        // Some are larger than the bytes that are copied one by one, some fill a good part of a slab.
        asPath: Array.from({ length: n % 97 === 0 ? 15_000 : n % 40 }, (_, i) => i + 1),
      });
    fc.assert(
      fc.property(
        fc.array(fc.record({ n: fc.nat(3000), times: fc.integer({ min: 1, max: 60 }), drop: fc.boolean() }), {
          minLength: 20,
          maxLength: 80,
        }),
        (steps) => {
          const { sets, nextHops, intern } = make();
          const held = new Map<number, { id: AttrSetId; references: number }>();
          for (const { n, times, drop } of steps) {
            for (let k = n; k < n + times; k++) {
              const known = held.get(k);
              if (!drop) {
                const id = intern(bytesOf(k));
                if (known !== undefined) expect(id).toBe(known.id);
                held.set(k, { id, references: (known?.references ?? 0) + 1 });
              } else if (known !== undefined) {
                sets.release(known.id);
                if (known.references === 1) held.delete(k);
                else held.set(k, { id: known.id, references: known.references - 1 });
              }
            }
          }
          expect(sets.count).toBe(held.size);
          for (const [k, { id, references }] of held) {
            const { buffer, start, end } = sets.bytes(id);
            expect(buffer.compare(bytesOf(k), 0, undefined, start, end)).toBe(0);
            expect(sets.referenceCount(id)).toBe(references);
            expect(sets.med[id]).toBe(k);
          }
          for (const { id, references } of held.values()) {
            for (let i = 0; i < references; i++) sets.release(id);
          }
          expect(sets.count).toBe(0);
          sets.reclaim(Number.POSITIVE_INFINITY);
          expect(nextHops.count).toBe(0);
          sets.trim();
          // The slab that is being filled stays, whatever its size, and one more.
          expect(sets.memoryBytes()).toBeLessThan(900_000);
        },
      ),
      { numRuns: 40 },
    );
  });
});
