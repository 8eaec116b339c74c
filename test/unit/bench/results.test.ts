import { describe, expect, it } from 'vitest';
import { fullTable } from '../../../bench/loads/full-table.js';
import { type Kept, keep, markdown, type Results } from '../../../bench/results.js';
import type { LoadOutcome } from '../../../bench/runner.js';

/** A run of the load `full-table` on some daemons, of which each took `seconds`. */
function run(
  commit: string,
  date: string,
  runs: number,
  seconds: number,
  names: string[],
): Kept<LoadOutcome> {
  return {
    machine: { processor: `P-${commit}`, cores: 2, memoryGigabytes: 24, kernel: '6.18', node: 'v20' },
    versions: { bird: '2.0' },
    commit,
    date,
    runs,
    outcome: {
      load: fullTable.name,
      date,
      daemons: names.map((daemon) => ({
        daemon,
        runs,
        figures: { announce: seconds },
        samples: { announce: [seconds] },
        notes: [],
        problem: null,
      })),
    },
  };
}

describe('figures that are kept', () => {
  it('are told with the run that they come from, when a later one was of other daemons', () => {
    const results: Results = { loads: {}, curves: null };
    keep(results, run('aaa', '2026-01-02T03:04:05Z', 5, 1, ['tartan', 'bird', 'frr']));
    keep(results, run('bbb', '2026-01-03T03:04:05Z', 3, 2, ['frr']));
    keep(results, run('ccc', '2026-01-04T03:04:05Z', 1, 3, ['gobgp']));
    const lines = markdown([fullTable], results).split('\n');
    expect(lines).toContain('tartan, bird: 2026-01-02 03:04 UTC, at aaa, on P-aaa, medians of 5.');
    expect(lines).toContain('frr: 2026-01-03 03:04 UTC, at bbb, on P-bbb, medians of 3.');
    expect(lines.filter((line) => line.includes('at ccc'))).toEqual([
      '2026-01-04 03:04 UTC; 2 cores of P-ccc, 24 GB; Linux 6.18, Node v20; bird 2.0 (at ccc); one run.',
    ]);
    expect(lines).toContain('| announce (s) | 1.00 | 1.00 | 2.00 | 3.00 | 1.00 |');
    keep(results, run('ddd', '2026-01-05T03:04:05Z', 5, 4, ['tartan', 'bird', 'frr', 'gobgp']));
    expect(results.loads[fullTable.name].earlier).toBeUndefined();
  });
});
