/** Runs loads on daemons: the daemons take turns (A B A B), so that what drifts on the machine drifts for all. */
import type { DaemonRecipe } from './daemons/index.js';
import type { Load, LoadOptions } from './load.js';

/** One daemon under one load: medians of all runs, or why there are none. */
export interface DaemonOutcome {
  readonly daemon: string;
  readonly runs: number;
  readonly figures: Readonly<Record<string, number>>;
  /** Every run's value, by figure. */
  readonly samples: Readonly<Record<string, readonly number[]>>;
  readonly notes: readonly string[];
  /** Why the daemon has no figures: it can't do this, or failed. */
  readonly problem: string | null;
}

export interface LoadOutcome {
  readonly load: string;
  /** ISO 8601, when the last run ended. */
  readonly date: string;
  readonly daemons: readonly DaemonOutcome[];
}

export interface RunnerOptions extends LoadOptions {
  readonly runs: number;
  progress(line: string): void;
}

/** The middle value; the mean of the two in the middle for an even count. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

class Tally {
  readonly samples: Record<string, number[]> = {};
  readonly notes = new Set<string>();
  runs = 0;
  problem: string | null = null;

  outcome(daemon: string): DaemonOutcome {
    const figures = Object.fromEntries(
      Object.entries(this.samples).map(([name, values]) => [name, median(values)]),
    );
    return {
      daemon,
      runs: this.runs,
      figures,
      samples: this.samples,
      notes: [...this.notes],
      problem: this.problem,
    };
  }
}

/** A daemon that fails once is not run again; its figures until then are dropped, since it did not do the work. */
export async function runLoad(
  load: Load,
  daemons: readonly DaemonRecipe[],
  options: RunnerOptions,
): Promise<LoadOutcome> {
  const tallies = new Map(daemons.map((daemon) => [daemon, new Tally()]));
  for (const [daemon, tally] of tallies) tally.problem = load.cannot?.(daemon) ?? null;
  for (let run = 1; run <= options.runs; run++) {
    for (const [daemon, tally] of tallies) {
      if (tally.problem !== null || (daemon.once && tally.runs > 0)) continue;
      options.progress(`${load.name}: run ${run} of ${options.runs} on ${daemon.name}`);
      try {
        const { figures, notes } = await load.run(daemon, options);
        tally.runs++;
        for (const note of notes) tally.notes.add(note);
        for (const [name, value] of Object.entries(figures)) {
          tally.samples[name] ??= [];
          tally.samples[name].push(value);
        }
      } catch (error) {
        tally.problem = `failed: ${(error as Error).message}`;
        for (const name of Object.keys(tally.samples)) delete tally.samples[name];
      }
    }
  }
  return {
    load: load.name,
    date: new Date().toISOString(),
    daemons: [...tallies].map(([daemon, tally]) => tally.outcome(daemon.name)),
  };
}
