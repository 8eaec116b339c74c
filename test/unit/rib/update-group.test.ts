import { describe, expect, it } from 'vitest';
import { buildCanonical } from '../../../src/bgp/wire/index.js';
import { AdjRibOut } from '../../../src/rib/adj-rib-out.js';
import {
  type AttrSetId,
  NONE,
  type PrefixId,
  REJECTED,
  Slices,
  type SourceId,
} from '../../../src/rib/index.js';
import { PrefixSet } from '../../../src/rib/prefix-set.js';
import { GroupWorld, prefixText } from '../../support/group-world.js';
import type { RecordingMember } from '../../support/recording-member.js';

const FOREVER = Number.POSITIVE_INFINITY;

/** Little is done in one go. */
const small = { prefixesPerFlush: 10, bucketsPerFlush: 4, fillStep: 10, fillAhead: 20, membersAtOnce: 1 };

/** What the member is sent from now on, buffer by buffer. */
function sentTo(member: RecordingMember): Buffer[] {
  const buffers: Buffer[] = [];
  const send = member.send.bind(member);
  member.send = (messages) => {
    buffers.push(messages);
    return send(messages);
  };
  return buffers;
}

/** A world in which source 0 has announced `count` prefixes, five to a set. */
function fed(count: number, options: ConstructorParameters<typeof GroupWorld>[2] = {}): GroupWorld {
  const world = new GroupWorld(0, 5, options);
  for (let i = 0; i < count; i++) {
    world.announce(world.sources[0], prefixText(0, i), world.canonical([64500, 1000 + Math.floor(i / 5)]));
  }
  world.settle();
  return world;
}

describe('a member that joins', () => {
  it('is sent the whole table packed by attribute set, and then its End-of-RIB', () => {
    const world = fed(1000);
    const member = world.member(1);
    world.group.addMember(member);
    world.settle();
    expect(member.view).toEqual(world.expected(member));
    expect(member.atEndOfRib?.size).toBe(1000);
    expect(member.updates).toBe(200);
    expect(member.announcements).toBe(1000);
    expect(member.endOfRibs).toBe(1);
  });

  it('gets its End-of-RIB behind what changed after the walk and had not been sent by then', () => {
    const world = fed(200, { limits: { ...small, fillStep: 1000, fillAhead: 1000 } });
    const member = world.member(1);
    world.group.addMember(member);
    for (let n = 0; n < 3; n++) world.group.run(0);
    expect(member.announcements).toBeGreaterThan(0);
    expect(member.endOfRibs).toBe(0);
    for (let i = 190; i < 200; i++) {
      world.announce(world.sources[0], prefixText(0, i), world.canonical([64500, 64501, 2000 + i]));
    }
    world.settle();
    expect(member.atEndOfRib?.size).toBe(200);
    expect(member.view).toEqual(world.expected(member));
    expect(member.endOfRibs).toBe(1);
  });

  it('gets its End-of-RIB at once from an empty table', () => {
    const world = new GroupWorld(0, 1);
    const member = world.member(0);
    world.group.addMember(member);
    world.settle();
    expect(member.endOfRibs).toBe(1);
    expect(member.sends).toBe(0);
  });

  it('is sent no more than some 64 kB at a time', () => {
    const world = new GroupWorld(0, 2);
    // Some 80 octets each, no two alike.
    for (let i = 0; i < 3000; i++) {
      const asPath = Array.from({ length: 10 }, (_, at) => 64500 + i + at);
      world.announce(world.sources[0], prefixText(0, i), world.canonical(asPath));
    }
    const member = world.member(1);
    const buffers = sentTo(member);
    world.group.addMember(member);
    world.settle();
    expect(member.view).toEqual(world.expected(member));
    const lengths = buffers.map((buffer) => buffer.length);
    expect(lengths.length).toBeGreaterThan(2);
    expect(Math.max(...lengths)).toBeLessThan(64 * 1024 + 100);
    expect(Math.min(...lengths.slice(0, -1))).toBeGreaterThanOrEqual(64 * 1024);
  });

  it('shares the encoding with those who join at the same time', () => {
    const world = fed(100);
    const members = [1, 2, 3].map((i) => world.member(i));
    const buffers = members.map(sentTo);
    for (const member of members) world.group.addMember(member);
    world.settle();
    expect(buffers[0].length).toBeGreaterThan(0);
    expect(buffers[1].map((buffer, i) => buffer === buffers[0][i])).not.toContain(false);
    expect(buffers[2].map((buffer, i) => buffer === buffers[0][i])).not.toContain(false);
  });

  it('shares the walk over the table with those who join while an earlier one is on its way', () => {
    const world = fed(200, { limits: small });
    const members = [1, 2, 3].map((i) => world.member(i));
    const buffers = members.map(sentTo);
    for (const member of members) {
      world.group.addMember(member);
      for (let n = 0; n < 3; n++) world.group.run(0);
    }
    expect(members[0].endOfRibs).toBe(0);
    expect([buffers[1].length, buffers[2].length]).toEqual([0, 0]);
    world.settle();
    expect(members.map((member) => member.endOfRibs)).toEqual([1, 1, 1]);
    expect(buffers[1].length).toBeGreaterThan(0);
    expect(buffers[2]).toHaveLength(buffers[1].length);
    expect(buffers[2].every((buffer, i) => buffer === buffers[1][i])).toBe(true);
    for (const member of members) expect(member.view).toEqual(world.expected(member));
  });

  it('does not wait for an earlier one that can take no more', () => {
    const world = fed(200, { limits: small });
    const [slow, quick] = [1, 2].map((i) => world.member(i));
    world.group.addMember(slow);
    world.group.run(0);
    slow.isWritable = false;
    for (let n = 0; n < 3; n++) world.group.run(0);
    world.group.addMember(quick);
    world.settle();
    expect(slow.endOfRibs).toBe(0);
    expect(quick.endOfRibs).toBe(1);
    expect(quick.view).toEqual(world.expected(quick));
  });

  it('is not told of what is withdrawn before its turn comes, and once only of what changes', () => {
    const world = fed(100, { limits: small });
    const member = world.member(1);
    world.group.addMember(member);
    world.group.run(0);
    world.withdraw(world.sources[0], prefixText(0, 90));
    world.announce(world.sources[0], prefixText(0, 91), world.canonical([64500, 7]));
    world.settle();
    expect(member.view).toEqual(world.expected(member));
    expect(member.announcements).toBe(99);
    expect(member.withdrawals).toBe(0);
    expect(member.endOfRibs).toBe(1);
  });
});

describe('an update group', () => {
  it('sends a route that changes several times once, and one that comes and goes not at all', () => {
    const world = fed(0);
    const member = world.member(1);
    world.group.addMember(member);
    world.settle();
    member.isWritable = false;
    world.announce(world.sources[0], prefixText(0, 0), world.canonical([1]));
    world.settle();
    expect(member.announcements).toBe(1);
    for (const asn of [2, 3, 4]) {
      world.announce(world.sources[0], prefixText(0, 1), world.canonical([asn]));
      world.announce(world.sources[0], prefixText(0, 2), world.canonical([asn]));
      world.settle();
    }
    world.withdraw(world.sources[0], prefixText(0, 2));
    world.settle();
    expect(member.announcements).toBe(1);
    member.isWritable = true;
    world.settle();
    expect(member.announcements).toBe(2);
    expect(member.withdrawals).toBe(0);
    expect(member.view).toEqual(world.expected(member));
  });

  it('sends withdrawals before announcements', () => {
    const world = fed(1);
    const member = world.member(1);
    world.group.addMember(member);
    world.settle();
    world.announce(world.sources[0], prefixText(0, 5), world.canonical([5]));
    world.withdraw(world.sources[0], prefixText(0, 0));
    const order: string[] = [];
    member.onAnnounce = () => order.push(`announced with ${member.withdrawals} withdrawn`);
    world.settle();
    expect(order).toEqual(['announced with 1 withdrawn']);
  });

  it('hands an encoding to a few members at a time where time is over, and to all of them before the next', () => {
    const limits = { ...small, prefixesPerFlush: 1, membersAtOnce: 2 };
    const world = new GroupWorld(0, 7, { limits });
    const members = [1, 2, 3, 4, 5, 6].map((i) => world.member(i));
    for (const member of members) world.group.addMember(member);
    world.settle();
    for (const i of [0, 1]) world.announce(world.sources[0], prefixText(0, i), world.canonical([7, 8 + i]));
    world.rib.decide(FOREVER);
    const [left, slow] = [members[4], members[2]];
    const told: number[][] = [];
    while (world.group.run(0)) {
      told.push(members.map((member) => member.announcements));
      if (told.at(-1)?.[0] !== 1) continue;
      slow.isWritable = false;
      world.group.removeMember(left.source);
    }
    expect(told.filter(([first]) => first > 0)).toEqual([
      [1, 1, 0, 0, 0, 0],
      [1, 1, 1, 1, 0, 0],
    ]);
    expect(members.map((member) => member.announcements)).toEqual([1, 1, 1, 1, 0, 1]);
    slow.isWritable = true;
    world.settle();
    expect(members.map((member) => member.announcements)).toEqual([2, 2, 2, 2, 0, 2]);
    expect(slow.view).toEqual(world.expected(slow));
  });

  it('withdraws from a member what it is itself the best source of now', () => {
    const world = fed(0);
    const members = [1, 2].map((i) => world.member(i));
    for (const member of members) world.group.addMember(member);
    world.announce(world.sources[0], prefixText(0, 0), world.canonical([1, 2, 3]));
    world.settle();
    world.announce(world.sources[1], prefixText(0, 0), world.canonical([1]));
    world.settle();
    expect(members[0].view.size).toBe(0);
    expect(members[0].withdrawals).toBe(1);
    expect(members[1].view).toEqual(world.expected(members[1]));
    expect(members[1].withdrawals).toBe(0);
    expect(world.group.announcedCount(world.sources[1])).toBe(0);
    expect(world.group.announcedCount(world.sources[2])).toBe(1);
  });

  it('waits a moment for a member that lags, then serves the others, and takes it back when it has caught up', () => {
    const world = fed(0);
    const [quick, slow] = [1, 2].map((i) => world.member(i));
    world.group.addMember(quick);
    world.group.addMember(slow);
    world.settle();
    slow.isWritable = false;
    const announce = (i: number) => {
      world.announce(world.sources[0], prefixText(0, i), world.canonical([i + 1]));
      world.settle();
    };
    announce(0);
    announce(1);
    expect([quick.announcements, slow.announcements]).toEqual([1, 1]);
    world.clock.advance(100);
    world.settle();
    expect([quick.announcements, slow.announcements]).toEqual([2, 1]);
    for (let i = 2; i < 50; i++) announce(i);
    expect([quick.announcements, slow.announcements]).toEqual([50, 1]);
    expect(world.group.catchingUpCount).toBe(1);
    slow.isWritable = true;
    world.settle();
    expect(world.group.catchingUpCount).toBe(0);
    expect(slow.view).toEqual(world.expected(slow));
  });

  it('waits less for a member that lagged a short while ago', () => {
    const world = fed(0);
    const [quick, slow] = [1, 2].map((i) => world.member(i));
    for (const member of [quick, slow]) world.group.addMember(member);
    world.settle();
    const announce = (i: number) => {
      world.announce(world.sources[0], prefixText(0, i), world.canonical([i + 1]));
      world.settle();
    };
    slow.isWritable = false;
    announce(0);
    announce(1);
    world.clock.advance(100);
    world.settle();
    slow.isWritable = true;
    world.settle();
    world.clock.advance(200);
    slow.isWritable = false;
    announce(2);
    announce(3);
    world.clock.advance(2);
    world.settle();
    expect(quick.announcements).toBe(4);
  });

  it('withdraws what no message can hold, and says so', () => {
    const told: number[] = [];
    const world = fed(0, { onTooLong: (_set, prefixes) => told.push(prefixes) });
    const member = world.member(1);
    world.group.addMember(member);
    world.announce(world.sources[0], prefixText(0, 0), world.canonical([1]));
    world.settle();
    expect(member.view.size).toBe(1);
    const long = buildCanonical({ family: 0, asPath: Array.from({ length: 1020 }, (_, i) => i + 1) });
    const withNextHop = Buffer.concat([Buffer.of(0, 4, 192, 0, 2, 200), long.subarray(2)]);
    world.announce(world.sources[0], prefixText(0, 0), withNextHop);
    world.settle();
    expect(member.view.size).toBe(0);
    expect(told).toEqual([1]);
  });

  it.each([
    ['an outsider', false],
    ['a member', true],
  ])(
    'tells nobody of a change that is none in what goes out, also where the former is still to be sent, from %s',
    (_, isMember) => {
      const world = new GroupWorld(0, 3, { rewrites: true });
      const quick = world.member(1);
      world.group.addMember(quick);
      const feeder = world.member(0);
      if (isMember) world.group.addMember(feeder);
      const announce = (asn: number, localPref: number) =>
        world.announce(world.sources[0], prefixText(0, 0), world.canonical([64500, asn], [], localPref));
      announce(1, 100);
      world.settle();
      announce(1, 200);
      world.settle();
      expect(quick.announcements).toBe(1);
      quick.isWritable = false;
      announce(2, 200);
      world.settle();
      announce(3, 200);
      world.settle();
      // What waits for the member is now another set of the same octets.
      announce(3, 300);
      world.settle();
      expect(quick.announcements).toBe(2);
      quick.isWritable = true;
      world.settle();
      expect(quick.announcements).toBe(3);
      expect(quick.view).toEqual(world.expected(quick));
      expect(feeder.announcements).toBe(0);
      world.rib.withdrawAll(world.sources[0]);
      world.settle();
      expect(world.rib.sets.count).toBe(0);
    },
  );

  it('asks the exporter again for every prefix when it is replaced, and gives everything back when closed', () => {
    const world = fed(20);
    const member = world.member(1);
    world.group.addMember(member);
    world.settle();
    expect(member.view.size).toBe(20);
    world.group.replaceExporter({ export: () => REJECTED });
    world.settle();
    expect(member.view.size).toBe(0);
    expect([...world.group.advertised(member.source)]).toEqual([]);
    world.group.close();
    world.rib.withdrawAll(world.sources[0]);
    world.rib.decide(FOREVER);
    expect(world.rib.sets.count).toBe(0);
  });

  it('works by itself in slices', async () => {
    const slices = new Slices();
    const world = fed(0, { slices });
    const member = world.member(1);
    world.group.addMember(member);
    for (let i = 0; i < 3000; i++)
      world.announce(world.sources[0], prefixText(0, i), world.canonical([i + 1]));
    world.rib.decide(FOREVER);
    await slices.idle();
    expect(member.view).toEqual(world.expected(member));
    member.isWritable = false;
    for (let i = 0; i < 2; i++) {
      world.announce(world.sources[0], prefixText(0, i), world.canonical([9999]));
      world.rib.decide(FOREVER);
      await slices.idle();
    }
    expect(member.view).not.toEqual(world.expected(member));
    member.isWritable = true;
    world.group.resume();
    await slices.idle();
    expect(member.view).toEqual(world.expected(member));
  });
});

describe('an Adj-RIB-Out', () => {
  it('counts entries and those of each source, and drops what is empty', () => {
    const table = new AdjRibOut();
    const at = (i: number) => i as PrefixId;
    const [one, two] = [70 as SourceId, 2 as SourceId];
    expect(table.exchange(at(10_000), 5 as AttrSetId, one)).toBe(true);
    expect(table.exchange(at(10_000), 5 as AttrSetId, one)).toBe(false);
    table.exchange(at(3), 6 as AttrSetId, two);
    expect([table.count, table.countOf(one), table.countOf(two)]).toEqual([2, 1, 1]);
    expect(table.exchange(at(10_000), 7 as AttrSetId, two)).toBe(true);
    expect([table.oldSet, table.oldSource]).toEqual([5, one]);
    expect([table.count, table.countOf(one), table.countOf(two)]).toEqual([2, 0, 2]);
    expect([table.next(0), table.next(4), table.next(10_001)]).toEqual([3, 10_000, -1]);
    table.exchange(at(10_000), REJECTED, one);
    expect([table.count, table.end, table.attrSet(at(10_000))]).toEqual([1, 4096, REJECTED]);
  });
});

describe('a prefix set', () => {
  it('hands out each member once, ascending and round again', () => {
    const set = new PrefixSet();
    const add = (...ids: number[]) => ids.map((id) => set.add(id as PrefixId));
    expect(add(5, 100_000, 5, 64, 31)).toEqual([true, true, false, true, true]);
    expect([set.take(), set.take()]).toEqual([5, 31]);
    add(2);
    expect([set.size, set.has(2 as PrefixId), set.has(5 as PrefixId)]).toEqual([3, true, false]);
    expect([set.take(), set.take(), set.take(), set.take()]).toEqual([2, 64, 100_000, NONE]);
    set.addBelow(70);
    expect(set.size).toBe(70);
  });
});
