/** Who looks at paths one by one (BMP), and what is said of them. */
import type { FamilyIndex } from '../address/index.js';
import type { PrefixId, SourceId } from './ids.js';

/** What a watcher is told of: the set as received, and as accepted, is another one (or there is none any more). */
export const RECEIVED_CHANGED = 1;
export const ACCEPTED_CHANGED = 2;
/** Beside these: the path is gone; the import filter rejects what was announced. */
export const PATH_GONE = 4;
export const PATH_REJECTED = 8;

/**
 * Told of every path of the present session that is announced, withdrawn or judged anew, also where nothing changed by
 * it. Called in the middle of the change: it looks at nothing and only notes.
 */
export type PathWatcher = (
  family: FamilyIndex,
  prefix: PrefixId,
  source: SourceId,
  pathId: number,
  what: number,
) => void;
