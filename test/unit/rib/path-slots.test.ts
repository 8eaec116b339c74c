import { describe, expect, it } from 'vitest';
import { NONE, PathSlots, type PrefixId, type SlotId, type SourceId } from '../../../src/rib/index.js';

const prefix = 3 as PrefixId;

/** Places for these sources' paths, those that have one first; what is left over is retired. Returns path ids by source. */
function place(slots: PathSlots, sources: readonly number[]): Record<number, number> {
  const announced = (slot: SlotId) => slots.pathId[slot] !== 0;
  slots.beginRound();
  const own = sources.map((source) => slots.takeOwn(prefix, source as SourceId, 0));
  const taken = own.map((slot, i) =>
    slot === NONE ? slots.takeSpare(prefix, sources[i] as SourceId, 0, announced) : (slot as SlotId),
  );
  for (let slot = slots.firstOf(prefix); slot !== NONE; slot = slots.after(slot as SlotId)) {
    if (!slots.isTaken(slot as SlotId)) slots.retire(slot as SlotId);
  }
  return Object.fromEntries(sources.map((source, i) => [source, slots.pathId[taken[i]]]));
}

describe('slots for the paths of a prefix', () => {
  it('number them from 1 and keep the numbers while others come and go', () => {
    const slots = new PathSlots();
    expect(place(slots, [10, 20, 30])).toEqual({ 10: 1, 20: 2, 30: 3 });
    expect(place(slots, [30, 10])).toEqual({ 10: 1, 30: 3 });
    slots.reclaim(10, () => false);
    expect(slots.count).toBe(2);
    expect(place(slots, [40, 30, 10])).toEqual({ 10: 1, 30: 3, 40: 2 });
  });

  it('put a path where another one goes, so that it is replaced', () => {
    const slots = new PathSlots();
    place(slots, [10, 20]);
    expect(place(slots, [20, 30])).toEqual({ 20: 2, 30: 1 });
    expect(slots.count).toBe(2);
    expect(slots.reclaim(10, () => false)).toBe(0);
  });

  it('stay while somebody needs them, and their numbers with them', () => {
    const slots = new PathSlots();
    place(slots, [10]);
    place(slots, []);
    expect(slots.reclaim(10, () => true)).toBe(0);
    expect(slots.withPathId(prefix, 1)).toBe(slots.firstOf(prefix));
    expect(slots.reclaim(10, () => false)).toBe(1);
    expect(slots.firstOf(prefix)).toBe(NONE);
    expect(slots.count).toBe(0);
  });

  it('are made for identifiers that a member brings along, and those are not given twice', () => {
    const slots = new PathSlots();
    const brought = slots.withPathId(prefix, 2);
    slots.beginRound();
    const announced = () => false;
    expect(slots.takeSpare(prefix, 10 as SourceId, 0, announced)).toBe(brought);
    const other = slots.takeSpare(prefix, 20 as SourceId, 0, announced);
    expect(slots.pathId[other]).toBe(1);
    const third = slots.takeSpare(prefix, 30 as SourceId, 0, announced);
    expect(slots.pathId[third]).toBe(3);
  });

  it('grow with many prefixes', () => {
    const slots = new PathSlots();
    for (let i = 0; i < 5000; i++) {
      slots.beginRound();
      slots.takeSpare(i as PrefixId, 1 as SourceId, 9, () => false);
    }
    for (let i = 0; i < 5000; i++) {
      const slot = slots.firstOf(i as PrefixId) as SlotId;
      expect([slots.prefix[slot], slots.pathId[slot], slots.receivedIdOf(slot)]).toEqual([i, 1, 9]);
    }
  });
});
