import { mergeAs4Path, widenAsPath } from './as-path.js';
import type { AttributeIndex } from './attribute-index.js';
import { AttributeCode, AttributeFlag } from './attributes.js';
import { AS_TRANS } from './types.js';
import type { UpdateResult } from './update-result.js';

/** Room before the attributes for family, next-hop length and a next hop of up to 32 octets. */
const HEAD_ROOM = 34;

/** Writes the canonical sets of an UPDATE whose attributes have been checked: in order of type, AS numbers widened to 4 octets (RFC 6793). */
export class CanonicalWriter {
  private readonly index: AttributeIndex;
  /** A widened or merged AS_PATH. */
  private asPath: Buffer = Buffer.alloc(0);

  constructor(index: AttributeIndex) {
    this.index = index;
  }

  /**
   * Writes set 0 where `r` has prefixes in the NLRI field, and set 1 where it has some in MP_REACH_NLRI, whose next hop
   * stands at `nextHopStart`. Returns false where an AS_PATH gets too long in its 4-octet form.
   */
  write(
    buf: Buffer,
    attributesLength: number,
    r: UpdateResult,
    nextHopStart: number,
    nextHopLength: number,
    fourOctetAs: boolean,
  ): boolean {
    // Widening doubles AS_PATH at most, and merging adds AS4_PATH at most once; all of it may stand twice.
    const needed = 2 * (HEAD_ROOM + 3 * attributesLength + 64);
    if (r.canonical.length < needed) r.canonical = Buffer.allocUnsafeSlow(2 * needed);
    const out = r.canonical;
    const end = this.writeAttributes(buf, out, fourOctetAs);
    if (end < 0) return false;
    const hasNlri = r.nlriStart < r.nlriEnd;
    if (hasNlri) {
      const start = HEAD_ROOM - 6;
      this.writeHead(buf, out, start, 0, this.index.valueStart[AttributeCode.nextHop], 4);
      r.canonicalStart[0] = start;
      r.canonicalEnd[0] = end;
    }
    if (r.reachStart < r.reachEnd) {
      const headLength = 2 + nextHopLength;
      let start = HEAD_ROOM - headLength;
      let setEnd = end;
      if (hasNlri) {
        start = end;
        out.copyWithin(start + headLength, HEAD_ROOM, end);
        setEnd = start + headLength + end - HEAD_ROOM;
      }
      this.writeHead(buf, out, start, r.reachFamily, nextHopStart, nextHopLength);
      r.canonicalStart[1] = start;
      r.canonicalEnd[1] = setEnd;
    }
    return true;
  }

  private writeHead(
    buf: Buffer,
    out: Buffer,
    start: number,
    family: number,
    nextHop: number,
    length: number,
  ): void {
    out[start] = family;
    out[start + 1] = length;
    for (let i = 0; i < length; i++) out[start + 2 + i] = buf[nextHop + i];
  }

  /** Writes the attributes behind the head room; returns the offset behind them, -1 where AS_PATH got too long. */
  private writeAttributes(buf: Buffer, out: Buffer, fourOctetAs: boolean): number {
    const { types, typeCount, valueStart, valueEnd, flags } = this.index;
    let at = HEAD_ROOM;
    for (let i = 0; i < typeCount; i++) {
      const type = types[i];
      let source = buf;
      let start = valueStart[type];
      let length = valueEnd[type] - start;
      if (!fourOctetAs) {
        if (type === AttributeCode.asPath) {
          length = this.widen(buf);
          if (length < 0) return -1;
          source = this.asPath;
          start = 0;
        } else if (type === AttributeCode.aggregator) {
          at = this.writeAggregator(buf, out, at);
          continue;
        }
      }
      if (length > 255) {
        out[at] = flags[type] | AttributeFlag.extendedLength;
        out[at + 1] = type;
        out[at + 2] = length >>> 8;
        out[at + 3] = length;
        at += 4;
      } else {
        out[at] = flags[type];
        out[at + 1] = type;
        out[at + 2] = length;
        at += 3;
      }
      // A call into native code costs as much as some sixty octets by hand.
      if (length > 64) source.copy(out, at, start, start + length);
      else for (let j = 0; j < length; j++) out[at + j] = source[start + j];
      at += length;
    }
    return at;
  }

  /** AS_PATH of a 2-octet peer, merged with AS4_PATH, into `asPath`. Returns its length, -1 where it got too long. */
  private widen(buf: Buffer): number {
    const start = this.index.valueStart[AttributeCode.asPath];
    const end = this.index.valueEnd[AttributeCode.asPath];
    const as4 = AttributeCode.as4Path;
    const needed =
      2 * (end - start) + (this.index.has(as4) ? this.index.valueEnd[as4] - this.index.valueStart[as4] : 0);
    if (this.asPath.length < needed) this.asPath = Buffer.allocUnsafeSlow(2 * needed);
    const length =
      this.index.has(as4) && !this.ignoresAs4(buf)
        ? mergeAs4Path(buf, start, end, this.index.valueStart[as4], this.index.valueEnd[as4], this.asPath, 0)
        : widenAsPath(buf, start, end, this.asPath, 0);
    return length <= 0xffff ? length : -1;
  }

  /** RFC 6793 §4.2.3: an AGGREGATOR other than AS_TRANS is younger than both AS4 attributes. */
  private ignoresAs4(buf: Buffer): boolean {
    if (!this.index.has(AttributeCode.aggregator) || !this.index.has(AttributeCode.as4Aggregator))
      return false;
    const start = this.index.valueStart[AttributeCode.aggregator];
    return ((buf[start] << 8) | buf[start + 1]) !== AS_TRANS;
  }

  /** AGGREGATOR of a 2-octet peer in its 4-octet form, from AS4_AGGREGATOR where that holds; returns the offset behind it. */
  private writeAggregator(buf: Buffer, out: Buffer, at: number): number {
    const type = AttributeCode.aggregator;
    const useAs4 = this.index.has(AttributeCode.as4Aggregator) && !this.ignoresAs4(buf);
    const from = this.index.valueStart[useAs4 ? AttributeCode.as4Aggregator : type];
    out[at++] = this.index.flags[type];
    out[at++] = type;
    out[at++] = 8;
    if (useAs4) {
      for (let i = 0; i < 8; i++) out[at++] = buf[from + i];
    } else {
      out[at++] = 0;
      out[at++] = 0;
      for (let i = 0; i < 6; i++) out[at++] = buf[from + i];
    }
    return at;
  }
}
