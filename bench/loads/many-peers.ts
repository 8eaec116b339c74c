/** 10,000 prefixes to hundreds of peers: eBGP, and clients of the daemon as route reflector (RFC 4456). */
import type { DaemonRecipe } from '../daemons/index.js';
import { type Load, type LoadOptions, scaled } from '../load.js';
import { generatedScenario } from './feeds.js';
import { runTable, tableFigures } from './table-phases.js';

function load(sinks: number, reflector: boolean): Load {
  return {
    name: `${reflector ? 'reflector' : 'peers'}-${sinks}`,
    title: `10,000 prefixes to ${sinks} ${reflector ? 'clients of a route reflector' : 'eBGP peers'}`,
    figures: tableFigures({ announce: { of: 'bird', atMost: 0.1 } }),
    run(daemon: DaemonRecipe, options: LoadOptions) {
      const run = {
        scenario: generatedScenario(options.prefixes ?? scaled(10_000, options), daemon, reflector),
        feeders: 1,
        sinks: options.sinks ?? scaled(sinks, options),
        reflector,
        announce: () => 'announce',
        withdraw: () => 'withdraw',
        expect: 'full',
      };
      return runTable(daemon, run, options);
    },
  };
}

export const manyPeers: readonly Load[] = [
  load(250, false),
  load(500, false),
  load(250, true),
  load(500, true),
];
