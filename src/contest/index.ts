/**
 * Somebody else keeps undoing what we do: two managers of one thing, each of which puts it right at once, would keep each
 * other and the kernel busy for ever. A change or two is put right at once. Who is undone again and again, each time soon
 * after, waits before the next time, longer each time, and says that there is a contest, until it has been quiet. Pure.
 */

/** Undone so often in a row, and the next repair waits. */
const FREE = 8;
/** What comes later than this after the last repair is a change by itself. */
const GAP_MS = 2000;
/** The first pause; doubled each time, up to the longest. */
const PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8000;

export class Contest {
  private count = 0;
  private last = Number.NEGATIVE_INFINITY;

  /**
   * What was as it should be is not any more. Milliseconds, monotonic.
   * @returns how long the repair has to wait: 0, at once.
   */
  undone(now: number): number {
    this.count = now <= this.settlesAt ? this.count + 1 : 1;
    this.last = now;
    return this.pauseMs;
  }

  /** Whether there is one now. */
  isOn(now: number): boolean {
    return this.count > FREE && now < this.settlesAt;
  }

  /** When it is over, if nothing is undone until then. */
  get settlesAt(): number {
    return this.last + this.pauseMs + GAP_MS;
  }

  private get pauseMs(): number {
    if (this.count <= FREE) return 0;
    return Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** (this.count - FREE - 1));
  }
}
