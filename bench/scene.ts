/** A run: a daemon on its stage, the testers' sessions with it, and the clock. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchPeer, DaemonRecipe, DaemonSetup } from './daemons/index.js';
import type { LoadOptions, LoadResult } from './load.js';
import { LoopDelayProbe } from './loop-delay.js';
import { nativeProgram } from './native.js';
import { type PeerEvent, Peers } from './peers.js';
import type { Scenario } from './scenario.js';
import {
  daemonAddresses,
  daemonAsn,
  feederAddress,
  type RunningDaemon,
  Stage,
  sinkAddress,
} from './stage.js';

export interface Cast {
  readonly feeders: number;
  readonly sinks: number;
  readonly family?: 4 | 6;
  /** All peers are clients of the daemon as route reflector. */
  readonly reflector?: boolean;
  /** The hold time that the testers offer; without it, one that no load comes near. */
  readonly holdSeconds?: number;
}

/** AS numbers of testers that send and receive eBGP. */
export const feederAsn = (index: number): number => 65001 + index;
const sinkAsn = (index: number): number => 64001 + index;

export interface Phase {
  /** From the first octet sent to the last thing that was waited for. */
  readonly seconds: number;
  /** CPU seconds of the testers in it. */
  readonly testerCpu: number;
  /** CPU seconds of the daemon, what it did afterwards included. */
  readonly daemonCpu: number;
}

/** Longest wait for a state. */
const limitSeconds = 180;
/** A daemon that uses less than this share of a core has nothing left to do. */
const idleShare = 0.05;
/** One that is profiled uses some all the time. How much is seen before its load begins, and doubled, as it varies. */
const profiledSlices = 5;
const profiledFactor = 2;
/** Seconds that its use of the processor is looked at in one go. */
const slice = 0.2;

export class Scene {
  readonly feeders: readonly number[];
  readonly sinks: readonly number[];
  /** Share of a core that the daemon uses at most when it has nothing left to do. */
  private quietShare = idleShare;

  private constructor(
    readonly stage: Stage,
    readonly daemon: RunningDaemon,
    readonly peers: Peers,
    cast: Cast,
  ) {
    this.feeders = Array.from({ length: cast.feeders }, (_, i) => i);
    this.sinks = Array.from({ length: cast.sinks }, (_, i) => cast.feeders + i);
  }

  /** Runs `play` with all sessions up; what goes wrong is told with the end of the daemon's log. */
  static async with(
    recipe: DaemonRecipe,
    scenario: Scenario,
    cast: Cast,
    options: LoadOptions,
    play: (scene: Scene) => Promise<LoadResult>,
    setup: Partial<DaemonSetup> = {},
  ): Promise<LoadResult> {
    const stage = new Stage();
    try {
      const scene = await Scene.open(stage, recipe, scenario, cast, { profile: options.profile, ...setup });
      const socket = recipe.loopDelaySocket?.(stage);
      const loop = socket === undefined ? null : new LoopDelayProbe(socket);
      await loop?.clear();
      const { figures, notes } = await play(scene);
      const delays = await loop?.figures();
      if (options.profile !== null) await scene.daemon.stop();
      return { figures: { ...figures, ...delays }, notes };
    } catch (error) {
      const log = stage.log(recipe.name).slice(-2000);
      throw new Error(`${(error as Error).message}${log === '' ? '' : `\n${log}`}`);
    } finally {
      await stage.close();
    }
  }

  private static async open(
    stage: Stage,
    recipe: DaemonRecipe,
    scenario: Scenario,
    cast: Cast,
    setup: Partial<DaemonSetup>,
  ): Promise<Scene> {
    const family = cast.family ?? 4;
    const asn = (own: number): number => (cast.reflector ? daemonAsn : own);
    const client = cast.reflector ? { client: true } : {};
    const feeders: BenchPeer[] = Array.from({ length: cast.feeders }, (_, i) => ({
      name: `feeder${i}`,
      address: feederAddress(i, family),
      asn: asn(feederAsn(i)),
      ...client,
    }));
    const sinks: BenchPeer[] = Array.from({ length: cast.sinks }, (_, i) => ({
      name: `sink${i}`,
      address: sinkAddress(i, family),
      asn: asn(sinkAsn(i)),
      ...client,
    }));
    const all = [...feeders, ...sinks];
    stage.addAddresses(
      stage.testerNamespace,
      all.map((p) => p.address),
    );
    const peers = new Peers(stage.startTester(nativeProgram('peers')));
    for (const line of scenario.orders()) peers.order(line);
    all.forEach((p, id) => {
      const kind = id < feeders.length ? 'feeder' : 'sink';
      const routerId = id < feeders.length ? feederAddress(id) : sinkAddress(id - feeders.length);
      peers.order(
        `session ${id} ${p.asn} ${routerId} ${p.address} ${daemonAddresses[family]} ${family} ${kind}`,
      );
    });
    if (cast.holdSeconds !== undefined) {
      for (const id of all.keys()) peers.order(`hold ${id} ${cast.holdSeconds}`);
    }
    const daemon = recipe.start(stage, { peers: all, family, ...setup });
    const scene = new Scene(stage, daemon, peers, cast);
    // In turn, so that the daemon is known to listen before many dial.
    await scene.peers.establish(0);
    await Promise.all(all.slice(1).map((_, i) => scene.peers.establish(i + 1)));
    if (setup.profile) await scene.seeRest();
    await scene.settled();
    return scene;
  }

  /** Feeders send; the phase ends when every sink holds `expect`. The order goes out at once for all feeders. */
  async send(blob: (feeder: number) => string, expect: string): Promise<Phase> {
    return this.phase(
      () => this.feeders.map((id) => this.peers.ask(`send ${id} ${blob(id)}`, id, 'sending')),
      expect,
    );
  }

  /** The feeders' connections are closed; the phase ends when every sink holds `expect`. */
  async drop(expect = 'empty'): Promise<Phase> {
    return this.phase(() => this.feeders.map((id) => this.peers.ask(`drop ${id}`, id, 'dropped')), expect);
  }

  /**
   * From what `begin` orders until every sink holds `expect`, and until the daemon is quiet.
   * Throws `TooLate` where that takes more than `limitSeconds`.
   */
  async phase(begin: () => Promise<PeerEvent>[], expect: string): Promise<Phase> {
    const cpuBefore = this.daemon.cpuSeconds();
    const begun = begin();
    const held = this.sinks.map((id) => this.peers.held(id, expect, limitSeconds));
    // One that fails while the others are waited for is told of at the end.
    for (const promise of held) promise.catch(() => {});
    const starts = await Promise.all(begun);
    const start = starts.reduce((x, y) => (x.at < y.at ? x : y));
    const ends = await Promise.all(held);
    const end = ends.reduce((x, y) => (x.at > y.at ? x : y));
    await this.settled();
    return {
      seconds: end.at - start.at,
      testerCpu: end.cpu - start.cpu,
      daemonCpu: this.daemon.cpuSeconds() - cpuBefore,
    };
  }

  /** The testers' answer to an order, or an error where it does not come. */
  async answered(line: string, session: number, answer: string): Promise<PeerEvent> {
    const given = new AbortController();
    const late = sleep(limitSeconds * 1000, undefined, { signal: given.signal }).then(() => {
      throw new Error(`no "${answer}" after ${limitSeconds} s`);
    });
    late.catch(() => {});
    try {
      return await Promise.race([this.peers.ask(line, session, answer), late]);
    } finally {
      given.abort();
    }
  }

  /** Waits until the daemon has nothing left to do. */
  async settled(): Promise<void> {
    for (let waited = 0; waited < limitSeconds; waited += slice) {
      if (this.daemon.ended) throw new Error(`${this.daemon.name} ended`);
      if ((await this.usedShare()) <= this.quietShare) return;
    }
  }

  /** Looks what a daemon that is profiled uses with nothing to do. */
  private async seeRest(): Promise<void> {
    let least = Number.POSITIVE_INFINITY;
    for (let n = 0; n < profiledSlices; n++) least = Math.min(least, await this.usedShare());
    this.quietShare += profiledFactor * least;
  }

  /** Share of a core that the daemon uses for some time from now on. */
  private async usedShare(): Promise<number> {
    const before = this.daemon.cpuSeconds();
    await sleep(slice * 1000);
    return (this.daemon.cpuSeconds() - before) / slice;
  }

  /** Throws where sinks were told of prefixes that nobody announced; notes where they were told what they knew. */
  async checkReports(): Promise<string[]> {
    let repeated = 0;
    for (const id of this.sinks) {
      const report = await this.peers.ask(`report ${id}`, id, 'report');
      if (report.unknown !== 0)
        throw new Error(`session ${id} was told of ${report.unknown} prefixes that nobody announced`);
      repeated += report.repeated as number;
    }
    return repeated === 0 ? [] : [`sinks were told ${repeated} times what they knew already`];
  }
}
