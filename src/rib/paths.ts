/**
 * The paths of one family: for each prefix a chain of those who announce it. A path is its place in these columns.
 * It holds its attribute set as received and as the import filter left it (0 = rejected), each with a reference.
 *
 * A PathId is good until the next change of the table, so nobody keeps one across a turn of the event loop.
 */
import { NONE, type PathId, type PrefixId, type SourceId } from './ids.js';
import { growSparse, growTo, nextCapacity, put, reserve } from './memory.js';

const MAX_PATHS = 1 << 26;
const MAX_PREFIXES = 1 << 24;

/** Bits of `flags`. */
export const MULTIPATH = 1;

export class Paths {
  /** Columns by PathId; made anew when they grow, so read them through the table each time. */
  next: Int32Array = new Int32Array(0);
  /** NONE for a place that no path takes. */
  prefix: Int32Array = new Int32Array(0);
  source: Uint16Array = new Uint16Array(0);
  received: Uint32Array = new Uint32Array(0);
  accepted: Uint32Array = new Uint32Array(0);
  /** The source's epoch when the path was last announced. */
  epoch: Uint8Array = new Uint8Array(0);
  flags: Uint8Array = new Uint8Array(0);
  /** Path identifier of RFC 7911 as received, 0 where none is. Written only once one is used. */
  pathId: Uint32Array = new Uint32Array(0);

  /** By PrefixId: head of its chain, and the path that the decision process chose. NONE = none. */
  first: Int32Array = new Int32Array(0);
  best: Int32Array = new Int32Array(0);

  count = 0;
  /** Every path in use is below this. */
  highWater = 0;

  private capacity = 0;
  private prefixCapacity = 0;
  private freeHead: number = NONE;
  private pathIdsUsed = false;
  private buffers = reservePaths();
  private prefixBuffers = reservePrefixes();

  constructor() {
    this.growPaths(1);
    this.growPrefixes(1);
  }

  /** Makes room in the columns by PrefixId. */
  ensurePrefix(prefix: PrefixId): void {
    if (prefix >= this.prefixCapacity) this.growPrefixes(prefix + 1);
  }

  /** The path of this source and path identifier, or NONE. */
  find(prefix: PrefixId, source: SourceId, pathId: number): PathId | typeof NONE {
    if (prefix >= this.prefixCapacity) return NONE;
    const { next, source: sources } = this;
    let path = this.first[prefix];
    while (
      path !== NONE &&
      (sources[path] !== source || (this.pathIdsUsed && this.pathId[path] !== pathId))
    ) {
      path = next[path];
    }
    if (path === NONE || (pathId !== 0 && !this.pathIdsUsed)) return NONE;
    return path as PathId;
  }

  /** A new path at the head of its prefix's chain; the caller fills in the sets. */
  add(prefix: PrefixId, source: SourceId, pathId: number): PathId {
    let path = this.freeHead;
    if (path !== NONE) {
      this.freeHead = this.next[path];
    } else {
      path = this.highWater;
      if (path >= this.capacity) this.growPaths(path + 1);
      this.highWater++;
    }
    this.next[path] = this.first[prefix];
    this.first[prefix] = path;
    this.prefix[path] = prefix;
    this.source[path] = source;
    put(this.flags, path, 0);
    if (pathId !== 0) this.pathIdsUsed = true;
    if (this.pathIdsUsed) this.pathId[path] = pathId;
    this.count++;
    return path as PathId;
  }

  /** Unchains the path and frees its place. */
  remove(path: PathId): void {
    const { next, first } = this;
    const prefix = this.prefix[path];
    if (first[prefix] === path) {
      first[prefix] = next[path];
    } else {
      let before = first[prefix];
      while (next[before] !== path) before = next[before];
      next[before] = next[path];
    }
    this.prefix[path] = NONE;
    next[path] = this.freeHead;
    this.freeHead = path;
    this.count--;
  }

  receivedPathId(path: PathId): number {
    return this.pathIdsUsed ? this.pathId[path] : 0;
  }

  /** The path chosen for the prefix, or NONE; for any id, also one without paths. */
  bestOf(prefix: PrefixId): PathId | typeof NONE {
    return prefix < this.prefixCapacity ? (this.best[prefix] as PathId) : NONE;
  }

  firstOf(prefix: PrefixId): PathId | typeof NONE {
    return prefix < this.prefixCapacity ? (this.first[prefix] as PathId) : NONE;
  }

  /** Bytes of the columns up to the highest path and prefix in use. */
  memoryBytes(): number {
    return this.highWater * (this.pathIdsUsed ? 24 : 20) + this.prefixCapacity * 8;
  }

  /** Whether few paths, or `prefixes` prefixes, are left of many, so that `compact` is worth its pause. */
  isSparse(prefixes: number): boolean {
    return (
      (this.highWater > 65536 && this.count < this.highWater >> 3) ||
      (this.prefixCapacity > 65536 && prefixes < this.prefixCapacity >> 3)
    );
  }

  /** Moves the paths together into new columns with room for `prefixes` prefixes. Every PathId changes. */
  compact(prefixes: number): void {
    const old = {
      next: this.next,
      source: this.source,
      received: this.received,
      accepted: this.accepted,
      epoch: this.epoch,
      flags: this.flags,
      pathId: this.pathId,
      first: this.first,
      best: this.best,
    };
    this.buffers = reservePaths();
    this.prefixBuffers = reservePrefixes();
    this.capacity = 0;
    this.prefixCapacity = 0;
    this.highWater = 0;
    this.freeHead = NONE;
    this.growPaths(this.count);
    this.growPrefixes(prefixes);
    for (let prefix = Math.min(prefixes, old.first.length) - 1; prefix >= 0; prefix--) {
      let last: number = NONE;
      for (let path = old.first[prefix]; path !== NONE; path = old.next[path]) {
        const to = this.highWater++;
        if (last === NONE) this.first[prefix] = to;
        else this.next[last] = to;
        this.next[to] = NONE;
        this.prefix[to] = prefix;
        this.source[to] = old.source[path];
        this.received[to] = old.received[path];
        this.accepted[to] = old.accepted[path];
        this.epoch[to] = old.epoch[path];
        this.flags[to] = old.flags[path];
        if (this.pathIdsUsed) this.pathId[to] = old.pathId[path];
        if (old.best[prefix] === path) this.best[prefix] = to;
        last = to;
      }
    }
  }

  private growPaths(needed: number): void {
    if (needed > MAX_PATHS) throw new RangeError(`path table is full: ${MAX_PATHS} paths`);
    const n = nextCapacity(this.capacity, needed, MAX_PATHS);
    const [next, prefix, source, received, accepted, epoch, flags, pathId] = this.buffers;
    this.next = new Int32Array(growTo(next, n * 4), 0, n);
    this.prefix = new Int32Array(growTo(prefix, n * 4), 0, n);
    this.source = new Uint16Array(growTo(source, n * 2), 0, n);
    this.received = new Uint32Array(growTo(received, n * 4), 0, n);
    this.accepted = new Uint32Array(growTo(accepted, n * 4), 0, n);
    this.epoch = new Uint8Array(growTo(epoch, n), 0, n);
    this.flags = new Uint8Array(growSparse(flags, n), 0, n);
    this.pathId = new Uint32Array(growSparse(pathId, n * 4), 0, n);
    this.capacity = n;
  }

  private growPrefixes(needed: number): void {
    const n = nextCapacity(this.prefixCapacity, needed, MAX_PREFIXES);
    const [first, best] = this.prefixBuffers;
    this.first = new Int32Array(growTo(first, n * 4), 0, n).fill(NONE, this.prefixCapacity);
    this.best = new Int32Array(growTo(best, n * 4), 0, n).fill(NONE, this.prefixCapacity);
    this.prefixCapacity = n;
  }
}

function reservePaths(): SharedArrayBuffer[] {
  return [4, 4, 2, 4, 4, 1, 1, 4].map((bytes) => reserve(MAX_PATHS * bytes));
}

function reservePrefixes(): SharedArrayBuffer[] {
  return [4, 4].map((bytes) => reserve(MAX_PREFIXES * bytes));
}
