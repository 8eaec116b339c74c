/**
 * The places in the Adj-RIB-Out of an update group whose members are told several paths per prefix (RFC 7911): for each
 * prefix a chain of slots. A slot is a prefix and a path identifier, and as long as a path is announced it stands in the
 * same one, whatever other paths come and go. A path that takes the place of another goes into the other's slot, so
 * that members see it replaced, never both gone.
 *
 * To the Adj-RIB-Out, the streams and their pending routes a slot is what a prefix is to other groups. A slot that
 * nobody needs any more, neither for a path nor for a withdrawal that some member has not got yet, is given back; its
 * identifier is then free. Identifiers begin at 1 and are not higher than a prefix had slots at once.
 */
import { IdQueue } from './id-queue.js';
import { NONE, type PrefixId, type SlotId, type SourceId } from './ids.js';

const SMALLEST = 1024;
/** Source of a slot that holds no path. */
const NO_SOURCE = 0xffff;

export class PathSlots {
  /** By SlotId; made anew when they grow. */
  prefix = new Int32Array(SMALLEST);
  pathId = new Uint32Array(SMALLEST);
  /** The path: where it came from, and under which identifier. */
  private source = new Uint16Array(SMALLEST);
  private receivedId = new Uint32Array(SMALLEST);
  private next = new Int32Array(SMALLEST);
  /** The round in which the slot was last taken; see `beginRound`. */
  private round = new Uint32Array(SMALLEST);
  /** 1: waits in `retired`. */
  private waits = new Uint8Array(SMALLEST);
  /** By PrefixId. */
  private first = new Int32Array(SMALLEST).fill(NONE);

  /** Every slot in use is below this. */
  highWater = 0;
  /** Slots in use. */
  count = 0;
  private freeHead: number = NONE;
  private currentRound = 0;
  /** Slots that may have become useless. */
  private readonly retired = new IdQueue();

  /** The first slot of a prefix, or NONE; `after` leads on. */
  firstOf(prefix: PrefixId): SlotId | typeof NONE {
    return (prefix < this.first.length ? this.first[prefix] : NONE) as SlotId;
  }

  after(slot: SlotId): SlotId | typeof NONE {
    return this.next[slot] as SlotId;
  }

  /** The identifier with which the path in the slot was received. */
  receivedIdOf(slot: SlotId): number {
    return this.receivedId[slot];
  }

  /** Slots are handed to paths from now on: no slot is taken yet. */
  beginRound(): void {
    this.currentRound = (this.currentRound + 1) >>> 0;
    if (this.currentRound !== 0) return;
    this.round.fill(0);
    this.currentRound = 1;
  }

  isTaken(slot: SlotId): boolean {
    return this.round[slot] === this.currentRound;
  }

  /** Takes the slot in which the path stands. Returns NONE where it has none. */
  takeOwn(prefix: PrefixId, source: SourceId, receivedId: number): SlotId | typeof NONE {
    let slot = this.firstOf(prefix) as number;
    while (slot !== NONE && (this.source[slot] !== source || this.receivedId[slot] !== receivedId)) {
      slot = this.next[slot];
    }
    if (slot !== NONE) this.round[slot] = this.currentRound;
    return slot as SlotId;
  }

  /**
   * Takes a slot for a path that has none: one whose path is announced no more, best one that members still hold
   * (`isAnnounced`), or a new one. All paths that have slots must have taken them.
   */
  takeSpare(
    prefix: PrefixId,
    source: SourceId,
    receivedId: number,
    isAnnounced: (slot: SlotId) => boolean,
  ): SlotId {
    let spare: number = NONE;
    for (let slot = this.firstOf(prefix) as number; slot !== NONE; slot = this.next[slot]) {
      if (this.round[slot] === this.currentRound) continue;
      spare = slot;
      if (isAnnounced(slot as SlotId)) break;
    }
    if (spare === NONE) spare = this.add(prefix, this.freePathId(prefix));
    this.source[spare] = source;
    this.receivedId[spare] = receivedId;
    this.round[spare] = this.currentRound;
    return spare as SlotId;
  }

  /** The slot with this identifier, made without a path if need be. */
  withPathId(prefix: PrefixId, pathId: number): SlotId {
    let slot = this.firstOf(prefix) as number;
    while (slot !== NONE && this.pathId[slot] !== pathId) slot = this.next[slot];
    if (slot !== NONE) return slot as SlotId;
    const made = this.add(prefix, pathId);
    this.retire(made);
    return made;
  }

  /** The slot holds no path any more; it stays until nobody needs it. */
  retire(slot: SlotId): void {
    this.source[slot] = NO_SOURCE;
    if (this.waits[slot] === 1) return;
    this.waits[slot] = 1;
    this.retired.push(slot);
  }

  /** Slots that wait for `reclaim`. */
  get retiredCount(): number {
    return this.retired.size;
  }

  /** Looks at up to `most` retired slots and gives back what nobody needs. Returns how many. */
  reclaim(most: number, isNeeded: (slot: SlotId) => boolean): number {
    let given = 0;
    for (let n = Math.min(most, this.retired.size); n > 0; n--) {
      const slot = this.retired.shift() as SlotId;
      if (this.source[slot] === NO_SOURCE && isNeeded(slot)) {
        this.retired.push(slot);
        continue;
      }
      this.waits[slot] = 0;
      // One that holds a path again is retired anew when that goes.
      if (this.source[slot] !== NO_SOURCE) continue;
      this.remove(slot);
      given++;
    }
    return given;
  }

  private add(prefix: PrefixId, pathId: number): SlotId {
    let slot = this.freeHead;
    if (slot !== NONE) {
      this.freeHead = this.next[slot];
    } else {
      slot = this.highWater;
      if (slot === this.prefix.length) this.grow();
      this.highWater++;
    }
    if (prefix >= this.first.length) this.growPrefixes(prefix);
    this.prefix[slot] = prefix;
    this.pathId[slot] = pathId;
    this.source[slot] = NO_SOURCE;
    this.round[slot] = 0;
    this.next[slot] = this.first[prefix];
    this.first[prefix] = slot;
    this.count++;
    return slot as SlotId;
  }

  private remove(slot: SlotId): void {
    const { next, first } = this;
    const prefix = this.prefix[slot];
    if (first[prefix] === slot) {
      first[prefix] = next[slot];
    } else {
      let before = first[prefix];
      while (next[before] !== slot) before = next[before];
      next[before] = next[slot];
    }
    next[slot] = this.freeHead;
    this.freeHead = slot;
    this.count--;
  }

  /** The lowest identifier from 1 on that no slot of the prefix has. */
  private freePathId(prefix: PrefixId): number {
    const { next, pathId } = this;
    let n = 0;
    let highest = 0;
    for (let slot = this.firstOf(prefix) as number; slot !== NONE; slot = next[slot]) {
      n++;
      if (pathId[slot] > highest) highest = pathId[slot];
    }
    if (highest === n) return n + 1;
    const used = new Uint8Array(n + 2);
    for (let slot = this.firstOf(prefix) as number; slot !== NONE; slot = next[slot]) {
      if (pathId[slot] <= n) used[pathId[slot]] = 1;
    }
    return used.indexOf(0, 1);
  }

  private grow(): void {
    const size = this.prefix.length * 2;
    const larger = <T extends { set(from: T): void }>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.prefix = larger(new Int32Array(size), this.prefix);
    this.pathId = larger(new Uint32Array(size), this.pathId);
    this.source = larger(new Uint16Array(size), this.source);
    this.receivedId = larger(new Uint32Array(size), this.receivedId);
    this.next = larger(new Int32Array(size), this.next);
    this.round = larger(new Uint32Array(size), this.round);
    this.waits = larger(new Uint8Array(size), this.waits);
  }

  private growPrefixes(prefix: PrefixId): void {
    const larger = new Int32Array(Math.max(prefix + 1, this.first.length * 2)).fill(NONE);
    larger.set(this.first);
    this.first = larger;
  }
}
