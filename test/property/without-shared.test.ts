import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { NodeConfig } from '../../src/config/router.js';
import { withoutShared } from '../../src/config/same-node.js';

const pool = Array.from({ length: 6 }, (_, i) => ({ name: `n${i}` }) as NodeConfig);
const list = fc.array(
  fc.integer({ min: 0, max: 5 }).map((i) => pool[i]),
  { maxLength: 8 },
);

test('what is left of two lists stands between a beginning and an end that both have', () => {
  fc.assert(
    fc.property(list, list, (old, next) => {
      const [before, after] = withoutShared(old, next);
      const shared = old.length - before.length;
      expect(next.length - after.length).toBe(shared);
      // Somewhere the shared rest parts into a beginning and an end.
      const fits = Array.from({ length: shared + 1 }, (_, begin) => begin).some((begin) => {
        const whole = (middle: readonly NodeConfig[]) => [
          ...old.slice(0, begin),
          ...middle,
          ...old.slice(old.length - (shared - begin)),
        ];
        return same(whole(before), old) && same(whole(after), next);
      });
      expect(fits).toBe(true);
      // And no more of it could have been left out.
      if (before.length > 0 && after.length > 0) {
        expect(before[0]).not.toBe(after[0]);
        expect(before.at(-1)).not.toBe(after.at(-1));
      }
    }),
  );
});

function same(x: readonly NodeConfig[], y: readonly NodeConfig[]): boolean {
  return x.length === y.length && x.every((node, i) => node === y[i]);
}
