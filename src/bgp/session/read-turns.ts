/**
 * Turns at reading: what all connections together may take of one turn of the event loop. libuv hands out up to 32 chunks of
 * 64 kB of each socket before it looks at anything else, and each chunk of UPDATEs is milliseconds of work; with ten peers
 * that send their tables, keepalives, timers and the decision process would wait for seconds.
 *
 * When the time is over, whoever is handed one more chunk keeps it and rests, so that it does not matter how many those are:
 * TCP holds the peer back. Those that rest go on in the order in which they stopped, one in each turn, and the next one as
 * long as there is time.
 */

/** A connection that is read from. */
export interface Reader {
  /** Takes no more until `goOn`. */
  rest(): void;
  goOn(): void;
}

/** Milliseconds of reading in one turn of the event loop; the last chunk may take longer. */
const BUDGET_MS = 4;

export class ReadTurns {
  /** Milliseconds; -1: nothing was read in this turn yet. */
  private began = -1;
  private scheduled = false;
  private readonly resting: Reader[] = [];

  constructor(
    private readonly now: () => number = () => performance.now(),
    private readonly nextTurn: (callback: () => void) => void = setImmediate,
  ) {}

  /** Whether `reader` may deal with a chunk now. False: the time is over; it rests, and goes on with this chunk. */
  admits(reader: Reader): boolean {
    if (!this.isOver) return true;
    if (!this.resting.includes(reader)) {
      reader.rest();
      this.resting.push(reader);
      this.schedule();
    }
    return false;
  }

  /** Before a chunk is dealt with: when that is. */
  begin(): number {
    const now = this.now();
    if (this.began < 0) {
      this.began = now;
      this.schedule();
    }
    return now;
  }

  /** After a chunk was dealt with. */
  end(): void {
    if (!this.isOver) this.resting.shift()?.goOn();
  }

  /** The connection is gone. */
  forget(reader: Reader): void {
    const at = this.resting.indexOf(reader);
    if (at >= 0) this.resting.splice(at, 1);
  }

  private get isOver(): boolean {
    return this.began >= 0 && this.now() - this.began >= BUDGET_MS;
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.nextTurn(() => {
      this.scheduled = false;
      this.began = -1;
      this.resting.shift()?.goOn();
      if (this.resting.length > 0) this.schedule();
    });
  }
}

/** Of all connections of the process. */
export const readTurns = new ReadTurns();
