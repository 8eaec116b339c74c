/**
 * Route policy: what is accepted from a peer and in which form, and what is announced to peers and in which form.
 *
 *     received set ──own checks──▶  import filters ──edits──▶ accepted set            (Importer, one per peer and family)
 *     best path ──▶ export filters ──edits──▶ built-in treatment ──▶ outgoing set     (Exporter, one per update group)
 *
 * Filters (`CompiledPolicy`) never touch a route. Their conditions look at its prefix, or at its attributes and source
 * (`RouteView`, which shows them as the rules before left them). They give a verdict and the edits they want; the treatment, which
 * knows what BGP itself demands, adds its own and writes the new canonical set in one pass (`SetRewriter`). All of
 * these are pure functions over bytes. `Importer` and `Exporter` put them over the RIB's tables and remember results
 * per attribute set (`SetCache`), as nearly all routes share theirs with others.
 *
 * Beside it stands what packets go through on their way to a next hop (`decideEncapsulation`, by pools and nodes).
 *
 * RFC 4271 §5 and §9, RFC 1997 (well-known communities), RFC 2545 (IPv6 next hops), RFC 4360 (extended
 * communities), RFC 4456 (route reflection), RFC 5065 (confederations), RFC 6811 (origin validation, by data of others), RFC 7311 (AIGP), RFC 7705 (a local AS),
 * RFC 7999 (BLACKHOLE), RFC 8092 (large communities), RFC 8097 (its state as a community), RFC 8212 (external peers
 * without a filter), RFC 8326 (graceful shutdown), RFC 9234 (only to customers), RFC 9494 (long-lived
 * stale routes).
 */
export * from './as-path-edits.js';
export { AsPathRegex, AsPathRegexError } from './as-path-regex.js';
export * from './communities.js';
export * from './edits.js';
export * from './encapsulation.js';
export * from './export-treatment.js';
export * from './exporter.js';
export * from './filters.js';
export * from './import-treatment.js';
export * from './importer.js';
export { LongLivedMarker, type LongLivedStale } from './long-lived.js';
export type { OtcFacts } from './only-to-customer.js';
export { type Backend, backends, type Pool, PoolTable } from './pools.js';
export * from './rewrite.js';
export type { RouteSource } from './route-view.js';
export type * from './types.js';
export * from './validation.js';
