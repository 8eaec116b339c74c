/** A real table (a full feed of 2014: 497,321 prefixes in 78,645 attribute sets), from one feeder and from ten. */
import type { DaemonRecipe } from '../daemons/index.js';
import type { Load, LoadOptions } from '../load.js';
import { Holding, play } from '../model.js';
import { type Scenario, scenario } from '../scenario.js';
import { externalView, lastWord, realTables } from './feeds.js';
import { runTable, type TableTargets, tableFigures } from './table-phases.js';

/** All feeders have the same paths but for their own AS number: the one with the lowest router id, the first, is best. */
function realScenario(feeders: number, daemon: DaemonRecipe, scale: number): Scenario {
  const view = externalView(daemon);
  return scenario(`real ${feeders} ${scale} ${view.prepend}`, (made) => {
    const { tables, notes } = realTables(feeders, scale);
    made.notes.push(...notes);
    const full = new Holding(made.universe);
    play(made.universe, full, tables[0].updates, view);
    tables.forEach((table, feeder) => {
      const last = lastWord(feeder);
      play(made.universe, full, last.updates, view);
      made.blob(`announce${feeder}`, Buffer.concat([table.updates, last.updates]));
      made.blob(`withdraw${feeder}`, Buffer.concat([table.withdrawals, last.withdrawals]));
    });
    made.expect('full', full);
  });
}

function load(name: string, feeders: number, targets: TableTargets): Load {
  return {
    name,
    title: `a real table of 497,321 prefixes from ${feeders === 1 ? 'one feeder' : `each of ${feeders} feeders`} to one sink`,
    figures: tableFigures(targets),
    cannot: (daemon) =>
      daemon.transparent && feeders > 1 ? 'it does not choose between paths, so it has no final state' : null,
    run(daemon: DaemonRecipe, options: LoadOptions) {
      const run = {
        scenario: realScenario(feeders, daemon, options.scale),
        feeders,
        sinks: 1,
        announce: (feeder: number) => `announce${feeder}`,
        withdraw: (feeder: number) => `withdraw${feeder}`,
        expect: 'full',
      };
      return runTable(daemon, run, options);
    },
  };
}

export const realTable = load('real-table', 1, {
  announce: { of: 'bird', atMost: 0.7 },
  peak: { atMost: 130 },
});
export const realTable10 = load('real-table-10', 10, {
  announce: { of: 'bird', atMost: 0.35 },
  withdraw: { of: 'bird', atMost: 0.2 },
  peak: { of: 'bird', atMost: 1 },
});
