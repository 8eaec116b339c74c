import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { insideMachine } from './interop/inside-machine.js';
import { LongestFirst } from './test/support/longest-first.js';

/** Of a test or a hook that waits for daemons; in a machine of one processor that takes several times as long. */
const patience = insideMachine() ? 400_000 : 120_000;

/**
 * Three suites. `unit` and `property` need nothing but Node; `netns` needs root, Debian's routing daemons and
 * the built `dist/`, and its tests each stand in namespaces of their own.
 */
export default defineConfig({
  test: {
    reporters: ['default', './test/support/interop-reporter.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], pool: 'threads' } },
      {
        test: {
          name: 'property',
          include: ['test/property/**/*.test.ts'],
          pool: 'threads',
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'netns',
          include: ['test/netns/**/*.test.ts'],
          pool: 'forks',
          // After the others. These tests mostly wait for daemons, so more of them run than there are cores.
          sequence: { groupOrder: 1 },
          maxWorkers: Math.max(3, availableParallelism()),
          testTimeout: patience,
          hookTimeout: patience,
        },
      },
    ],
  },
});
