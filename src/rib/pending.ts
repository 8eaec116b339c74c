/**
 * The routes that one stream still has to send, bucketed by what they will be encoded with: the outgoing attribute
 * set (REJECTED: a withdrawal) and the member that must not get them. Every prefix is in one bucket at most, so a
 * newer route supersedes a queued one and the queue never holds more than the table has prefixes. Buckets leave in
 * the order in which they were opened, withdrawals before announcements.
 *
 * Each pending prefix also remembers what the stream's members hold at this moment: the source of the route that
 * they were last sent. That decides who needs a withdrawal, and that a route which came and went between two
 * flushes needs none at all.
 *
 * Where several paths of a prefix are announced, slots stand for prefixes (see PathSlots).
 *
 * Prefixes of a bucket are a doubly linked list through pages of 4096 prefixes (16 bytes each, on demand, pooled);
 * buckets are parallel arrays found through a hash of (attribute set, excluded member).
 */
import { NONE, type OutgoingId, REJECTED, type RouteKey, type SourceId } from './ids.js';

/** Index of a bucket; 0 is none. */
export type BucketId = number & { readonly brand: 'BucketId' };
export const NO_BUCKET = 0 as BucketId;

/** Source of what was last sent: nothing was. */
export const NOTHING_SENT = -1;

const PAGE_BITS = 12;
const PAGE_SIZE = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SIZE - 1;
/** Words per prefix: bucket (0: not pending), next, previous, source of what was sent. */
const WORD_BITS = 2;
const NEXT = 1;
const PREVIOUS = 2;
const SENT = 3;

/** Words per bucket. */
const BUCKET_BITS = 3;
const SET = 0;
const EXCLUDED = 1;
const HEAD = 2;
const TAIL = 3;
const SIZE = 4;
const LATER = 5;
const EARLIER = 6;
const CHAIN = 7;

const SMALLEST = 64;
const KEPT_WHEN_EMPTY = 8192;
const POOLED_PAGES = 64;
/** Pages that no stream uses. Their bucket words are all 0. */
const pool: Int32Array[] = [];

export class PendingRoutes {
  private readonly pages: (Int32Array | undefined)[] = [];
  private readonly used: number[] = [];
  private count = 0;

  private buckets = new Int32Array(SMALLEST << BUCKET_BITS);
  private bucketCount = 1;
  private freeBucket = 0;
  private hash = new Int32Array(SMALLEST);
  private recent = 0;

  private firstWithdrawal = 0;
  private lastWithdrawal = 0;
  private firstReach = 0;
  private lastReach = 0;
  private marked = 0;

  /** Prefixes pending. */
  get size(): number {
    return this.count;
  }

  has(prefix: RouteKey): boolean {
    const index = prefix >>> PAGE_BITS;
    const page = index < this.pages.length ? this.pages[index] : undefined;
    return page !== undefined && page[(prefix & PAGE_MASK) << WORD_BITS] !== 0;
  }

  /** The source of what members hold of a pending prefix, or NOTHING_SENT; `otherwise` where the prefix is not pending. */
  sent(prefix: RouteKey, otherwise: number): number {
    const index = prefix >>> PAGE_BITS;
    const page = index < this.pages.length ? this.pages[index] : undefined;
    if (page === undefined) return otherwise;
    const at = (prefix & PAGE_MASK) << WORD_BITS;
    return page[at] === 0 ? otherwise : page[at | SENT];
  }

  /**
   * Queues the prefix for `attrSet` (REJECTED: withdrawal), to all but the member whose source is `excluded`
   * (NONE: to all). What was queued for it is superseded. `sent` counts only if the prefix was not pending.
   */
  put(prefix: RouteKey, attrSet: OutgoingId, excluded: SourceId | typeof NONE, sent: number): void {
    const index = prefix >>> PAGE_BITS;
    const page = (index < this.pages.length ? this.pages[index] : undefined) ?? this.addPage(index);
    const at = (prefix & PAGE_MASK) << WORD_BITS;
    const before = page[at];
    const bucket = this.bucketFor(attrSet, excluded);
    const isMarked = this.marked !== 0;
    if (before === 0) {
      page[at | SENT] = sent;
      this.used[index]++;
      this.count++;
    } else {
      if (before === bucket) return;
      this.unlink(page, at, before);
      // It may have stood before the mark.
      if (isMarked && attrSet !== REJECTED) this.mark();
    }
    const { buckets } = this;
    const base = bucket << BUCKET_BITS;
    const tail = buckets[base | TAIL];
    page[at] = bucket;
    page[at | NEXT] = NONE;
    page[at | PREVIOUS] = tail;
    if (tail === NONE) buckets[base | HEAD] = prefix;
    else this.word(tail, NEXT, prefix);
    buckets[base | TAIL] = prefix;
    buckets[base | SIZE]++;
  }

  /** Takes the prefix out, if it is pending. */
  remove(prefix: RouteKey): void {
    const index = prefix >>> PAGE_BITS;
    const page = index < this.pages.length ? this.pages[index] : undefined;
    if (page === undefined) return;
    const at = (prefix & PAGE_MASK) << WORD_BITS;
    const bucket = page[at];
    if (bucket === 0) return;
    this.unlink(page, at, bucket);
    this.forget(index, page, at);
  }

  /** The bucket to be sent next, or NO_BUCKET. */
  first(): BucketId {
    return (this.firstWithdrawal !== 0 ? this.firstWithdrawal : this.firstReach) as BucketId;
  }

  /** The bucket to be sent after `bucket`, or NO_BUCKET. */
  after(bucket: BucketId): BucketId {
    const base = bucket << BUCKET_BITS;
    const later = this.buckets[base | LATER];
    if (later !== 0) return later as BucketId;
    return (this.buckets[base | SET] === REJECTED ? this.firstReach : NO_BUCKET) as BucketId;
  }

  attrSetOf(bucket: BucketId): OutgoingId {
    return this.buckets[bucket << BUCKET_BITS] as OutgoingId;
  }

  /** Source of the member that must not be sent this bucket, or NONE. */
  excludedOf(bucket: BucketId): SourceId | typeof NONE {
    return this.buckets[(bucket << BUCKET_BITS) | EXCLUDED] as SourceId | typeof NONE;
  }

  sizeOf(bucket: BucketId): number {
    return this.buckets[(bucket << BUCKET_BITS) | SIZE];
  }

  /**
   * Takes up to `most` of the oldest prefixes out of a bucket, which is gone with the last one: into `prefixes`, and what
   * members held of each (as `sent` says it) into `sent`. Returns how many.
   */
  drain(bucket: BucketId, most: number, prefixes: Int32Array, sent: Int32Array): number {
    const { buckets, pages, used } = this;
    const base = bucket << BUCKET_BITS;
    const n = Math.min(most, buckets[base | SIZE]);
    let prefix = buckets[base | HEAD];
    let index = -1;
    // What is in a bucket always has a page.
    let page = pages[prefix >>> PAGE_BITS] as Int32Array;
    for (let i = 0; i < n; i++) {
      if (prefix >>> PAGE_BITS !== index) {
        if (index >= 0 && used[index] === 0) this.dropPage(index);
        index = prefix >>> PAGE_BITS;
        page = pages[index] as Int32Array;
      }
      const at = (prefix & PAGE_MASK) << WORD_BITS;
      prefixes[i] = prefix;
      sent[i] = page[at | SENT];
      page[at] = 0;
      used[index]--;
      prefix = page[at | NEXT];
    }
    this.count -= n;
    buckets[base | HEAD] = prefix;
    buckets[base | SIZE] -= n;
    if (prefix !== NONE) this.word(prefix, PREVIOUS, NONE);
    else this.closeBucket(bucket);
    if (used[index] === 0) this.dropPage(index);
    if (this.count === 0) this.shrink();
    return n;
  }

  /**
   * Remembers the end of the announcements queued so far, for `markReached`. Which moves on with what is superseded by another
   * announcement meanwhile.
   */
  mark(): void {
    this.marked = this.lastReach;
  }

  /** Whether all announcements that were queued at `mark`, or what superseded them, have left. */
  get markReached(): boolean {
    return this.marked === 0;
  }

  /** Queues here all that `other` has pending, in the same order; its mark too. This one is empty. */
  copyFrom(other: PendingRoutes): void {
    for (let bucket = other.first(); bucket !== NO_BUCKET; bucket = other.after(bucket)) {
      const attrSet = other.attrSetOf(bucket);
      const excluded = other.excludedOf(bucket);
      let prefix = other.buckets[(bucket << BUCKET_BITS) | HEAD];
      while (prefix !== NONE) {
        const page = other.pages[prefix >>> PAGE_BITS] as Int32Array;
        const at = (prefix & PAGE_MASK) << WORD_BITS;
        this.put(prefix as RouteKey, attrSet, excluded, page[at | SENT]);
        prefix = page[at | NEXT];
      }
      if (bucket === other.marked) this.mark();
    }
  }

  /** Every pending prefix, and the source of what members hold of it (or NOTHING_SENT). */
  forEach(visit: (prefix: RouteKey, sent: number) => void): void {
    for (let bucket = this.first(); bucket !== NO_BUCKET; bucket = this.after(bucket)) {
      let prefix = this.buckets[(bucket << BUCKET_BITS) | HEAD];
      while (prefix !== NONE) {
        const page = this.pages[prefix >>> PAGE_BITS] as Int32Array;
        const at = (prefix & PAGE_MASK) << WORD_BITS;
        visit(prefix as RouteKey, page[at | SENT]);
        prefix = page[at | NEXT];
      }
    }
  }

  clear(): void {
    const scratch = new Int32Array(1024);
    for (let bucket = this.first(); bucket !== NO_BUCKET; bucket = this.first()) {
      this.drain(bucket, scratch.length, scratch, scratch);
    }
  }

  private word(prefix: number, field: number, value: number): void {
    const page = this.pages[prefix >>> PAGE_BITS] as Int32Array;
    page[((prefix & PAGE_MASK) << WORD_BITS) | field] = value;
  }

  private unlink(page: Int32Array, at: number, bucket: number): void {
    const { buckets } = this;
    const base = bucket << BUCKET_BITS;
    const next = page[at | NEXT];
    const previous = page[at | PREVIOUS];
    if (previous === NONE) buckets[base | HEAD] = next;
    else this.word(previous, NEXT, next);
    if (next === NONE) buckets[base | TAIL] = previous;
    else this.word(next, PREVIOUS, previous);
    if (--buckets[base | SIZE] === 0) this.closeBucket(bucket);
  }

  private forget(index: number, page: Int32Array, at: number): void {
    page[at] = 0;
    this.count--;
    if (--this.used[index] === 0) this.dropPage(index);
    if (this.count === 0) this.shrink();
  }

  private dropPage(index: number): void {
    const page = this.pages[index];
    this.pages[index] = undefined;
    if (page !== undefined && pool.length < POOLED_PAGES) pool.push(page);
  }

  private addPage(index: number): Int32Array {
    while (this.pages.length <= index) {
      this.pages.push(undefined);
      this.used.push(0);
    }
    const page = pool.pop() ?? new Int32Array(PAGE_SIZE << WORD_BITS);
    this.pages[index] = page;
    return page;
  }

  private slot(attrSet: number, excluded: number): number {
    const mixed = Math.imul(attrSet ^ Math.imul(excluded + 1, 0x85ebca6b), 0x9e3779b1);
    return (mixed ^ (mixed >>> 15)) & (this.hash.length - 1);
  }

  private bucketFor(attrSet: OutgoingId, excluded: number): number {
    const { buckets, recent } = this;
    const recentBase = recent << BUCKET_BITS;
    if (recent !== 0 && buckets[recentBase] === attrSet && buckets[recentBase | EXCLUDED] === excluded)
      return recent;
    let bucket = this.hash[this.slot(attrSet, excluded)];
    while (bucket !== 0) {
      const base = bucket << BUCKET_BITS;
      if (buckets[base] === attrSet && buckets[base | EXCLUDED] === excluded) break;
      bucket = buckets[base | CHAIN];
    }
    if (bucket === 0) bucket = this.openBucket(attrSet, excluded);
    this.recent = bucket;
    return bucket;
  }

  private openBucket(attrSet: OutgoingId, excluded: number): number {
    let bucket = this.freeBucket;
    if (bucket !== 0) {
      this.freeBucket = this.buckets[(bucket << BUCKET_BITS) | LATER];
    } else {
      if (this.bucketCount << BUCKET_BITS === this.buckets.length) this.growBuckets();
      bucket = this.bucketCount++;
    }
    const { buckets } = this;
    const base = bucket << BUCKET_BITS;
    const slot = this.slot(attrSet, excluded);
    const last = attrSet === REJECTED ? this.lastWithdrawal : this.lastReach;
    buckets[base | SET] = attrSet;
    buckets[base | EXCLUDED] = excluded;
    buckets[base | HEAD] = NONE;
    buckets[base | TAIL] = NONE;
    buckets[base | SIZE] = 0;
    buckets[base | LATER] = 0;
    buckets[base | EARLIER] = last;
    buckets[base | CHAIN] = this.hash[slot];
    this.hash[slot] = bucket;
    if (last !== 0) buckets[(last << BUCKET_BITS) | LATER] = bucket;
    if (attrSet === REJECTED) {
      if (last === 0) this.firstWithdrawal = bucket;
      this.lastWithdrawal = bucket;
    } else {
      if (last === 0) this.firstReach = bucket;
      this.lastReach = bucket;
    }
    return bucket;
  }

  private closeBucket(bucket: number): void {
    const { buckets } = this;
    const base = bucket << BUCKET_BITS;
    const later = buckets[base | LATER];
    const earlier = buckets[base | EARLIER];
    const withdrawal = buckets[base | SET] === REJECTED;
    if (later !== 0) buckets[(later << BUCKET_BITS) | EARLIER] = earlier;
    else if (withdrawal) this.lastWithdrawal = earlier;
    else this.lastReach = earlier;
    if (earlier !== 0) buckets[(earlier << BUCKET_BITS) | LATER] = later;
    else if (withdrawal) this.firstWithdrawal = later;
    else this.firstReach = later;
    // What was queued before the mark's bucket has to leave all the same.
    if (bucket === this.marked) this.marked = earlier;
    if (bucket === this.recent) this.recent = 0;

    const slot = this.slot(buckets[base | SET], buckets[base | EXCLUDED]);
    let link = this.hash[slot];
    if (link === bucket) {
      this.hash[slot] = buckets[base | CHAIN];
    } else {
      while (buckets[(link << BUCKET_BITS) | CHAIN] !== bucket) link = buckets[(link << BUCKET_BITS) | CHAIN];
      buckets[(link << BUCKET_BITS) | CHAIN] = buckets[base | CHAIN];
    }
    buckets[base | LATER] = this.freeBucket;
    this.freeBucket = bucket;
  }

  private growBuckets(): void {
    const capacity = this.bucketCount * 2;
    const grown = new Int32Array(capacity << BUCKET_BITS);
    grown.set(this.buckets);
    this.buckets = grown;
    this.hash = new Int32Array(capacity);
    // All buckets are live here: the free list was empty.
    for (let bucket = 1; bucket < this.bucketCount; bucket++) {
      const base = bucket << BUCKET_BITS;
      const slot = this.slot(grown[base | SET], grown[base | EXCLUDED]);
      grown[base | CHAIN] = this.hash[slot];
      this.hash[slot] = bucket;
    }
  }

  /** Nothing is pending: gives back what a burst needed. */
  private shrink(): void {
    if (this.buckets.length <= KEPT_WHEN_EMPTY << BUCKET_BITS) return;
    this.buckets = new Int32Array(SMALLEST << BUCKET_BITS);
    this.hash = new Int32Array(SMALLEST);
    this.bucketCount = 1;
    this.freeBucket = 0;
    this.recent = 0;
  }
}
