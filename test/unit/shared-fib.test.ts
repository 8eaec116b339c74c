import { describe, expect, it } from 'vitest';
import type { FamilyIndex } from '../../src/address/index.js';
import {
  createSharedFibMemory,
  DesiredRoutes,
  DesiredRoutesReader,
  desiredForwarding,
  desiredMetricClass,
  packDesire,
} from '../../src/fib/shared-fib.js';
import type { ForwardingId } from '../../src/rib/ids.js';

const id = (n: number) => n as ForwardingId;

function pair(ringEntries?: number) {
  const memory = createSharedFibMemory(ringEntries);
  const main = new DesiredRoutes(memory);
  const thread = new DesiredRoutesReader(memory);
  const drain = (limit = Number.POSITIVE_INFINITY) => {
    const taken: [FamilyIndex, number, number][] = [];
    thread.drain(limit, (family, prefix, desire) => taken.push([family, prefix, desire]));
    return taken;
  };
  return { main, thread, drain };
}

describe('the memory shared with the kernel thread', () => {
  it('hands over each dirty prefix once, with its latest desire', () => {
    const { main, drain } = pair();
    main.set(0, 5, 1);
    main.set(0, 5, 2);
    main.set(1, 7, 3);
    expect(drain()).toEqual([
      [0, 5, 2],
      [1, 7, 3],
    ]);
    expect(drain()).toEqual([]);
  });

  it('hands a prefix back that was written while in flight', () => {
    const { main, thread, drain } = pair();
    main.set(0, 5, 1);
    drain();
    main.set(0, 5, 0);
    main.set(0, 5, 4);
    expect(drain()).toEqual([]);
    expect(thread.finish(0, 5)).toBe(4);
    expect(main.isIdle(0, 5)).toBe(false);
    expect(thread.finish(0, 5)).toBe(-1);
  });

  it('calls a prefix idle only when nothing is desired and the kernel has answered', () => {
    const { main, thread, drain } = pair();
    expect(main.isIdle(0, 123456)).toBe(true);
    main.set(0, 9, 1);
    drain();
    thread.finish(0, 9);
    expect(main.isIdle(0, 9)).toBe(false);
    main.set(0, 9, 0);
    expect(main.isIdle(0, 9)).toBe(false);
    drain();
    expect(main.isIdle(0, 9)).toBe(false);
    thread.finish(0, 9);
    expect(main.isIdle(0, 9)).toBe(true);
  });

  it('loses nothing when the ring is full', () => {
    const { main, drain } = pair(8);
    for (let prefix = 0; prefix < 100; prefix++) main.set(0, prefix, prefix + 1);
    main.set(1, 3, 9);
    const taken = drain(4);
    expect(taken.length).toBe(101);
    expect(new Set(taken.map(([family, prefix]) => `${family} ${prefix}`)).size).toBe(101);
    expect(drain()).toEqual([]);
    main.set(0, 200, 1);
    expect(drain()).toEqual([[0, 200, 1]]);
  });

  it('takes no more than asked for, and the rest later', () => {
    const { main, drain } = pair();
    for (let prefix = 0; prefix < 10; prefix++) main.set(0, prefix, 1);
    expect(drain(4).length).toBe(4);
    expect(drain(4).length).toBe(4);
    expect(drain(4).length).toBe(2);
  });

  it('grows to ids that neither side has seen', () => {
    const { main, thread, drain } = pair();
    main.set(0, 1_000_000, 5);
    main.set(0, 3, 6);
    expect(drain()).toEqual([
      [0, 1_000_000, 5],
      [0, 3, 6],
    ]);
    expect(thread.finish(0, 1_000_000)).toBe(-1);
    expect(() => main.set(0, 1 << 24, 1)).toThrow(RangeError);
  });

  it('asks for one wake-up per sleep, and never sleeps on work', () => {
    const { main, thread, drain } = pair();
    expect(main.set(0, 1, 1)).toBe(false);
    expect(thread.sleep()).toBe(false);
    drain();
    expect(thread.sleep()).toBe(true);
    expect(main.set(0, 2, 1)).toBe(true);
    expect(main.set(0, 3, 1)).toBe(false);
  });

  it('packs the metric class beside the forwarding id', () => {
    const desire = packDesire(id(0x7ffffffe), 1);
    expect([desiredForwarding(desire), desiredMetricClass(desire)]).toEqual([0x7ffffffe, 1]);
    expect(desiredMetricClass(packDesire(id(7), 0))).toBe(0);
  });
});
