/**
 * BGP's messages as bytes, and bytes as BGP's messages: no sockets, no state of a session, no routes.
 *
 * Bytes from a peer go through the `Framer`, which cuts the TCP stream into messages without copying what lies whole
 * in a chunk. OPEN, NOTIFICATION and ROUTE-REFRESH become plain objects. An UPDATE becomes no object at all: the
 * `UpdateDecoder` answers with ranges of prefixes in the received bytes, already checked, and with the path attributes
 * in one *canonical* form, which the RIB interns as bytes and the policy rewrites with the `CanonicalBuilder`.
 * Outwards, the `UpdateEncoder` takes a canonical set and prefixes and packs them into messages.
 *
 * A canonical set:
 *
 *     octet 0        family of the prefixes it belongs to (0 IPv4, 1 IPv6)
 *     octet 1        length of the next hop: 0 (this router, not filled in yet), 4, 16 or 32 (global and link-local)
 *     then           the next hop
 *     then           path attributes as on the wire (flags, type, length in one octet, or in two with the
 *                    extended-length flag where it exceeds 255, value), each type once, sorted by type
 *
 * NEXT_HOP, MP_REACH_NLRI, MP_UNREACH_NLRI, AS4_PATH and AS4_AGGREGATOR do not occur in it: they are folded into the
 * head, the prefixes and AS_PATH and AGGREGATOR, whose AS numbers always have four octets. LOCAL_PREF, ORIGINATOR_ID
 * and CLUSTER_LIST from external peers are gone, unknown optional attributes are kept if transitive, with the partial
 * bit set. So two sets mean the same exactly when their bytes are the same.
 *
 * What a peer gets wrong is a `WireError`, returned, with its severity after RFC 7606. Nothing here throws because of
 * received bytes.
 *
 * RFC 4271 (BGP-4), 4760 and 2545 (multiprotocol, IPv6), 5492 and 9072 (capabilities), 6793 (4-octet AS), 7606 and 7607
 * (errors), 2918 and 7313 (route refresh), 4724, 8538 and 9494 (graceful restart), 1997, 4360, 8092 (communities), 4456
 * (reflection), 5065 (confederations), 7311 (AIGP), 7911 (path identifiers), 8654 (extended messages), 8950 (IPv4 over IPv6 next hops), 9003 (shutdown text).
 */
export * from './aigp.js';
export * from './as-path.js';
export * from './attributes.js';
export * from './canonical.js';
export * from './capabilities.js';
export * from './describe.js';
export * from './framer.js';
export * from './keepalive.js';
export * from './nlri.js';
export * from './notification.js';
export * from './open.js';
export * from './route-refresh.js';
export * from './types.js';
export * from './update-decoder.js';
export * from './update-encoder.js';
export * from './update-path-ids.js';
export { type DecodeContext, UpdateResult } from './update-result.js';
