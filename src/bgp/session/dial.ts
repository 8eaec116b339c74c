/** TCP sockets as BGP wants them. */
import { Socket } from 'node:net';
import {
  type Address,
  type FamilyIndex,
  formatAddress,
  IPV4,
  IPV6,
  isLinkLocal,
} from '../../address/index.js';
import {
  bindTcpSocket,
  closeFd,
  getOption,
  IP_MINTTL,
  IP_TOS,
  IP_TTL,
  IPV6_MINHOPCOUNT,
  IPV6_TCLASS,
  IPV6_UNICAST_HOPS,
  openTcpSocket,
  SO_BINDTODEVICE,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
  SOL_TCP,
  setIntOption,
  setMd5Key,
  setOption,
  TCP_NODELAY,
  TCP_SAVED_SYN,
} from '../../sockopt/index.js';

/** DSCP CS6, network control, as a TOS octet (RFC 4594 §3.1). */
export const networkControlTos = 0xc0;

/** Marks a socket's packets with CS6. A listener's mark passes to what it accepts, its SYN-ACK included. */
export function setNetworkControl(fd: number, family: FamilyIndex): void {
  if (family === IPV4) setIntOption(fd, SOL_IP, IP_TOS, networkControlTos);
  else setIntOption(fd, SOL_IPV6, IPV6_TCLASS, networkControlTos);
}

/** RFC 5082 §3: from N hops away, a packet arrives with 255 - (N - 1) or more. */
function leastTtl(hops: number): number {
  return securityTtl + 1 - hops;
}

/**
 * Whether the SYN of an accepted connection came from farther away than it may. The kernel looks at the TTL only when
 * it is told to, which is after the connection and its first bytes are there; the SYN, kept by the listener
 * (TCP_SAVE_SYN), says it of all that came before.
 */
export function isFromAfar(fd: number, { remoteAddress, ttlSecurityHops }: ConnectionOptions): boolean {
  if (ttlSecurityHops === undefined) return false;
  // The IP header comes first: the TTL is its octet 8, the hop limit octet 7. Nothing is kept where SYN cookies were sent.
  const syn = getOption(fd, SOL_TCP, TCP_SAVED_SYN, 512);
  const at = remoteAddress.family === IPV4 ? 8 : 7;
  return syn.length > at && syn[at] < leastTtl(ttlSecurityHops);
}

/** What both ways to a connection need to know. */
export interface ConnectionOptions {
  readonly remoteAddress: Address;
  readonly ttl: number | null;
  readonly ttlSecurityHops?: number;
  readonly device?: string;
}

/** The TTL with which GTSM has everything sent, so that nobody afar can send the same (RFC 5082 §3). */
export const securityTtl = 255;

/** TTL or hop limit of what a socket sends; null: the kernel's default. */
export function setTtl(fd: number, family: FamilyIndex, ttl: number | null): void {
  if (family === IPV4) setIntOption(fd, SOL_IP, IP_TTL, ttl ?? -1);
  else setIntOption(fd, SOL_IPV6, IPV6_UNICAST_HOPS, ttl ?? -1);
}

/**
 * What every connection of a peer gets, dialed or accepted: its device, CS6, no Nagle delay, its TTL, the least TTL that it takes
 * (RFC 5082), and the key of TCP-MD5 unless it is null (RFC 2385: the SYN and all that follows are signed).
 */
export function setConnectionOptions(
  fd: number,
  { remoteAddress, ttl, ttlSecurityHops, device }: ConnectionOptions,
  password: Buffer | null,
): void {
  const { family } = remoteAddress;
  // What comes or would go another way is no part of the connection from here on.
  if (device !== undefined) setOption(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${device}\0`));
  setNetworkControl(fd, family);
  setIntOption(fd, SOL_TCP, TCP_NODELAY, 1);
  if (password !== null) setMd5Key(fd, remoteAddress, password);
  setTtl(fd, family, ttl);
  if (ttlSecurityHops === undefined) return;
  const least = leastTtl(ttlSecurityHops);
  if (family === IPV4) setIntOption(fd, SOL_IP, IP_MINTTL, least);
  else setIntOption(fd, SOL_IPV6, IPV6_MINHOPCOUNT, least);
}

export interface DialOptions extends ConnectionOptions {
  readonly remotePort: number;
  readonly localAddress: Address | null;
}

/**
 * A socket on its way to the peer: `connect` or `error` follows. Throws `SystemCallError` when it can't even start
 * (a local address that the machine does not have, no descriptors left).
 */
export function dial(options: DialOptions, password: Buffer | null): Socket {
  const { family } = options.remoteAddress;
  const fd = openTcpSocket(family);
  let socket: Socket;
  try {
    setConnectionOptions(fd, options, password);
    if (options.localAddress !== null) bindTcpSocket(fd, options.localAddress, 0);
    socket = new Socket({ fd });
  } catch (error) {
    closeFd(fd);
    throw error;
  }
  socket.connect({ host: hostOf(options), port: options.remotePort });
  return socket;
}

/** The peer's address with its zone (RFC 4007 §11), without which a link-local one means nothing. */
function hostOf({ remoteAddress, device }: DialOptions): string {
  const text = formatAddress(remoteAddress);
  const zoned = device !== undefined && remoteAddress.family === IPV6 && isLinkLocal(remoteAddress);
  return zoned ? `${text}%${device}` : text;
}
