/**
 * The socket calls that Node does not expose, through koffi on a file descriptor: `setsockopt`, `getsockopt`,
 * `getsockname`, and `socket` with `bind` for connections that need options before they connect.
 *
 * A socket made here goes to Node by `new net.Socket({ fd })`, which owns the descriptor from then on. A socket
 * that Node made gives its descriptor through `fdOf`. Nothing here blocks: each call is one short system call.
 * Works on the main thread and in worker threads.
 *
 * Every function throws `SystemCallError` when the kernel refuses.
 */
import type { Server, Socket } from 'node:net';
import koffi from 'koffi';
import { type Address, type FamilyIndex, IPV4, readAddress, writeAddress } from '../address/index.js';
import {
  AF_INET,
  AF_INET6,
  IP_BIND_ADDRESS_NO_PORT,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_IP,
  SOL_SOCKET,
  SOL_TCP,
  TCP_INFO,
  TCP_MD5SIG,
  TCP_MD5SIG_EXT,
} from './constants.js';

export * from './constants.js';
export * from './ethtool.js';
export * from './icmp6.js';

/** A system call that the kernel refused. `code` is the errno's name (`EADDRINUSE`), `errno` its positive number. */
export class SystemCallError extends Error {
  readonly errno: number;
  readonly code: string;
  readonly syscall: string;

  constructor(syscall: string, errno: number) {
    const code = errnoName(errno);
    super(`${syscall}: ${code}`);
    this.name = 'SystemCallError';
    this.syscall = syscall;
    this.errno = errno;
    this.code = code;
  }
}

const names = new Map<number, string>();
for (const [name, number] of Object.entries(koffi.os.errno)) {
  // EAGAIN and EWOULDBLOCK, ENOTSUP and EOPNOTSUPP share a number: the first one listed names it.
  if (!names.has(number)) names.set(number, name);
}

/** The name of a (positive) errno: 17 is `EEXIST`. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}

const libc = koffi.load(null);
const sysSocket = libc.func('int socket(int domain, int type, int protocol)');
const sysBind = libc.func('int bind(int fd, const void *address, uint32_t length)');
const sysClose = libc.func('int close(int fd)');
const sysSetsockopt = libc.func(
  'int setsockopt(int fd, int level, int option, const void *value, uint32_t length)',
);
const sysGetsockopt = libc.func(
  'int getsockopt(int fd, int level, int option, _Out_ void *value, _Inout_ uint32_t *length)',
);
const sysGetsockname = libc.func('int getsockname(int fd, _Out_ void *address, _Inout_ uint32_t *length)');

/** What a system call returned, or the error that it set. */
export function check(syscall: string, result: number): number {
  if (result < 0) throw new SystemCallError(syscall, koffi.errno());
  return result;
}

/** Sets an option whose value is the given bytes, in the kernel's layout. */
export function setOption(fd: number, level: number, option: number, value: Buffer): void {
  check('setsockopt', sysSetsockopt(fd, level, option, value, value.length));
}

/** Sets an option whose value is a C int. */
export function setIntOption(fd: number, level: number, option: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  setOption(fd, level, option, bytes);
}

/** Reads an option of at most `length` bytes; the buffer returned has the length that the kernel filled. */
export function getOption(fd: number, level: number, option: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const filled: [number] = [length];
  check('getsockopt', sysGetsockopt(fd, level, option, bytes, filled));
  return bytes.subarray(0, filled[0]);
}

/** Reads an option whose value is a C int. */
export function getIntOption(fd: number, level: number, option: number): number {
  return getOption(fd, level, option, 4).readInt32LE();
}

/**
 * The file descriptor behind a Node socket or server. It stays Node's: set options on it, never close it.
 * Throws when there is none yet (not connected, not listening) or no longer.
 */
export function fdOf(socket: Socket | Server): number {
  const handle = (socket as { _handle?: { fd?: number } | null })._handle;
  const fd = handle?.fd;
  if (fd === undefined || fd < 0) throw new Error('the socket has no file descriptor: it is not open');
  return fd;
}

/** A socket of any kind. The caller closes it, or hands it to Node. */
export function openSocket(domain: number, type: number, protocol: number): number {
  return check('socket', sysSocket(domain, type, protocol));
}

/** A TCP socket, non-blocking and closed on exec. The caller closes it, or hands it to Node. */
export function openTcpSocket(family: FamilyIndex): number {
  const domain = family === IPV4 ? AF_INET : AF_INET6;
  return openSocket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/** Closes a descriptor that was not handed to Node. */
export function closeFd(fd: number): void {
  check('close', sysClose(fd));
}

/** `struct sockaddr_in` or `sockaddr_in6`. `scopeId` is the interface index of a link-local IPv6 address. */
export function socketAddress(address: Address, port: number, scopeId = 0): Buffer {
  const bytes = Buffer.alloc(address.family === IPV4 ? 16 : 28);
  bytes.writeUInt16LE(address.family === IPV4 ? AF_INET : AF_INET6, 0);
  bytes.writeUInt16BE(port, 2);
  writeAddress(bytes, address.family === IPV4 ? 4 : 8, address);
  if (address.family !== IPV4) bytes.writeUInt32LE(scopeId, 24);
  return bytes;
}

/**
 * Binds a TCP socket to a local address. Port 0 takes a port only when the socket connects, so that many
 * connections from one address do not use the ports up.
 */
export function bindTcpSocket(fd: number, address: Address, port: number, scopeId = 0): void {
  if (port === 0) setIntOption(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  else setIntOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  const bytes = socketAddress(address, port, scopeId);
  check('bind', sysBind(fd, bytes, bytes.length));
}

/** TCP_MD5SIG_MAXKEYLEN: longest key of TCP-MD5 (RFC 2385), in octets. */
export const MAX_MD5_KEY_LENGTH = 80;
const TCP_MD5SIG_FLAG_PREFIX = 1;

/**
 * Signs what the socket exchanges with `address` by this key from now on (RFC 2385), and drops segments from there
 * whose signature is missing or wrong; null: no longer. On a listener it holds for connections from that address, and
 * passes to what is accepted. `prefixLength`: for every address of that prefix, the longest match counts.
 */
export function setMd5Key(fd: number, address: Address, key: Buffer | null, prefixLength?: number): void {
  if (key !== null && key.length > MAX_MD5_KEY_LENGTH) {
    throw new Error(`a TCP-MD5 key has at most ${MAX_MD5_KEY_LENGTH} octets, not ${key.length}`);
  }
  // struct tcp_md5sig: sockaddr_storage[128], u8 flags, u8 prefixlen, u16 keylen, int ifindex, u8 key[80].
  const bytes = Buffer.alloc(216);
  socketAddress(address, 0).copy(bytes);
  if (prefixLength !== undefined) {
    bytes[128] = TCP_MD5SIG_FLAG_PREFIX;
    bytes[129] = prefixLength;
  }
  bytes.writeUInt16LE(key?.length ?? 0, 130);
  key?.copy(bytes, 136);
  const option = prefixLength === undefined ? TCP_MD5SIG : TCP_MD5SIG_EXT;
  try {
    setOption(fd, SOL_TCP, option, bytes);
  } catch (error) {
    // There is no key to take away.
    if (key !== null || !(error instanceof SystemCallError) || error.code !== 'ENOENT') throw error;
  }
}

/** The local address of an IPv4 or IPv6 socket; `scopeId` is 0 unless the address is link-local. */
export function localAddressOf(fd: number): { address: Address; port: number; scopeId: number } {
  const bytes = Buffer.alloc(28);
  check('getsockname', sysGetsockname(fd, bytes, [bytes.length]));
  const family: FamilyIndex = bytes.readUInt16LE(0) === AF_INET ? 0 : 1;
  return {
    address: readAddress(bytes, family === IPV4 ? 4 : 8, family),
    port: bytes.readUInt16BE(2),
    scopeId: family === IPV4 ? 0 : bytes.readUInt32LE(24),
  };
}

/** Where `struct tcp_info` has `tcpi_bytes_acked`, a u64 (tcp(7), linux/tcp.h). */
const bytesAckedAt = 120;

/** Octets of what a TCP socket sent that the other end has taken, its SYN among them. */
export function bytesAcknowledged(fd: number): number {
  return Number(getOption(fd, SOL_TCP, TCP_INFO, bytesAckedAt + 8).readBigUInt64LE(bytesAckedAt));
}
