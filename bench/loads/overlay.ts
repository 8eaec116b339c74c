/** Load `overlay`: a node of a cluster of thousands that reach each other by VXLAN, from its inventory alone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlClient } from '../../src/control/index.js';
import type { DaemonRecipe } from '../daemons/index.js';
import { type Load, type LoadOptions, type LoadResult, scaled } from '../load.js';
import { LoopDelayProbe } from '../loop-delay.js';
import {
  type ClusterNode,
  clusterDocument,
  clusterNodes,
  clusterObjects,
  type Families,
  monotonicSeconds,
  OverlayWatch,
  overlayLoop,
} from '../overlay.js';
import { median } from '../runner.js';
import { type RunningDaemon, Stage } from '../stage.js';

const clusterSize = 5000;
/** So many change at once. */
const crowd = 768;
/** Changes of single nodes of a kind. */
const rounds = 10;

/** A daemon in its namespace whose kernel objects are watched. */
class Cluster {
  private constructor(
    private readonly stage: Stage,
    private readonly daemon: RunningDaemon,
    private readonly watch: OverlayWatch,
    private readonly control: ControlClient,
    readonly loop: LoopDelayProbe,
    private readonly families: Families,
    /** From the start of the process. */
    readonly completeSeconds: number,
  ) {}

  static async start(
    stage: Stage,
    recipe: DaemonRecipe,
    nodes: readonly ClusterNode[],
    families: Families,
    profile: string | null,
  ): Promise<Cluster> {
    const socket = recipe.loopDelaySocket?.(stage);
    if (socket === undefined) throw new Error(`${recipe.name} has no control socket`);
    const watch = await OverlayWatch.open(stage);
    await watch.expect(clusterObjects(nodes, families));
    const config = { peers: [], profile, document: clusterDocument(nodes, families) };
    const begin = monotonicSeconds();
    const daemon = recipe.start(stage, config);
    const seconds = (await watch.complete()) - begin;
    await watch.check();
    const control = new ControlClient(socket);
    return new Cluster(stage, daemon, watch, control, new LoopDelayProbe(socket), families, seconds);
  }

  /** Has the daemon load another document; milliseconds until the kernel has what follows, and those of reading. */
  async change(nodes: readonly ClusterNode[]): Promise<{ whole: number; read: number }> {
    await this.watch.expect(clusterObjects(nodes, this.families));
    this.stage.write('tartan.yaml', clusterDocument(nodes, this.families));
    const complete = this.watch.complete();
    const begin = monotonicSeconds();
    const [at, result] = await Promise.all([complete, this.control.reload()]);
    if (!result.applied) throw new Error(`the document was refused: ${result.errors[0]}`);
    return { whole: (at - begin) * 1000, read: result.readMs };
  }

  async check(): Promise<void> {
    await this.watch.check();
  }

  get cpuSeconds(): number {
    return this.daemon.cpuSeconds();
  }

  memory(): { now: number; peak: number } {
    return this.daemon.memory();
  }

  async stop(): Promise<void> {
    await this.daemon.stop();
  }
}

/** Ten of a kind, one after the other, with a pause in which the daemon comes to rest. */
async function changes(cluster: Cluster, documents: readonly (readonly ClusterNode[])[]) {
  const whole: number[] = [];
  const applied: number[] = [];
  for (const nodes of documents) {
    const change = await cluster.change(nodes);
    whole.push(change.whole);
    applied.push(change.whole - change.read);
    await sleep(100);
  }
  return {
    whole: median(whole),
    wholeMax: Math.max(...whole),
    applied: median(applied),
    appliedMax: Math.max(...applied),
  };
}

async function runOne(recipe: DaemonRecipe, size: number, { profile }: LoadOptions): Promise<LoadResult> {
  const stage = new Stage();
  try {
    const nodes = clusterNodes(size);
    const all = clusterNodes(size + rounds);
    const cluster = await Cluster.start(stage, recipe, nodes, [4], profile);
    const startLoop = await cluster.loop.figures();
    const cpu = cluster.cpuSeconds;
    await sleep(1000);
    const held = cluster.memory().now;
    const larger = Array.from({ length: rounds }, (_, i) => all.slice(0, size + 2 + i));
    const more = await changes(cluster, larger);
    const fewer = await changes(cluster, [...larger.slice(0, -1).reverse(), nodes]);
    const withMac = (last: number) =>
      nodes.map((node) => (node.at > 0 && node.at <= last ? { ...node, version: 1 } : node));
    const macs = await changes(
      cluster,
      Array.from({ length: Math.min(rounds, size) }, (_, i) => withMac(i + 1)),
    );
    const many = await changes(cluster, [
      nodes.map((node) => (node.at > 0 && node.at <= crowd ? { ...node, version: 2 } : node)),
    ]);
    await cluster.check();
    const loop = await cluster.loop.figures();
    const { peak } = cluster.memory();
    if (profile !== null) await cluster.stop();
    return {
      figures: {
        complete: cluster.completeSeconds,
        'one more': more.applied,
        'one more max': more.appliedMax,
        'one less': fewer.applied,
        MAC: macs.applied,
        reload: more.whole,
        'reload max': Math.max(more.wholeMax, fewer.wholeMax, macs.wholeMax),
        'reload 768': many.whole,
        cpu,
        held: held / 1e6,
        peak: peak / 1e6,
        'loop p99': startLoop['loop p99'],
        'loop max': startLoop['loop max'],
        'reload loop p99': loop['loop p99'],
        'reload loop max': loop['loop max'],
      },
      notes: [],
    };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${stage.log(recipe.name).slice(-2000)}`);
  } finally {
    await stage.close();
  }
}

async function dual(recipe: DaemonRecipe, size: number): Promise<number> {
  const stage = new Stage();
  try {
    const cluster = await Cluster.start(stage, recipe, clusterNodes(size), [4, 6], null);
    return cluster.completeSeconds;
  } catch (error) {
    throw new Error(`both families: ${(error as Error).message}\n${stage.log(recipe.name).slice(-2000)}`);
  } finally {
    await stage.close();
  }
}

/** In the place of the relay: the messages alone, without anybody who finds out which. */
async function floor(size: number): Promise<LoadResult> {
  const run = async (families: Families) => {
    const stage = new Stage();
    try {
      return overlayLoop(stage, clusterNodes(size), families);
    } finally {
      await stage.close();
    }
  };
  const one = await run([4]);
  const both = await run([4, 6]);
  return { figures: { complete: one.add, dual: both.add, 'one more': one.one * 1000 }, notes: [] };
}

export const overlay: Load = {
  name: 'overlay',
  title: `VXLAN to ${clusterSize.toLocaleString('en')} nodes of an inventory; in the place of the relay, a loop in C that sends the same messages`,
  figures: [
    {
      name: 'complete',
      unit: 's',
      meaning:
        'from the start of the process until the kernel has just the neighbours, FDB entries and routes that follow',
      target: { atMost: 1.5 },
    },
    { name: 'dual', unit: 's', meaning: 'likewise, with both families on each node' },
    {
      name: 'one more',
      unit: 'ms',
      meaning:
        'one node more: from when the daemon has read the document to the last kernel object, median of ten',
      target: { atMost: 10 },
    },
    { name: 'one more max', unit: 'ms', meaning: 'the longest of the ten', target: { atMost: 10 } },
    { name: 'one less', unit: 'ms', meaning: 'one node less: likewise, median of ten' },
    { name: 'MAC', unit: 'ms', meaning: "a node's MAC is another: likewise, median of ten" },
    {
      name: 'reload',
      unit: 'ms',
      meaning:
        'one node more: from asking for the reload, so with the reading of the whole document, median of ten',
    },
    { name: 'reload max', unit: 'ms', meaning: 'the longest of these thirty reloads' },
    {
      name: 'reload 768',
      unit: 'ms',
      meaning: `${crowd} nodes with other MACs at once: from asking for the reload to the last kernel object`,
    },
    { name: 'cpu', unit: 's', meaning: 'CPU time of the daemon until all was complete' },
    { name: 'held', unit: 'MB', meaning: 'resident memory a second later' },
    { name: 'peak', unit: 'MB', meaning: 'most resident memory in the whole run' },
    {
      name: 'loop p99',
      unit: 'ms',
      meaning: "delay of the daemon's event loop from its start until all was complete",
      target: { atMost: 50 },
    },
    { name: 'loop max', unit: 'ms', meaning: 'the longest such delay' },
    {
      name: 'reload loop p99',
      unit: 'ms',
      meaning: 'such delays from then on, through all reloads',
      target: { atMost: 50 },
    },
    { name: 'reload loop max', unit: 'ms', meaning: 'the longest of these' },
  ],
  cannot: ({ name, transparent }) =>
    name === 'tartan' || transparent ? null : 'it has no inventory of nodes to make tunnels of',
  async run(recipe: DaemonRecipe, options: LoadOptions): Promise<LoadResult> {
    const size = scaled(clusterSize, options, 8);
    if (recipe.transparent) return floor(size);
    const { figures, notes } = await runOne(recipe, size, options);
    return { figures: { ...figures, dual: await dual(recipe, size) }, notes };
  },
};
