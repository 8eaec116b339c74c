/**
 * Origin validation's data: from RPKI caches to a table of VRPs (Validated ROA Payloads).
 *
 *     cache ⇄ client ⇄ machine ──records──▶ VrpTable ◀──which one is in force── RpkiCaches
 *                                              │ validate(prefix, origin AS)          │ changed prefixes
 *                                              ▼                                      ▼
 *                                          policy                               judged again
 *
 * `pdu` is the codec, `machine` the protocol with one cache (pure), `client` its socket and clocks, `caches` the choice
 * among several. What a cache sends is prepared beside what holds and takes its place in one step at End of Data, so
 * that no route is judged by half an answer. Nothing here knows BGP: a route is a prefix and an AS number.
 *
 * RFC 8210 (version 1; §7 version negotiation, §10 several caches), RFC 6810 (version 0), draft-ietf-sidrops-8210bis
 * (version 2, whose ASPA records are passed over), RFC 6811 §2 (valid, invalid, not found).
 */
export * from './caches.js';
export type { RtrState } from './machine.js';
export type { PrefixCover } from './prefix-cover.js';
export * from './types.js';
export { VrpTable } from './vrp-table.js';
