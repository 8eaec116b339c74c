/** What loads of whole tables have in common: announce, withdraw, announce again, lose the feeders; and their figures. */
import type { DaemonRecipe, DaemonSetup } from '../daemons/index.js';
import type { FigureSpec, LoadOptions, LoadResult, Target } from '../load.js';
import { TooLate } from '../peers.js';
import type { Scenario } from '../scenario.js';
import { type Cast, type Phase, Scene } from '../scene.js';

export interface TableTargets {
  readonly announce?: Target;
  readonly withdraw?: Target;
  readonly peak?: Target | readonly Target[];
}

const ofBird = (atMost: number): Target => ({ of: 'bird', atMost });

export function tableFigures(targets: TableTargets): FigureSpec[] {
  const withdraw = targets.withdraw ?? ofBird(0.7);
  return [
    {
      name: 'announce',
      unit: 's',
      meaning: "from the feeders' first octet until the slowest sink holds exactly what it should",
      ...(targets.announce ? { target: targets.announce } : {}),
    },
    {
      name: 'withdraw',
      unit: 's',
      meaning: 'explicit withdrawal, until the slowest sink holds nothing',
      target: withdraw,
    },
    { name: 'again', unit: 's', meaning: 'the same table announced once more, to a daemon that is warm' },
    {
      name: 'loss',
      unit: 's',
      meaning: "the feeders' connections are closed, until the slowest sink holds nothing",
      target: withdraw,
    },
    {
      name: 'peak',
      unit: 'MB',
      meaning: 'most resident memory in the whole run',
      ...(targets.peak ? { target: targets.peak } : {}),
    },
    { name: 'held', unit: 'MB', meaning: 'resident memory when the table is held and all is quiet' },
    { name: 'after', unit: 'MB', meaning: 'resident memory after the feeders were lost' },
    { name: 'cpu', unit: 's', meaning: 'CPU time of the daemon for the announcement' },
    testerFigure,
  ];
}

export const testerFigure: FigureSpec = {
  name: 'tester',
  unit: '%',
  meaning:
    "the testers' CPU time as a share of the time that the announcement took; near 100 they are the limit",
  aside: true,
};

/** Percent of a phase in which the testers had work. */
export function testerShare(phase: Phase): number {
  return (100 * phase.testerCpu) / phase.seconds;
}

export function testerNotes(phase: Phase): string[] {
  const share = testerShare(phase);
  return share < 90 ? [] : [`the testers were the limit: busy ${share.toFixed(0)} % of the time`];
}

export interface TableRun extends Cast {
  readonly scenario: Scenario;
  /** The blobs of a feeder, and the state of every sink when all of them have sent. */
  readonly announce: (feeder: number) => string;
  readonly withdraw: (feeder: number) => string;
  readonly expect: string;
  readonly setup?: Partial<DaemonSetup>;
}

/** One run: a cold announcement, its withdrawal, another announcement, the loss of all feeders. */
export function runTable(daemon: DaemonRecipe, run: TableRun, options: LoadOptions): Promise<LoadResult> {
  return Scene.with(
    daemon,
    run.scenario,
    run,
    options,
    async (scene) => {
      const announce = await scene.send(run.announce, run.expect);
      const figures: Record<string, number> = { announce: announce.seconds, tester: testerShare(announce) };
      const notes = daemon.transparent ? [] : testerNotes(announce);
      const held = scene.daemon.memory().now;
      try {
        if (!daemon.slow) figures.withdraw = (await scene.send(run.withdraw, 'empty')).seconds;
        if (!daemon.slow && !daemon.transparent)
          figures.again = (await scene.send(run.announce, run.expect)).seconds;
        if (!daemon.transparent) figures.loss = (await scene.drop()).seconds;
      } catch (error) {
        // The announcement stands: it was right.
        if (!(error instanceof TooLate)) throw error;
        notes.push(`gave up on what followed: ${error.message}`);
      }
      notes.push(...(await scene.checkReports()));
      if (!daemon.transparent) {
        const memory = scene.daemon.memory();
        figures.peak = memory.peak / 1e6;
        figures.held = held / 1e6;
        if (figures.loss !== undefined) figures.after = memory.now / 1e6;
        figures.cpu = announce.daemonCpu;
      }
      return { figures, notes: [...run.scenario.notes, ...notes] };
    },
    run.setup,
  );
}
