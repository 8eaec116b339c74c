import type { Socket } from 'node:net';
import type { Address } from '../../address/index.js';
import { bytesAcknowledged, fdOf, localAddressOf, setMd5Key } from '../../sockopt/index.js';
import { Framer, HEADER_LENGTH, type WireError } from '../wire/index.js';
import { passedBuffers } from './passed-buffers.js';
import { type Reader, readTurns } from './read-turns.js';

/** Bytes that may wait for a peer before `send` says stop, and down to which they must drain before `writable`. */
export const sendHighMark = 512 * 1024;
export const sendLowMark = 128 * 1024;
/** What the socket itself gets at a time. The rest waits here, where a KEEPALIVE can pass it. */
const socketShare = 64 * 1024;
/** How long a closed connection may take to deliver its NOTIFICATION. */
const lingerMs = 3000;

export interface TransportEvents {
  connected(): void;
  /** Refused, unreachable, reset, closed by the peer. Once at most, and never after `finish`. */
  failed(reason: string): void;
  message(type: number, buf: Buffer, start: number, end: number): void;
  headerError(error: WireError): void;
  writable(): void;
}

let countedBuffer: Buffer | null = null;
let countedMessages = 0;

/** Whole messages in a buffer of ours. The last answer is kept: a group sends one buffer to all its members. */
function countMessages(buf: Buffer): number {
  if (buf === countedBuffer) return countedMessages;
  let count = 0;
  for (let at = 0; at + HEADER_LENGTH <= buf.length; at += (buf[at + 16] << 8) | buf[at + 17]) count++;
  countedBuffer = buf;
  countedMessages = count;
  // Once, not for each member.
  passedBuffers.add(buf.length);
  return count;
}

/**
 * One TCP connection: the stream cut into messages on the way in, a bounded queue of whole messages on the way out.
 * It calls nobody back once `finish` was called.
 */
export class Transport implements Reader {
  readonly framer = new Framer();
  /** `performance.now()` when the last whole message came, or the connection. */
  lastHeard = performance.now();
  /** When the bytes at hand came. */
  private receivedAt = this.lastHeard;
  bytesReceived = 0;
  bytesSent = 0;
  messagesSent = 0;
  /** When the socket is gone, after `finish` or a failure. */
  readonly gone: Promise<void>;
  private readonly socket: Socket;
  private readonly events: TransportEvents;
  private finished = false;
  private queue: Buffer[] = [];
  private queueHead = 0;
  private queuedBytes = 0;
  private full = false;
  /** Writes that TCP has not taken whole, and when it last took one, or a part of one, or the first of these came. */
  private writing = 0;
  private lastTaken = 0;
  private acknowledged = 0;
  private readonly onWritten = (): void => {
    this.writing--;
    this.lastTaken = performance.now();
    this.pump();
  };

  /** `socket` is connecting or connected. */
  constructor(socket: Socket, events: TransportEvents) {
    this.socket = socket;
    this.events = events;
    let failure = '';
    socket.on('error', (error: NodeJS.ErrnoException) => {
      failure = error.code ?? error.message;
    });
    this.gone = new Promise((resolve) => {
      socket.once('close', () => {
        resolve();
        this.fail(failure === '' ? 'connection closed' : `connection failed: ${failure}`);
      });
    });
    socket.once('end', () => this.fail('connection closed by the peer'));
    socket.on('data', (chunk: Buffer) => this.received(chunk));
    if (socket.connecting) {
      socket.once('connect', () => {
        if (this.finished) return;
        this.lastHeard = performance.now();
        events.connected();
      });
    }
  }

  /** Our end of the connection, with the link's index where it is link-local. */
  localEnd(): { localAddress: Address; scopeId: number } {
    const { address, scopeId } = localAddressOf(fdOf(this.socket));
    return { localAddress: address, scopeId };
  }

  /** TCP's; 0 where the connection is gone. */
  ports(): { localPort: number; remotePort: number } {
    const { localPort = 0, remotePort = 0 } = this.socket;
    return { localPort, remotePort };
  }

  /** Signs with another key from now on, or no more (RFC 2385). */
  setPassword(remote: Address, password: Buffer | null): void {
    if (!this.finished && !this.socket.destroyed) setMd5Key(fdOf(this.socket), remote, password);
  }

  /** Bytes that wait to be sent. */
  get bufferedBytes(): number {
    return this.queuedBytes + this.socket.writableLength;
  }

  /** Queues whole messages; the buffer must not change any more. False: enough, wait for `writable`. */
  send(buf: Buffer): boolean {
    if (this.finished) return false;
    this.count(buf);
    if (this.queuedBytes === 0 && this.socket.writableLength < socketShare) {
      this.write(buf);
    } else {
      this.queue.push(buf);
      this.queuedBytes += buf.length;
    }
    if (this.bufferedBytes >= sendHighMark) this.full = true;
    return !this.full;
  }

  /** Sends a message ahead of all that has not been given to TCP yet. */
  sendAhead(buf: Buffer): void {
    if (this.finished) return;
    this.count(buf);
    this.write(buf);
  }

  get paused(): boolean {
    return this.socket.isPaused();
  }

  /** Stops reading until `goOn`, so that TCP holds the peer back; nothing it sends is lost. */
  rest(): void {
    this.socket.pause();
  }

  goOn(): void {
    if (!this.finished) this.socket.resume();
  }

  /**
   * Ends the connection: `last` is sent if given, then FIN; what is queued is dropped. Goes on reading (and forgets what
   * it reads), since closing with unread bytes would send RST, which can overtake the NOTIFICATION.
   */
  finish(last: Buffer | null): void {
    if (this.finished) return;
    this.finished = true;
    readTurns.forget(this);
    this.queue = [];
    this.queuedBytes = 0;
    const { socket } = this;
    if (socket.connecting || socket.destroyed) {
      socket.destroy();
      return;
    }
    if (last !== null) {
      this.messagesSent++;
      this.bytesSent += last.length;
      socket.end(last);
    } else socket.end();
    socket.resume();
    const linger = setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', () => clearTimeout(linger));
  }

  /**
   * How long TCP has taken nothing of what waits; 0 while nothing does (RFC 9687 §3.1). What it takes of a write
   * before it has it whole is seen from one call to the next.
   */
  stalledMilliseconds(): number {
    if (this.socket.destroyed) return 0;
    const acknowledged = bytesAcknowledged(fdOf(this.socket));
    if (acknowledged !== this.acknowledged) {
      this.acknowledged = acknowledged;
      this.lastTaken = performance.now();
    }
    return this.writing === 0 ? 0 : performance.now() - this.lastTaken;
  }

  private write(buf: Buffer): void {
    if (this.writing++ === 0) this.lastTaken = performance.now();
    this.socket.write(buf, this.onWritten);
  }

  private fail(reason: string): void {
    if (this.finished) return;
    this.finished = true;
    readTurns.forget(this);
    this.socket.destroy();
    this.events.failed(reason);
  }

  private received(chunk: Buffer): void {
    if (this.finished) return;
    if (!readTurns.admits(this)) {
      this.socket.unshift(chunk);
      return;
    }
    this.bytesReceived += chunk.length;
    passedBuffers.add(chunk.length);
    this.receivedAt = readTurns.begin();
    const error = this.framer.push(chunk, this.onMessage);
    if (error !== null && !this.finished) this.events.headerError(error);
    if (!this.finished) readTurns.end();
  }

  private readonly onMessage = (type: number, buf: Buffer, start: number, end: number): undefined | false => {
    this.lastHeard = this.receivedAt;
    this.events.message(type, buf, start, end);
    return this.finished ? false : undefined;
  };

  private count(buf: Buffer): void {
    this.bytesSent += buf.length;
    this.messagesSent += countMessages(buf);
  }

  private pump(): void {
    if (this.finished) return;
    const { socket } = this;
    if (this.queuedBytes > 0 && socket.writableLength < socketShare) {
      socket.cork();
      while (this.queueHead < this.queue.length && socket.writableLength < socketShare) {
        const buf = this.queue[this.queueHead++];
        this.queuedBytes -= buf.length;
        this.write(buf);
      }
      if (this.queueHead === this.queue.length) {
        this.queue = [];
        this.queueHead = 0;
      }
      socket.uncork();
    }
    if (this.full && this.bufferedBytes <= sendLowMark) {
      this.full = false;
      this.events.writable();
    }
  }
}
