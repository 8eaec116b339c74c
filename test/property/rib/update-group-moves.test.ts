import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPrefix } from '../../../src/address/index.js';
import { type AttrSetId, type PathId, type PrefixId, REJECTED } from '../../../src/rib/index.js';
import { UpdateGroup } from '../../../src/rib/update-group.js';
import { GroupWorld, prefixText } from '../../support/group-world.js';
import type { RecordingMember } from '../../support/recording-member.js';

const SOURCES = 4;
const PREFIXES = 12;
const limits = { prefixesPerFlush: 3, bucketsPerFlush: 2, fillStep: 2, fillAhead: 4, membersAtOnce: 1 };

/** Two groups over one RIB: the second one announces nothing with the AS that marks `attributes` 0. */
class TwoGroups extends GroupWorld {
  readonly groups: readonly [UpdateGroup, UpdateGroup];

  constructor(family: 0 | 1) {
    super(family, SOURCES, { limits });
    const table = this.rib.families[family];
    const second = new UpdateGroup({
      rib: this.rib,
      family,
      exporter: {
        export: (_prefix: PrefixId, path: PathId): AttrSetId => {
          const attrSet = table.paths.accepted[path] as AttrSetId;
          if (this.refusedBySecond(attrSet)) return REJECTED;
          this.rib.sets.retain(attrSet);
          return attrSet;
        },
      },
      maxLength: 4096,
      fourOctetAs: true,
      clock: this.clock,
      limits,
    });
    this.rib.onBestChange((changed, prefix) => {
      if (changed === family) second.prefixChanged(prefix);
    });
    this.rib.addClaim((claimed, prefix) => claimed === family && second.holds(prefix));
    this.groups = [this.group, second];
  }

  refusedBySecond(attrSet: AttrSetId): boolean {
    const { buffer, start, end } = this.rib.sets.bytes(attrSet);
    return buffer.toString('hex', start, end).includes((64600).toString(16).padStart(8, '0'));
  }

  run(): void {
    for (const group of this.groups) group.run(0);
  }

  settleBoth(): void {
    const all = Number.POSITIVE_INFINITY;
    this.rib.decide(all);
    while (this.groups.map((group) => group.run(all)).includes(true)) this.rib.decide(all);
    this.rib.decide(all);
  }

  expectedIn(which: 0 | 1, member: RecordingMember): Map<string, string> {
    const view = this.expected(member);
    if (which === 0) return view;
    const { paths, prefixes } = this.rib.families[this.family];
    for (const prefix of prefixes.walk()) {
      const best = paths.bestOf(prefix);
      if (best >= 0 && this.refusedBySecond(paths.accepted[best] as AttrSetId))
        view.delete(formatPrefix(prefixes.read(prefix)));
    }
    return view;
  }
}

type Step =
  | { kind: 'announce'; source: number; prefix: number; attributes: number }
  | { kind: 'withdraw'; source: number; prefix: number }
  | { kind: 'move'; sources: number[]; to: 0 | 1 }
  | { kind: 'slow' | 'fast'; source: number }
  | { kind: 'run' | 'settle' };

const source = fc.nat(SOURCES - 1);
const prefix = fc.nat(PREFIXES - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('announce' as const),
      source,
      prefix,
      attributes: fc.nat(2),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), source, prefix }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      sources: fc.uniqueArray(source, { minLength: 1, maxLength: 3 }),
      to: fc.constantFrom(0 as const, 1 as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('slow' as const, 'fast' as const), source }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('run' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
);

describe.each([0, 1] as const)('members of family %i that move between groups', (family) => {
  it('are told what differs, and that what the new group does not announce is gone', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 140 }), (steps) => {
        const world = new TwoGroups(family);
        const place: (0 | 1)[] = world.sources.map(() => 0);
        const members = world.sources.map((_, i) => world.member(i));
        for (const member of members) world.groups[0].addMember(member);
        for (const s of steps) {
          switch (s.kind) {
            case 'announce':
              world.announce(
                world.sources[s.source],
                prefixText(family, s.prefix),
                world.canonical([64500, 64600 + s.attributes]),
              );
              break;
            case 'withdraw':
              world.withdraw(world.sources[s.source], prefixText(family, s.prefix));
              break;
            case 'move':
              for (const from of [0, 1] as const) {
                // A move to where it is already is what a route refresh does.
                const moving = s.sources.filter((i) => place[i] === from);
                const departures = world.groups[from].detach(moving.map((i) => world.sources[i]));
                for (const i of moving)
                  world.groups[s.to].addMember(members[i], departures.get(world.sources[i]));
              }
              for (const i of s.sources) place[i] = s.to;
              break;
            case 'slow':
            case 'fast':
              members[s.source].isWritable = s.kind === 'fast';
              break;
            case 'run':
              world.rib.decide(Number.POSITIVE_INFINITY);
              world.run();
              break;
            case 'settle':
              world.settleBoth();
              break;
          }
        }
        for (const member of members) member.isWritable = true;
        world.settleBoth();
        members.forEach((member, i) => {
          expect(member.view).toEqual(world.expectedIn(place[i], member));
          expect(member.endOfRibs).toBe(1);
        });
        for (const group of world.groups) expect(group.catchingUpCount).toBe(0);

        for (const from of world.sources) world.rib.withdrawAll(from);
        world.settleBoth();
        for (const member of members) expect(member.view.size).toBe(0);
        expect(world.rib.sets.count).toBe(0);
        expect(world.rib.families[family].prefixes.count).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
