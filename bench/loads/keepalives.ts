/**
 * Load `keepalives`: do sessions hear of the daemon in time while it is at work? The shortest hold time that there is,
 * three seconds, so that a KEEPALIVE is due each second, and a whole table that comes and goes.
 */
import type { DaemonRecipe } from '../daemons/index.js';
import { type Load, type LoadOptions, type LoadResult, scaled } from '../load.js';
import { Scene } from '../scene.js';
import { generatedScenario } from './feeds.js';

const holdSeconds = 3;
/** RFC 4271 §10: a third of the hold time, less a random part. */
const dueSeconds = holdSeconds / 3;

export const keepalives: Load = {
  name: 'keepalives',
  title: '1,000,000 generated prefixes to four sinks and back, with hold times of three seconds',
  figures: [
    {
      name: 'late',
      unit: 'ms',
      meaning: 'the longest that any session heard nothing, beyond the second after which something was due',
      target: { atMost: 1000 },
    },
    { name: 'announce', unit: 's', meaning: 'first octet until the slowest sink holds the table' },
    { name: 'withdraw', unit: 's', meaning: 'explicit withdrawal, until the slowest sink holds nothing' },
  ],
  cannot: (daemon) => (daemon.transparent ? 'keeps no session alive' : null),
  run(daemon: DaemonRecipe, options: LoadOptions): Promise<LoadResult> {
    const scenario = generatedScenario(options.prefixes ?? scaled(1_000_000, options), daemon);
    const cast = { feeders: 1, sinks: options.sinks ?? 4, holdSeconds };
    return Scene.with(daemon, scenario, cast, options, async (scene) => {
      const announce = await scene.send(() => 'announce', 'full');
      const withdraw = await scene.send(() => 'withdraw', 'empty');
      const told = await scene.checkReports();
      let silence = 0;
      for (const id of [...scene.feeders, ...scene.sinks]) {
        const report = await scene.peers.ask(`report ${id}`, id, 'report');
        silence = Math.max(silence, report.silence as number);
      }
      const late = Math.max(0, silence - dueSeconds) * 1000;
      return {
        figures: { late, announce: announce.seconds, withdraw: withdraw.seconds },
        notes: [...scenario.notes, ...told],
      };
    });
  },
};
