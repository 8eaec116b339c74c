/**
 * Tests that speak to daemons which are not ours, each a cell of the table in interop/RESULTS.md: a feature, a daemon,
 * and what was seen.
 */
import { it, type TestContext } from 'vitest';
import type { DaemonId, FeatureId, InteropCell } from '../../../interop/features.js';

declare module 'vitest' {
  interface TaskMeta {
    interop?: InteropCell;
  }
}

type Body = (context: TestContext) => Promise<void>;

function cell(outcome: InteropCell['outcome']) {
  return (feature: FeatureId, daemon: DaemonId, seen: string, body: Body, timeout?: number): void => {
    const options = { meta: { interop: { feature, daemon, outcome } } };
    // `npm run interop` finds the cells by the end of their titles.
    it(`${seen} (${daemon})`, timeout === undefined ? options : { ...options, timeout }, body);
  };
}

/** `feature` works with `daemon`. */
export const interop = cell('works');

/** `daemon` can't do `feature`, as the test shows: its OPEN lacks the capability, its configuration has no word for it. */
export const unsupported = cell('unsupported');
