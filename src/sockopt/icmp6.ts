/**
 * Raw ICMPv6 sockets, for the few messages of neighbour discovery that a routing daemon itself sends. Node can neither
 * make nor adopt one, so the caller sends and receives by single calls that never wait.
 */
import koffi from 'koffi';
import type { Address } from '../address/index.js';
import { AF_INET6, SO_BINDTODEVICE, SOCK_CLOEXEC, SOCK_NONBLOCK, SOL_IPV6, SOL_SOCKET } from './constants.js';
import { check, closeFd, openSocket, setIntOption, setOption, socketAddress } from './index.js';

const SOCK_RAW = 3;
const IPPROTO_ICMPV6 = 58;
const SOL_ICMPV6 = 58;
const ICMPV6_FILTER = 1;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_ADD_MEMBERSHIP = 20;
const EAGAIN = 11;

const libc = koffi.load(null);
const sysSendto = libc.func(
  'int64_t sendto(int fd, const void *bytes, uint64_t length, int flags, const void *address, uint32_t addressLength)',
);
const sysRecvfrom = libc.func(
  'int64_t recvfrom(int fd, _Out_ void *bytes, uint64_t length, int flags, _Out_ void *address, _Inout_ uint32_t *addressLength)',
);

export interface Icmp6SocketOptions {
  /** It sends and receives on this interface alone. */
  readonly device: string;
  readonly ifindex: number;
  /** The one type of message that it receives; others never reach it. */
  readonly receives: number;
  /** Of which multicast group it hears messages. */
  readonly group: Address;
}

/**
 * A socket whose messages leave with hop limit 255, as neighbour discovery demands (RFC 4861 §4). The kernel puts the
 * checksum in. `closeFd` closes it.
 */
export function openIcmp6Socket({ device, ifindex, receives, group }: Icmp6SocketOptions): number {
  const fd = openSocket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6);
  try {
    // A set bit blocks the type (RFC 3542 §3.2).
    const filter = Buffer.alloc(32, 0xff);
    filter[receives >> 3] &= ~(1 << (receives & 7));
    setOption(fd, SOL_ICMPV6, ICMPV6_FILTER, filter);
    setOption(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${device}\0`));
    setIntOption(fd, SOL_IPV6, IPV6_MULTICAST_IF, ifindex);
    setIntOption(fd, SOL_IPV6, IPV6_MULTICAST_HOPS, 255);
    setIntOption(fd, SOL_IPV6, IPV6_MULTICAST_LOOP, 0);
    // struct ipv6_mreq: the address, then the interface.
    const membership = Buffer.alloc(20);
    socketAddress(group, 0).copy(membership, 0, 8, 24);
    membership.writeInt32LE(ifindex, 16);
    setOption(fd, SOL_IPV6, IPV6_ADD_MEMBERSHIP, membership);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** Sends one message. Throws SystemCallError (ENETDOWN, ENODEV, EADDRNOTAVAIL …). */
export function sendIcmp6(fd: number, bytes: Buffer, to: Address, scopeId: number): void {
  const address = socketAddress(to, 0, scopeId);
  check('sendto', Number(sysSendto(fd, bytes, bytes.length, 0, address, address.length)));
}

/** One message that has arrived, and the 16 octets of its source; null: there is none. */
export function receiveIcmp6(fd: number): { readonly bytes: Buffer; readonly source: Buffer } | null {
  const bytes = Buffer.alloc(1500);
  const from = Buffer.alloc(28);
  const length = Number(sysRecvfrom(fd, bytes, bytes.length, 0, from, [from.length]));
  if (length < 0 && koffi.errno() === EAGAIN) return null;
  check('recvfrom', length);
  return { bytes: bytes.subarray(0, length), source: from.subarray(8, 24) };
}
