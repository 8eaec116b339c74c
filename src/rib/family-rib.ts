/**
 * The RIB of one family: Adj-RIB-In (every path, as received and as accepted) and Loc-RIB (the best of each prefix).
 *
 * `announce` and `withdraw` change a path and mark its prefix dirty; `decide` takes dirty prefixes one by one, runs
 * the decision process, and tells the listeners what changed. Whatever concerns all paths of a source, or all paths
 * through a next hop, is a sweep over the path columns in slices; several such requests share one sweep.
 *
 * Every source has an epoch here, and every path the epoch in which it was last announced. Marking all of a source's
 * paths as stale (RFC 4724 §4.2) is a new epoch and nothing more; removing them removes those of earlier epochs, so a
 * peer that is back before the sweep has passed loses nothing that it announced anew. A refresh that tells its beginning
 * and end (RFC 7313 §4) is the same, but for a session that is up: what is old goes on as before until the end.
 *
 * Stale paths may become long-lived (RFC 9494 §4.2): their accepted sets get a mark, by and by, and keep it until they are
 * announced anew or removed. Over restarts in between without an End-of-RIB they stay, and age: a sweep brings what is stale
 * together in one epoch, so that the octet of the epoch never comes round to them.
 */
import type { FamilyIndex } from '../address/index.js';
import { LLGR_STALE, NO_LLGR } from './attr-sets.js';
import { Decision } from './decision.js';
import { Epochs } from './epochs.js';
import {
  BEST_CHANGED,
  type FamilyRibContext,
  type LongLivedMark,
  MULTIPATH_CHANGED,
} from './family-rib-context.js';
import { IdQueue } from './id-queue.js';
import { type AttrSetId, type NextHopId, NONE, type PathId, type PrefixId, type SourceId } from './ids.js';
import { ACCEPTED_CHANGED, PATH_GONE, PATH_REJECTED, RECEIVED_CHANGED } from './path-watcher.js';
import { MULTIPATH, Paths } from './paths.js';
import { DIRTY, LEVEL, ONE_CAME, UNUSED } from './prefix-flags.js';
import { PrefixTable } from './prefix-table.js';
import { type Refilter, type SourceJob, SourceJobs } from './source-jobs.js';

export * from './family-rib-context.js';
export type { Refilter } from './source-jobs.js';

export class FamilyRib {
  readonly prefixes: PrefixTable;
  readonly paths = new Paths();
  readonly decision: Decision;
  /** Prefixes that have a best path. */
  bestCount = 0;

  private flags = new Uint8Array(1024);
  private readonly dirty = new IdQueue();
  private readonly unused = new IdQueue();
  /** Of `unused`, from its head: what the reclaim under way has yet to look at. */
  private unusedToLookAt = 0;
  private readonly epochs = new Epochs();
  private readonly stale = new Set<SourceId>();
  private readonly refreshing = new Set<SourceId>();
  /** Sources whose stale paths are long-lived, and how they are marked. */
  private readonly longLived = new Map<SourceId, LongLivedMark>();

  /** Told of every prefix that was decided, whatever came of it: some path of it may be another. */
  private readonly pathListeners = new Set<(prefix: PrefixId) => void>();
  private readonly jobs = new SourceJobs();
  private nextNextHops = new Set<NextHopId>();
  private nextAll = false;
  /** The sweep under way: marks by next hop. */
  private nextHopMarks = new Uint8Array(0);
  private all = false;
  private cursor = -1;

  constructor(
    readonly family: FamilyIndex,
    private readonly context: FamilyRibContext,
  ) {
    this.prefixes = new PrefixTable(family);
    this.decision = new Decision(context.sets, context.sources, context.nextHops, this.paths);
  }

  /**
   * A source announces a prefix: a new path, or another one in place of its former (an implicit withdrawal). `accepted`
   * is what the import filter made of `received`; 0 = rejected, the path is kept but takes no part. The RIB takes
   * references of its own on both. `pathId`: RFC 7911 path identifier; paths that differ in it are kept side by side.
   */
  announce(source: SourceId, prefix: PrefixId, received: AttrSetId, accepted: AttrSetId, pathId = 0): void {
    const { sets } = this.context;
    const { paths } = this;
    paths.ensurePrefix(prefix);
    const counts = this.context.sources.counts(source)[this.family];
    const known = paths.find(prefix, source, pathId);
    const epoch = this.epochs.of(source);
    sets.retain(received);
    sets.retain(accepted);
    if (known === NONE) {
      const path = paths.add(prefix, source, pathId);
      paths.received[path] = received;
      paths.accepted[path] = accepted;
      paths.epoch[path] = epoch;
      counts.received++;
      counts.upToDate++;
      if (accepted !== 0) {
        counts.accepted++;
        this.markCame(prefix);
      } else if (prefix < this.flags.length) this.flags[prefix] &= ~ONE_CAME;
      const isNew = RECEIVED_CHANGED | (accepted !== 0 ? ACCEPTED_CHANGED : PATH_REJECTED);
      this.context.watcher?.(this.family, prefix, source, pathId, isNew);
      return;
    }
    const path = known as PathId;
    const before = paths.accepted[path] as AttrSetId;
    if (this.context.watcher !== null) this.tellAnnounced(path, prefix, received, accepted);
    sets.release(paths.received[path] as AttrSetId);
    paths.received[path] = received;
    if (paths.epoch[path] !== epoch) counts.upToDate++;
    paths.epoch[path] = epoch;
    this.accept(path, prefix, before, accepted);
  }

  /** A source withdraws a prefix. Returns false when it had not announced it. */
  withdraw(source: SourceId, prefix: PrefixId, pathId = 0): boolean {
    const path = this.paths.find(prefix, source, pathId);
    if (path === NONE) return false;
    this.remove(path as PathId, prefix);
    return true;
  }

  /** Removes all that the source has announced so far, by and by. */
  withdrawAll(source: SourceId): void {
    this.job(source).removeUpTo = this.epochs.of(source);
    this.epochs.beginSession(source);
    this.countAnew(source);
    this.stale.delete(source);
    this.refreshing.delete(source);
    this.longLived.delete(source);
  }

  /**
   * RFC 4724 §4.2: the session is down and the source's paths are kept for it. What was stale before (a second restart
   * without End-of-RIB in between) is removed, or with `keepsOlder` (RFC 9494 §4.2) stays.
   */
  markStale(source: SourceId, keepsOlder = false): void {
    this.epochs.reserve(source);
    if (this.stale.has(source)) {
      const before = this.epochs.before(source);
      if (keepsOlder) this.job(source).ageTo = before;
      else this.job(source).removeUpTo = before;
    }
    this.epochs.beginSession(source);
    this.countAnew(source);
    this.stale.add(source);
    this.refreshing.delete(source);
  }

  /** RFC 9494 §4.2: what is stale now is marked, by and by, and what does not want that (NO_LLGR) is removed. */
  markLongLived(source: SourceId, mark: LongLivedMark): void {
    if (!this.stale.has(source)) return;
    this.longLived.set(source, mark);
    this.job(source).mark = true;
  }

  /** RFC 4724 §4.2: End-of-RIB came, or the time is over; what is still stale is removed, by and by. */
  sweepStale(source: SourceId): void {
    this.longLived.delete(source);
    if (!this.stale.delete(source)) return;
    this.job(source).removeUpTo = this.epochs.before(source);
  }

  /**
   * RFC 7313 §4: the source begins to announce everything again; what it doesn't is removed by `endRefresh`. Begun again
   * before that, all counts as old again. Returns false, and nothing has begun, where it is asked for so often that
   * the sweeps fall behind, or while paths are kept over a restart: their End-of-RIB comes first.
   */
  beginRefresh(source: SourceId): boolean {
    this.epochs.reserve(source);
    if (this.stale.has(source) || !this.epochs.hasRoom(source)) return false;
    this.epochs.begin(source);
    this.countAnew(source);
    this.refreshing.add(source);
    return true;
  }

  /** Everything has been announced again, or the time is over: what is old is removed, by and by. Returns false where no refresh had begun. */
  endRefresh(source: SourceId): boolean {
    if (!this.refreshing.delete(source)) return false;
    this.job(source).removeUpTo = this.epochs.before(source);
    return true;
  }

  isRefreshing(source: SourceId): boolean {
    return this.refreshing.has(source);
  }

  /** Whether the source has paths kept over a restart of it (some may have been announced anew). */
  hasStale(source: SourceId): boolean {
    return this.stale.has(source);
  }

  isStale(path: PathId): boolean {
    const source = this.paths.source[path] as SourceId;
    return this.stale.has(source) && !this.isUpToDate(path);
  }

  /** Runs a new import filter over all that the source has announced, by and by. */
  refilter(source: SourceId, refilter: Refilter): void {
    this.job(source).refilter = refilter;
  }

  /** Runs import filters, by source, over the paths of one prefix at once; those of other sources stay as they are. */
  refilterPrefix(prefix: PrefixId, refilters: readonly (Refilter | undefined)[]): void {
    const { paths } = this;
    for (const path of this.chain(prefix)) {
      const refilter = refilters[paths.source[path]];
      if (refilter !== undefined) this.judgeAnew(path, prefix, refilter);
    }
  }

  /** What the decision process compares about the source changed: decides again, by and by, wherever it has paths. */
  redecideSource(source: SourceId): void {
    if (this.context.sources.counts(source)[this.family].received === 0) return;
    this.job(source).redecide = true;
  }

  /** Decides every prefix again, by and by, as another number of paths is allowed or they are compared otherwise, and tells of every one. */
  redecideAll(): void {
    this.nextAll = true;
    this.context.wake();
  }

  /**
   * Calls back, from within `decide`, for every prefix any path of which may have changed, also where the best did not.
   * Returns how to end that.
   */
  onPathChange(listener: (prefix: PrefixId) => void): () => void {
    this.pathListeners.add(listener);
    return () => this.pathListeners.delete(listener);
  }

  /** The next hop resolves otherwise than before: decides again wherever an accepted path leads through it. */
  nextHopChanged(id: NextHopId): void {
    this.nextNextHops.add(id);
    this.context.wake();
  }

  /** Whether the path was announced in the source's present session, and is not merely kept from the one before. */
  isCurrent(path: PathId): boolean {
    return this.epochs.isOfSession(this.paths.source[path] as SourceId, this.paths.epoch[path]);
  }

  /** Whether the path was announced since the source's session, or the refresh that is under way, began. */
  isUpToDate(path: PathId): boolean {
    return this.paths.epoch[path] === this.epochs.of(this.paths.source[path] as SourceId);
  }

  /** The path that the decision process chose, or NONE. */
  best(prefix: PrefixId): PathId | typeof NONE {
    return this.paths.bestOf(prefix);
  }

  /** Whether paths of the prefix have changed since it was last decided: `best` may be missing only for the moment. */
  isUndecided(prefix: PrefixId): boolean {
    return prefix < this.flags.length && (this.flags[prefix] & DIRTY) !== 0;
  }

  /** The paths to forward by: the best, and with it those that tie with it, as far as `maxPaths` allows. */
  multipath(prefix: PrefixId): PathId[] {
    const best = this.paths.bestOf(prefix);
    if (best === NONE) return [];
    if (this.context.maxPaths === 1) return [best as PathId];
    const chosen = [best as PathId];
    for (const path of this.chain(prefix)) {
      if (path !== best && (this.paths.flags[path] & MULTIPATH) !== 0) chosen.push(path);
    }
    return chosen;
  }

  /** All paths of a prefix, in no particular order. The table must not change meanwhile. */
  *chain(prefix: PrefixId): Generator<PathId> {
    for (let path = this.paths.firstOf(prefix); path !== NONE; path = this.paths.next[path] as PathId) {
      yield path as PathId;
    }
  }

  /** Prefixes that wait for the decision process. */
  get dirtyCount(): number {
    return this.dirty.size;
  }

  /** Prefixes without paths whose ids wait for their consumers. */
  get unusedCount(): number {
    return this.unused.size;
  }

  get hasWork(): boolean {
    return this.dirty.size > 0 || this.cursor >= 0 || this.sweepRequested;
  }

  /** Whether a sweep that concerns the source is requested or under way. */
  isSweeping(source: SourceId): boolean {
    return this.jobs.has(source);
  }

  /** Decides dirty prefixes until `deadline`. Returns whether more are left. */
  decide(deadline: number): boolean {
    let n = 0;
    for (let prefix = this.dirty.shift(); prefix >= 0; prefix = this.dirty.shift()) {
      this.decidePrefix(prefix as PrefixId);
      if ((++n & 63) === 0 && performance.now() >= deadline) break;
    }
    return this.dirty.size > 0;
  }

  /** Goes on with the sweep until `deadline`, beginning one if something asks for it. Returns whether more is left. */
  sweep(deadline: number): boolean {
    if (this.cursor < 0) {
      if (!this.sweepRequested) return false;
      this.beginSweep();
    }
    const { paths, nextHopMarks, all } = this;
    const jobs = this.jobs.bySource;
    const { nextHopId } = this.context.sets;
    const byNextHop = nextHopMarks.length > 0;
    const { removesSeveral } = this.jobs;
    const end = paths.highWater;
    let path = this.cursor;
    for (; path < end; path++) {
      if ((path & 1023) === 1023 && performance.now() >= deadline) {
        this.cursor = path;
        return true;
      }
      const prefix = paths.prefix[path];
      if (prefix === NONE) continue;
      const job = jobs[paths.source[path]];
      if (job !== undefined && this.perform(job, path as PathId, prefix as PrefixId)) {
        if (removesSeveral) this.removeOthers(prefix as PrefixId);
        continue;
      }
      if (all || (byNextHop && nextHopMarks[nextHopId[paths.accepted[path]]] === 1)) {
        this.markDirty(prefix as PrefixId, all ? MULTIPATH_CHANGED : this.changeByDistance(path, prefix));
      }
    }
    this.cursor = -1;
    this.jobs.done(this.epochs);
    return this.sweepRequested;
  }

  /** What another distance to a path's next hop changes, whichever path is the best: AIGP is told with it added (RFC 7311 §3.4.3). */
  private changeByDistance(path: number, prefix: number): number {
    const { sets } = this.context;
    if (sets.aigpCount === 0 || this.paths.best[prefix] !== path) return 0;
    return sets.hasAigp(this.paths.accepted[path] as AttrSetId) ? BEST_CHANGED : 0;
  }

  /**
   * Gives ids of prefixes without paths back where no consumer needs them any more; the others stay for next time.
   * When few are left of many, the columns are cut to fit. Returns whether the deadline came first; called again, it goes
   * on from there, and looks at each once before it says that all were looked at.
   */
  reclaim(deadline: number): boolean {
    if (this.unusedToLookAt === 0) this.unusedToLookAt = this.unused.size;
    while (this.unusedToLookAt > 0) {
      const n = --this.unusedToLookAt;
      const prefix = this.unused.shift() as PrefixId;
      this.flags[prefix] &= ~UNUSED;
      if (this.paths.firstOf(prefix) === NONE && (this.flags[prefix] & DIRTY) === 0) {
        if (this.context.isClaimed(this.family, prefix)) this.leaveUnused(prefix);
        else this.prefixes.release(prefix);
      }
      if (n > 0 && (n & 63) === 0 && performance.now() >= deadline) return true;
    }
    this.prefixes.trim();
    if (this.cursor < 0 && this.paths.isSparse(this.prefixes.highWater)) {
      this.paths.compact(this.prefixes.highWater);
      this.context.shrunk();
      if (this.prefixes.highWater < this.flags.length >> 2) {
        this.flags = this.flags.slice(0, Math.max(1024, this.prefixes.highWater));
      }
    }
    return false;
  }

  /** Bytes of the tables of this family. */
  memoryBytes(): number {
    return this.prefixes.memoryBytes() + this.paths.memoryBytes() + this.flags.byteLength;
  }

  private get sweepRequested(): boolean {
    return !this.jobs.isEmpty || this.nextNextHops.size > 0 || this.nextAll;
  }

  private job(source: SourceId): SourceJob {
    this.epochs.reserve(source);
    this.context.wake();
    return this.jobs.request(source);
  }

  private countAnew(source: SourceId): void {
    this.context.sources.counts(source)[this.family].upToDate = 0;
  }

  private beginSweep(): void {
    this.jobs.begin();
    let highest = -1;
    for (const id of this.nextNextHops) highest = Math.max(highest, id);
    this.nextHopMarks = new Uint8Array(highest + 1);
    for (const id of this.nextNextHops) this.nextHopMarks[id] = 1;
    this.nextNextHops.clear();
    this.all = this.nextAll;
    this.nextAll = false;
    this.cursor = 0;
  }

  /** Does to one path what is asked of its source's. Returns true when the path is gone. */
  private perform(job: SourceJob, path: PathId, prefix: PrefixId): boolean {
    const { paths } = this;
    if (job.removeUpTo !== null && Epochs.isUpTo(paths.epoch[path], job.removeUpTo)) {
      this.remove(path, prefix);
      return true;
    }
    const source = paths.source[path] as SourceId;
    if (job.ageTo !== null && Epochs.isUpTo(paths.epoch[path], job.ageTo)) paths.epoch[path] = job.ageTo;
    if (job.refilter !== null) this.judgeAnew(path, prefix, job.refilter);
    const mark = job.mark && this.isStale(path) ? this.longLived.get(source) : undefined;
    if (mark !== undefined) {
      const before = paths.accepted[path] as AttrSetId;
      const decisive = before === 0 ? paths.received[path] : before;
      if ((this.context.sets.communityFlags[decisive] & NO_LLGR) !== 0) {
        this.remove(path, prefix);
        return true;
      }
      this.context.sets.retain(before);
      this.accept(path, prefix, before, this.marked(before, mark));
    }
    if (job.redecide) this.markDirty(prefix, BEST_CHANGED);
    return false;
  }

  /** Removes what goes with a path that was removed, so that its prefix is decided once and not for each source that left. */
  private removeOthers(prefix: PrefixId): void {
    const { paths } = this;
    const jobs = this.jobs.bySource;
    for (let path = paths.first[prefix]; path !== NONE; ) {
      const next = paths.next[path];
      const upTo = jobs[paths.source[path]]?.removeUpTo ?? null;
      if (upTo !== null && Epochs.isUpTo(paths.epoch[path], upTo)) this.remove(path as PathId, prefix);
      path = next;
    }
  }

  /** Runs an import filter over a path. What bears the mark of long-lived paths keeps it (RFC 9494 §4.3). */
  private judgeAnew(path: PathId, prefix: PrefixId, refilter: Refilter): void {
    const { paths } = this;
    const before = paths.accepted[path] as AttrSetId;
    const accepted = refilter(prefix, paths.received[path] as AttrSetId);
    const mark = this.longLived.get(paths.source[path] as SourceId);
    // What was rejected bears no mark, and would have it; what became stale since then is not long-lived yet.
    const isMarked = before === 0 || (this.context.sets.communityFlags[before] & LLGR_STALE) !== 0;
    const keepsMark = mark !== undefined && isMarked && this.isStale(path);
    this.accept(path, prefix, before, keepsMark ? this.marked(accepted, mark) : accepted);
  }

  /** The set in long-lived form; takes the reference over and returns one. */
  private marked(accepted: AttrSetId, mark: LongLivedMark): AttrSetId {
    if (accepted === 0) return accepted;
    const marked = mark(accepted);
    this.context.sets.release(accepted);
    return marked;
  }

  /** Puts `accepted` (whose reference it takes over) in place of `before`. */
  private accept(path: PathId, prefix: PrefixId, before: AttrSetId, accepted: AttrSetId): void {
    const { paths } = this;
    paths.accepted[path] = accepted;
    this.context.sets.release(before);
    if (before === accepted) return;
    this.tell(path, prefix, ACCEPTED_CHANGED);
    const counts = this.context.sources.counts(paths.source[path] as SourceId)[this.family];
    counts.accepted += (accepted !== 0 ? 1 : 0) - (before !== 0 ? 1 : 0);
    this.touched(path, prefix, accepted === 0);
  }

  /** Tells the watcher of another announcement in place of a path's former one, before it takes that place. */
  private tellAnnounced(path: PathId, prefix: PrefixId, received: AttrSetId, accepted: AttrSetId): void {
    const { paths } = this;
    const isNew = !this.isCurrent(path);
    const what =
      (isNew || received !== paths.received[path] ? RECEIVED_CHANGED : 0) |
      (accepted !== paths.accepted[path] || (isNew && accepted !== 0) ? ACCEPTED_CHANGED : 0) |
      (accepted === 0 ? PATH_REJECTED : 0);
    const { watcher } = this.context;
    watcher?.(this.family, prefix, paths.source[path] as SourceId, paths.receivedPathId(path), what);
  }

  /** Tells the watcher of what changes about a path of the present session. */
  private tell(path: PathId, prefix: PrefixId, what: number): void {
    const { watcher } = this.context;
    if (watcher === null || !this.isCurrent(path)) return;
    const { paths } = this;
    watcher(this.family, prefix, paths.source[path] as SourceId, paths.receivedPathId(path), what);
  }

  private remove(path: PathId, prefix: PrefixId): void {
    const { sets, sources } = this.context;
    const { paths } = this;
    const received = paths.received[path] as AttrSetId;
    const accepted = paths.accepted[path] as AttrSetId;
    this.tell(path, prefix, PATH_GONE | RECEIVED_CHANGED | (accepted !== 0 ? ACCEPTED_CHANGED : 0));
    const counts = sources.counts(paths.source[path] as SourceId)[this.family];
    counts.received--;
    if (this.isUpToDate(path)) counts.upToDate--;
    if (accepted !== 0) counts.accepted--;
    this.touched(path, prefix, true);
    paths.remove(path);
    sets.release(received);
    sets.release(accepted);
  }

  /** A path changed or is going. One that goes is no longer the best from now on, so that nobody reads what is freed. */
  private touched(path: PathId, prefix: PrefixId, going: boolean): void {
    const { paths } = this;
    let change = 0;
    if (paths.best[prefix] === path) {
      change = BEST_CHANGED;
      if (going) {
        paths.best[prefix] = NONE;
        this.bestCount--;
      }
    }
    if ((paths.flags[path] & MULTIPATH) !== 0) {
      change |= MULTIPATH_CHANGED;
      if (going) paths.flags[path] &= ~MULTIPATH;
    }
    this.markDirty(prefix, change);
  }

  private markDirty(prefix: PrefixId, change: number): void {
    if (prefix >= this.flags.length) this.growFlags(prefix);
    const before = this.flags[prefix];
    this.flags[prefix] = (before & ~ONE_CAME) | change | DIRTY;
    if ((before & DIRTY) !== 0) return;
    this.dirty.push(prefix);
    if (this.dirty.size === 1) this.context.wake();
  }

  /** An accepted path has come to the head of the prefix's chain. */
  private markCame(prefix: PrefixId): void {
    const isDecided = !this.isUndecided(prefix);
    this.markDirty(prefix, 0);
    if (isDecided) this.flags[prefix] |= ONE_CAME;
  }

  private growFlags(prefix: PrefixId): void {
    const flags = new Uint8Array(Math.max(prefix + 1, this.flags.length * 2));
    flags.set(this.flags);
    this.flags = flags;
  }

  private decidePrefix(prefix: PrefixId): void {
    const { paths } = this;
    const flags = this.flags[prefix];
    let change = flags & (BEST_CHANGED | MULTIPATH_CHANGED);
    const first = paths.first[prefix] as PathId;
    const before = paths.best[prefix] as PathId | typeof NONE;
    const { decision } = this;
    let best: PathId | typeof NONE = NONE;
    if ((flags & ONE_CAME) !== 0 && before !== NONE) {
      best = decision.challenge(before as PathId, first, (flags & LEVEL) !== 0);
    }
    if (best === NONE) best = decision.best(first);
    this.flags[prefix] = (flags & UNUSED) | (decision.isLevel ? LEVEL : 0);
    if (best !== before) {
      change |= BEST_CHANGED;
      if (before === NONE) this.bestCount++;
      else if (best === NONE) this.bestCount--;
      paths.best[prefix] = best;
    }
    if (this.context.maxPaths > 1 && this.chooseMultipath(prefix, first)) change |= MULTIPATH_CHANGED;
    if (change !== 0) this.context.changed(this.family, prefix, change);
    if (this.pathListeners.size > 0) for (const listener of this.pathListeners) listener(prefix);
    if (first === NONE) this.leaveUnused(prefix);
  }

  /** Marks the paths to forward by; returns whether they are others than before. */
  private chooseMultipath(prefix: PrefixId, first: PathId): boolean {
    const { flags, next } = this.paths;
    const chosen =
      first !== NONE && next[first] === NONE
        ? [this.paths.best[prefix]]
        : this.decision.multipath(first, this.context.maxPaths);
    let changed = false;
    for (let path: number = first; path !== NONE; path = next[path]) {
      const now = chosen.includes(path as PathId) ? MULTIPATH : 0;
      if (now === (flags[path] & MULTIPATH)) continue;
      flags[path] ^= MULTIPATH;
      changed = true;
    }
    return changed;
  }

  private leaveUnused(prefix: PrefixId): void {
    if ((this.flags[prefix] & UNUSED) !== 0) return;
    this.flags[prefix] |= UNUSED;
    this.unused.push(prefix);
  }
}
