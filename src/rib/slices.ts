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

/** Turns in a row that what can wait leaves to the rest. */
const MOST_PASSED_OVER = 64;

export class Slices {
  private readonly budgetMs: number;
  private readonly onError: (error: unknown) => void;
  private tasks: SliceTask[] = [];
  /** Tasks that can wait, and for how many turns they have. */
  private later: SliceTask[] = [];
  private passedOver = 0;
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

  /** Likewise for what nobody waits for: it gets the turns in which nothing else is to be done, and few of the others. */
  addLater(task: SliceTask): void {
    if (this.closed || this.later.includes(task)) return;
    this.later.push(task);
    this.schedule();
  }

  /** Tasks with work left. */
  get pending(): number {
    return this.tasks.length + this.later.length;
  }

  /** Resolves when no task has work left. */
  idle(): Promise<void> {
    if (this.pending === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  /** Forgets all tasks and takes no more; who waits for `idle` waits no longer. */
  close(): void {
    this.closed = true;
    this.tasks = [];
    this.later = [];
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

  private turn(): void {
    const isLater = this.later.length > 0 && (this.tasks.length === 0 || this.passedOver >= MOST_PASSED_OVER);
    this.passedOver = isLater ? 0 : this.passedOver + 1;
    if (isLater) this.share(this.later, (task) => this.addLater(task));
    else this.share(this.tasks, (task) => this.add(task));
    if (this.pending > 0) this.schedule();
    else this.release();
  }

  /**
   * Each waiting task gets its share of what is left of the budget, and goes to the end of the row. What comes up
   * meanwhile has its share in the same turn: a route that was decided is sent at once.
   */
  private share(row: SliceTask[], again: (task: SliceTask) => void): void {
    const end = performance.now() + this.budgetMs;
    for (let now = end - this.budgetMs; now < end; now = performance.now()) {
      // Off the row while it runs: adding itself then means that new work came up.
      const task = this.closed ? undefined : row.shift();
      if (task === undefined) break;
      let more = false;
      try {
        more = task(now + (end - now) / (row.length + 1));
      } catch (error) {
        this.onError(error);
        again(task);
        break;
      }
      if (more) again(task);
    }
  }

  private release(): void {
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
