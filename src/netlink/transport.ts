/**
 * One netlink socket: the `netlink` package's raw socket, made safe for what this daemon puts it through.
 *
 * - ENOBUFS is switched off (NETLINK_NO_ENOBUFS) and the socket's drop counter is read instead, once per turn
 *   of the event loop in which something arrived. A pending ENOBUFS makes epoll report an error, libuv then
 *   reports EBADF, and the package's handler for that aborts the process. No drop stays unseen: a message is
 *   dropped only while others wait to be read, and the counter is read after those.
 * - Nobody's code runs inside the package's native callbacks: they abort the process when something is thrown
 *   into them, when the socket is closed within, and when the thread is told to exit within. Datagrams are put
 *   aside there and handed on from the event loop's check phase, which comes next; closing waits for it, too.
 * - A socket still open when its thread ends takes the process down (SIGSEGV). Those open at the thread's `exit`
 *   event are closed there. `worker.terminate()`, and `process.exit()` on the main thread while a worker holds a
 *   socket, give no such event: a worker must close its sockets and end by itself.
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

const openSockets = new Set<RawNetlinkSocket>();

function closeRaw(raw: RawNetlinkSocket): void {
  if (openSockets.delete(raw)) raw.close();
}

process.on('exit', () => {
  for (const raw of openSockets) closeRaw(raw);
});

/** Opens at construction, and throws where there is no netlink. */
export class NetlinkTransport {
  /** The socket's address: `nlmsg_pid` of whatever its requests cause. */
  readonly port: number;
  readonly fd: number;
  readonly #raw: RawNetlinkSocket;
  readonly #options: TransportOptions;
  /** Datagrams of this turn of the event loop. */
  #arrived: Buffer[] = [];
  #lost = false;
  #drops = 0;
  #scheduled = false;
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
      // From another program, not from the kernel.
      if (from.port !== 0) return;
      this.#arrived.push(bytes);
      this.#schedule();
    });
    const lost = () => {
      this.#lost = true;
      this.#schedule();
    };
    // Too long for its buffer: as good as lost.
    this.#raw.on('truncatedMessage', lost);
    this.#raw.on('error', lost);
    openSockets.add(this.#raw);
  }

  /** Beyond net.core.rmem_max where we may, else as far as that. */
  #setReceiveBuffer(bytes: number): void {
    try {
      setIntOption(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes);
    } catch {
      setIntOption(this.fd, SOL_SOCKET, SO_RCVBUF, bytes);
    }
  }

  /**
   * Whether the kernel has queued (or dropped) something that was not handed on yet. What the kernel tells of is
   * queued before the system call returns that caused it.
   */
  get unread(): boolean {
    if (this.#arrived.length > 0 || this.#lost) return true;
    const words = this.#readMeminfo();
    return words.readUInt32LE(0) > 0 || words.readUInt32LE(4 * SK_MEMINFO_DROPS) !== this.#drops;
  }

  /** The first word: bytes queued for us. The last one: how many messages the kernel could not queue, ever. */
  #readMeminfo(): Buffer {
    return getOption(this.fd, SOL_SOCKET, SO_MEMINFO, 4 * (SK_MEMINFO_DROPS + 1));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#handOn());
  }

  #handOn(): void {
    this.#scheduled = false;
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const bytes of arrived) {
      if (this.#closed) return;
      this.#options.onDatagram(bytes);
    }
    if (this.#closed) return;
    const drops = this.#readMeminfo().readUInt32LE(4 * SK_MEMINFO_DROPS);
    const lost = this.#lost || drops !== this.#drops;
    this.#drops = drops;
    this.#lost = false;
    if (lost) this.#options.onDrop();
  }

  joinGroup(group: number): void {
    this.#raw.addMembership(group);
  }

  /**
   * Sends one datagram to the kernel, which has acted on it when `sendmsg` returns. Datagrams go out in order.
   * `bytes` must stay as they are until the kernel has answered, or `onFailure` says that it did not take them.
   */
  send(bytes: Buffer, onFailure: (error: Error) => void): void {
    this.#raw.send(bytes, undefined, (error) => {
      if (error !== undefined) setImmediate(() => this.#closed || onFailure(error));
    });
  }

  /** No callback comes after this. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    setImmediate(() => closeRaw(this.#raw));
  }
}
