import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdQueue } from '../../src/rib/id-queue.js';

/** Runs of pushes and shifts, some longer than a page. */
const runs = fc.array(
  fc.record({ pushes: fc.boolean(), times: fc.oneof(fc.nat(20), fc.nat(10_000), fc.constant(4096)) }),
  { maxLength: 20 },
);

describe('a queue of ids', () => {
  it('hands out what came first, whatever comes and goes', () => {
    fc.assert(
      fc.property(runs, (steps) => {
        const queue = new IdQueue();
        const model: number[] = [];
        let next = 0;
        let shifted = 0;
        for (const { pushes, times } of steps)
          for (let i = 0; i < times; i++) {
            if (pushes) {
              queue.push(next);
              model.push(next++);
            } else if (queue.shift() !== (shifted < model.length ? model[shifted++] : -1)) return false;
            if (queue.size !== model.length - shifted) return false;
          }
        return true;
      }),
    );
  });

  it('keeps one page when it has been worked off', () => {
    const queue = new IdQueue();
    for (let id = 0; id < 100_000; id++) queue.push(id);
    for (let id = 0; id < 100_000; id++) expect(queue.shift()).toBe(id);
    expect(queue.shift()).toBe(-1);
    expect(queue.size).toBe(0);
    expect((queue as unknown as { pages: unknown[] }).pages).toHaveLength(1);
  });
});
