/** TCP sockets as BGP wants them. */
import { Socket } from 'node:net';
import { type Address, type FamilyIndex, formatAddress, IPV4 } from '../../address/index.js';
import {
  bindTcpSocket,
  closeFd,
  IP_TOS,
  IP_TTL,
  IPV6_TCLASS,
  IPV6_UNICAST_HOPS,
  openTcpSocket,
  SOL_IP,
  SOL_IPV6,
  SOL_TCP,
  setIntOption,
  TCP_NODELAY,
} from '../../sockopt/index.js';

/** DSCP CS6, network control, as a TOS octet (RFC 4594 §3.1). */
export const networkControlTos = 0xc0;

/** Marks a socket's packets with CS6. A listener's mark passes to what it accepts, its SYN-ACK included. */
export function setNetworkControl(fd: number, family: FamilyIndex): void {
  if (family === IPV4) setIntOption(fd, SOL_IP, IP_TOS, networkControlTos);
  else setIntOption(fd, SOL_IPV6, IPV6_TCLASS, networkControlTos);
}

/** What every connection of a peer gets, dialed or accepted: CS6, no Nagle delay, and a TTL unless it is null. */
export function setConnectionOptions(fd: number, family: FamilyIndex, ttl: number | null): void {
  setNetworkControl(fd, family);
  setIntOption(fd, SOL_TCP, TCP_NODELAY, 1);
  if (ttl === null) return;
  if (family === IPV4) setIntOption(fd, SOL_IP, IP_TTL, ttl);
  else setIntOption(fd, SOL_IPV6, IPV6_UNICAST_HOPS, ttl);
}

export interface DialOptions {
  readonly remoteAddress: Address;
  readonly remotePort: number;
  readonly localAddress: Address | null;
  readonly ttl: number | null;
}

/**
 * A socket on its way to the peer: `connect` or `error` follows. Throws `SystemCallError` when it can't even start
 * (a local address that the machine does not have, no descriptors left).
 */
export function dial(options: DialOptions): Socket {
  const { family } = options.remoteAddress;
  const fd = openTcpSocket(family);
  let socket: Socket;
  try {
    setConnectionOptions(fd, family, options.ttl);
    if (options.localAddress !== null) bindTcpSocket(fd, options.localAddress, 0);
    socket = new Socket({ fd });
  } catch (error) {
    closeFd(fd);
    throw error;
  }
  socket.connect({ host: formatAddress(options.remoteAddress), port: options.remotePort });
  return socket;
}
