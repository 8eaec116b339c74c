/**
 * What filters want changed in a route, as a value: the `set` parts of all rules that applied, put together. Later
 * ones win over earlier ones.
 */
import type { Address } from '../address/index.js';
import type { FilterSet } from './types.js';

/** `(replace, or what is there) without `remove`, and `add` behind it. */
export interface CommunityEdits {
  readonly replace: readonly number[] | null;
  readonly remove: readonly number[];
  readonly add: readonly number[];
}

/** null: not touched. */
export interface RouteEdits {
  readonly nextHop: 'self' | 'unchanged' | Address | null;
  readonly localPref: number | null;
  readonly med: number | 'remove' | null;
  readonly communities: CommunityEdits | null;
}

export const noEdits: RouteEdits = Object.freeze({
  nextHop: null,
  localPref: null,
  med: null,
  communities: null,
});

const none: readonly number[] = [];

/** The edits and then a rule's `set`. Within one `set`, communities are first replaced, then removed, then added. */
export function withSet(edits: RouteEdits, set: FilterSet): RouteEdits {
  return {
    nextHop: set.nextHop ?? edits.nextHop,
    localPref: set.localPref ?? edits.localPref,
    med: set.med ?? edits.med,
    communities: set.communities === undefined ? edits.communities : withCommunities(edits.communities, set),
  };
}

function withCommunities(before: CommunityEdits | null, set: FilterSet): CommunityEdits | null {
  const { set: replace, remove = none, add = none } = set.communities ?? {};
  if (replace !== undefined) return { replace, remove, add };
  if (before === null) return { replace: null, remove, add };
  return {
    replace: before.replace,
    remove: [...before.remove, ...remove],
    add: [...before.add.filter((community) => !remove.includes(community)), ...add],
  };
}

/** The communities of a route after the edits, each once, in order. */
export function editCommunities(present: readonly number[], edits: CommunityEdits | null): readonly number[] {
  if (edits === null) return present;
  const kept = (edits.replace ?? present).filter((community) => !edits.remove.includes(community));
  return [...new Set([...kept, ...edits.add])];
}
