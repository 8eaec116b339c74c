/**
 * The VRPs of all caches, and which of the caches' are in force. What a cache sends is prepared in its entries' bits
 * (`RecordSink`) and holds all at once with `commit`; what changes by that for those in force is told as a set of
 * prefixes, so that only routes within them need to be judged again.
 */
import { type FamilyIndex, formatPrefix, IPV4, IPV6, type Prefix } from '../address/index.js';
import { PrefixCover } from './prefix-cover.js';
import type { RecordSink, Validity, Vrp } from './types.js';
import { NEXT_SHIFT, VrpColumns } from './vrp-columns.js';

/** Which cache: a bit in each entry. */
export type CacheSlot = number;
export const CACHE_SLOTS = NEXT_SHIFT;

export interface VrpChange {
  readonly announced: number;
  readonly withdrawn: number;
}

/** Entries by family. */
type Touched = readonly [number[], number[]];

const scratch = new Uint32Array(4);

export class VrpTable {
  readonly families: readonly [VrpColumns, VrpColumns] = [new VrpColumns(IPV4), new VrpColumns(IPV6)];
  private readonly counts = new Uint32Array(CACHE_SLOTS);
  private readonly changed: (cover: PrefixCover) => void;

  /** `changed`: VRPs in force came or went, all of them at these prefixes. */
  constructor(changed: (cover: PrefixCover) => void = () => {}) {
    this.changed = changed;
  }

  /** RFC 6811 §2: of a route to the prefix in `words[at…]` that `origin` originated. An origin below 1 is none. */
  validate(family: FamilyIndex, words: Uint32Array, at: number, length: number, origin: number): Validity {
    return this.families[family].validate(words, at, length, origin);
  }

  /** The VRPs in force that cover a prefix, shortest first. */
  covering(prefix: Prefix): Vrp[] {
    const columns = this.families[prefix.family];
    return columns.covering(wordsOf(prefix), 0, prefix.length).map((entry) => vrp(columns, entry));
  }

  /** The VRPs in force, in no particular order. The table may change meanwhile. */
  *inForce(): Generator<Vrp> {
    for (const columns of this.families) {
      for (let entry = 0; entry < columns.highWater; entry++) {
        if ((columns.states[entry] & columns.inForce) !== 0) yield vrp(columns, entry);
      }
    }
  }

  /** VRPs of a cache. */
  count(slot: CacheSlot): number {
    return this.counts[slot];
  }

  memoryBytes(): number {
    return this.families[0].memoryBytes() + this.families[1].memoryBytes();
  }

  /** From now on this cache's VRPs decide; null: none do, and nothing is found. */
  setInForce(slot: CacheSlot | null): void {
    this.pass((state) => state, null, slot === null ? 0 : 1 << slot);
  }

  /** What a cache sends. `committed` is told what a commit changed in the cache's own VRPs. */
  sink(slot: CacheSlot, committed: (change: VrpChange) => void): RecordSink {
    const held = 1 << slot;
    const next = (1 << (slot + NEXT_SHIFT)) >>> 0;
    const both = (held | next) >>> 0;
    // Where changes come, the entries that they concern; null: all entries may differ.
    let touched: Touched | null = null;
    return {
      begin: (full) => {
        touched = full ? null : [[], []];
        if (full) this.pass((state) => (state & ~next) >>> 0);
      },
      announce: (family, words, length, maxLength, asn) => {
        const columns = this.families[family];
        let entry = columns.find(words, length, maxLength, asn);
        if (entry < 0) entry = columns.insert(words, length, maxLength, asn);
        else if ((columns.states[entry] & next) !== 0) return false;
        columns.states[entry] |= next;
        touched?.[family].push(entry);
        return true;
      },
      withdraw: (family, words, length, maxLength, asn) => {
        const columns = this.families[family];
        const entry = columns.find(words, length, maxLength, asn);
        if (entry < 0 || (columns.states[entry] & next) === 0) return false;
        columns.states[entry] &= ~next;
        touched?.[family].push(entry);
        // What came and went within one answer leaves nothing behind.
        if (columns.states[entry] === 0) columns.release(entry);
        return true;
      },
      commit: () => {
        let announced = 0;
        let withdrawn = 0;
        this.pass((state) => {
          const has = (state & held) !== 0;
          const shall = (state & next) !== 0;
          if (has === shall) return state;
          if (shall) announced++;
          else withdrawn++;
          return (shall ? state | held : state & ~held) >>> 0;
        }, touched);
        touched = null;
        this.counts[slot] += announced - withdrawn;
        committed({ announced, withdrawn });
      },
      abort: () => {
        this.pass((state) => ((state & held) !== 0 ? state | next : state & ~next) >>> 0);
      },
      drop: () => {
        this.counts[slot] = 0;
        this.pass((state) => (state & ~both) >>> 0);
      },
    };
  }

  /**
   * Gives every entry, or those alone, its next state, and tells which VRPs decide now and did not before, or the other
   * way round.
   */
  private pass(
    next: (state: number) => number,
    only: Touched | null = null,
    inForce = this.families[0].inForce,
  ): void {
    const cover = new PrefixCover();
    for (const columns of this.families) {
      const { states, highWater, stride, words, lengths } = columns;
      const before = columns.inForce;
      const entries = only?.[columns.family];
      const count = entries?.length ?? highWater;
      columns.inForce = inForce;
      for (let i = 0; i < count; i++) {
        const entry = entries?.[i] ?? i;
        const state = states[entry];
        if (state === 0) continue;
        const now = next(state);
        states[entry] = now;
        if (((state & before) !== 0) !== ((now & inForce) !== 0)) {
          cover.add(columns.family, words, entry * stride, lengths[entry]);
        }
        if (now === 0) columns.release(entry);
      }
    }
    if (!cover.isEmpty) this.changed(cover);
  }
}

function wordsOf({ a, b, c, d }: Prefix): Uint32Array {
  scratch[0] = a;
  scratch[1] = b;
  scratch[2] = c;
  scratch[3] = d;
  return scratch;
}

function vrp({ family, stride, words, lengths, maxLengths, asns }: VrpColumns, entry: number): Vrp {
  const word = (i: number) => (i < stride ? words[entry * stride + i] : 0);
  return {
    prefix: formatPrefix({ family, a: word(0), b: word(1), c: word(2), d: word(3), length: lengths[entry] }),
    maxLength: maxLengths[entry],
    asn: asns[entry],
  };
}
