/**
 * Every prefix the kernel thread has to do with in one family, indexed by slot: what main desires for it, and which
 * routes of ours the kernel holds, one per metric class.
 */
import type { FamilyIndex } from '../address/index.js';
import { PrefixIndex, resized } from './prefix-index.js';

/** No PrefixId desires the slot's prefix. */
export const NO_PREFIX = -1;

/** On the work queue. */
export const SLOT_QUEUED = 1;
/** A message about it is on its way to the kernel. */
export const SLOT_IN_FLIGHT = 2;
/** Something changed while in flight: look again when the kernel has answered. */
export const SLOT_AGAIN = 4;
/** Adopted and not desired since: stays until the sweep. */
export const SLOT_HELD = 8;
/** Refused by the kernel: waits in the retry list. */
export const SLOT_FAILED = 16;
/** Someone else holds the prefix and metric. */
export const SLOT_CONFLICT = 32;
/** Its forwarding entry can't be written at the moment. */
export const SLOT_WAITING = 64;
/** Ours was seen in the running dump: shifted left by the metric class. */
export const SLOT_SEEN = 128;

export class PrefixSlots extends PrefixIndex {
  /** The PrefixId that main desires it by, or NO_PREFIX. */
  prefix: Int32Array;
  /** The desire as main packed it, at the last look. */
  want: Uint32Array;
  /** Form (see route-forms) of our route in the kernel, 0 none: at 2 * slot + metric class. */
  applied: Uint32Array;
  flags: Uint16Array;

  constructor(family: FamilyIndex) {
    super(family);
    this.prefix = new Int32Array(this.capacity);
    this.want = new Uint32Array(this.capacity);
    this.applied = new Uint32Array(this.capacity * 2);
    this.flags = new Uint16Array(this.capacity);
  }

  protected override resizeFields(capacity: number): void {
    this.prefix = resized(this.prefix, capacity);
    this.want = resized(this.want, capacity);
    this.applied = resized(this.applied, capacity * 2);
    this.flags = resized(this.flags, capacity);
  }

  protected override clearFields(slot: number): void {
    this.prefix[slot] = NO_PREFIX;
    this.want[slot] = 0;
    this.applied[2 * slot] = 0;
    this.applied[2 * slot + 1] = 0;
    this.flags[slot] = 0;
  }
}
