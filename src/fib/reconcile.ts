/**
 * The next step for one prefix, as a pure function of what is desired, what of ours the kernel holds, and what others
 * hold. The reconciler asks again after each answer of the kernel, so that a sequence of single steps leads from any
 * observed state to the desired one, and every state between them forwards:
 *
 * - what is new is created, never written over something (`CREATE|EXCL`);
 * - what we hold at the same metric is replaced in place;
 * - what we hold at the other metric goes only when the desired route stands;
 * - a metric that someone else holds is never written to. If theirs joins ours there (an address that comes back brings
 *   its connected route behind ours), ours gives way: it is deleted by its own protocol and hops, for a replacement
 *   could hit theirs.
 */

/** Nothing to do: the kernel holds what is desired, or what is held for now. */
export const STEP_NONE = 0 as const;
/** Create the target at the desired metric. */
export const STEP_ADD = 1 as const;
/** Replace ours at the desired metric by the target. */
export const STEP_REPLACE = 2 as const;
/** Delete ours of metric class 0. */
export const STEP_DELETE0 = 3 as const;
/** Delete ours of metric class 1. */
export const STEP_DELETE1 = 4 as const;
/** Someone else holds the desired metric: wait until they let go. */
export const STEP_CONFLICT = 5 as const;
/** The target can't be written now (its nexthop object is missing): wait. */
export const STEP_WAIT = 6 as const;

export type Step =
  | typeof STEP_NONE
  | typeof STEP_ADD
  | typeof STEP_REPLACE
  | typeof STEP_DELETE0
  | typeof STEP_DELETE1
  | typeof STEP_CONFLICT
  | typeof STEP_WAIT;

/** One prefix, as far as the next step depends on it. Forms are interned ids (see route-forms), 0 means none. */
export interface PrefixState {
  /** Something is desired. */
  desired: boolean;
  metricClass: 0 | 1;
  /** What to write; 0: can't be written now. */
  target: number;
  /** Forwards the same as the target: no reason to write. */
  equivalent: number;
  /** Ours in the kernel, per metric class. */
  applied0: number;
  applied1: number;
  /** Someone else's route at our table, this prefix and the metric of the class. */
  foreign0: boolean;
  foreign1: boolean;
  /** Ours at the desired metric may be overwritten without harm to anybody (see route-forms). */
  replaceable: boolean;
  /** What is not desired may go (the sweep was, or the prefix was desired since the start). */
  mayRemove: boolean;
}

export function nextStep(s: PrefixState): Step {
  if (!s.desired) {
    if (!s.mayRemove) return STEP_NONE;
    if (s.applied0 !== 0) return STEP_DELETE0;
    return s.applied1 !== 0 ? STEP_DELETE1 : STEP_NONE;
  }
  const upper = s.metricClass === 1;
  const here = upper ? s.applied1 : s.applied0;
  const elsewhere = upper ? s.applied0 : s.applied1;
  const deleteHere = upper ? STEP_DELETE1 : STEP_DELETE0;
  const deleteElsewhere = upper ? STEP_DELETE0 : STEP_DELETE1;

  if (upper ? s.foreign1 : s.foreign0) {
    if (here !== 0) return deleteHere;
    return elsewhere !== 0 ? deleteElsewhere : STEP_CONFLICT;
  }
  const stands = here !== 0 && (here === s.target || here === s.equivalent);
  if (stands) return elsewhere !== 0 ? deleteElsewhere : STEP_NONE;
  if (s.target === 0) return STEP_WAIT;
  if (here === 0) return STEP_ADD;
  return s.replaceable ? STEP_REPLACE : deleteHere;
}
