/**
 * MRT (RFC 6396): routing tables and received messages as records in a file, as RouteViews, RIS and other daemons
 * write them. Bytes alone, no files: those who read and write stand in `daemon/recording` and `cli/mrt`.
 *
 * A file is a row of records: time, type, subtype, length, body. `RecordFramer` cuts chunks of a file into records
 * without copying what lies whole in one; `decodeRecord` makes a value of a record; `describeRecord` makes the rows that
 * people and scripts see of it. The other way, `MrtWriter` appends records to a growing buffer; `encodeRecord` is the
 * same for one record as a value.
 *
 * Written are
 *
 *     TABLE_DUMP_V2   PEER_INDEX_TABLE, then a RIB_IPV4_UNICAST or RIB_IPV6_UNICAST for each prefix with an entry for
 *                     each path (the _ADDPATH forms of RFC 8050 where a path has an identifier)
 *     BGP4MP          MESSAGE_AS4 (MESSAGE for sessions with 2-octet AS numbers, as the subtype tells how AS_PATH is to
 *                     be read; the _ADDPATH forms of RFC 8050 for UPDATEs with path identifiers) and STATE_CHANGE_AS4
 *
 * and read these, their 2-octet forms, BGP4MP_ET and the _LOCAL forms. Records of any other type are passed over as
 * `other`. Whatever is wrong with the bytes is an `MrtFault`, returned: nothing here throws because of them.
 *
 * The attributes of an entry of a table are a canonical set (see bgp/wire) written out: AS numbers in four octets, the
 * next hop in NEXT_HOP or in an MP_REACH_NLRI that holds nothing else (RFC 6396 §4.3.4). Since a validator of path
 * attributes exists, they are read by it: the entry is made an UPDATE for its prefix again.
 */
export { readAttributes } from './attributes.js';
export { type DecodedRecord, decodeRecord } from './decode.js';
export { describeRecord, type MrtRow, TableView } from './describe.js';
export { fileNameFields, formatFileName, unknownField } from './file-name.js';
export { RecordFramer } from './framer.js';
export * from './types.js';
export { encodeRecord, MrtWriter } from './writer.js';
