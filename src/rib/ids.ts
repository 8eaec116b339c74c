/**
 * Dense 32-bit ids into the RIB's parallel arrays. Branded, so that one can't be passed for another.
 * An id is recycled when what it named is gone: whoever keeps one across a turn of the event loop holds a
 * reference (attribute sets) or a generation (caches).
 */
export type PrefixId = number & { readonly brand: 'PrefixId' };
export type PathId = number & { readonly brand: 'PathId' };
export type AttrSetId = number & { readonly brand: 'AttrSetId' };
/** What an update group sends: an attribute set, as it is or changed by one of the group's recipes; see OutgoingSets. */
export type OutgoingId = number & { readonly brand: 'AttrSetId' | 'OutgoingId' };
export type NextHopId = number & { readonly brand: 'NextHopId' };
export type SourceId = number & { readonly brand: 'SourceId' };
/** An entry of the FIB's forwarding table: how to forward, shared by all routes that forward alike. */
export type ForwardingId = number & { readonly brand: 'ForwardingId' };

/** A place in the Adj-RIB-Out of a group that announces several paths of a prefix; see PathSlots. */
export type SlotId = number & { readonly brand: 'SlotId' };
/** What an Adj-RIB-Out is keyed by: prefixes, or slots where several paths of a prefix are announced. */
export type RouteKey = PrefixId | SlotId;

/** No path, no prefix. */
export const NONE = -1;
/** The attribute set of a path that the import filter rejected, or of an Adj-RIB-Out entry that announces nothing. */
export const REJECTED = 0 as AttrSetId;
