/**
 * BMP, the BGP Monitoring Protocol (RFC 7854, RFC 9069 for the Loc-RIB), as its messages: bytes alone, no sockets.
 * Who connects to collectors and what they are told stands in `daemon/bmp`. A router only talks and a collector only
 * listens, so nothing is decoded here.
 *
 *     common header   version 3, length, type
 *     per-peer header type (0: a session's Adj-RIB-In, 3: the Loc-RIB), flags, address, AS number, identifier, time
 *     then            what the type has: UPDATEs, OPENs, a NOTIFICATION, statistics, information in type-length-value
 *
 * AS numbers in Route Monitoring always have four octets, whatever the session has, and AS4_PATH is folded in; the A
 * flag is therefore clear (RFC 7854 §4.2). Mirrored messages are as they came, and have the flag of their session.
 */
export * from './peer-header.js';
export * from './types.js';
export { BmpWriter, type Information, type PeerUp, type Statistic } from './writer.js';
