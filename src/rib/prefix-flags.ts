/** What the RIB notes of a prefix in one octet, beside BEST_CHANGED and MULTIPATH_CHANGED. */

/** The prefix waits for `decide`, and for `reclaim`. */
export const DIRTY = 4;
export const UNUSED = 8;
/** The prefix was decided, and since then one accepted path came and nothing else changed; it is the first of the chain. */
export const ONE_CAME = 16;
/** `Decision.isLevel` when it was decided. */
export const LEVEL = 32;
