/**
 * Long-lived stale routes (RFC 9494): how the mark is put on a set, and how such a route goes out. LLGR_STALE never comes
 * off again on the way (§4.3), whatever the filters say.
 */
import { type AttrSets, LLGR_STALE } from '../rib/attr-sets.js';
import { type AttrSetId, REJECTED } from '../rib/ids.js';
import { SetRewriter } from './rewrite.js';
import { readCommunities } from './route-view.js';
import { MISS, SetCache } from './set-cache.js';

export const LLGR_STALE_COMMUNITY = 0xffff0006;
const NO_EXPORT = 0xffffff01;

/**
 * What becomes of long-lived stale routes towards peers without the capability: they are withheld (§4.3), or, within our
 * AS, announced so that everybody prefers any other and nobody passes them on (§4.6).
 */
export type LongLivedStale = 'withhold' | 'lowest';

/** One scratch for all: a rewrite is interned before the next one begins. */
const out = new SetRewriter();

/** Makes the long-lived stale form of attribute sets, once for each. */
export class LongLivedMarker {
  private readonly cache: SetCache;

  constructor(private readonly sets: AttrSets) {
    this.cache = new SetCache(sets);
  }

  /** The set with LLGR_STALE (§4.2), with one more reference, which is the caller's; REJECTED where it has no room. */
  readonly mark = (set: AttrSetId): AttrSetId => {
    const { sets, cache } = this;
    if ((sets.communityFlags[set] & LLGR_STALE) !== 0) {
      sets.retain(set);
      return set;
    }
    const known = cache.find(set, 0, 0);
    if (known !== MISS) {
      sets.retain(known);
      return known;
    }
    const buffer = sets.buffer(set);
    const start = sets.start(set);
    const end = sets.end(set);
    out.reset();
    out.communities = [...readCommunities(buffer, start, end), LLGR_STALE_COMMUNITY];
    const marked = out.rewrite(buffer, start, end)
      ? sets.intern(out.buffer, 0, out.end, sets.scope[set])
      : REJECTED;
    cache.store(set, 0, 0, marked);
    return marked;
  };
}

/** States in `rewriter` what holds for a long-lived stale route in `buffer[start, end)` on its way out. */
export function keepStale(
  buffer: Buffer,
  start: number,
  end: number,
  { longLivedStale }: { readonly longLivedStale?: LongLivedStale },
  rewriter: SetRewriter,
): void {
  const lowest = longLivedStale === 'lowest';
  if (!lowest && rewriter.communities === null) return;
  const communities = [...(rewriter.communities ?? readCommunities(buffer, start, end))];
  for (const community of [LLGR_STALE_COMMUNITY, ...(lowest ? [NO_EXPORT] : [])]) {
    if (!communities.includes(community)) communities.push(community);
  }
  rewriter.communities = communities;
  if (lowest) rewriter.localPref = 0;
}
