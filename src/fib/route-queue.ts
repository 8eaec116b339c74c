/**
 * The slots that wait to be looked at, in the order in which the kernel takes their routes with the least work.
 *
 * Linux keeps IPv4 routes in a compressed trie whose nodes are resized as they fill and empty. A table that comes in
 * the order of its addresses, or of its attributes, has inner nodes doubled and halved over and over. Coarse to fine
 * (by the zero bits at the end of the address) each node is made once: half a million routes are then added in three
 * quarters of the time. Fine to coarse they go in half the time, a million in a quarter of it.
 *
 * Order across prefixes means nothing to the reconciler. Still nobody is to wait without end: what waits is cut into
 * generations, and none of a later one comes before all of an earlier one were taken. A generation is closed by a
 * fence, or when so many were taken from it while it still grew.
 */
const NONE = -1;
/** Wanted slots by 32 less their zero bits, then unwanted ones by 33 plus their zero bits. */
const LEVELS = 66;
const FIRST_UNWANTED = 33;
/** So many that came later may be taken before one that waits. */
const OVERTAKING = 1 << 18;

/** Where a slot of an IPv4 prefix belongs: `address` in host order. */
export function levelOf(address: number, wanted: boolean): number {
  const zeros = address === 0 ? 32 : 31 - Math.clz32(address & -address);
  return wanted ? 32 - zeros : FIRST_UNWANTED + zeros;
}

/** Where a slot belongs whose family has no better order than that of arrival. */
export function flatLevel(wanted: boolean): number {
  return wanted ? 0 : FIRST_UNWANTED;
}

class Generation {
  readonly heads = new Int32Array(LEVELS).fill(NONE);
  readonly tails = new Int32Array(LEVELS).fill(NONE);
  /** No slot waits below this level. */
  lowest = LEVELS;
  count = 0;
}

export class RouteQueue {
  /** By slot: the next one of its level. */
  private next = new Int32Array(1024);
  /** Taken from first; gets no more. */
  private closed = new Generation();
  private open = new Generation();
  private openNumber = 1;
  private takenWhileOpen = 0;
  /** `open` is to be closed as soon as `closed` is empty. */
  private closing = false;

  get count(): number {
    return this.closed.count + this.open.count;
  }

  /** Each slot at most once until it is taken. */
  add(slot: number, level: number): void {
    if (slot >= this.next.length) {
      const longer = new Int32Array(Math.max(slot + 1, this.next.length * 2));
      longer.set(this.next);
      this.next = longer;
    }
    const { open, next } = this;
    next[slot] = NONE;
    const tail = open.tails[level];
    if (tail === NONE) open.heads[level] = slot;
    else next[tail] = slot;
    open.tails[level] = slot;
    if (level < open.lowest) open.lowest = level;
    open.count++;
  }

  /** The next slot, or -1. */
  take(): number {
    let from = this.closed;
    if (from.count === 0) {
      from = this.open;
      if (from.count === 0) return NONE;
      if (++this.takenWhileOpen === OVERTAKING) this.close();
    }
    const { heads } = from;
    let level = from.lowest;
    while (heads[level] === NONE) level++;
    from.lowest = level;
    const slot = heads[level];
    const after = this.next[slot];
    heads[level] = after;
    if (after === NONE) from.tails[level] = NONE;
    if (--from.count === 0) {
      from.lowest = LEVELS;
      if (this.closing && from === this.closed) this.close();
    }
    return slot;
  }

  /** Gives back memory that `slots` slots do not need. To be called when nothing waits. */
  fit(slots: number): void {
    if (this.next.length > 4 * slots) this.next = new Int32Array(slots);
  }

  /** A mark behind all that waits now; what comes later waits behind it. */
  mark(): number {
    if (this.open.count === 0) return this.openNumber - 1;
    const mark = this.openNumber;
    this.close();
    return mark;
  }

  /** Whether all that waited at the mark was taken. */
  passed(mark: number): boolean {
    return mark < this.openNumber - (this.closed.count > 0 ? 1 : 0);
  }

  private close(): void {
    this.closing = this.closed.count > 0;
    if (this.closing) return;
    [this.closed, this.open] = [this.open, this.closed];
    this.openNumber++;
    this.takenWhileOpen = 0;
  }
}
