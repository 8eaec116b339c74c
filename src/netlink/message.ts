/**
 * The frame of every netlink message, and its attributes.
 *
 *     struct nlmsghdr  u32 length (header included) · u16 type · u16 flags · u32 sequence · u32 port
 *     struct nlattr    u16 length (header included) · u16 type · value, padded to four bytes
 *
 * Integers are in the machine's byte order, which is little-endian on every machine that the transport has a
 * binary for; addresses are in network order.
 *
 * Readers never trust a length: a walk ends at the first one that does not fit.
 */
import { NLA_TYPE_MASK, NLM_F_REQUEST } from './constants.js';

/** Bytes of `struct nlmsghdr`. */
export const HEADER_LENGTH = 16;

export function align4(length: number): number {
  return (length + 3) & ~3;
}

export function messageLength(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset);
}

export function messageType(bytes: Buffer, offset: number): number {
  return bytes.readUInt16LE(offset + 4);
}

export function messageFlags(bytes: Buffer, offset: number): number {
  return bytes.readUInt16LE(offset + 6);
}

export function messageSequence(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset + 8);
}

/** The port of the socket whose request caused the message; 0: the kernel by itself. */
export function messagePort(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset + 12);
}

/** Writes a header whose length, sequence and port are filled in later; returns the offset behind it. */
export function writeHeader(bytes: Buffer, offset: number, type: number, flags: number): number {
  bytes.writeUInt32LE(0, offset);
  bytes.writeUInt16LE(type, offset + 4);
  bytes.writeUInt16LE(flags | NLM_F_REQUEST, offset + 6);
  bytes.writeUInt32LE(0, offset + 8);
  bytes.writeUInt32LE(0, offset + 12);
  return offset + HEADER_LENGTH;
}

/** Fills in the length of the message from `start` to `end`, a multiple of four. Returns `end`. */
export function endMessage(bytes: Buffer, start: number, end: number): number {
  bytes.writeUInt32LE(end - start, start);
  return end;
}

export function setSequence(bytes: Buffer, offset: number, sequence: number): void {
  bytes.writeUInt32LE(sequence, offset + 8);
}

export function addFlags(bytes: Buffer, offset: number, flags: number): void {
  bytes.writeUInt16LE(bytes.readUInt16LE(offset + 6) | flags, offset + 6);
}

/** `start` and `end` delimit one whole message, header included, in `bytes`. */
export type MessageHandler = (type: number, bytes: Buffer, start: number, end: number) => void;

/** Walks the messages of one datagram. Returns false when its end does not meet a message's end. */
export function forEachMessage(bytes: Buffer, handler: MessageHandler): boolean {
  let offset = 0;
  while (offset + HEADER_LENGTH <= bytes.length) {
    const length = messageLength(bytes, offset);
    if (length < HEADER_LENGTH || length > bytes.length - offset) return false;
    handler(messageType(bytes, offset), bytes, offset, offset + length);
    offset += align4(length);
  }
  return offset >= bytes.length;
}

/** `start` and `end` delimit the attribute's value. */
export type AttributeHandler = (type: number, start: number, end: number) => void;

/**
 * Walks the attributes between `start` and `end`, those of a message's body or of a nested attribute.
 * Returns false at the first one whose length does not fit.
 */
export function forEachAttribute(
  bytes: Buffer,
  start: number,
  end: number,
  handler: AttributeHandler,
): boolean {
  let offset = start;
  while (offset + 4 <= end) {
    const length = bytes.readUInt16LE(offset);
    if (length < 4 || length > end - offset) return false;
    handler(bytes.readUInt16LE(offset + 2) & NLA_TYPE_MASK, offset + 4, offset + length);
    offset += align4(length);
  }
  return true;
}

/** A NUL-terminated string attribute. */
export function attributeString(bytes: Buffer, start: number, end: number): string {
  const stop = end > start && bytes[end - 1] === 0 ? end - 1 : end;
  return bytes.toString('utf8', start, stop);
}

/** Writes an attribute holding one u32; returns the offset behind it. */
export function writeU32Attribute(bytes: Buffer, offset: number, type: number, value: number): number {
  bytes.writeUInt16LE(8, offset);
  bytes.writeUInt16LE(type, offset + 2);
  bytes.writeUInt32LE(value, offset + 4);
  return offset + 8;
}

/** Opens an attribute whose length is not known yet; `endAttribute` closes it. Returns the offset of its value. */
export function beginAttribute(bytes: Buffer, offset: number, type: number): number {
  bytes.writeUInt16LE(type, offset + 2);
  return offset + 4;
}

/** Closes the attribute opened at `offset`, whose value ends at `end`; returns the offset behind its padding. */
export function endAttribute(bytes: Buffer, offset: number, end: number): number {
  bytes.writeUInt16LE(end - offset, offset);
  const padded = align4(end - offset) + offset;
  bytes.fill(0, end, padded);
  return padded;
}
