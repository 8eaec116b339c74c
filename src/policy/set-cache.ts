/**
 * Remembers what attribute sets became, per origin and prefix class: `Result` is AttrSetId, or OutgoingId on the way out. It holds no references: an entry counts
 * only while both sets still have the generation that they had when it was written, so that it keeps nothing alive
 * and a recycled id is never mistaken for what it named before.
 *
 * Direct-mapped: two keys that fall on one line take turns. It grows while it misses much, up to a bound.
 */
import type { AttrSets } from '../rib/attr-sets.js';
import { type AttrSetId, type OutgoingId, REJECTED } from '../rib/ids.js';
import { setOf } from '../rib/outgoing-sets.js';

const LINE_BITS = 3;
const SET = 0;
const SET_GENERATION = 1;
const ORIGIN = 2;
const CLASS = 3;
const RESULT = 4;
const RESULT_GENERATION = 5;
const SMALLEST = 256;
/** Half a megabyte: what is asked for again is mostly asked for soon. */
const LARGEST = 1 << 14;

/** `find` found nothing. */
export const MISS = -1;

export class SetCache<Result extends OutgoingId = AttrSetId> {
  private readonly sets: AttrSets;
  private lines = new Uint32Array(SMALLEST << LINE_BITS);
  private mask = SMALLEST - 1;
  private stores = 0;

  constructor(sets: AttrSets) {
    this.sets = sets;
  }

  /** What the set became, without a reference; MISS if that isn't known (any more). `origin` and `prefixClass` are u32. */
  find(set: AttrSetId, origin: number, prefixClass: number): Result | typeof MISS {
    const { lines, sets } = this;
    const at = this.line(set, origin, prefixClass);
    if (
      lines[at] !== set ||
      lines[at | ORIGIN] !== origin ||
      lines[at | CLASS] !== prefixClass ||
      lines[at | SET_GENERATION] !== sets.generation[set]
    ) {
      return MISS;
    }
    const result = lines[at | RESULT] as Result;
    if (result !== REJECTED && lines[at | RESULT_GENERATION] !== sets.generation[setOf(result)]) return MISS;
    return result;
  }

  /** The caller holds both sets while it stores them. */
  store(set: AttrSetId, origin: number, prefixClass: number, result: Result): void {
    if (++this.stores > 2 * (this.mask + 1) && this.mask + 1 < LARGEST) this.grow();
    const { lines, sets } = this;
    const at = this.line(set, origin, prefixClass);
    lines[at | SET] = set;
    lines[at | SET_GENERATION] = sets.generation[set];
    lines[at | ORIGIN] = origin;
    lines[at | CLASS] = prefixClass;
    lines[at | RESULT] = result;
    lines[at | RESULT_GENERATION] = sets.generation[setOf(result)];
  }

  private line(set: number, origin: number, prefixClass: number): number {
    const mixed = set ^ Math.imul(origin, 0x9e3779b1) ^ Math.imul(prefixClass, 0x85ebca6b);
    return ((mixed ^ (mixed >>> 16)) & this.mask) << LINE_BITS;
  }

  /** What was there is forgotten. */
  private grow(): void {
    const size = Math.min(LARGEST, (this.mask + 1) * 4);
    this.lines = new Uint32Array(size << LINE_BITS);
    this.mask = size - 1;
    this.stores = 0;
  }
}
