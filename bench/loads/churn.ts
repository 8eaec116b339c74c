/** Real UPDATEs, as fast as the daemon takes them, while it holds a full table. */
import type { DaemonRecipe } from '../daemons/index.js';
import { type Load, type LoadOptions, scaled } from '../load.js';
import { Holding, play } from '../model.js';
import { mrtUpdates } from '../mrt-updates.js';
import { type Scenario, scenario } from '../scenario.js';
import { feederAsn, Scene } from '../scene.js';
import { feederAddress } from '../stage.js';
import { assemble, generatedAttributes, randomNumbers } from '../tables.js';
import { externalView, lastWord, quad, realData, realTables } from './feeds.js';
import { testerFigure, testerNotes, testerShare } from './table-phases.js';

/** Made changes in place of real ones: half of them of one prefix, over the prefixes of the generated table. */
function madeUpdates(count: number, asn: number, nextHop: number): Buffer[] {
  const random = randomNumbers(0x7654321);
  return Array.from({ length: count }, () => {
    const size = random() % 2 === 0 ? 1 : 2 + (random() % 4);
    const first = random() % 100_000;
    const nlri = Buffer.concat(
      Array.from({ length: size }, (_, i) =>
        Buffer.from([24, 1, ((first + i) >> 8) & 255, (first + i) & 255]),
      ),
    );
    const table = assemble([{ attributes: generatedAttributes(random, asn, nextHop), nlri, count: size }]);
    return random() % 10 === 0 ? table.withdrawals : table.updates;
  });
}

function churnScenario(daemon: DaemonRecipe, options: LoadOptions): { made: Scenario; updates: number } {
  const view = externalView(daemon);
  const made = scenario(`churn ${options.scale} ${view.prepend}`, (made) => {
    const { tables, notes } = realTables(1, options.scale);
    const file = realData('updates.20190101.mrt.gz');
    const [asn, nextHop] = [feederAsn(0), quad(feederAddress(0))];
    const count = scaled(54_107, options);
    const updates = (file === null ? madeUpdates(count, asn, nextHop) : mrtUpdates(file, asn, nextHop)).slice(
      0,
      count,
    );
    if (file === null)
      notes.push('real UPDATEs are not on this machine: as many made ones stand in for them');
    made.notes.push(...notes);
    const state = new Holding(made.universe);
    play(made.universe, state, tables[0].updates, view);
    made.blob('table', tables[0].updates);
    made.expect('full', state.copy());
    const replayed = Buffer.concat([...updates, lastWord(0).updates]);
    play(made.universe, state, replayed, view);
    made.blob('churn', replayed);
    made.expect('churned', state);
    made.counts.set('updates', updates.length);
  });
  return { made, updates: made.counts.get('updates') ?? 0 };
}

export const churn: Load = {
  name: 'churn',
  title: 'some 54,000 real UPDATEs replayed at once with a real full table held',
  figures: [
    {
      name: 'replay',
      unit: 's',
      meaning:
        "from the first UPDATE's first octet until the sink holds exactly what follows from all of them",
    },
    { name: 'rate', unit: '/s', meaning: 'UPDATEs replayed in a second' },
    { name: 'cpu', unit: 's', meaning: 'CPU time of the daemon for it' },
    { name: 'peak', unit: 'MB', meaning: 'most resident memory in the whole run' },
    testerFigure,
  ],
  run(daemon, options) {
    const { made, updates } = churnScenario(daemon, options);
    return Scene.with(daemon, made, { feeders: 1, sinks: 1 }, options, async (scene) => {
      await scene.send(() => 'table', 'full');
      const phase = await scene.send(() => 'churn', 'churned');
      const told = await scene.checkReports();
      const figures = {
        replay: phase.seconds,
        rate: updates / phase.seconds,
        cpu: phase.daemonCpu,
        peak: scene.daemon.memory().peak / 1e6,
        tester: testerShare(phase),
      };
      return { figures, notes: [...made.notes, ...told, ...testerNotes(phase)] };
    });
  },
};
