/**
 * The memory that the main thread and the kernel thread share: for each family, indexed by PrefixId, the desired
 * forwarding entry and a state byte; and one ring of dirty prefixes. Routes never pass in messages.
 *
 *     state        main writes a desire          kernel thread
 *     IDLE         → QUEUED, id onto the ring
 *     QUEUED       (nothing: it will be read)    takes it → IN_FLIGHT, then reads the desire
 *     IN_FLIGHT    → DIRTY_AGAIN                 kernel has answered → IDLE
 *     DIRTY_AGAIN  (nothing)                     kernel has answered → IN_FLIGHT, reads the desire anew
 *
 * The desire is always stored before the state is looked at, and read after the state was set: whichever thread
 * comes second sees the other's word. An id whose state is IDLE and whose desire is 0 is not in the kernel thread's
 * hands, and may name another prefix.
 *
 * Each word that steers the ring has a cache line of its own, and each side looks at the other's only when what it knew
 * of it is used up: both work on the ring at once, and a line that goes to and fro costs more than the rest of the entry.
 *
 * The ring has a fixed size. When it is full, main only sets the overflow flag, and the kernel thread finds the
 * queued ids by a scan of the state bytes. An id may then come twice; the second time it is no longer QUEUED.
 *
 * Arrays grow without copying: growable SharedArrayBuffers, of which each side makes a new fixed-length view when it
 * meets an id beyond its own (length-tracking views are several times slower).
 */
import type { FamilyIndex } from '../address/index.js';
import type { ForwardingId } from '../rib/ids.js';

export const IDLE = 0 as const;
export const QUEUED = 1 as const;
export const IN_FLIGHT = 2 as const;
export const DIRTY_AGAIN = 3 as const;

/** Top bit of a desire: metric class 1 (the blackhole metric). The rest is the ForwardingId. */
const METRIC_CLASS_BIT = 0x80000000;
/** Top bit of a ring entry: the family. */
const FAMILY_BIT = 0x80000000;

/** Words of the control block, 64 octets apart. */
const HEAD = 0;
const TAIL = 16;
const OVERFLOW = 32;
const ASLEEP = 48;
const CONTROL_WORDS = 64;

/** So many entries are taken before main hears that there is room again. */
const TOLD_AT_ONCE = 1024;

/** Address space reserved per family, not memory: pages are taken when the arrays grow. */
const MAX_PREFIXES = 1 << 24;
const FIRST_CAPACITY = 1 << 12;

/** What crosses to the worker; structured clone shares all of it. */
export interface SharedFibMemory {
  readonly control: SharedArrayBuffer;
  readonly ring: SharedArrayBuffer;
  /** u32 per PrefixId. */
  readonly desired: readonly [SharedArrayBuffer, SharedArrayBuffer];
  /** u8 per PrefixId. */
  readonly state: readonly [SharedArrayBuffer, SharedArrayBuffer];
}

/** @param ringEntries a power of two. */
export function createSharedFibMemory(ringEntries = 1 << 16): SharedFibMemory {
  const growable = (width: number) =>
    new SharedArrayBuffer(FIRST_CAPACITY * width, { maxByteLength: MAX_PREFIXES * width });
  return {
    control: new SharedArrayBuffer(CONTROL_WORDS * 4),
    ring: new SharedArrayBuffer(ringEntries * 4),
    desired: [growable(4), growable(4)],
    state: [growable(1), growable(1)],
  };
}

export function packDesire(forwarding: ForwardingId, metricClass: 0 | 1): number {
  return metricClass === 1 ? (forwarding | METRIC_CLASS_BIT) >>> 0 : forwarding;
}

export function desiredForwarding(desire: number): ForwardingId {
  return (desire & ~METRIC_CLASS_BIT) as ForwardingId;
}

export function desiredMetricClass(desire: number): 0 | 1 {
  return desire >= METRIC_CLASS_BIT ? 1 : 0;
}

/** The views both sides need; re-made when an id lies beyond them. */
class SharedViews {
  protected readonly control: Int32Array;
  protected readonly ring: Uint32Array;
  protected readonly ringMask: number;
  protected readonly desired: [Uint32Array, Uint32Array];
  protected readonly state: [Uint8Array, Uint8Array];

  constructor(protected readonly memory: SharedFibMemory) {
    this.control = new Int32Array(memory.control);
    this.ring = new Uint32Array(memory.ring);
    this.ringMask = this.ring.length - 1;
    if ((this.ring.length & this.ringMask) !== 0) throw new RangeError('ring size must be a power of two');
    this.desired = [this.desiredView(0), this.desiredView(1)];
    this.state = [this.stateView(0), this.stateView(1)];
  }

  private desiredView(family: FamilyIndex): Uint32Array {
    const buffer = this.memory.desired[family];
    return new Uint32Array(buffer, 0, buffer.byteLength >>> 2);
  }

  private stateView(family: FamilyIndex): Uint8Array {
    const buffer = this.memory.state[family];
    return new Uint8Array(buffer, 0, buffer.byteLength);
  }

  protected renewViews(family: FamilyIndex): void {
    this.desired[family] = this.desiredView(family);
    this.state[family] = this.stateView(family);
  }
}

/** The main thread's side. */
export class DesiredRoutes extends SharedViews {
  /** HEAD is ours alone. */
  private head = 0;
  /** TAIL when it was last read: the kernel thread may be further by now. */
  private tail = 0;

  /**
   * Desires `desire` (see packDesire; 0 = no route) for the prefix.
   * @returns whether the kernel thread sleeps and must be woken by a message.
   */
  set(family: FamilyIndex, prefix: number, desire: number): boolean {
    if (prefix >= this.state[family].length) this.grow(family, prefix);
    Atomics.store(this.desired[family], prefix, desire);
    const state = this.state[family];
    for (;;) {
      const now = Atomics.load(state, prefix);
      if (now === QUEUED || now === DIRTY_AGAIN) return false;
      if (now === IN_FLIGHT) {
        if (Atomics.compareExchange(state, prefix, IN_FLIGHT, DIRTY_AGAIN) === IN_FLIGHT) return false;
        continue;
      }
      Atomics.store(state, prefix, QUEUED);
      this.push(family, prefix);
      return Atomics.load(this.control, ASLEEP) === 1 && Atomics.exchange(this.control, ASLEEP, 0) === 1;
    }
  }

  /** What is desired now, as packed by packDesire. */
  get(family: FamilyIndex, prefix: number): number {
    const desired = this.desired[family];
    return prefix < desired.length ? desired[prefix] : 0;
  }

  /** Nothing is desired for the prefix and the kernel thread is done with it. */
  isIdle(family: FamilyIndex, prefix: number): boolean {
    const state = this.state[family];
    if (prefix >= state.length) return true;
    return this.desired[family][prefix] === 0 && Atomics.load(state, prefix) === IDLE;
  }

  private push(family: FamilyIndex, prefix: number): void {
    const { head } = this;
    if (((head - this.tail) | 0) > this.ringMask) {
      this.tail = Atomics.load(this.control, TAIL);
      if (((head - this.tail) | 0) > this.ringMask) {
        Atomics.store(this.control, OVERFLOW, 1);
        return;
      }
    }
    this.ring[head & this.ringMask] = family === 1 ? (prefix | FAMILY_BIT) >>> 0 : prefix;
    this.head = (head + 1) | 0;
    Atomics.store(this.control, HEAD, this.head);
  }

  private grow(family: FamilyIndex, prefix: number): void {
    if (prefix >= MAX_PREFIXES) throw new RangeError(`prefix id ${prefix} is beyond ${MAX_PREFIXES}`);
    let capacity = this.memory.state[family].byteLength;
    while (capacity <= prefix) capacity = Math.min(capacity * 2, MAX_PREFIXES);
    this.memory.desired[family].grow(capacity * 4);
    this.memory.state[family].grow(capacity);
    this.renewViews(family);
  }
}

/** The kernel thread's side. */
export class DesiredRoutesReader extends SharedViews {
  /**
   * Takes up to `limit` dirty prefixes and hands each over, its state IN_FLIGHT, its desire read after that.
   * A scan after an overflow may hand over more.
   * @returns how many.
   */
  drain(limit: number, take: (family: FamilyIndex, prefix: number, desire: number) => void): number {
    let taken = 0;
    // The flag is cleared before the ring is read: what main queues from here on sets it again or fits the ring.
    const overflowed = Atomics.exchange(this.control, OVERFLOW, 0) === 1;
    let tail = Atomics.load(this.control, TAIL);
    let told = tail;
    let head = tail;
    while (taken < limit || overflowed) {
      if (tail === head) {
        head = Atomics.load(this.control, HEAD);
        if (tail === head) break;
      }
      const entry = this.ring[tail & this.ringMask];
      tail = (tail + 1) | 0;
      if (((tail - told) | 0) >= TOLD_AT_ONCE) {
        told = tail;
        Atomics.store(this.control, TAIL, tail);
      }
      const family = entry >= FAMILY_BIT ? 1 : 0;
      if (this.take(family, (entry & ~FAMILY_BIT) >>> 0, take)) taken++;
    }
    if (tail !== told) Atomics.store(this.control, TAIL, tail);
    if (overflowed) {
      for (const family of [0, 1] as const) {
        if (this.state[family].length !== this.memory.state[family].byteLength) this.renewViews(family);
        const state = this.state[family];
        for (let prefix = 0; prefix < state.length; prefix++) {
          if (state[prefix] === QUEUED && this.take(family, prefix, take)) taken++;
        }
      }
    }
    return taken;
  }

  /**
   * The kernel has answered for the prefix.
   * @returns -1, or its new desire when that was written meanwhile: then it stays in this thread's hands.
   */
  finish(family: FamilyIndex, prefix: number): number {
    const state = this.state[family];
    if (Atomics.compareExchange(state, prefix, IN_FLIGHT, IDLE) !== DIRTY_AGAIN) return -1;
    Atomics.store(state, prefix, IN_FLIGHT);
    return Atomics.load(this.desired[family], prefix);
  }

  /** Whether there is nothing to drain. */
  get empty(): boolean {
    return (
      Atomics.load(this.control, HEAD) === Atomics.load(this.control, TAIL) &&
      Atomics.load(this.control, OVERFLOW) === 0
    );
  }

  /** Asks to be woken by a message at the next dirty prefix. Returns false when there already is one. */
  sleep(): boolean {
    Atomics.store(this.control, ASLEEP, 1);
    if (this.empty) return true;
    Atomics.store(this.control, ASLEEP, 0);
    return false;
  }

  private take(
    family: FamilyIndex,
    prefix: number,
    take: (family: FamilyIndex, prefix: number, desire: number) => void,
  ): boolean {
    if (prefix >= this.state[family].length) this.renewViews(family);
    // Only this thread moves a prefix out of QUEUED.
    if (Atomics.load(this.state[family], prefix) !== QUEUED) return false;
    Atomics.store(this.state[family], prefix, IN_FLIGHT);
    take(family, prefix, Atomics.load(this.desired[family], prefix));
    return true;
  }
}
