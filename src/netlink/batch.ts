/**
 * Many requests in one datagram. None asks for an ACK but the last, whose answer is the fence: when it comes,
 * whatever the kernel had to say about the others has come before it.
 */
import { NLM_F_ACK } from './constants.js';
import type { Refusal } from './errors.js';
import { addFlags, setSequence } from './message.js';

/** A batch is full at this many bytes. More gains nothing, and the kernel holds its locks for all of one. */
const FULL_BYTES = 32 * 1024;
/** One message may reach beyond FULL_BYTES: a route with 256 hops takes 11 kB. */
const ROOM_BYTES = 32 * 1024;
/** Sequence numbers set aside for a batch. */
export const BATCH_MESSAGES = 2048;

/** One message of a batch that the kernel refused. */
export interface BatchRefusal extends Refusal {
  /** The message's place in the batch, from 0. */
  readonly index: number;
  /** The message, header included: a copy. */
  readonly request: Buffer;
}

export interface BatchResult {
  /**
   * `known`: the kernel did all but the refused ones. `unknown`: answers were lost (the socket's queue was
   * full); any message not among the refused may have been done or not. Dump to find out.
   */
  readonly outcome: 'known' | 'unknown';
  readonly refused: readonly BatchRefusal[];
}

/**
 * A batch being filled. Write a message at `buffer[length]`, then `add(end)`; stop when `full`; hand it to
 * `NetlinkSocket.submit`. From then on it is the socket's.
 */
export class MessageBatch {
  readonly buffer: Buffer = Buffer.allocUnsafeSlow(FULL_BYTES + ROOM_BYTES);
  /** Bytes written: where the next message goes. */
  length = 0;
  /** Messages written. */
  count = 0;
  /** The sequence number of the first message; the others follow. */
  firstSequence = 0;
  readonly #offsets = new Uint32Array(BATCH_MESSAGES);

  get full(): boolean {
    return this.length >= FULL_BYTES || this.count === BATCH_MESSAGES;
  }

  /** Takes in the message written from `length` to `end`; returns its index. Not when full. */
  add(end: number): number {
    const index = this.count++;
    this.#offsets[index] = this.length;
    setSequence(this.buffer, this.length, this.firstSequence + index);
    this.length = end;
    return index;
  }

  /** Takes in a copy of a message made elsewhere; returns its index. */
  append(message: Buffer): number {
    return this.add(this.length + message.copy(this.buffer, this.length));
  }

  /** Empties it. */
  reset(firstSequence: number): void {
    this.length = 0;
    this.count = 0;
    this.firstSequence = firstSequence;
  }

  /** A copy of the message at `index`. */
  copyOf(index: number): Buffer {
    const end = index + 1 < this.count ? this.#offsets[index + 1] : this.length;
    return Buffer.from(this.buffer.subarray(this.#offsets[index], end));
  }

  /** Asks for an ACK of the last message; the bytes to be sent. */
  seal(): Buffer {
    addFlags(this.buffer, this.#offsets[this.count - 1], NLM_F_ACK);
    return this.buffer.subarray(0, this.length);
  }
}
