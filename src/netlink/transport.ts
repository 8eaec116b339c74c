/**
 * One netlink socket: the `netlink` package's raw socket, made safe for what this daemon puts it through.
 *
 * - ENOBUFS is switched off (NETLINK_NO_ENOBUFS) and the socket's drop counter is read instead, once per turn
 *   of the event loop in which something arrived. A pending ENOBUFS makes epoll report an error, libuv then
 *   reports EBADF, and the package's handler for that aborts the process. No drop stays unseen: a message is
 *   dropped only while others wait to be read, and the counter is read after those.
 * - It is closed from the event loop's check phase alone, as the package's native part does not survive being
 *   closed from within its own callbacks; for the same reason nothing is ever thrown into it.
 * - The package exposes no file descriptor. It is found by the socket's port in /proc/thread-self/net/netlink,
 *   whose inode names one of /proc/self/fd.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { RawNetlinkSocket } from 'netlink/dist/raw.js';
import {
  getOption,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_NO_ENOBUFS,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOL_NETLINK,
  SOL_SOCKET,
  setIntOption,
} from '../sockopt/index.js';

const NETLINK_ROUTE = 0;
const SO_MEMINFO = 55;
/** Index of the drop counter among the words of SO_MEMINFO. */
const SK_MEMINFO_DROPS = 8;

export interface TransportOptions {
  /** The kernel's queue towards us, in bytes of its own accounting (some 800 per short message). */
  readonly receiveBufferBytes: number;
  /**
   * `exact`: each datagram is peeked at and gets a buffer of its size, right where they are short. A number:
   * every datagram gets a buffer of that many bytes, right where they come full, as in dumps.
   */
  readonly datagramBytes: 'exact' | number;
  /** A datagram from the kernel. The bytes are the callee's to keep. */
  readonly onDatagram: (bytes: Buffer) => void;
  /** Datagrams were lost: the queue was full. */
  readonly onDrop: () => void;
}

function fdOfPort(port: number): number {
  const sockets = readFileSync('/proc/thread-self/net/netlink', 'latin1').split('\n');
  const columns = sockets.map((line) => line.trim().split(/\s+/));
  const own = columns.find((fields) => fields[1] === String(NETLINK_ROUTE) && Number(fields[2]) === port);
  const link = own === undefined ? '' : `socket:[${own[9]}]`;
  for (const name of own === undefined ? [] : readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${name}`) === link) return Number(name);
    } catch {
      // Closed between the two calls, so not ours.
    }
  }
  throw new Error(`found no descriptor of the netlink socket with port ${port}: is /proc mounted?`);
}

/** Opens at construction, and throws where there is no netlink. */
export class NetlinkTransport {
  /** The socket's address: `nlmsg_pid` of whatever its requests cause. */
  readonly port: number;
  readonly fd: number;
  readonly #raw: RawNetlinkSocket;
  readonly #options: TransportOptions;
  #drops = 0;
  #checkScheduled = false;
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    const exact = options.datagramBytes === 'exact';
    this.#raw = new RawNetlinkSocket(NETLINK_ROUTE, {
      messagePeeking: exact,
      ...(exact ? {} : { msgBufferSize: options.datagramBytes as number }),
    } as ConstructorParameters<typeof RawNetlinkSocket>[1]);
    try {
      this.port = this.#raw.address().port;
      this.fd = fdOfPort(this.port);
      setIntOption(this.fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, 1);
      setIntOption(this.fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
      setIntOption(this.fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
      this.#setReceiveBuffer(options.receiveBufferBytes);
    } catch (error) {
      this.#raw.close();
      throw error;
    }
    this.#raw.on('message', (bytes, from) => {
      if (from.port === 0) this.#receive(bytes);
    });
    // Too long for its buffer: as good as lost.
    this.#raw.on('truncatedMessage', () => this.#lost());
    this.#raw.on('error', () => this.#lost());
  }

  /** Beyond net.core.rmem_max where we may, else as far as that. */
  #setReceiveBuffer(bytes: number): void {
    try {
      setIntOption(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes);
    } catch {
      setIntOption(this.fd, SOL_SOCKET, SO_RCVBUF, bytes);
    }
  }

  /** How many messages the kernel could not queue for us, ever. */
  #readDrops(): number {
    return getOption(this.fd, SOL_SOCKET, SO_MEMINFO, 4 * (SK_MEMINFO_DROPS + 1)).readUInt32LE(
      4 * SK_MEMINFO_DROPS,
    );
  }

  #receive(bytes: Buffer): void {
    if (this.#closed) return;
    if (!this.#checkScheduled) {
      this.#checkScheduled = true;
      setImmediate(() => this.#check());
    }
    this.#guard(() => this.#options.onDatagram(bytes));
  }

  #check(): void {
    this.#checkScheduled = false;
    if (this.#closed) return;
    const drops = this.#readDrops();
    if (drops === this.#drops) return;
    this.#drops = drops;
    this.#options.onDrop();
  }

  #lost(): void {
    if (!this.#closed) this.#guard(() => this.#options.onDrop());
  }

  /** Runs a callback under the package's native frames, through which nothing may be thrown. */
  #guard(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      setImmediate(() => {
        throw error;
      });
    }
  }

  joinGroup(group: number): void {
    this.#raw.addMembership(group);
  }

  /**
   * Sends one datagram to the kernel, which has acted on it when `sendmsg` returns. Datagrams go out in order.
   * `bytes` must stay as they are until `done`, which may come after the kernel's answer; an error in it means
   * that the kernel did not take the datagram.
   */
  send(bytes: Buffer, done: (error: Error | undefined) => void): void {
    this.#raw.send(bytes, undefined, (error) => this.#guard(() => done(error)));
  }

  /** No callback comes after this. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    setImmediate(() => this.#raw.close());
  }
}
