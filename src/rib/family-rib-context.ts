/** What the RIB of one family needs of the RIB around it, and what it tells. */
import type { FamilyIndex } from '../address/index.js';
import type { AttrSets } from './attr-sets.js';
import type { AttrSetId, PrefixId } from './ids.js';
import type { NextHopTable } from './next-hops.js';
import type { PathWatcher } from './path-watcher.js';
import type { Sources } from './sources.js';

/** Another best path, none any more, or other attributes of the same. */
export const BEST_CHANGED = 1;
/** Another set of paths to forward by (only when more than one is allowed). */
export const MULTIPATH_CHANGED = 2;
export type ChangeListener = (family: FamilyIndex, prefix: PrefixId, change: number) => void;
/** The long-lived stale form of an accepted set, with one more reference, which is the caller's; 0 where it has none. */
export type LongLivedMark = (accepted: AttrSetId) => AttrSetId;

export interface FamilyRibContext {
  readonly sets: AttrSets;
  readonly sources: Sources;
  readonly nextHops: NextHopTable;
  maxPaths: number;
  /** Null: nobody looks at paths one by one. */
  watcher: PathWatcher | null;
  /** There is something to `decide`. */
  wake(): void;
  changed(family: FamilyIndex, prefix: PrefixId, change: number): void;
  /** Tables were cut after a mass withdrawal. */
  shrunk(): void;
  /** Whether some consumer still needs the id of a prefix that has no paths. */
  isClaimed(family: FamilyIndex, prefix: PrefixId): boolean;
}
