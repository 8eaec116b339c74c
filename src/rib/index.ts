/**
 * The RIB: what routes exist, which of them is the best for each prefix, and where their next hops lead.
 *
 *     source announces (prefix, attribute set) ─▶ path ─▶ dirty prefix ─▶ decision process ─▶ best path ─▶ listeners
 *                                                              ▲                                │
 *                                          next hop changed ───┴── next-hop tracking ◀──────────┘
 *
 * Routes are rows, not objects. Prefixes, paths, attribute sets and next hops have dense integer ids, and their fields
 * lie in parallel typed arrays by id; a million routes are some dozens of columns and nothing for the garbage collector.
 *
 * - `PrefixTable` (one per family): prefix ⇄ id. Its keys lie in shared memory, for the kernel thread.
 * - `AttrSets`: path attributes as canonical bytes, each distinct set once, with what the decision compares beside it.
 * - `Sources`: peers and the node's own route sources.
 * - `Paths`: for each prefix a chain of (source, path id, set as received, set as accepted).
 * - `Decision`: RFC 4271 §9.1.2 as numbered steps; a pure reading of the tables.
 * - `NextHopTable`: every next hop, how it resolves, and who hears when that changes.
 * - `UpdateGroup` (with `AdjRibOut`, `Stream`, `PendingRoutes`): what peers of the same treatment are told, encoded once.
 *   `OutgoingSets`: accepted sets as they go out, written when they are encoded.
 *   `PathSlots`: the keys of all that where they are told several paths per prefix.
 * - `FamilyRib` and `Rib` put these together and do the work in slices (`Slices`), a few milliseconds at a time.
 *
 * The canonical bytes hold references to nothing; an attribute set holds one on its next hop, a path two on its sets.
 * Who else keeps a set's id retains it, who keeps a prefix's id registers a claim, and nobody keeps a path's id.
 *
 * RFC 4271 §9 (decision), RFC 4456 §9 (route reflection), RFC 4724 §4.2 (stale routes), RFC 2545 (IPv6 next hops),
 * RFC 7311 §4 (AIGP), RFC 7911 (path identifiers).
 */
export * from './attr-sets.js';
export * from './decision.js';
export * from './family-rib.js';
export * from './ids.js';
export * from './next-hops.js';
export * from './outgoing-sets.js';
export * from './path-slots.js';
export * from './paths.js';
export * from './prefix-table.js';
export * from './rib.js';
export * from './slices.js';
export * from './sources.js';
export * from './update-group.js';
