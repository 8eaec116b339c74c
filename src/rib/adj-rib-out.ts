/**
 * The Adj-RIB-Out of one update group in one family (RFC 4271 §3.2): for each prefix that the group announces (each
 * slot, where it announces several paths of one; see PathSlots), what goes out for it (see OutgoingSets) and the source it came from.
 * One member differs from another in one thing only: nobody is sent what came from itself; so one table serves all
 * members, and each member's view is the table without the entries whose source it is.
 *
 * Entries lie in pages of 4096 prefixes, made on demand and dropped when empty: a group that announces ten of a
 * million prefixes has a page or two.
 */
import { type OutgoingId, REJECTED, type RouteKey, type SourceId } from './ids.js';

const PAGE_BITS = 12;
const PAGE_SIZE = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SIZE - 1;

export class AdjRibOut {
  /** Per prefix two words: attribute set (0: nothing announced), source. */
  private readonly pages: (Uint32Array | undefined)[] = [];
  /** Entries per page. */
  private readonly used: number[] = [];
  private bySource = new Uint32Array(64);
  private total = 0;

  /** Prefixes announced. */
  get count(): number {
    return this.total;
  }

  /** Prefixes announced whose path came from `source`. */
  countOf(source: SourceId): number {
    return source < this.bySource.length ? this.bySource[source] : 0;
  }

  /** Ids at and above this have no entry. */
  get end(): number {
    return this.pages.length << PAGE_BITS;
  }

  /** The outgoing attribute set; REJECTED when the prefix is not announced. */
  attrSet(prefix: RouteKey): OutgoingId {
    const index = prefix >>> PAGE_BITS;
    const page = index < this.pages.length ? this.pages[index] : undefined;
    return (page === undefined ? REJECTED : page[(prefix & PAGE_MASK) << 1]) as OutgoingId;
  }

  /** Where the announced path came from; meaningless when the prefix is not announced. */
  source(prefix: RouteKey): SourceId {
    const index = prefix >>> PAGE_BITS;
    const page = index < this.pages.length ? this.pages[index] : undefined;
    return (page === undefined ? 0 : page[((prefix & PAGE_MASK) << 1) | 1]) as SourceId;
  }

  /** What `exchange` found. */
  oldSet: OutgoingId = REJECTED;
  oldSource = 0 as SourceId;

  /**
   * Writes or, with REJECTED, removes the entry, and leaves what was there before in `oldSet` and `oldSource`. Returns
   * whether that is something else. References to attribute sets are the caller's business: the table stands on one
   * per entry.
   */
  exchange(prefix: RouteKey, attrSet: OutgoingId, source: SourceId): boolean {
    const index = prefix >>> PAGE_BITS;
    let page = index < this.pages.length ? this.pages[index] : undefined;
    if (page === undefined) {
      this.oldSet = REJECTED;
      if (attrSet === REJECTED) return false;
      page = this.addPage(index);
    }
    const at = (prefix & PAGE_MASK) << 1;
    const oldSet = page[at] as OutgoingId;
    const oldSource = page[at | 1] as SourceId;
    this.oldSet = oldSet;
    this.oldSource = oldSource;
    if (oldSet === attrSet && oldSource === source) return false;
    page[at] = attrSet;
    page[at | 1] = source;
    if (oldSet !== REJECTED) {
      this.bySource[oldSource]--;
      this.total--;
      this.used[index]--;
    }
    if (attrSet !== REJECTED) {
      if (source >= this.bySource.length) this.growSources(source);
      this.bySource[source]++;
      this.total++;
      this.used[index]++;
    } else if (this.used[index] === 0) {
      this.dropPage(index);
    }
    return true;
  }

  /** The first announced prefix at or above `from`, or -1. */
  next(from: number): RouteKey | -1 {
    const { pages } = this;
    let prefix = from;
    while (prefix >>> PAGE_BITS < pages.length) {
      const page = pages[prefix >>> PAGE_BITS];
      if (page !== undefined) {
        for (let i = prefix & PAGE_MASK; i < PAGE_SIZE; i++) {
          if (page[i << 1] !== REJECTED) return ((prefix & ~PAGE_MASK) | i) as RouteKey;
        }
      }
      prefix = (prefix & ~PAGE_MASK) + PAGE_SIZE;
    }
    return -1;
  }

  private addPage(index: number): Uint32Array {
    while (this.pages.length <= index) {
      this.pages.push(undefined);
      this.used.push(0);
    }
    const page = new Uint32Array(PAGE_SIZE * 2);
    this.pages[index] = page;
    return page;
  }

  private dropPage(index: number): void {
    this.pages[index] = undefined;
    while (this.pages.length > 0 && this.pages[this.pages.length - 1] === undefined) {
      this.pages.pop();
      this.used.pop();
    }
  }

  private growSources(source: number): void {
    let length = this.bySource.length;
    while (length <= source) length *= 2;
    const grown = new Uint32Array(length);
    grown.set(this.bySource);
    this.bySource = grown;
  }
}
