/**
 * NLRI (RFC 4271 §4.3): a length in bits, then as many octets as hold them. The decoder has checked every range it
 * hands out, so the readers here check nothing. Bits behind the length are the sender's rubbish and read as zero.
 *
 *     for (let at = start; at < end; at += nlriOctets(buf[at])) {
 *       const length = buf[at];
 *       const a = nlriWord(buf, at, 0);
 *     }
 *
 * Where path identifiers were negotiated (RFC 7911 §3), one of four octets stands before each length:
 *
 *     for (let at = start + PATH_ID_OCTETS; at < end; at += nlriOctets(buf[at]) + PATH_ID_OCTETS) {
 *       const pathId = nlriPathId(buf, at);
 *       …
 */
import { type FamilyIndex, IPV4, type Prefix } from '../../address/index.js';

/** Octets of a path identifier (RFC 7911 §3). */
export const PATH_ID_OCTETS = 4;

/** Octets of one prefix on the wire, its length octet included. */
export function nlriOctets(length: number): number {
  return 1 + ((length + 7) >> 3);
}

/** Whether `start`–`end` holds whole prefixes of at most `maxBits` each. Returns the offset of the first bad one, or -1. */
export function findBadNlri(buf: Buffer, start: number, end: number, maxBits: number): number {
  let at = start;
  while (at < end) {
    const length = buf[at];
    const next = at + 1 + ((length + 7) >> 3);
    if (length > maxBits || next > end) return at;
    at = next;
  }
  return -1;
}

/** The same for prefixes with path identifiers (RFC 7911 §3); the offset is that of the identifier. */
export function findBadPathNlri(buf: Buffer, start: number, end: number, maxBits: number): number {
  let at = start;
  while (at < end) {
    const lengthAt = at + PATH_ID_OCTETS;
    if (lengthAt >= end) return at;
    const length = buf[lengthAt];
    const next = lengthAt + 1 + ((length + 7) >> 3);
    if (length > maxBits || next > end) return at;
    at = next;
  }
  return -1;
}

/** The path identifier before the length octet at `at`. */
export function nlriPathId(buf: Buffer, at: number): number {
  return ((buf[at - 4] << 24) | (buf[at - 3] << 16) | (buf[at - 2] << 8) | buf[at - 1]) >>> 0;
}

/** Word `index` (0 to 3, IPv4 has 0 alone) of the prefix whose length octet stands at `at`. Unsigned, host bits cleared. */
export function nlriWord(buf: Buffer, at: number, index: number): number {
  const bits = buf[at] - 32 * index;
  if (bits <= 0) return 0;
  const p = at + 1 + 4 * index;
  let word = buf[p] << 24;
  if (bits > 8) {
    word |= buf[p + 1] << 16;
    if (bits > 16) {
      word |= buf[p + 2] << 8;
      if (bits > 24) word |= buf[p + 3];
    }
  }
  return bits >= 32 ? word >>> 0 : (word & (-1 << (32 - bits))) >>> 0;
}

/** Writes a path identifier; returns the offset behind it, where its prefix follows. */
export function writePathId(out: Buffer, at: number, pathId: number): number {
  out[at] = pathId >>> 24;
  out[at + 1] = pathId >>> 16;
  out[at + 2] = pathId >>> 8;
  out[at + 3] = pathId;
  return at + PATH_ID_OCTETS;
}

/** Writes an IPv4 prefix; returns the offset behind it. Bits behind the length must be zero. */
export function writeNlri4(out: Buffer, at: number, a: number, length: number): number {
  out[at++] = length;
  if (length > 0) out[at++] = a >>> 24;
  if (length > 8) out[at++] = a >>> 16;
  if (length > 16) out[at++] = a >>> 8;
  if (length > 24) out[at++] = a;
  return at;
}

/** Writes an IPv6 prefix; returns the offset behind it. Bits behind the length must be zero. */
export function writeNlri6(
  out: Buffer,
  at: number,
  a: number,
  b: number,
  c: number,
  d: number,
  length: number,
): number {
  const next = at + 1 + ((length + 7) >> 3);
  out[at++] = length;
  let word = a;
  for (let i = 0; at < next; i++, at++) {
    if (i === 4) word = b;
    else if (i === 8) word = c;
    else if (i === 12) word = d;
    out[at] = word >>> (24 - 8 * (i & 3));
  }
  return next;
}

/** A prefix as it stands in a message; `pathId` where it has one. */
export interface Nlri extends Prefix {
  readonly pathId?: number;
}

/** The prefixes of a checked range as values. For tests and people; hot paths walk by themselves. */
export function readPrefixes(
  buf: Buffer,
  start: number,
  end: number,
  family: FamilyIndex,
  pathIds = false,
): Nlri[] {
  const prefixes: Nlri[] = [];
  const ahead = pathIds ? PATH_ID_OCTETS : 0;
  for (let at = start + ahead; at < end; at += nlriOctets(buf[at]) + ahead) {
    prefixes.push({
      ...(pathIds ? { pathId: nlriPathId(buf, at) } : {}),
      family,
      a: nlriWord(buf, at, 0),
      b: family === IPV4 ? 0 : nlriWord(buf, at, 1),
      c: family === IPV4 ? 0 : nlriWord(buf, at, 2),
      d: family === IPV4 ? 0 : nlriWord(buf, at, 3),
      length: buf[at],
    });
  }
  return prefixes;
}
