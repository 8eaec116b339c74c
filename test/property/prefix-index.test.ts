import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_SLOT } from '../../src/fib/prefix-index.js';
import { PrefixSlots } from '../../src/fib/prefix-slots.js';

/** Few values, so that keys come again and collide; one bit apart, as neighbours in a table are. */
const word = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.constantFrom(0xffffffff, 0x80000000, 0x0a000000, 0x0a000100),
);
const action = fc.record({
  kind: fc.constantFrom('intern', 'intern', 'remove'),
  words: fc.tuple(word, word, word, word),
  length: fc.constantFrom(0, 8, 24, 32, 128),
});

describe('the prefix index', () => {
  for (const family of [0, 1] as const) {
    it(`finds just what was put in and not removed, family ${family}`, () => {
      fc.assert(
        fc.property(fc.array(action, { maxLength: 400 }), (actions) => {
          const slots = new PrefixSlots(family);
          const model = new Map<string, number>();
          for (const { kind, words, length } of actions) {
            const [a, b, c, d] = family === 0 ? [words[0], 0, 0, 0] : words;
            const key = `${a} ${b} ${c} ${d} ${length}`;
            const slot = slots.find(a, b, c, d, length);
            expect(slot).toBe(model.get(key) ?? NO_SLOT);
            if (kind === 'intern') {
              const made = slots.intern(a, b, c, d, length);
              if (slot !== NO_SLOT) expect(made).toBe(slot);
              model.set(key, made);
              expect(slots.read(made)).toEqual({ family, a, b, c, d, length });
            } else if (slot !== NO_SLOT) {
              slots.remove(slot);
              model.delete(key);
            }
          }
          expect(slots.count).toBe(model.size);
          expect(new Set(model.values()).size).toBe(model.size);
        }),
      );
    });
  }

  it('stays right while it grows and shrinks', () => {
    const slots = new PrefixSlots(0);
    for (let i = 0; i < 20_000; i++) slots.intern(i << 8, 0, 0, 0, 24);
    for (let i = 0; i < 20_000; i++) if (i % 16 !== 0) slots.remove(slots.find(i << 8, 0, 0, 0, 24));
    expect(slots.count).toBe(1250);
    for (let i = 0; i < 20_000; i++) {
      expect(slots.find(i << 8, 0, 0, 0, 24) !== NO_SLOT).toBe(i % 16 === 0);
    }
  });

  it('gives memory back when few are left, wherever they are, and keeps their slots', () => {
    for (const family of [0, 1] as const) {
      const slots = new PrefixSlots(family);
      const made = Array.from({ length: 20_000 }, (_, i) => slots.intern(i << 8, 0, 0, 0, 24));
      const full = slots.want.length;
      const kept = [3, 2500];
      slots.want[made[2500]] = 77;
      for (let i = 0; i < made.length; i++) if (!kept.includes(i)) slots.remove(made[i]);
      expect(slots.want.length).toBeLessThanOrEqual(full / 4);
      for (const i of kept) expect(slots.find(i << 8, 0, 0, 0, 24)).toBe(made[i]);
      expect(slots.want[made[2500]]).toBe(77);
      for (const i of kept) slots.remove(made[i]);
      expect(slots.want.length).toBeLessThan(1000);
      const again = Array.from({ length: 20_000 }, (_, i) => slots.intern(i << 8, 0, 0, 0, 24));
      expect(new Set(again).size).toBe(20_000);
    }
  });
});
