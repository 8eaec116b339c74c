import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AttrSetId, type PathId, type PrefixId, REJECTED } from '../../../src/rib/index.js';
import { UpdateGroup } from '../../../src/rib/update-group.js';
import { GroupWorld, prefixText as numberedPrefix } from '../../support/group-world.js';
import { RecordingMember } from '../../support/recording-member.js';

const SOURCES = 4;
const PREFIXES = 6;
const PATHS = 3;
/** The second group announces no path of this kind. */
const REFUSED = 2;
const limits = { prefixesPerFlush: 3, bucketsPerFlush: 2, fillStep: 2, fillAhead: 4, membersAtOnce: 1 };

/** As it is written: never with a group of zeros to be left out. */
const prefixText = (family: 0 | 1, index: number) => numberedPrefix(family, index + 1);

/** The AS numbers tell the path and what it looks like; longer ones lose. */
const asPath = (source: number, pathId: number, kind: number) => [
  64700 + source * 10 + pathId,
  64600 + kind,
  ...new Array<number>(kind).fill(3356),
];
const hex = (asn: number) => asn.toString(16).padStart(8, '0');

interface Live {
  readonly source: number;
  readonly prefix: number;
  readonly pathId: number;
  readonly kind: number;
}

type Step =
  | { kind: 'announce'; source: number; prefix: number; pathId: number; attributes: number; decide: boolean }
  | { kind: 'withdraw'; source: number; prefix: number; pathId: number }
  | { kind: 'move'; sources: number[]; to: number }
  | { kind: 'leave' | 'slow' | 'fast'; source: number }
  | { kind: 'run' | 'settle' | 'stopSource'; source: number }
  | { kind: 'wait'; milliseconds: number };

const source = fc.nat(SOURCES - 1);
const path = { source, prefix: fc.nat(PREFIXES - 1), pathId: fc.nat(PATHS - 1) };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constant('announce' as const),
      ...path,
      attributes: fc.nat(REFUSED),
      decide: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), ...path }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      sources: fc.uniqueArray(source, { minLength: 1, maxLength: 3 }),
      to: fc.nat(2),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('leave' as const, 'slow' as const, 'slow' as const, 'fast' as const),
      source,
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'run' as const,
        'run' as const,
        'run' as const,
        'settle' as const,
        'stopSource' as const,
      ),
      source,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), milliseconds: fc.constantFrom(1, 50, 200) }),
  },
);

/** Three groups over one RIB: the best two paths, all but refused ones, and the best one with an identifier. */
class PathWorld extends GroupWorld {
  readonly groups: readonly UpdateGroup[];
  readonly most = [2, Number.POSITIVE_INFINITY, 1];
  readonly live = new Map<string, Live>();

  constructor(family: 0 | 1, small: boolean) {
    const options = small ? { limits } : {};
    super(family, SOURCES, { maxPaths: 2, ...options });
    const table = this.rib.families[family];
    const more = [1, 2].map((which) => {
      const group = new UpdateGroup({
        rib: this.rib,
        family,
        exporter: {
          export: (_prefix: PrefixId, path: PathId): AttrSetId => {
            const attrSet = table.paths.accepted[path] as AttrSetId;
            const { buffer, start, end } = this.rib.sets.bytes(attrSet);
            const isRefused = buffer.toString('hex', start, end).includes(hex(64600 + REFUSED));
            if (which === 1 && isRefused) return REJECTED;
            this.rib.sets.retain(attrSet);
            return attrSet;
          },
        },
        maxLength: 4096,
        fourOctetAs: true,
        maxPaths: this.most[which],
        clock: this.clock,
        ...options,
      });
      table.onPathChange((prefix) => group.prefixChanged(prefix));
      this.rib.addClaim((claimed, prefix) => claimed === family && group.holds(prefix));
      return group;
    });
    this.groups = [this.group, ...more];
  }

  settleAll(): void {
    const all = Number.POSITIVE_INFINITY;
    this.rib.decide(all);
    while (this.groups.map((group) => group.run(all)).includes(true)) this.rib.decide(all);
    this.rib.decide(all);
  }

  /** What a member is to know, as lines `prefix attributes`: the first so many, less its own, of the decision order. */
  model(which: number, member: number): string[] {
    const lines: string[] = [];
    for (let prefix = 0; prefix < PREFIXES; prefix++) {
      const paths = [...this.live.values()]
        .filter((each) => each.prefix === prefix && !(which === 1 && each.kind === REFUSED))
        .sort((x, y) => x.kind - y.kind || x.source - y.source || x.pathId - y.pathId)
        .slice(0, this.most[which]);
      for (const { source, pathId, kind } of paths) {
        if (source === member) continue;
        const attributes = this.canonical(asPath(source, pathId, kind)).toString('hex');
        lines.push(`${prefixText(this.family, prefix)} ${attributes}`);
      }
    }
    return lines.sort();
  }
}

describe.each([0, 1] as const)('update groups of family %i that announce several paths', (family) => {
  it('tell every member the best paths but its own, each once, whoever joins, leaves, moves or lags', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 40, maxLength: 160 }), fc.boolean(), (steps, small) => {
        const world = new PathWorld(family, small);
        const members = new Map<number, { member: RecordingMember; place: number }>();
        /** In group 1, whose choice depends on no other path: the identifier that each path has had all along. */
        const identifiers = new Map<string, string>();
        const join = (i: number, place: number): void => {
          const member = new RecordingMember(`peer${i}`, world.sources[i], false, true);
          const joined = { member, place };
          member.onAnnounce = (key, attributes) => {
            const [prefix, id] = key.split('#');
            for (let pathId = 0; pathId < PATHS; pathId++) {
              if (attributes.includes(hex(64700 + i * 10 + pathId))) throw new Error('got back its own path');
            }
            if (joined.place !== 1) return;
            for (const [name, { source, pathId, prefix: index }] of world.live) {
              if (prefixText(family, index) !== prefix) continue;
              if (!attributes.includes(hex(64700 + source * 10 + pathId))) continue;
              const known = identifiers.get(name);
              if (known === undefined) identifiers.set(name, id);
              else if (known !== id) throw new Error(`${name} had identifier ${known}, now ${id}`);
            }
          };
          members.set(i, joined);
          world.groups[place].addMember(member);
        };
        for (const s of steps) {
          switch (s.kind) {
            case 'announce': {
              const name = `${s.source} ${s.prefix} ${s.pathId}`;
              const before = world.live.get(name);
              // One that is refused leaves its identifier.
              if (s.attributes === REFUSED || before?.kind === REFUSED) identifiers.delete(name);
              world.live.set(name, { ...s, kind: s.attributes });
              const canonical = world.canonical(asPath(s.source, s.pathId, s.attributes));
              world.announce(world.sources[s.source], prefixText(family, s.prefix), canonical, s.pathId);
              if (s.decide) world.rib.decide(Number.POSITIVE_INFINITY);
              break;
            }
            case 'withdraw': {
              const name = `${s.source} ${s.prefix} ${s.pathId}`;
              world.live.delete(name);
              identifiers.delete(name);
              world.withdraw(world.sources[s.source], prefixText(family, s.prefix), s.pathId);
              break;
            }
            case 'stopSource':
              for (const [name, each] of world.live) {
                if (each.source !== s.source) continue;
                world.live.delete(name);
                identifiers.delete(name);
              }
              world.rib.withdrawAll(world.sources[s.source]);
              break;
            case 'move':
              for (const i of s.sources) if (!members.has(i)) join(i, s.to);
              for (const [from, group] of world.groups.entries()) {
                // A move to where it is already is what a route refresh does.
                const moving = s.sources.filter((i) => members.get(i)?.place === from);
                const departures = group.detach(moving.map((i) => world.sources[i]));
                for (const i of moving) {
                  const joined = members.get(i);
                  if (joined === undefined) continue;
                  const departure = departures.get(world.sources[i]);
                  world.groups[s.to].addMember(joined.member, departure);
                }
              }
              for (const i of s.sources) {
                const joined = members.get(i);
                if (joined !== undefined) joined.place = s.to;
              }
              break;
            case 'leave': {
              const joined = members.get(s.source);
              if (joined === undefined) break;
              world.groups[joined.place].removeMember(world.sources[s.source]);
              members.delete(s.source);
              break;
            }
            case 'slow':
            case 'fast': {
              const joined = members.get(s.source);
              if (joined !== undefined) joined.member.isWritable = s.kind === 'fast';
              break;
            }
            case 'run':
              world.rib.decide(Number.POSITIVE_INFINITY);
              for (const group of world.groups) group.run(0);
              break;
            case 'settle':
              world.settleAll();
              break;
            case 'wait':
              world.clock.advance(s.milliseconds);
              break;
          }
        }
        for (const { member } of members.values()) member.isWritable = true;
        world.settleAll();
        for (const [i, { member, place }] of members) {
          const told = [...member.view].map(([key, attributes]) => `${key.split('#')[0]} ${attributes}`);
          expect(told.sort()).toEqual(world.model(place, i));
          expect(member.endOfRibs).toBe(1);
          const group = world.groups[place];
          expect(group.announcedCount(member.source)).toBe(member.view.size);
          expect([...group.advertised(member.source)].length).toBe(member.view.size);
          const { prefixes } = world.rib.families[family];
          const shown = [...prefixes.walk()].flatMap((prefix) =>
            group.announced(member.source, prefix).map(({ pathId }) => pathId ?? 0),
          );
          const ids = [...member.view.keys()].map((key) => Number(key.split('#')[1]));
          expect(shown.sort()).toEqual(ids.sort());
        }
        for (const group of world.groups) expect(group.catchingUpCount).toBe(0);

        for (const from of world.sources) world.rib.withdrawAll(from);
        world.settleAll();
        for (const { member } of members.values()) expect(member.view.size).toBe(0);
        expect(world.rib.sets.count).toBe(0);
        expect(world.rib.families[family].prefixes.count).toBe(0);
      }),
      { numRuns: 400 },
    );
  });
});
