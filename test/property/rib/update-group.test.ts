import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GroupWorld, prefixText } from '../../support/group-world.js';
import type { RecordingMember } from '../../support/recording-member.js';

const SOURCES = 4;
const PREFIXES = 12;

type Step =
  | {
      kind: 'announce';
      source: number;
      prefix: number;
      attributes: number;
      localPref: number | undefined;
      decide: boolean;
    }
  | { kind: 'withdraw'; source: number; prefix: number }
  | { kind: 'join' | 'leave' | 'slow' | 'fast'; source: number }
  | { kind: 'run' }
  | { kind: 'settle' }
  | { kind: 'wait'; milliseconds: number };

const source = fc.nat(SOURCES - 1);
const prefix = fc.nat(PREFIXES - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('announce' as const),
      source,
      prefix,
      attributes: fc.nat(4),
      localPref: fc.constantFrom(undefined, 50, 200),
      decide: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), source, prefix }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('join' as const, 'join' as const, 'leave' as const),
      source,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom('slow' as const, 'fast' as const), source }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('run' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), milliseconds: fc.constantFrom(1, 50, 200) }),
  },
);

/** AS_PATHs of which 0 and 1 look alike from every source, and the others tell the source. */
const asPath = (from: number, attributes: number) =>
  attributes < 2 ? [64500, 64600 + attributes] : [64700 + from, 64600 + attributes];

describe.each([0, 1] as const)('an update group of family %i', (family) => {
  it('tells every member all best paths but its own, whoever joins, leaves or lags', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 40, maxLength: 160 }),
        fc.boolean(),
        fc.boolean(),
        (steps, small, rewrites) => {
          const limits = {
            prefixesPerFlush: 3,
            bucketsPerFlush: 2,
            fillStep: 2,
            fillAhead: 4,
            membersAtOnce: 1,
          };
          const world = new GroupWorld(family, SOURCES, { rewrites, ...(small ? { limits } : {}) });
          const members = new Map<number, RecordingMember>();
          for (const s of steps) {
            switch (s.kind) {
              case 'announce':
                world.announce(
                  world.sources[s.source],
                  prefixText(family, s.prefix),
                  world.canonical(asPath(s.source, s.attributes), [], rewrites ? s.localPref : undefined),
                );
                if (s.decide) world.rib.decide(Number.POSITIVE_INFINITY);
                break;
              case 'withdraw':
                world.withdraw(world.sources[s.source], prefixText(family, s.prefix));
                break;
              case 'join': {
                if (members.has(s.source)) break;
                const member = world.member(s.source);
                member.onAnnounce = (_prefix, attributes) => {
                  const own = (64700 + s.source).toString(16).padStart(8, '0');
                  if (attributes.includes(own)) throw new Error(`${member.name} got back its own route`);
                };
                members.set(s.source, member);
                world.group.addMember(member);
                break;
              }
              case 'leave':
                if (members.delete(s.source)) world.group.removeMember(world.sources[s.source]);
                break;
              case 'slow':
              case 'fast': {
                const member = members.get(s.source);
                if (member !== undefined) member.isWritable = s.kind === 'fast';
                break;
              }
              case 'run':
                world.rib.decide(Number.POSITIVE_INFINITY);
                world.group.run(0);
                break;
              case 'settle':
                world.settle();
                break;
              case 'wait':
                world.clock.advance(s.milliseconds);
                break;
            }
          }
          for (const member of members.values()) member.isWritable = true;
          world.settle();
          for (const member of members.values()) {
            expect(member.view).toEqual(world.expected(member));
            expect(member.endOfRibs).toBe(1);
            expect(world.group.announcedCount(member.source)).toBe(member.view.size);
            const listed = [...world.group.advertised(member.source)];
            expect(listed.length).toBe(member.view.size);
          }
          expect(world.group.catchingUpCount).toBe(0);

          for (const from of world.sources) world.rib.withdrawAll(from);
          world.settle();
          for (const member of members.values()) expect(member.view.size).toBe(0);
          expect(world.rib.sets.count).toBe(0);
          expect(world.rib.families[family].prefixes.count).toBe(0);
        },
      ),
      { numRuns: 400 },
    );
  });
});
