/**
 * What a load is: one thing that a daemon is made to do, its figures, and its own check that the daemon did it right.
 * A load lives in a file of `loads/` and is listed in `loads/index.ts`.
 */
import type { DaemonRecipe } from './daemons/index.js';

export type Unit = 's' | 'ms' | 'MB' | '%' | '/s' | 'count';

/** What Tartan's figure must reach: a share of another daemon's figure in the same run, or a value in the figure's unit. */
export type Target =
  | { readonly of: 'bird'; readonly atMost: number }
  | { readonly atMost: number }
  | { readonly atLeast: number };

export interface FigureSpec {
  /** Short, as it heads a column: `announce`, `peak`. */
  readonly name: string;
  readonly unit: Unit;
  /** What is measured from when to when. */
  readonly meaning: string;
  readonly target?: Target | readonly Target[];
  /** Belongs to the tester or the stage, not to the daemon: shown, never compared. */
  readonly aside?: true;
}

export interface LoadOptions {
  /** Sizes of the load are multiplied by this: 1 is what the load is about, tests run with a thousandth of it. */
  readonly scale: number;
  /** For loads with a table of generated prefixes: how many, instead of their own number. */
  readonly prefixes?: number;
  /** For loads with sinks: how many, instead of their own number. */
  readonly sinks?: number;
  /** Folder for CPU profiles of daemons that can write one; null: no profiling. */
  readonly profile: string | null;
}

export interface LoadResult {
  /** By `FigureSpec.name`; a figure that this daemon does not have is left out. */
  readonly figures: Readonly<Record<string, number>>;
  /** What a reader of the figures has to know: a generated table in place of a real one, a tester at its limit. */
  readonly notes: readonly string[];
}

export interface Load {
  readonly name: string;
  /** One line: what is done to the daemon. */
  readonly title: string;
  readonly figures: readonly FigureSpec[];
  /** Why this daemon is not run, or null. */
  cannot?(daemon: DaemonRecipe): string | null;
  /** One run on a stage of its own. Throws when the daemon did not do it right. */
  run(daemon: DaemonRecipe, options: LoadOptions): Promise<LoadResult>;
}

/** A size of a load under `options.scale`, never below `least`. */
export function scaled(size: number, options: LoadOptions, least = 1): number {
  return Math.max(least, Math.round(size * options.scale));
}
