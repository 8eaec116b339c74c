import type { Address, Family, FamilyIndex } from '../../address/index.js';
import type { FsmState } from '../fsm/index.js';
import type { Capability, Notification, OpenMessage, RoleName, WireError } from '../wire/index.js';

export interface SessionSettings {
  /** The peer's name in the configuration; in every error and log line. */
  readonly name: string;
  readonly remoteAddress: Address;
  readonly remotePort: number;
  /** Source of outgoing connections; null: the kernel picks it. */
  readonly localAddress: Address | null;
  /** The connection runs over this interface alone; the zone of a link-local `remoteAddress`. */
  readonly device?: string;
  readonly localAsn: number;
  /** Or any AS but these. */
  readonly remoteAsn: number | { readonly not: readonly number[]; readonly among?: readonly number[] };
  /** Our BGP Identifier, u32. */
  readonly routerId: number;
  /** Proposed; the lower of both sides' holds. 0 or at least 3. */
  readonly holdTimeSeconds: number;
  /** Shortest that the peer may propose; absent: any. 0 is never long enough. */
  readonly minHoldSeconds?: number;
  /** null: a third of the negotiated hold time, which is also the most that is used. */
  readonly keepaliveSeconds: number | null;
  /** RFC 9687: longest that TCP may take nothing of what waits; null: twice the agreed hold time, 0: any time. */
  readonly sendHoldSeconds: number | null;
  readonly connectRetrySeconds: number;
  readonly delayOpenSeconds: number;
  readonly idleHoldSeconds: number;
  readonly passive: boolean;
  /** TTL or hop limit of what we send; null: the kernel's default. */
  readonly ttl: number | null;
  /** RFC 5082: packets from more hops away than this are dropped (1: the same link); `ttl` must be 255. */
  readonly ttlSecurityHops?: number;
  /** Offer messages of up to 65535 octets (RFC 8654). */
  readonly extendedMessages: boolean;
  readonly families: readonly Family[];
  /** RFC 9234 §4.1: what we are to this external peer. */
  readonly role?: RoleName;
  /** The peer must claim its own. */
  readonly strictRole?: boolean;
}

/** A capability of one variant. */
export type CapabilityOf<T extends Capability['type']> = Extract<Capability, { type: T }>;

/** What becomes of path identifiers in one family (RFC 7911), seen from us. */
export interface AddPathUse {
  /** The peer puts them before its prefixes. */
  readonly receives: boolean;
  /** We put them before ours. */
  readonly sends: boolean;
}

/** What both sides agreed on in their OPENs. */
export interface Negotiated {
  /** 0: neither side sends keepalives. */
  readonly holdTimeSeconds: number;
  readonly keepaliveSeconds: number;
  /** AS numbers have four octets in UPDATEs (RFC 6793). */
  readonly fourOctetAs: boolean;
  /** Address families that both sides speak, in ascending order; at least one. */
  readonly families: readonly FamilyIndex[];
  readonly peerOpen: OpenMessage;
  /** Our end of the TCP connection. */
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  /** Both ends of the connection are on this link where the addresses are link-local; else 0. */
  readonly scopeId: number;
  /** By family. */
  readonly addPath: readonly [AddPathUse, AddPathUse];
  readonly routeRefresh: boolean;
  /** A refresh has a beginning and an end (RFC 7313). */
  readonly enhancedRefresh: boolean;
  /** Messages of up to 65535 octets both ways (RFC 8654). */
  readonly extendedMessage: boolean;
  /** IPv4 routes may have IPv6 next hops, both ways (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** The peer's capability (RFC 4724) if we sent ours too; null: no graceful restart with this peer. */
  readonly peerGracefulRestart: CapabilityOf<'gracefulRestart'> | null;
  /** Both sides take a NOTIFICATION, Hard Reset excepted, as a restart (RFC 8538 §2). */
  readonly notificationRestart: boolean;
  /** What the peer says in its capability of RFC 9494, with or without one of ours; null: it knows no long-lived stale routes. */
  readonly peerLongLived: CapabilityOf<'longLivedGracefulRestart'> | null;
  /** The peer's role (RFC 9234 §4.1), if we have one: it goes with ours; null: it claims none. */
  readonly peerRole: RoleName | null;
}

/** What an established session began with. */
export interface SessionOpening {
  /** Whole OPEN messages. */
  readonly sentOpen: Buffer;
  readonly receivedOpen: Buffer;
  readonly localPort: number;
  readonly remotePort: number;
}

/** Why a connection, or an attempt at one, ended. */
export interface ClosedInfo {
  readonly wasEstablished: boolean;
  /** What went wrong, for people; null when we were told to stop. */
  readonly error: string | null;
  readonly notificationSent: Notification | null;
  readonly notificationReceived: Notification | null;
  /**
   * The peer's routes are to be kept for its return: graceful restart was negotiated and the session ended without
   * a NOTIFICATION (RFC 4724 §4.2), or with one that both sides take as restart (RFC 8538 §4).
   */
  readonly graceful: boolean;
}

/** What a session asks of, and tells, the speaker. Called on the event loop, never from within a call into the session except `stateChanged` and `closed`. */
export interface SessionHandlers {
  /** Asked before each OPEN: capabilities besides multiprotocol, route refresh, 4-octet AS and extended messages, which the session adds. */
  capabilities(): readonly Capability[];
  /** The session moved to another state; `reason` is for people. */
  stateChanged(state: FsmState, reason: string): void;
  established(negotiated: Negotiated): void;
  /** Whether `message` wants to be told. */
  readonly wantsMessages?: boolean;
  /** A message of any type with a sound header, before it has its effect; its body, valid during the call. */
  message?(type: number, buf: Buffer, start: number, end: number, localAddress: Address): void;
  /** The body of an UPDATE, valid during the call. A returned error of severity `reset` ends the session with its NOTIFICATION. */
  update(buf: Buffer, start: number, end: number): WireError | null;
  /** The peer asks for our routes again (RFC 2918); `subtype` 1 and 2 are the markers of RFC 7313. */
  routeRefresh(afi: number, safi: number, subtype: number): void;
  /** Called once for each attempt or session that ended. */
  closed(info: ClosedInfo): void;
  /** The send buffer, which was full, has room again. */
  writable(): void;
}

export interface SessionCounters {
  messagesReceived: number;
  messagesSent: number;
  updatesReceived: number;
  bytesReceived: number;
  bytesSent: number;
  /** How often the session reached Established. */
  established: number;
}
