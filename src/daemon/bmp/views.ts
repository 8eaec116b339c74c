/**
 * What a collector is told of routes, and what is left to tell: a view is one table as one collector sees it. It keeps no
 * messages, but which prefixes changed since they were last told; what is told of one is what the table says when its
 * turn comes (RFC 7854 §5 calls that state compression).
 */
import type { FamilyIndex } from '../../address/index.js';
import type { FamilyRib } from '../../rib/family-rib.js';
import { type AttrSetId, NONE, type PathId, type PrefixId, REJECTED, type SourceId } from '../../rib/ids.js';
import { PrefixSet } from '../../rib/prefix-set.js';
import type { RouteBatch } from './batch.js';

export abstract class View {
  /** By family: prefixes to look at. */
  readonly dirty: readonly [PrefixSet, PrefixSet] = [new PrefixSet(), new PrefixSet()];
  /** By family: an End-of-RIB is to follow when nothing is dirty. */
  readonly endOfRibDue: [boolean, boolean] = [false, false];
  /** By family: all that there was at the beginning has been told. */
  readonly synced: [boolean, boolean] = [false, false];

  /** `header`: the per-peer header of its messages. */
  constructor(
    readonly header: Buffer,
    /** By family: prefixes have path identifiers (RFC 7911). */
    readonly addPath: readonly [boolean, boolean],
  ) {}

  /** Adds what the table says of the prefix now. */
  abstract collect(table: FamilyRib, prefix: PrefixId, batch: RouteBatch): void;

  /** What it keeps beside the sets of prefixes, in entries. */
  get goneCount(): number {
    return 0;
  }

  hasWork(family: FamilyIndex): boolean {
    return this.dirty[family].size > 0 || this.endOfRibDue[family];
  }

  clear(): void {
    for (const family of [0, 1] as const) {
      this.dirty[family].clear();
      this.endOfRibDue[family] = false;
    }
  }
}

/** Adj-RIB-In of one session, before or after the import policy. */
export class AdjRibInView extends View {
  /** By prefix: path identifiers that were withdrawn. Sessions without them need only the prefix. */
  private readonly gone: readonly [Map<PrefixId, Set<number>>, Map<PrefixId, Set<number>>] = [
    new Map(),
    new Map(),
  ];
  private goneIds = 0;

  constructor(
    header: Buffer,
    private readonly source: SourceId,
    private readonly postPolicy: boolean,
    addPath: readonly [boolean, boolean],
  ) {
    super(header, addPath);
  }

  override get goneCount(): number {
    return this.goneIds;
  }

  changed(family: FamilyIndex, prefix: PrefixId, pathId: number, isGone: boolean): void {
    this.dirty[family].add(prefix);
    if (!isGone || !this.addPath[family]) return;
    const ids = this.gone[family].get(prefix);
    if (ids?.has(pathId)) return;
    this.goneIds++;
    if (ids === undefined) this.gone[family].set(prefix, new Set([pathId]));
    else ids.add(pathId);
  }

  override collect(table: FamilyRib, prefix: PrefixId, batch: RouteBatch): void {
    const { paths, family } = table;
    const gone = this.gone[family].get(prefix);
    if (gone !== undefined) {
      this.gone[family].delete(prefix);
      this.goneIds -= gone.size;
      for (const pathId of gone) {
        if (paths.find(prefix, this.source, pathId) === NONE) batch.add(prefix, REJECTED, pathId);
      }
    }
    const sets = this.postPolicy ? paths.accepted : paths.received;
    let found = false;
    for (let path: number = paths.firstOf(prefix); path !== NONE; path = paths.next[path]) {
      if (paths.source[path] !== this.source || !table.isCurrent(path as PathId)) continue;
      found = true;
      batch.add(prefix, sets[path] as AttrSetId, paths.receivedPathId(path as PathId));
    }
    if (!found && !this.addPath[family]) batch.add(prefix, REJECTED, 0);
  }

  override clear(): void {
    super.clear();
    for (const gone of this.gone) gone.clear();
    this.goneIds = 0;
  }
}

/** The best path of each prefix (RFC 9069). */
export class LocRibView extends View {
  constructor(header: Buffer) {
    super(header, [false, false]);
  }

  override collect(table: FamilyRib, prefix: PrefixId, batch: RouteBatch): void {
    const best = table.best(prefix);
    // A best path that went is not replaced yet: to look now would be to withdraw what is about to be announced. The
    // decision is told of, whatever it is.
    if (best === NONE && table.isUndecided(prefix)) return;
    batch.add(prefix, best === NONE ? REJECTED : (table.paths.accepted[best] as AttrSetId), 0);
  }
}
