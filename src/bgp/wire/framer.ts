import {
  ErrorCode,
  HEADER_LENGTH,
  HeaderSubcode,
  MAX_MESSAGE_LENGTH,
  MessageType,
  WireError,
} from './types.js';

/**
 * Called once per message. `start` and `end` delimit the body behind the 19-octet header, in `buf`, which is only
 * valid during the call. Returning `false` stops the framer for good (the session closed meanwhile); whatever else is
 * returned, nothing included, lets it go on.
 */
export type OnMessage = (type: number, buf: Buffer, start: number, end: number) => unknown;

/** Least and greatest length of each message type, header included; index = type. RFC 4271 §4, §6.1. */
const leastLength = [0, 29, 23, 21, 19, 23];

/**
 * Cuts a TCP stream into BGP messages. A message that lies whole in one chunk is handed out in place; one that is
 * split is gathered in a buffer of its own. After an error or a `false` the stream is dead and further chunks
 * are ignored.
 */
export class Framer {
  /** Longest message accepted, header included. Raised to 65535 once extended messages are agreed (RFC 8654). */
  maxLength: number;
  /** The head of a message whose rest has not come yet. */
  private partial: Buffer = empty;
  private partialLength = 0;
  private dead = false;

  constructor(maxLength: number = MAX_MESSAGE_LENGTH) {
    this.maxLength = maxLength;
  }

  /** Feeds one chunk. Returns the header error that ends the session (RFC 4271 §6.1), or null. */
  push(chunk: Buffer, onMessage: OnMessage): WireError | null {
    if (this.dead) return null;
    let at = 0;
    const available = chunk.length;
    if (this.partialLength > 0) {
      at = this.gather(chunk, 0, HEADER_LENGTH);
      if (this.partialLength < HEADER_LENGTH) return null;
      const length = (this.partial[16] << 8) | this.partial[17];
      const error = this.checkHeader(this.partial, 0, length);
      if (error !== null) return error;
      at = this.gather(chunk, at, length);
      if (this.partialLength < length) return null;
      this.partialLength = 0;
      if (onMessage(this.partial[18], this.partial, HEADER_LENGTH, length) === false) return this.stop();
    }
    while (available - at >= HEADER_LENGTH) {
      const length = (chunk[at + 16] << 8) | chunk[at + 17];
      const error = this.checkHeader(chunk, at, length);
      if (error !== null) return error;
      if (at + length > available) break;
      const start = at + HEADER_LENGTH;
      at += length;
      if (onMessage(chunk[start - 1], chunk, start, at) === false) return this.stop();
    }
    if (at < available) this.gather(chunk, at, available - at);
    return null;
  }

  private stop(): null {
    this.dead = true;
    this.partial = empty;
    return null;
  }

  /** Moves octets from the chunk until `wanted` are gathered or the chunk is used up; returns the new position. */
  private gather(chunk: Buffer, at: number, wanted: number): number {
    const take = Math.min(wanted - this.partialLength, chunk.length - at);
    if (take <= 0) return at;
    const needed = this.partialLength + take;
    if (this.partial.length < needed) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(this.maxLength, 4096)));
      this.partial.copy(larger, 0, 0, this.partialLength);
      this.partial = larger;
    }
    chunk.copy(this.partial, this.partialLength, at, at + take);
    this.partialLength = needed;
    return at + take;
  }

  private checkHeader(buf: Buffer, at: number, length: number): WireError | null {
    for (let i = at; i < at + 16; i += 4) {
      if ((buf[i] & buf[i + 1] & buf[i + 2] & buf[i + 3]) !== 0xff) {
        while (buf[i] === 0xff) i++;
        const message = `marker octet ${i - at} is ${buf[i]}, expected 255`;
        return this.fail(HeaderSubcode.notSynchronized, message, i - at, empty);
      }
    }
    const type = buf[at + 18];
    if (length < HEADER_LENGTH || length > this.maxLength) {
      const message = `message length ${length}, expected ${HEADER_LENGTH} to ${this.maxLength}`;
      return this.fail(HeaderSubcode.badLength, message, 16, Buffer.from(buf.subarray(at + 16, at + 18)));
    }
    if (type < MessageType.open || type > MessageType.routeRefresh) {
      return this.fail(
        HeaderSubcode.badType,
        `message type ${type} is unknown`,
        18,
        Buffer.from(buf.subarray(at + 18, at + 19)),
      );
    }
    // RFC 7313 §5 has an error of its own for a ROUTE-REFRESH of the wrong length: its decoder tells it.
    if (type === MessageType.routeRefresh) return null;
    const tooLong =
      type === MessageType.keepalive
        ? length !== HEADER_LENGTH
        : type === MessageType.open && length > MAX_MESSAGE_LENGTH;
    if (length < leastLength[type] || tooLong) {
      const message = `message of type ${type} has length ${length}, expected ${type === MessageType.keepalive ? 'exactly' : 'at least'} ${leastLength[type]}`;
      return this.fail(HeaderSubcode.badLength, message, 16, Buffer.from(buf.subarray(at + 16, at + 18)));
    }
    return null;
  }

  private fail(subcode: number, message: string, offset: number, data: Buffer): WireError {
    this.stop();
    return new WireError('reset', ErrorCode.messageHeader, subcode, message, offset, data);
  }
}

const empty = Buffer.alloc(0);
