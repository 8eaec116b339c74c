/** Numbers of the protocol, and the one error type of this folder. */
import type { FamilyIndex } from '../../address/index.js';

/** RFC 4271 §4.1: marker (16), length (2), type (1). */
export const HEADER_LENGTH = 19;
/** RFC 4271 §4.1. */
export const MAX_MESSAGE_LENGTH = 4096;
/** RFC 8654, once both sides have the capability; OPEN and KEEPALIVE stay within 4096. */
export const MAX_EXTENDED_MESSAGE_LENGTH = 65535;
/** RFC 6793: stands for a 4-octet AS number where only 2 octets fit. */
export const AS_TRANS = 23456;

export const MessageType = {
  open: 1,
  update: 2,
  notification: 3,
  keepalive: 4,
  routeRefresh: 5,
} as const;

/** NOTIFICATION error codes: RFC 4271 §4.5, RFC 7313 §5, RFC 9687 §3.3. */
export const ErrorCode = {
  messageHeader: 1,
  open: 2,
  update: 3,
  holdTimerExpired: 4,
  finiteStateMachine: 5,
  cease: 6,
  routeRefresh: 7,
  sendHoldTimerExpired: 8,
} as const;

export const HeaderSubcode = { notSynchronized: 1, badLength: 2, badType: 3 } as const;

export const OpenSubcode = {
  unspecific: 0,
  unsupportedVersion: 1,
  badPeerAs: 2,
  badIdentifier: 3,
  unsupportedParameter: 4,
  unacceptableHoldTime: 6,
  unsupportedCapability: 7,
  roleMismatch: 11,
} as const;

export const UpdateSubcode = {
  malformedAttributeList: 1,
  unrecognizedWellKnown: 2,
  missingWellKnown: 3,
  attributeFlags: 4,
  attributeLength: 5,
  invalidOrigin: 6,
  invalidNextHop: 8,
  optionalAttribute: 9,
  invalidNetworkField: 10,
  malformedAsPath: 11,
} as const;

/** RFC 6608. */
export const FsmSubcode = { inOpenSent: 1, inOpenConfirm: 2, inEstablished: 3 } as const;

/** RFC 4486, RFC 8538 (9), RFC 9384 (10). */
export const CeaseSubcode = {
  maximumPrefixes: 1,
  administrativeShutdown: 2,
  peerDeconfigured: 3,
  administrativeReset: 4,
  connectionRejected: 5,
  otherConfigurationChange: 6,
  connectionCollision: 7,
  outOfResources: 8,
  hardReset: 9,
  bfdDown: 10,
} as const;

export const Afi = { ipv4: 1, ipv6: 2 } as const;
export const Safi = { unicast: 1 } as const;

/** The address family number that goes with our family index. */
export function afiOf(family: FamilyIndex): number {
  return family === 0 ? Afi.ipv4 : Afi.ipv6;
}

/** IPv4 unicast is 0, IPv6 unicast is 1, whatever we do not speak is -1. */
export function familyOf(afi: number, safi: number): FamilyIndex | -1 {
  if (safi !== Safi.unicast) return -1;
  return afi === Afi.ipv4 ? 0 : afi === Afi.ipv6 ? 1 : -1;
}

/** RFC 7606 §2, weakest first. `discard` drops one attribute, `treatAsWithdraw` every route of the UPDATE, `reset` the session. */
export type Severity = 'discard' | 'treatAsWithdraw' | 'reset';

/**
 * What was wrong with bytes from a peer, and what it costs. Returned, never thrown: the caller decides by `severity`,
 * and a `reset` has in `code`, `subcode` and `data` the NOTIFICATION to send.
 */
export class WireError {
  readonly severity: Severity;
  readonly code: number;
  readonly subcode: number;
  /** The NOTIFICATION's data field. Owned. */
  readonly data: Buffer;
  /** What was wrong and what was expected, without the peer's name. */
  readonly message: string;
  /** Octets from the start of the message's body (of the message itself, for header errors). */
  readonly offset: number;
  /** Type code of the path attribute that is wrong, where one is. */
  readonly attribute?: number;

  constructor(
    severity: Severity,
    code: number,
    subcode: number,
    message: string,
    offset = 0,
    data: Buffer = noData,
    attribute?: number,
  ) {
    this.severity = severity;
    this.code = code;
    this.subcode = subcode;
    this.message = message;
    this.offset = offset;
    this.data = data;
    if (attribute !== undefined) this.attribute = attribute;
  }
}

const noData = Buffer.alloc(0);

export function isWireError(value: unknown): value is WireError {
  return value instanceof WireError;
}
