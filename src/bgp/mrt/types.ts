/** Numbers of RFC 6396 and RFC 8050, and records as values. */
import type { Address, Prefix } from '../../address/index.js';

/** RFC 6396 §4. */
export const MrtType = { tableDumpV2: 13, bgp4mp: 16, bgp4mpEt: 17 } as const;

/** RFC 6396 §4.3, RFC 8050 §4. */
export const TableDumpSubtype = {
  peerIndexTable: 1,
  ribIpv4Unicast: 2,
  ribIpv6Unicast: 4,
  ribIpv4UnicastAddPath: 8,
  ribIpv6UnicastAddPath: 10,
} as const;

/** RFC 6396 §4.4, RFC 8050 §3. */
export const Bgp4mpSubtype = {
  stateChange: 0,
  message: 1,
  messageAs4: 4,
  stateChangeAs4: 5,
  messageLocal: 6,
  messageAs4Local: 7,
  messageAddPath: 8,
  messageAs4AddPath: 9,
  messageLocalAddPath: 10,
  messageAs4LocalAddPath: 11,
} as const;

/** Names of the states, by number less one (RFC 6396 §4.4.1). */
export const mrtStates = ['idle', 'connect', 'active', 'openSent', 'openConfirm', 'established'] as const;

/** Time (4), type (2), subtype (2), length of what follows (4). */
export const RECORD_HEADER_LENGTH = 12;
/** Nobody writes records near this length: what claims to be longer is no MRT. */
export const MAX_RECORD_LENGTH = 1 << 24;

export interface MrtPeer {
  readonly routerId: number;
  readonly address: Address;
  readonly asn: number;
}

export interface PeerIndexTable {
  readonly kind: 'peerIndexTable';
  /** The collector's BGP Identifier. */
  readonly collectorId: number;
  /** Empty for the only one. UTF-8, at most 65535 octets. */
  readonly viewName: string;
  readonly peers: readonly MrtPeer[];
}

export interface RibEntry {
  /** Place in the PEER_INDEX_TABLE. */
  readonly peerIndex: number;
  /** Seconds since 1970. */
  readonly originatedTime: number;
  /** RFC 7911 path identifier; 0 where the record has none. */
  readonly pathId: number;
  /** Path attributes as they stand in the record. */
  readonly attributes: Buffer;
}

export interface RibRecord {
  readonly kind: 'rib';
  readonly sequence: number;
  readonly prefix: Prefix;
  /** Entries carry path identifiers (RFC 8050). */
  readonly addPath: boolean;
  readonly entries: readonly RibEntry[];
}

/** Both ends of a session. The addresses are of one family. */
export interface SessionEnds {
  readonly peerAsn: number;
  readonly localAsn: number;
  readonly interfaceIndex: number;
  readonly peerAddress: Address;
  /** All zeros where it is not known. */
  readonly localAddress: Address;
}

export interface StateChange extends SessionEnds {
  readonly kind: 'stateChange';
  readonly fourOctetAs: boolean;
  /** RFC 6396 §4.4.1: 1 Idle to 6 Established. */
  readonly oldState: number;
  readonly newState: number;
}

export interface BgpMessage extends SessionEnds {
  readonly kind: 'message';
  /** AS numbers in the record's head, and in the message, have four octets. */
  readonly fourOctetAs: boolean;
  /** Prefixes in the message carry path identifiers (RFC 8050). */
  readonly addPath: boolean;
  /** Sent by the collector, not to it. */
  readonly local: boolean;
  /** The whole message with its header. */
  readonly message: Buffer;
}

/** A type or subtype that is not read here. */
export interface OtherRecord {
  readonly kind: 'other';
  readonly type: number;
  readonly subtype: number;
  readonly body: Buffer;
}

export type MrtBody = PeerIndexTable | RibRecord | StateChange | BgpMessage | OtherRecord;

export interface MrtRecord {
  /** Seconds since 1970. */
  readonly time: number;
  /** Of the second; null where the record does not tell (any type but the _ET ones). */
  readonly microseconds: number | null;
  readonly body: MrtBody;
}

/** What was wrong with the bytes of a record. Returned, never thrown. */
export class MrtFault {
  constructor(
    /** What was wrong and what was expected. */
    readonly message: string,
    /** Octets from the start of the record's body, for a fault of the framing from the start of the file. */
    readonly offset: number,
  ) {}
}
