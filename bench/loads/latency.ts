/** One change at a time, while the daemon holds a million routes: how long until the sink has heard of it. */
import type { DaemonRecipe } from '../daemons/index.js';
import { type Load, type LoadOptions, scaled } from '../load.js';
import { Holding, play } from '../model.js';
import { type Scenario, scenario } from '../scenario.js';
import { feederAsn, Scene } from '../scene.js';
import { feederAddress } from '../stage.js';
import { assemble, generatedAttributes, generatedTable, randomNumbers } from '../tables.js';
import { externalView, quad } from './feeds.js';

/** Between a change that was heard of and the next, so that the daemon has gone to sleep. */
const gapMicroseconds = 2000;

/** Changes: a prefix of the table gets new attributes. Blobs `announce` and `changes`; a file of steps. */
function latencyScenario(
  prefixes: number,
  changes: number,
  daemon: DaemonRecipe,
): { made: Scenario; steps: string } {
  const view = externalView(daemon);
  const made = scenario(`latency ${prefixes} ${changes} ${view.prepend}`, (made) => {
    const asn = feederAsn(0);
    const nextHop = quad(feederAddress(0));
    const table = generatedTable(prefixes, asn, nextHop);
    const held = new Holding(made.universe);
    play(made.universe, held, table.updates, view);
    made.blob('announce', table.updates);
    made.expect('full', held.copy());
    const random = randomNumbers(0x1234567);
    const universe = made.universe.bytes();
    const records = new Uint32Array(changes * 4);
    const updates: Buffer[] = [];
    let offset = 0;
    for (let i = 0; i < changes; i++) {
      const index = random() % prefixes;
      // All generated prefixes are /24.
      const nlri = universe.subarray(index * 18 + 1, index * 18 + 5);
      const before = held.get(index);
      let update: Buffer;
      // What is drawn may be what was there.
      do {
        update = assemble([
          { attributes: generatedAttributes(random, asn, nextHop), nlri, count: 1 },
        ]).updates;
        play(made.universe, held, update, view);
      } while (held.get(index) === before);
      records.set([offset, update.length, index, held.get(index)], i * 4);
      updates.push(update);
      offset += update.length;
    }
    made.blob('changes', Buffer.concat(updates));
    made.expect('changed', held);
    made.file('steps', new Uint8Array(records.buffer));
  });
  return { made, steps: made.path('steps') };
}

export const latency: Load = {
  name: 'latency',
  title: 'one change after the other with 1,000,000 routes held, 2,000 times',
  figures: [
    {
      name: 'p50',
      unit: 'ms',
      meaning: 'from the UPDATE of the feeder to the UPDATE at the sink, median of all changes',
      target: { atMost: 0.15 },
    },
    {
      name: 'p99',
      unit: 'ms',
      meaning: 'of a hundred changes, all but the slowest are at most this',
      target: { atMost: 1 },
    },
    { name: 'max', unit: 'ms', meaning: 'the slowest of all' },
  ],
  async run(daemon: DaemonRecipe, options: LoadOptions) {
    const prefixes = options.prefixes ?? scaled(1_000_000, options);
    const { made, steps } = latencyScenario(prefixes, scaled(2000, options, 20), daemon);
    return Scene.with(daemon, made, { feeders: 1, sinks: 1 }, options, async (scene) => {
      await scene.send(() => 'announce', 'full');
      const [feeder, sink] = [scene.feeders[0], scene.sinks[0]];
      const pong = await scene.answered(
        `ping ${feeder} ${sink} changes ${steps} ${gapMicroseconds}`,
        feeder,
        'pong',
      );
      await scene.peers.held(sink, 'changed', 10);
      const told = await scene.checkReports();
      const sorted = (pong.microseconds as number[]).sort((x, y) => x - y);
      const share = (part: number): number =>
        sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] / 1000;
      return {
        figures: { p50: share(0.5), p99: share(0.99), max: share(1) },
        notes: [...made.notes, ...told],
      };
    });
  },
};
