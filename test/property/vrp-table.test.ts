import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contains, formatPrefix, networkOf, type Prefix } from '../../src/address/index.js';
import { PrefixCover } from '../../src/rpki/prefix-cover.js';
import { Validity } from '../../src/rpki/types.js';
import { VrpTable } from '../../src/rpki/vrp-table.js';

interface Record {
  readonly prefix: Prefix;
  readonly maxLength: number;
  readonly asn: number;
}

/** Few bits vary, so that prefixes cover each other and records meet. */
const anyPrefix = (family: 0 | 1): fc.Arbitrary<Prefix> =>
  fc
    .record({ bits: fc.nat(7), low: fc.nat(3), length: family === 0 ? fc.nat(32) : fc.nat(128) })
    .map(({ bits, low, length }) => {
      const a = (0x0a000000 | (bits << 14)) >>> 0;
      return networkOf(
        family === 0
          ? { family, a: a | low, b: 0, c: 0, d: 0 }
          : { family, a, b: bits << 20, c: low << 9, d: low },
        length,
      );
    });
const anyRecord = fc
  .constantFrom(0 as const, 1 as const)
  .chain((family) => fc.tuple(anyPrefix(family), fc.nat(128), fc.constantFrom(0, 1, 2)))
  .map(([prefix, more, asn]): Record => {
    const most = prefix.family === 0 ? 32 : 128;
    return { prefix, maxLength: Math.min(most, prefix.length + (more % 12)), asn };
  });
const anyRoute = fc
  .constantFrom(0 as const, 1 as const)
  .chain((family) => fc.tuple(anyPrefix(family), fc.constantFrom(-1, 0, 1, 2)));

const key = ({ prefix, maxLength, asn }: Record) => `${formatPrefix(prefix)} ${maxLength} ${asn}`;
const wordsOf = ({ a, b, c, d }: Prefix) => Uint32Array.of(a, b, c, d);

/** RFC 6811 §2, read aloud. */
function judge(records: Iterable<Record>, route: Prefix, origin: number): Validity {
  let covered = false;
  for (const { prefix, maxLength, asn } of records) {
    if (prefix.length > route.length || !contains(prefix, route)) continue;
    covered = true;
    if (route.length <= maxLength && asn === origin && asn !== 0) return Validity.valid;
  }
  return covered ? Validity.invalid : Validity.notFound;
}

/** One answer of a cache: all anew or changes, whole or broken off. Records that are there are withdrawn, others announced. */
const anyAnswer = fc.record({
  slot: fc.constantFrom(0, 1, 15),
  full: fc.boolean(),
  breaksOff: fc.boolean(),
  records: fc.array(anyRecord, { maxLength: 12 }),
  inForce: fc.constantFrom(0, 1, 15, null),
  drops: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});

describe('the VRP table', () => {
  it('judges as its records do when read one by one, whatever caches say, break off or take back', () => {
    fc.assert(
      fc.property(
        fc.array(anyAnswer, { minLength: 1, maxLength: 12 }),
        fc.array(anyRoute, { minLength: 1, maxLength: 12 }),
        (answers, routes) => {
          let cover = new PrefixCover();
          let told: PrefixCover[] = [];
          const table = new VrpTable((changed) => {
            cover = changed;
            told.push(cover);
          });
          const held = new Map<number, Map<string, Record>>([0, 1, 15].map((slot) => [slot, new Map()]));
          let inForce: number | null = null;
          const decisive = () => (inForce === null ? [] : (held.get(inForce) ?? new Map()).values());
          const states = () => routes.map(([route, origin]) => judge(decisive(), route, origin));
          let before = states();
          for (const answer of answers) {
            told = [];
            const mine = held.get(answer.slot) ?? new Map<string, Record>();
            const sink = table.sink(answer.slot, () => {});
            const next = new Map(answer.full ? [] : mine);
            sink.begin(answer.full);
            for (const record of answer.records) {
              const { prefix, maxLength, asn } = record;
              const call = [prefix.family, wordsOf(prefix), prefix.length, maxLength, asn] as const;
              if (next.delete(key(record))) {
                expect(sink.announce(...call)).toBe(false);
                expect(sink.withdraw(...call)).toBe(true);
              } else {
                next.set(key(record), record);
                expect(sink.withdraw(...call)).toBe(false);
                expect(sink.announce(...call)).toBe(true);
              }
            }
            if (answer.breaksOff) sink.abort();
            else {
              sink.commit();
              held.set(answer.slot, next);
            }
            if (answer.drops) {
              sink.drop();
              held.set(answer.slot, new Map());
            }
            inForce = answer.inForce;
            table.setInForce(inForce);

            const now = states();
            for (const [i, [route, origin]] of routes.entries()) {
              const words = wordsOf(route);
              expect(table.validate(route.family, words, 0, route.length, origin)).toBe(now[i]);
              // Who judges again only what is told of misses nothing.
              if (now[i] !== before[i]) {
                expect(told.some((each) => each.covers(route.family, words, 0, route.length))).toBe(true);
              }
              const covering = [...decisive()].filter(
                ({ prefix }) => prefix.length <= route.length && contains(prefix, route),
              );
              expect(
                table
                  .covering(route)
                  .map(({ prefix, maxLength, asn }) => `${prefix} ${maxLength} ${asn}`)
                  .sort(),
              ).toEqual(covering.map(key).sort());
            }
            for (const [slot, records] of held) expect(table.count(slot)).toBe(records.size);
            expect([...table.inForce()]).toHaveLength([...decisive()].length);
            before = now;
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it('has room for as many records as there are, and for others in their place', () => {
    const table = new VrpTable();
    table.setInForce(0);
    const sink = table.sink(0, () => {});
    const words = new Uint32Array(4);
    for (let round = 0; round < 3; round++) {
      sink.begin(true);
      for (let i = 0; i < 5000; i++) {
        words[0] = ((round * 5000 + i) << 8) >>> 0;
        expect(sink.announce(0, words, 24, 24, 1)).toBe(true);
      }
      sink.commit();
      expect(table.count(0)).toBe(5000);
      words[0] = (round * 5000) << 8;
      expect(table.validate(0, words, 0, 24, 1)).toBe(Validity.valid);
      words[0] = (round * 5000 - 1) << 8;
      expect(table.validate(0, words, 0, 24, 1)).toBe(Validity.notFound);
    }
    expect(table.families[0].highWater).toBeLessThanOrEqual(10_001);
  });
});
