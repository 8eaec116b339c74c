/** A whole table of generated prefixes, from one feeder to one or more sinks. */
import type { DaemonRecipe } from '../daemons/index.js';
import { type Load, type LoadOptions, scaled, type Target } from '../load.js';
import { generatedScenario } from './feeds.js';
import { runTable, tableFigures } from './table-phases.js';

function load(name: string, sinks: number, announce: Target): Load {
  return {
    name,
    title: `1,000,000 generated prefixes from one feeder to ${sinks === 1 ? 'one sink' : `${sinks} sinks`}`,
    figures: tableFigures({ announce, peak: { of: 'bird', atMost: 1.25 } }),
    run(daemon: DaemonRecipe, options: LoadOptions) {
      const run = {
        scenario: generatedScenario(options.prefixes ?? scaled(1_000_000, options), daemon),
        feeders: 1,
        sinks: options.sinks ?? sinks,
        announce: () => 'announce',
        withdraw: () => 'withdraw',
        expect: 'full',
      };
      return runTable(daemon, run, options);
    },
  };
}

export const fullTable = load('full-table', 1, { of: 'bird', atMost: 0.5 });
export const fullTable4 = load('full-table-4', 4, { of: 'bird', atMost: 0.25 });
