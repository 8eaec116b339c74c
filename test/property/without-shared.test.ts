import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withoutShared } from '../../src/config/shared-ends.js';

const list = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 8 });

test('what is left of two lists stands between a beginning and an end that both have', () => {
  fc.assert(
    fc.property(list, list, (old, next) => {
      const [before, after] = withoutShared(old, next);
      const shared = old.length - before.length;
      expect(next.length - after.length).toBe(shared);
      // Somewhere the shared rest parts into a beginning and an end.
      const fits = Array.from({ length: shared + 1 }, (_, begin) => begin).some((begin) => {
        const whole = (middle: readonly number[]) => [
          ...old.slice(0, begin),
          ...middle,
          ...old.slice(old.length - (shared - begin)),
        ];
        return isDeepStrictEqual([whole(before), whole(after)], [old, next]);
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
