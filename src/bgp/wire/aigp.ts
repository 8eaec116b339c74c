/**
 * The AIGP attribute (RFC 7311 §3): TLVs of a type in one octet, a length in two that counts from the type on, and a
 * value. One type has a meaning, the AIGP TLV, whose value is the accumulated metric in 64 bits; of several the first
 * counts, and those of other types are passed along.
 *
 * Metrics are numbers here, exact up to 2^53; only what is added to one in its bytes is added in 64 bits.
 */
const AIGP_TLV = 1;
const TLV_HEAD = 3;
/** Octets of an AIGP TLV as a whole. */
export const AIGP_TLV_LENGTH = 11;
const MAX_METRIC = 0xffffffffffffffffn;

/** What is wrong with the attribute's value in `buf[start, end)`, for people (RFC 7311 §3.2); null: nothing. */
export function aigpDefect(buf: Buffer, start: number, end: number): string | null {
  if (start === end) return 'is empty';
  let hasMetric = false;
  for (let at = start; at < end; ) {
    if (end - at < TLV_HEAD) return 'ends within the head of a TLV';
    const type = buf[at];
    const length = buf.readUInt16BE(at + 1);
    if (length < TLV_HEAD) return `holds a TLV of ${length} octets, expected at least ${TLV_HEAD}`;
    if (length > end - at) return 'holds a TLV that runs past its end';
    if (type === AIGP_TLV) {
      if (length !== AIGP_TLV_LENGTH)
        return `holds an AIGP TLV of ${length} octets, expected ${AIGP_TLV_LENGTH}`;
      // RFC 7311 §3.2: what can't be increased any more tells nothing.
      const isMost = buf.readUInt32BE(at + 3) === 0xffffffff && buf.readUInt32BE(at + 7) === 0xffffffff;
      if (!hasMetric && isMost) return 'holds the highest metric there is';
      hasMetric = true;
    }
    at += length;
  }
  return null;
}

/** Where the metric that counts begins in a sound value, 8 octets; -1: there is none. */
export function aigpMetricAt(buf: Buffer, start: number, end: number): number {
  for (let at = start; at < end; at += buf.readUInt16BE(at + 1)) {
    if (buf[at] === AIGP_TLV) return at + TLV_HEAD;
  }
  return -1;
}

/** The metric at such a place, rounded where it is beyond 2^53. */
export function readAigpMetric(buf: Buffer, at: number): number {
  return buf.readUInt32BE(at) * 0x100000000 + buf.readUInt32BE(at + 4);
}

/** Adds to the metric at such a place; what would be too much stays at the most there is (RFC 7311 §3.4.3). */
export function addToAigpMetric(buf: Buffer, at: number, distance: number): void {
  const sum = buf.readBigUInt64BE(at) + BigInt(distance);
  buf.writeBigUInt64BE(sum > MAX_METRIC ? MAX_METRIC : sum, at);
}

/** Writes an AIGP TLV with a metric of at most 2^53; returns where it ends. */
export function writeAigpTlv(buf: Buffer, at: number, metric: number): number {
  buf[at] = AIGP_TLV;
  buf.writeUInt16BE(AIGP_TLV_LENGTH, at + 1);
  return buf.writeBigUInt64BE(BigInt(metric), at + TLV_HEAD);
}
