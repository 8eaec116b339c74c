import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flatLevel, levelOf, RouteQueue } from '../../../src/fib/route-queue.js';

function takeAll(queue: RouteQueue): number[] {
  const all: number[] = [];
  for (let slot = queue.take(); slot >= 0; slot = queue.take()) all.push(slot);
  return all;
}

describe('the queue of routes to write', () => {
  it('takes what is to stand coarse to fine, and then what is to go fine to coarse', () => {
    const addresses = [0x0a010100, 0x0a000000, 0x0a010000, 0x0a010180, 0];
    const queue = new RouteQueue();
    addresses.forEach((address, slot) => {
      queue.add(slot, levelOf(address, true));
      queue.add(slot + 10, levelOf(address, false));
    });
    expect(takeAll(queue)).toEqual([4, 1, 2, 0, 3, 13, 10, 12, 11, 14]);
  });

  it('keeps the order of arrival where there is none better', () => {
    const queue = new RouteQueue();
    for (const slot of [7, 3, 5]) queue.add(slot, flatLevel(true));
    expect(takeAll(queue)).toEqual([7, 3, 5]);
  });

  it('lets nothing overtake what waited at a mark', () => {
    const queue = new RouteQueue();
    queue.add(1, 20);
    const mark = queue.mark();
    queue.add(2, 0);
    const second = queue.mark();
    queue.add(3, 0);
    expect([queue.passed(mark), queue.take(), queue.passed(mark)]).toEqual([false, 1, true]);
    expect([queue.passed(second), takeAll(queue), queue.passed(second)]).toEqual([false, [2, 3], true]);
  });

  it('hands out within bounds what others keep overtaking', () => {
    const queue = new RouteQueue();
    queue.add(0, 65);
    let taken = 0;
    for (let slot = 1; ; slot = slot === 1 ? 2 : 1) {
      queue.add(slot, 0);
      if (queue.take() === 0) break;
      if (++taken > 1 << 19) throw new Error('slot 0 was overtaken without end');
    }
    expect(taken).toBeGreaterThan(0);
  });

  it('hands out each slot once, and passes a mark exactly when all before it were taken', () => {
    const command = fc.oneof(
      fc.record({ do: fc.constant('add' as const), level: fc.nat(65) }),
      fc.record({ do: fc.constant('take' as const) }),
      fc.record({ do: fc.constant('mark' as const) }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const queue = new RouteQueue();
        const waiting = new Set<number>();
        const marks: { mark: number; before: Set<number> }[] = [];
        let next = 0;
        const take = () => {
          const slot = queue.take();
          expect(slot >= 0).toBe(waiting.size > 0);
          if (slot >= 0) expect(waiting.delete(slot)).toBe(true);
          for (const { before } of marks) before.delete(slot);
        };
        for (const c of commands) {
          if (c.do === 'add') {
            waiting.add(next);
            queue.add(next++, c.level);
          } else if (c.do === 'take') take();
          else marks.push({ mark: queue.mark(), before: new Set(waiting) });
          expect(queue.count).toBe(waiting.size);
          for (const { mark, before } of marks) if (queue.passed(mark)) expect(before.size).toBe(0);
        }
        while (waiting.size > 0) take();
        for (const { mark } of marks) expect(queue.passed(mark)).toBe(true);
      }),
    );
  });
});
