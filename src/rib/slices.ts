/**
 * Cooperative slices: long work on the main thread, a few milliseconds per turn of the event loop, so that
 * keepalives and control requests never wait behind it. Tasks take turns.
 */

/** Works until `deadline` (performance.now() milliseconds) at most. Returns whether more is left; true: called again. */
export type SliceTask = (deadline: number) => boolean;

export interface SliceOptions {
  /** Milliseconds of work per turn. */
  readonly budgetMs?: number;
  /** A task threw. It is called again, as the fault may lie in one item. Default: the error is thrown from the event loop. */
  readonly onError?: (error: unknown) => void;
}

export class Slices {
  private readonly budgetMs: number;
  private readonly onError: (error: unknown) => void;
  private tasks: SliceTask[] = [];
  private scheduled = false;
  private closed = false;
  private idleWaiters: (() => void)[] = [];

  constructor(options: SliceOptions = {}) {
    this.budgetMs = options.budgetMs ?? 4;
    this.onError =
      options.onError ??
      ((error) => {
        setImmediate(() => {
          throw error;
        });
      });
  }

  /** Runs the task in slices until it says that nothing is left. A task that waits already is not added twice. */
  add(task: SliceTask): void {
    if (this.closed || this.tasks.includes(task)) return;
    this.tasks.push(task);
    this.schedule();
  }

  /** Tasks with work left. */
  get pending(): number {
    return this.tasks.length;
  }

  /** Resolves when no task has work left. */
  idle(): Promise<void> {
    if (this.tasks.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  /** Forgets all tasks and takes no more; who waits for `idle` waits no longer. */
  close(): void {
    this.closed = true;
    this.tasks = [];
    this.release();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.turn();
    });
  }

  /** One turn: each waiting task gets its share of what is left of the budget, and goes to the end of the row. */
  private turn(): void {
    const end = performance.now() + this.budgetMs;
    for (let left = this.tasks.length; left > 0; left--) {
      const now = performance.now();
      if (now >= end) break;
      // Off the row while it runs: adding itself then means that new work came up.
      const task = this.tasks.shift();
      if (task === undefined) break;
      let more = false;
      try {
        more = task(now + (end - now) / left);
      } catch (error) {
        this.onError(error);
        more = true;
      }
      if (more) this.add(task);
    }
    if (this.tasks.length > 0) {
      this.schedule();
      return;
    }
    this.release();
  }

  private release(): void {
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
