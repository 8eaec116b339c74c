import { describe, expect, it } from 'vitest';
import { GroupWorld } from '../../support/group-world.js';

describe('an update group', () => {
  it('does not withdraw a prefix whose next best path is about to be chosen', () => {
    const world = new GroupWorld(0, 3);
    const member = world.member(2);
    world.group.addMember(member);
    world.announce(world.sources[0], '198.51.100.0/24', world.canonical([64500]));
    world.announce(world.sources[1], '198.51.100.0/24', world.canonical([64501, 64502]));
    world.settle();
    expect(member.view.size).toBe(1);

    // The prefix is dirty in the group already when its best path goes, and the group's turn comes first.
    world.announce(world.sources[0], '198.51.100.0/24', world.canonical([64503]));
    world.rib.decide(Number.POSITIVE_INFINITY);
    world.withdraw(world.sources[0], '198.51.100.0/24');
    world.group.run(Number.POSITIVE_INFINITY);
    world.settle();

    expect(member.withdrawals).toBe(0);
    expect(member.view).toEqual(world.expected(member));
  });
});
