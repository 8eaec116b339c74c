/** Routes into the kernel: whole tables, routes of many paths, and the change of a next hop under all of them. */
import { statSync } from 'node:fs';
import type { DaemonRecipe, DaemonSetup } from '../daemons/index.js';
import { KernelRoutes, netlinkLoop, prefixRecords } from '../kernel-routes.js';
import { type FigureSpec, type Load, type LoadOptions, type LoadResult, scaled } from '../load.js';
import { nativeProgram } from '../native.js';
import { type Scenario, scenario } from '../scenario.js';
import { feederAsn, Scene } from '../scene.js';
import { feederAddress } from '../stage.js';
import { assemble, attribute, generatedTable, type Table, u32 } from '../tables.js';
import { quad, realTables } from './feeds.js';

const programsKernel = new Set(['tartan', 'bird', 'frr']);
const cannot = (daemon: DaemonRecipe): string | null =>
  programsKernel.has(daemon.name) ? null : 'it programs no kernel';

function tableScenario(key: string, make: () => { tables: Table[]; notes: string[] }): Scenario {
  return scenario(`kernel ${key}`, (made) => {
    const { tables, notes } = make();
    made.notes.push(...notes);
    tables.forEach((table, feeder) => {
      made.blob(`announce${feeder}`, table.updates);
      made.blob(`withdraw${feeder}`, table.withdrawals);
    });
    made.file('prefixes', prefixRecords(tables[0].withdrawals, tables[0].prefixes));
  });
}

/** Feeders send; resolves with the moment of the first octet, in seconds. */
async function send(scene: Scene, blob: string): Promise<number> {
  const begun = await Promise.all(
    scene.feeders.map((id) => scene.peers.ask(`send ${id} ${blob}${id}`, id, 'sending')),
  );
  return Math.min(...begun.map((event) => event.at));
}

const figures = {
  install: {
    name: 'install',
    unit: 's',
    meaning: "from the feeder's first octet until the kernel has a route to every prefix",
    target: { of: 'bird', atMost: 0.7 },
  },
  rate: { name: 'rate', unit: '/s', meaning: 'routes per second of that time' },
  loop: {
    name: 'C loop',
    unit: '/s',
    meaning: 'routes per second of a loop that only sends the same messages in the order of arrival',
    aside: true,
  },
  share: {
    name: 'of C loop',
    unit: '%',
    meaning: 'the rate as a share of that of the loop',
    target: { atLeast: 90 },
  },
  remove: {
    name: 'remove',
    unit: 's',
    meaning: "from the withdrawal's first octet until the kernel has none of the routes",
    target: { of: 'bird', atMost: 0.7 },
  },
  loopRemove: {
    name: 'C removes',
    unit: 's',
    meaning: 'the removal of the same routes by the loop, in the order of arrival',
    aside: true,
  },
  peak: { name: 'peak', unit: 'MB', meaning: 'most resident memory in the whole run' },
  held: { name: 'held', unit: 'MB', meaning: 'resident memory when the kernel has all and all is quiet' },
  after: { name: 'after', unit: 'MB', meaning: 'resident memory when nothing is left and all is quiet' },
  cpu: { name: 'cpu', unit: 's', meaning: 'CPU time of the daemon until the kernel has all' },
} satisfies Record<string, FigureSpec>;

function install(name: string, title: string, table: (options: LoadOptions) => Scenario): Load {
  return {
    name,
    title,
    figures: Object.values(figures),
    cannot,
    async run(daemon: DaemonRecipe, options: LoadOptions): Promise<LoadResult> {
      const made = table(options);
      const file = made.path('prefixes');
      const play = async (scene: Scene): Promise<LoadResult> => {
        const routes = await KernelRoutes.open(scene.stage, file);
        const cpuBefore = scene.daemon.cpuSeconds();
        const start = await send(scene, 'announce');
        const seconds = (await routes.present()) - start;
        await routes.check();
        await scene.settled();
        const cpu = scene.daemon.cpuSeconds() - cpuBefore;
        const held = scene.daemon.memory().now;
        const withdrawn = await send(scene, 'withdraw');
        const remove = (await routes.absent()) - withdrawn;
        await scene.settled();
        const memory = scene.daemon.memory();
        const { ours } = await routes.compare();
        if (ours > 0) throw new Error(`${ours} routes were left in the kernel`);
        return {
          figures: {
            install: seconds,
            remove,
            peak: memory.peak / 1e6,
            held: held / 1e6,
            after: memory.now / 1e6,
            cpu,
          },
          notes: [...made.notes],
        };
      };
      const cast = { feeders: 1, sinks: 0 };
      const result = await Scene.with(daemon, made, cast, options, play, { install: true });
      const loop = netlinkLoop(file, [feederAddress(0)]);
      const count = statSync(file).size / 5;
      const seconds = result.figures.install;
      const rates = {
        rate: count / seconds,
        'C loop': count / loop.add,
        'of C loop': (100 * loop.add) / seconds,
        'C removes': loop.delete,
      };
      return { ...result, figures: { ...result.figures, ...rates } };
    },
  };
}

export const install500k = install(
  'install-500k',
  'a real table of 497,321 prefixes into the kernel',
  (options) => tableScenario(`real ${options.scale}`, () => realTables(1, options.scale)),
);

export const install1m = install('install-1m', '1,000,000 generated prefixes into the kernel', (options) => {
  const prefixes = options.prefixes ?? scaled(1_000_000, options);
  return tableScenario(`generated ${prefixes}`, () => ({
    tables: [generatedTable(prefixes, feederAsn(0), quad(feederAddress(0)))],
    notes: [],
  }));
});

const ecmpPaths = 64;

/** The same prefixes from every feeder, with paths of the same length. */
function ecmpTables(prefixes: number): Table[] {
  const nlri = Buffer.concat(
    Array.from({ length: prefixes }, (_, i) => Buffer.from([24, 20 + (i >> 16), (i >> 8) & 255, i & 255])),
  );
  return Array.from({ length: ecmpPaths }, (_, feeder) =>
    assemble([
      {
        attributes: Buffer.concat([
          attribute(0x40, 1, Buffer.from([0])),
          attribute(0x40, 2, Buffer.concat([Buffer.from([2, 2]), u32(feederAsn(feeder)), u32(64999)])),
          attribute(0x40, 3, u32(quad(feederAddress(feeder)))),
        ]),
        nlri,
        count: prefixes,
      },
    ]),
  );
}

export const installEcmp: Load = {
  name: 'install-ecmp',
  title: '5,000 prefixes with 64 equal paths each into the kernel',
  figures: [
    {
      ...figures.install,
      meaning: "from the feeders' first octet until every route has all 64 next hops",
    },
    figures.remove,
    figures.peak,
  ],
  cannot,
  run(daemon: DaemonRecipe, options: LoadOptions): Promise<LoadResult> {
    const prefixes = scaled(5000, options);
    const made = tableScenario(`ecmp ${prefixes}`, () => ({ tables: ecmpTables(prefixes), notes: [] }));
    const play = async (scene: Scene): Promise<LoadResult> => {
      const routes = await KernelRoutes.open(scene.stage, made.path('prefixes'));
      const start = await send(scene, 'announce');
      await routes.present();
      // A dump of so many paths takes some 20 ms: no finer than that is the answer.
      let seen = await routes.compare();
      for (; seen.paths < prefixes * ecmpPaths; seen = await routes.compare()) {
        if (seen.at - start > 120)
          throw new Error(`${seen.paths} of ${prefixes * ecmpPaths} next hops after 120 s`);
      }
      await routes.check();
      const withdrawn = await send(scene, 'withdraw');
      const remove = (await routes.absent()) - withdrawn;
      return {
        figures: { install: seen.at - start, remove, peak: scene.daemon.memory().peak / 1e6 },
        notes: [],
      };
    };
    const setup: Partial<DaemonSetup> = { install: true, maxPaths: ecmpPaths };
    return Scene.with(daemon, made, { feeders: ecmpPaths, sinks: 0 }, options, play, setup);
  },
};

const farNextHop = '198.51.100.1';
/** Two gateways on the link, known by their hardware addresses alone. */
const gateways = ['10.91.200.1', '10.91.200.2'] as const;

interface NextHopChange {
  /** Seconds. */
  readonly first: number;
  readonly last: number;
  readonly messages: number;
}

function changeNextHop(scene: Scene, file: string): NextHopChange {
  const { stage } = scene;
  const program = [nativeProgram('next-hop-change'), 'eth0', farNextHop, ...gateways, file];
  return JSON.parse(stage.ip('netns', 'exec', stage.daemonNamespace, ...program)) as NextHopChange;
}

function nextHopLoad(name: string, title: string, quiet: boolean): Load {
  return {
    name,
    title,
    figures: [
      {
        name: 'first',
        unit: 'ms',
        meaning:
          'from the change of the kernel route to the next hop until the first packet goes the new way',
        ...(quiet ? { target: { atMost: 50 } } : {}),
      },
      { name: 'last', unit: 'ms', meaning: 'until every route sampled (2,000) leads the new way' },
      {
        name: 'messages',
        unit: 'count',
        meaning:
          'notifications of routes and nexthop objects that the kernel sent, the change of the way included',
      },
    ],
    cannot: (daemon) =>
      quiet && daemon.name !== 'tartan'
        ? 'it uses no nexthop objects, or is told nothing of this'
        : cannot(daemon),
    run(daemon: DaemonRecipe, options: LoadOptions): Promise<LoadResult> {
      const made = scenario(`next hop ${options.scale}`, (scenario) => {
        const { tables, notes } = realTables(1, options.scale, () => farNextHop);
        const [table] = tables;
        scenario.notes.push(...notes);
        scenario.blob('announce0', table.updates);
        scenario.file('prefixes', prefixRecords(table.withdrawals, table.prefixes));
      });
      const file = made.path('prefixes');
      const play = async (scene: Scene): Promise<LoadResult> => {
        const { stage } = scene;
        const routes = await KernelRoutes.open(stage, file);
        gateways.forEach((gateway, i) => {
          const to = ['lladdr', `02:00:00:00:00:0${i + 1}`, 'nud', 'permanent', 'dev', 'eth0'];
          stage.ip('-n', stage.daemonNamespace, 'neighbour', 'replace', gateway, ...to);
        });
        const way = [`${farNextHop}/32`, 'via', gateways[0], 'proto', 'static'];
        stage.ip('-n', stage.daemonNamespace, 'route', 'add', ...way);
        await send(scene, 'announce');
        await routes.present();
        await scene.settled();
        const { first, last, messages } = changeNextHop(scene, file);
        return { figures: { first: first * 1000, last: last * 1000, messages }, notes: [...made.notes] };
      };
      const setup: Partial<DaemonSetup> = { install: true, farNextHops: true, quietNexthops: quiet };
      return Scene.with(daemon, made, { feeders: 1, sinks: 0 }, options, play, setup);
    },
  };
}

export const nextHopChange = nextHopLoad(
  'next-hop-change',
  'a next hop moves to another gateway under 497,321 routes in the kernel',
  false,
);
export const nextHopChangeQuiet = nextHopLoad(
  'next-hop-change-quiet',
  'the same where the kernel tells of no route when a nexthop object changes (nexthopCompat: false)',
  true,
);
