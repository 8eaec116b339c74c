/** The per-peer header (RFC 7854 §4.2). */
import { type Address, IPV4, IPV6, writeAddress } from '../../address/index.js';
import { PEER_HEADER_LENGTH, PeerFlag, PeerType } from './types.js';

export interface MonitoredSession {
  readonly address: Address;
  readonly asn: number;
  readonly routerId: number;
}

const TYPE = 0;
const FLAGS = 1;
const DISTINGUISHER = 2;
const ADDRESS = 10;
const ASN = 26;
const ROUTER_ID = 30;
const SECONDS = 34;
const MICROSECONDS = 38;

/** An IPv4 address lies in the last 4 of the 16 octets. */
export function writeBmpAddress(out: Buffer, at: number, address: Address | null): void {
  out.fill(0, at, at + 16);
  if (address !== null) writeAddress(out, address.family === IPV4 ? at + 12 : at, address);
}

/**
 * The header of a session's messages; `flags` beside V are L and A. The time is written with each message. The
 * distinguisher is 0: there is one table.
 */
export function sessionHeader({ address, asn, routerId }: MonitoredSession, flags = 0): Buffer {
  const header = Buffer.alloc(PEER_HEADER_LENGTH);
  header[TYPE] = PeerType.global;
  header[FLAGS] = (address.family === IPV6 ? PeerFlag.ipv6 : 0) | flags;
  header.writeBigUInt64BE(0n, DISTINGUISHER);
  writeBmpAddress(header, ADDRESS, address);
  header.writeUInt32BE(asn, ASN);
  header.writeUInt32BE(routerId, ROUTER_ID);
  return header;
}

/** The header of the Loc-RIB (RFC 9069 §4.1, §5.1): no address, our own AS number and BGP Identifier. */
export function locRibHeader(asn: number, routerId: number): Buffer {
  const header = Buffer.alloc(PEER_HEADER_LENGTH);
  header[TYPE] = PeerType.locRib;
  header.writeUInt32BE(asn, ASN);
  header.writeUInt32BE(routerId, ROUTER_ID);
  return header;
}

/** Milliseconds since 1970 into a header at `at`; 0: the time is not known (RFC 7854 §4.2). */
export function writeTime(out: Buffer, at: number, milliseconds: number): void {
  const seconds = Math.floor(milliseconds / 1000);
  out.writeUInt32BE(seconds, at + SECONDS);
  out.writeUInt32BE(Math.floor((milliseconds - seconds * 1000) * 1000), at + MICROSECONDS);
}
