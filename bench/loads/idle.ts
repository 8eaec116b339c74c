/** Load `idle`: what a daemon holds and uses with sessions that are up and not a single route. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DaemonRecipe } from '../daemons/index.js';
import { type Load, type LoadOptions, type LoadResult, scaled } from '../load.js';
import { Scenario } from '../scenario.js';
import { Scene } from '../scene.js';

const restSeconds = 5;

async function rest(daemon: DaemonRecipe, sinks: number, options: LoadOptions): Promise<LoadResult> {
  const scenario = new Scenario();
  try {
    return await Scene.with(daemon, scenario, { feeders: 0, sinks }, options, async (scene) => {
      const before = scene.daemon.cpuSeconds();
      await sleep(restSeconds * 1000);
      const used = scene.daemon.cpuSeconds() - before;
      return {
        figures: { memory: scene.daemon.memory().now / 1e6, cpu: (100 * used) / restSeconds },
        notes: [],
      };
    });
  } finally {
    scenario.dispose();
  }
}

export const idle: Load = {
  name: 'idle',
  title: '1 session, then 100 sessions, and no route',
  figures: [
    {
      name: 'one',
      unit: 'MB',
      meaning: `resident memory with one session, ${restSeconds} s after all is quiet`,
      target: { atMost: 80 },
    },
    { name: 'hundred', unit: 'MB', meaning: 'likewise with 100 sessions' },
    { name: 'cpu', unit: '%', meaning: 'of a core, in those seconds with 100 sessions' },
  ],
  cannot: (daemon) => (daemon.transparent ? 'has no session of its own' : null),
  async run(daemon: DaemonRecipe, options: LoadOptions): Promise<LoadResult> {
    const one = await rest(daemon, 1, options);
    const many = await rest(daemon, options.sinks ?? scaled(100, options), options);
    const { memory: hundred, ...others } = many.figures;
    return { figures: { one: one.figures.memory, hundred, ...others }, notes: many.notes };
  },
};
