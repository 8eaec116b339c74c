/**
 * AS_PATH values: checked, counted, widened from 2 to 4 octets per AS number, narrowed again, and merged with
 * AS4_PATH (RFC 6793 §4.2.3). All work on offsets; sizes are octets per AS number (2 or 4).
 */
import { AS_TRANS } from './types.js';

export const SegmentType = { set: 1, sequence: 2, confedSequence: 3, confedSet: 4 } as const;
/** AS numbers that one segment holds at most. */
export const MAX_SEGMENT = 255;

/** What checkAsPath found wrong. */
export const AsPathDefect = {
  none: 0,
  segmentType: 1,
  emptySegment: 2,
  overrun: 3,
  asZero: 4,
  confederation: 5,
  noConfederation: 6,
} as const;
export const asPathDefects = [
  'is well formed',
  'has a segment of unknown type',
  'has an empty segment',
  'has a segment that runs past its end',
  'holds AS number 0 (RFC 7607)',
  'holds a confederation segment from an external peer (RFC 5065)',
  'of another member AS does not begin with AS_CONFED_SEQUENCE (RFC 5065)',
] as const;

/**
 * Where a path comes from, as RFC 5065 §5 tells them apart: our own member AS or AS, another member AS of our
 * confederation, which must have put itself in front, or `outside`, whence no confederation segment may come.
 * `anywhere`: not checked.
 */
export type PathSide = 'inside' | 'confederation' | 'outside' | 'anywhere';

/** RFC 7606 §7.2, RFC 7607, RFC 5065 §5. Returns one of AsPathDefect. */
export function checkAsPath(buf: Buffer, start: number, end: number, size: number, side: PathSide): number {
  const external = side === 'outside';
  let at = start;
  while (at < end) {
    if (at + 2 > end) return AsPathDefect.overrun;
    const type = buf[at];
    const count = buf[at + 1];
    if (type < SegmentType.set || type > SegmentType.confedSet) return AsPathDefect.segmentType;
    if (count === 0) return AsPathDefect.emptySegment;
    const next = at + 2 + count * size;
    if (next > end) return AsPathDefect.overrun;
    if (external && type >= SegmentType.confedSequence) return AsPathDefect.confederation;
    if (size === 4) {
      for (let p = at + 2; p < next; p += 4) {
        if ((buf[p] | buf[p + 1] | buf[p + 2] | buf[p + 3]) === 0) return AsPathDefect.asZero;
      }
    } else {
      for (let p = at + 2; p < next; p += 2) if ((buf[p] | buf[p + 1]) === 0) return AsPathDefect.asZero;
    }
    at = next;
  }
  return side === 'confederation' && (start === end || buf[start] !== SegmentType.confedSequence)
    ? AsPathDefect.noConfederation
    : AsPathDefect.none;
}

/** RFC 4271 §9.1.2.2 (a), RFC 5065 §5.3: an AS_SET counts one, confederation segments nothing. */
export function asPathLength(buf: Buffer, start: number, end: number, size: number): number {
  let total = 0;
  for (let at = start; at < end; at += 2 + buf[at + 1] * size) {
    if (buf[at] === SegmentType.sequence) total += buf[at + 1];
    else if (buf[at] === SegmentType.set) total++;
  }
  return total;
}

/** The neighbouring AS: first of a leading AS_SEQUENCE (confederation segments passed over), else 0. 4-octet form. */
export function firstAsn(buf: Buffer, start: number, end: number): number {
  for (let at = start; at < end; at += 2 + buf[at + 1] * 4) {
    if (buf[at] === SegmentType.sequence) return buf.readUInt32BE(at + 2);
    if (buf[at] === SegmentType.set) return 0;
  }
  return 0;
}

/** The member AS that a path from our confederation begins with: first of a leading AS_CONFED_SEQUENCE, else 0. 4-octet form. */
export function firstMemberAsn(buf: Buffer, start: number, end: number): number {
  return start < end && buf[start] === SegmentType.confedSequence ? buf.readUInt32BE(start + 2) : 0;
}

/** The AS that originated the route: last of a trailing AS_SEQUENCE (confederation segments passed over); 0 for none, -1 for a set (RFC 6811 §2). 4-octet form. */
export function originAsn(buf: Buffer, start: number, end: number): number {
  let origin = 0;
  for (let at = start; at < end; at += 2 + buf[at + 1] * 4) {
    if (buf[at] === SegmentType.sequence) origin = buf.readUInt32BE(at + buf[at + 1] * 4 - 2);
    else if (buf[at] === SegmentType.set) origin = -1;
  }
  return origin;
}

/** Whether `asn` stands anywhere in the path (RFC 4271 §9.1.2, loop detection). 4-octet form. */
export function asPathContains(buf: Buffer, start: number, end: number, asn: number): boolean {
  const low = asn & 0xff;
  for (let at = start; at < end; ) {
    const next = at + 2 + buf[at + 1] * 4;
    for (let p = at + 2; p < next; p += 4) {
      if (buf[p + 3] === low && buf.readUInt32BE(p) === asn) return true;
    }
    at = next;
  }
  return false;
}

/** How often `asn` stands in the path; `outside`: without its confederation segments. 4-octet form. */
export function asPathCount(buf: Buffer, start: number, end: number, asn: number, outside = false): number {
  const low = asn & 0xff;
  let count = 0;
  for (let at = start; at < end; ) {
    const next = at + 2 + buf[at + 1] * 4;
    const passes = outside && buf[at] >= SegmentType.confedSequence;
    for (let p = passes ? next : at + 2; p < next; p += 4) {
      if (buf[p + 3] === low && buf.readUInt32BE(p) === asn) count++;
    }
    at = next;
  }
  return count;
}

/** Copies the first `count` numbers of the 2-octet segment at `p` as a segment of 4-octet ones; returns the offset behind it. */
function widenSegment(buf: Buffer, p: number, count: number, out: Buffer, at: number): number {
  out[at++] = buf[p];
  out[at++] = count;
  p += 2;
  for (let i = 0; i < count; i++) {
    out[at++] = 0;
    out[at++] = 0;
    out[at++] = buf[p++];
    out[at++] = buf[p++];
  }
  return at;
}

/** Copies a checked path with 2 octets per AS number as one with 4; returns the offset behind it. */
export function widenAsPath(buf: Buffer, start: number, end: number, out: Buffer, at: number): number {
  for (let p = start; p < end; p += 2 + buf[p + 1] * 2) at = widenSegment(buf, p, buf[p + 1], out, at);
  return at;
}

/** Copies a 4-octet path as one with 2 octets, AS_TRANS where a number does not fit; returns the offset behind it. */
export function narrowAsPath(buf: Buffer, start: number, end: number, out: Buffer, at: number): number {
  for (let p = start; p < end; ) {
    const count = buf[p + 1];
    out[at++] = buf[p];
    out[at++] = count;
    p += 2;
    for (let i = 0; i < count; i++, p += 4) {
      const fits = (buf[p] | buf[p + 1]) === 0;
      out[at++] = fits ? buf[p + 2] : AS_TRANS >>> 8;
      out[at++] = fits ? buf[p + 3] : AS_TRANS & 0xff;
    }
  }
  return at;
}

/** Whether a 4-octet path holds a number above 65535 outside confederation segments, so that AS4_PATH must go along. */
export function needsAs4Path(buf: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; ) {
    const next = at + 2 + buf[at + 1] * 4;
    if (buf[at] <= SegmentType.sequence) {
      for (let p = at + 2; p < next; p += 4) if ((buf[p] | buf[p + 1]) !== 0) return true;
    }
    at = next;
  }
  return false;
}

/** Copies a 4-octet path without its confederation segments (RFC 6793 §3, §6); returns the offset behind it. */
export function copyWithoutConfederations(
  buf: Buffer,
  start: number,
  end: number,
  out: Buffer,
  at: number,
): number {
  for (let p = start; p < end; ) {
    const next = p + 2 + buf[p + 1] * 4;
    if (buf[p] <= SegmentType.sequence) {
      buf.copy(out, at, p, next);
      at += next - p;
    }
    p = next;
  }
  return at;
}

/**
 * RFC 6793 §4.2.3: puts the leading part of the (2-octet) AS_PATH before AS4_PATH, as much as AS4_PATH lacks in
 * length. Where AS4_PATH is the longer it is passed over. Both checked. Writes a 4-octet path, returns the offset behind it.
 */
export function mergeAs4Path(
  buf: Buffer,
  start: number,
  end: number,
  as4Start: number,
  as4End: number,
  out: Buffer,
  at: number,
): number {
  let missing = asPathLength(buf, start, end, 2) - asPathLength(buf, as4Start, as4End, 4);
  if (missing < 0) return widenAsPath(buf, start, end, out, at);
  let lastSegment = -1;
  for (let p = start; p < end; ) {
    const type = buf[p];
    const count = buf[p + 1];
    const next = p + 2 + count * 2;
    const isConfed = type >= SegmentType.confedSequence;
    // A confederation segment comes along while it leads or follows what is taken (RFC 6793 §4.2.3).
    if (missing === 0 && !isConfed) break;
    const take = isConfed || type === SegmentType.set ? count : Math.min(count, missing);
    lastSegment = at;
    at = widenSegment(buf, p, take, out, at);
    if (!isConfed) missing -= type === SegmentType.set ? 1 : take;
    if (take < count) break;
    p = next;
  }
  const tail = at;
  at = copyWithoutConfederations(buf, as4Start, as4End, out, at);
  // One sequence that the merge cut in two becomes one again.
  if (
    lastSegment >= 0 &&
    at > tail &&
    out[lastSegment] === SegmentType.sequence &&
    out[tail] === SegmentType.sequence &&
    out[lastSegment + 1] + out[tail + 1] <= MAX_SEGMENT
  ) {
    out[lastSegment + 1] += out[tail + 1];
    out.copyWithin(tail, tail + 2, at);
    at -= 2;
  }
  return at;
}

/** `65001 65002 {65003 65004} (65010)`: sets in braces, confederation sequences in parentheses, their sets in brackets. 4-octet form. */
export function formatAsPath(buf: Buffer, start: number, end: number): string {
  const parts: string[] = [];
  for (let at = start; at < end; ) {
    const next = at + 2 + buf[at + 1] * 4;
    const numbers: number[] = [];
    for (let p = at + 2; p < next; p += 4) numbers.push(buf.readUInt32BE(p));
    const text = numbers.join(' ');
    switch (buf[at]) {
      case SegmentType.set:
        parts.push(`{${text}}`);
        break;
      case SegmentType.confedSequence:
        parts.push(`(${text})`);
        break;
      case SegmentType.confedSet:
        parts.push(`[${text}]`);
        break;
      default:
        parts.push(text);
    }
    at = next;
  }
  return parts.join(' ');
}
