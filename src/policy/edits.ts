/**
 * What filters want changed in a route, as a value: the `set` parts of all rules that applied, put together. Later
 * ones win over earlier ones. Numbers are absolute: what a rule added to is known when its `set` is taken in.
 */
import type { Address } from '../address/index.js';
import type { Validity } from '../rpki/types.js';
import { type CommunityPattern, fits, fitsWide, type WidePattern } from './communities.js';
import type { CommunityChange, FilterSet, Shift } from './types.js';
import { validationStateOf, validationStatePattern } from './validation.js';

const anyState: WidePattern = { text: validationStatePattern, hex: [validationStatePattern] };

/** `replace`, or what is there, without what fits `remove`, and `add` behind it. */
export interface ListEdits<Value, Pattern> {
  readonly replace: readonly Value[] | null;
  readonly remove: readonly Pattern[];
  readonly add: readonly Value[];
}
export type CommunityEdits = ListEdits<number, CommunityPattern>;
/** Of extended or large communities: octets in hex, 16 or 24 digits each. */
export type WideEdits = ListEdits<string, WidePattern>;

/** null: not touched. */
export interface RouteEdits {
  readonly nextHop: 'self' | 'unchanged' | Address | null;
  readonly localPref: number | null;
  readonly med: number | 'remove' | null;
  readonly aigp: number | 'remove' | null;
  readonly origin: number | null;
  /** In front of AS_PATH, nearest to us first; behind what BGP itself puts there. */
  readonly prepend: readonly number[] | null;
  readonly communities: CommunityEdits | null;
  readonly largeCommunities: WideEdits | null;
  readonly extendedCommunities: WideEdits | null;
}

export const noEdits: RouteEdits = Object.freeze({
  nextHop: null,
  localPref: null,
  med: null,
  aigp: null,
  origin: null,
  prepend: null,
  communities: null,
  largeCommunities: null,
  extendedCommunities: null,
});

/** What a `set` may refer to. */
export interface EditBase {
  /** Our own AS number. */
  readonly localAsn: number;
  /** As the rules before left them. */
  readonly localPref: number;
  readonly med: number;
  readonly validity: Validity;
}

const MOST = 0xffffffff;

/** The edits and then a rule's `set`. Within one `set`, communities are first replaced, then removed, then added. */
export function withSet(edits: RouteEdits, set: FilterSet, base: EditBase): RouteEdits {
  const { prepend } = set;
  return {
    nextHop: set.nextHop ?? edits.nextHop,
    localPref: set.localPref === undefined ? edits.localPref : shifted(set.localPref, base, 'localPref'),
    med: set.med === undefined ? edits.med : set.med === 'remove' ? 'remove' : shifted(set.med, base, 'med'),
    aigp: set.aigp ?? edits.aigp,
    origin: set.origin ?? edits.origin,
    prepend:
      prepend === undefined
        ? edits.prepend
        : [...new Array<number>(prepend.times).fill(prepend.asn ?? base.localAsn), ...(edits.prepend ?? [])],
    communities: withChange(edits.communities, set.communities, fits),
    largeCommunities: withChange(edits.largeCommunities, set.largeCommunities, fitsWide),
    extendedCommunities: withState(
      withChange(edits.extendedCommunities, set.extendedCommunities, fitsWide),
      set,
      base,
    ),
  };
}

function shifted(value: number | Shift, base: EditBase, key: 'localPref' | 'med'): number {
  return typeof value === 'number' ? value : Math.min(MOST, Math.max(0, base[key] + value.shift));
}

/** RFC 8097 §2: one state alone, ours. */
function withState(edits: WideEdits | null, set: FilterSet, { validity }: EditBase): WideEdits | null {
  if (set.validationState !== true) return edits;
  return withChange(edits, { remove: [anyState], add: [validationStateOf(validity)] }, fitsWide);
}

function withChange<Value, Pattern>(
  before: ListEdits<Value, Pattern> | null,
  change: CommunityChange<Value, Pattern> | undefined,
  fitting: (pattern: Pattern, value: Value) => boolean,
): ListEdits<Value, Pattern> | null {
  if (change === undefined) return before;
  const { set: replace, remove = [], add = [] } = change;
  if (replace !== undefined) return { replace, remove, add };
  if (before === null) return { replace: null, remove, add };
  return {
    replace: before.replace,
    remove: [...before.remove, ...remove],
    add: [...before.add.filter((value) => !remove.some((pattern) => fitting(pattern, value))), ...add],
  };
}

/** The communities of a route after the edits, each once, in order. */
export function editCommunities(present: readonly number[], edits: CommunityEdits | null): readonly number[] {
  return editList(present, edits, fits);
}

/** Extended or large communities, likewise. */
export function editWide(present: readonly string[], edits: WideEdits | null): readonly string[] {
  return editList(present, edits, fitsWide);
}

function editList<Value, Pattern>(
  present: readonly Value[],
  edits: ListEdits<Value, Pattern> | null,
  fitting: (pattern: Pattern, value: Value) => boolean,
): readonly Value[] {
  if (edits === null) return present;
  const { remove, add } = edits;
  const base = edits.replace ?? present;
  const kept =
    remove.length === 0 ? base : base.filter((value) => !remove.some((pattern) => fitting(pattern, value)));
  return [...new Set([...kept, ...add])];
}
