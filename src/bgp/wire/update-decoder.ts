import type { FamilyIndex } from '../../address/index.js';
import { asPathDefects, checkAsPath, mergeAs4Path, widenAsPath } from './as-path.js';
import {
  AttributeCode,
  AttributeFlag,
  type AttributeSpec,
  attributeName,
  attributeSpecs,
} from './attributes.js';
import { findBadNlri } from './nlri.js';
import {
  AS_TRANS,
  ErrorCode,
  familyOf,
  HEADER_LENGTH,
  MAX_MESSAGE_LENGTH,
  type Severity,
  UpdateSubcode,
  WireError,
} from './types.js';

/** What the session knows about its peer. */
export interface DecodeContext {
  /** Both sides have the capability of RFC 6793: AS numbers have four octets on the wire. */
  readonly fourOctetAs: boolean;
  /** The peer is external. */
  readonly ebgp: boolean;
}

/** Room before the attributes for family, next-hop length and a next hop of up to 32 octets. */
const HEAD_ROOM = 34;
const noErrors: readonly WireError[] = Object.freeze([]);

/**
 * What one UPDATE says, as offsets into its bytes. One object, reused by every decode(): valid until the next call, and
 * only while the message's buffer is.
 */
export class UpdateResult {
  /**
   * The worst of what was wrong, null if nothing or only discarded attributes. `treatAsWithdraw`: every NLRI of all
   * four ranges is to be withdrawn, and there is no canonical set. `reset`: all ranges are empty.
   */
  error: WireError | null = null;
  /** Attributes that were dropped and the UPDATE kept (RFC 7606 §2). */
  discarded: readonly WireError[] = noErrors;
  /** IPv4 prefixes of the Withdrawn Routes field. */
  withdrawnStart = 0;
  withdrawnEnd = 0;
  /** MP_UNREACH_NLRI: its family, -1 if there is none, and its prefixes. */
  unreachFamily: FamilyIndex | -1 = -1;
  unreachStart = 0;
  unreachEnd = 0;
  /** IPv4 prefixes of the NLRI field; their attributes are canonical set 0. */
  nlriStart = 0;
  nlriEnd = 0;
  /** MP_REACH_NLRI: its family, -1 if there is none, and its prefixes; their attributes are canonical set 1. */
  reachFamily: FamilyIndex | -1 = -1;
  reachStart = 0;
  reachEnd = 0;
  /** Holds both canonical sets; scratch, overwritten by the next decode(), and may be another Buffer after it. */
  canonical: Buffer = Buffer.allocUnsafeSlow(32768);
  /** Where set 0 and set 1 lie in `canonical`; start = end where there is none. */
  readonly canonicalStart: [number, number] = [0, 0];
  readonly canonicalEnd: [number, number] = [0, 0];
  /** The family whose initial table is complete (RFC 4724 §2), -1 for any other UPDATE. */
  endOfRib: FamilyIndex | -1 = -1;
  /** MP attributes of families that we don't speak; passed over. */
  ignoredFamilies = 0;
}

/**
 * Checks and takes apart UPDATEs (RFC 4271 §4.3, RFC 4760, RFC 6793, RFC 7606). One walk over the attributes notes
 * where each type stands; then the canonical set is written in order of type. Allocates nothing for a sound UPDATE.
 */
export class UpdateDecoder {
  private readonly result = new UpdateResult();
  /** Per attribute type: number of the decode that last saw it, where its value stands, and its flags. */
  private readonly seen = new Uint32Array(256);
  private readonly valueStart = new Uint32Array(256);
  private readonly valueEnd = new Uint32Array(256);
  private readonly flags = new Uint8Array(256);
  /** Types that go into the canonical set, ascending. */
  private readonly types = new Uint8Array(256);
  private typeCount = 0;
  private decodeNumber = 0;
  /** A widened or merged AS_PATH. */
  private asPath: Buffer = Buffer.alloc(0);
  private message: Buffer = Buffer.alloc(0);
  private messageStart = 0;
  private messageEnd = 0;
  /** MP_REACH_NLRI's next hop, brought to its canonical 4, 16 or 32 octets. */
  private nextHopStart = 0;
  private nextHopLength = 0;

  /** Reads the body `start`–`end` (behind the header). Never throws. */
  decode(buf: Buffer, start: number, end: number, context: DecodeContext): UpdateResult {
    const r = this.result;
    this.message = buf;
    this.messageStart = start;
    this.messageEnd = end;
    this.clear();
    if (++this.decodeNumber > 0x3fffffff) {
      this.decodeNumber = 1;
      this.seen.fill(0);
    }
    const withdrawnStart = start + 2;
    const withdrawnEnd = withdrawnStart + ((buf[start] << 8) | buf[start + 1]);
    if (end - start < 4 || withdrawnEnd + 2 > end) {
      return this.reset(UpdateSubcode.malformedAttributeList, 'withdrawn routes overrun the message', start);
    }
    const attributesStart = withdrawnEnd + 2;
    const attributesEnd = attributesStart + ((buf[withdrawnEnd] << 8) | buf[withdrawnEnd + 1]);
    if (attributesEnd > end) {
      return this.reset(
        UpdateSubcode.malformedAttributeList,
        'path attributes overrun the message',
        withdrawnEnd,
      );
    }
    const badWithdrawn = findBadNlri(buf, withdrawnStart, withdrawnEnd, 32);
    const bad = badWithdrawn >= 0 ? badWithdrawn : findBadNlri(buf, attributesEnd, end, 32);
    if (bad >= 0) {
      const field = badWithdrawn >= 0 ? 'withdrawn routes' : 'NLRI';
      const message = `${field}: prefix of length ${buf[bad]} is too long or cut short`;
      return this.reset(UpdateSubcode.invalidNetworkField, message, bad);
    }
    r.withdrawnStart = withdrawnStart;
    r.withdrawnEnd = withdrawnEnd;
    r.nlriStart = attributesEnd;
    r.nlriEnd = end;
    if (attributesStart < attributesEnd) {
      if (!this.walk(buf, attributesStart, attributesEnd, context)) return r;
    } else if (withdrawnStart === withdrawnEnd && attributesEnd === end) {
      r.endOfRib = 0;
      return r;
    }
    this.conclude(buf, attributesStart, attributesEnd, context);
    return r;
  }

  /** Notes and checks every attribute. Returns false after a reset error. */
  private walk(buf: Buffer, start: number, end: number, context: DecodeContext): boolean {
    const { seen, decodeNumber } = this;
    let at = start;
    while (at < end) {
      const flags = buf[at];
      const headLength = (flags & AttributeFlag.extendedLength) !== 0 ? 4 : 3;
      if (at + headLength > end) {
        // RFC 7606 §4, second case: the attributes' total length still tells where the NLRI begins.
        this.fault(
          'treatAsWithdraw',
          UpdateSubcode.malformedAttributeList,
          'path attributes end in the middle of one',
          at,
        );
        return true;
      }
      const type = buf[at + 1];
      const valueStart = at + headLength;
      const length = headLength === 4 ? (buf[at + 2] << 8) | buf[at + 3] : buf[at + 2];
      const valueEnd = valueStart + length;
      if (valueEnd > end) {
        // RFC 7606 §4, first case. MP NLRI that can't be read leave nothing to withdraw: reset (§3 (j), §5.3).
        const isMp = type === AttributeCode.mpReachNlri || type === AttributeCode.mpUnreachNlri;
        const message = `${attributeName(type)} of ${length} octets, ${end - valueStart} are left`;
        if (isMp) {
          this.reset(UpdateSubcode.optionalAttribute, message, at, type);
          return false;
        }
        this.fault('treatAsWithdraw', UpdateSubcode.attributeLength, message, at, type);
        return true;
      }
      if (seen[type] === decodeNumber) {
        // RFC 7606 §3 (g)
        const message = `${attributeName(type)} stands twice`;
        if (type === AttributeCode.mpReachNlri || type === AttributeCode.mpUnreachNlri) {
          this.reset(UpdateSubcode.malformedAttributeList, message, at, type);
          return false;
        }
        this.fault('discard', UpdateSubcode.malformedAttributeList, message, at, type);
      } else {
        seen[type] = decodeNumber;
        this.valueStart[type] = valueStart;
        this.valueEnd[type] = valueEnd;
        this.flags[type] = flags;
        const spec = attributeSpecs[type];
        if (spec === null) {
          if (!this.unknown(type, flags, at)) return false;
        } else if (!this.known(buf, spec, flags, at, context)) return false;
      }
      at = valueEnd;
    }
    return true;
  }

  /** Returns false after a reset error. */
  private unknown(type: number, flags: number, at: number): boolean {
    if ((flags & AttributeFlag.optional) === 0) {
      // RFC 4271 §6.3, untouched by RFC 7606.
      const message = `well-known attribute ${type} is unknown`;
      this.reset(UpdateSubcode.unrecognizedWellKnown, message, at, type);
      return false;
    }
    if ((flags & AttributeFlag.transitive) !== 0) {
      // RFC 4271 §9: passed on, marked as not understood by everyone on the way.
      this.flags[type] = OPTIONAL_TRANSITIVE | AttributeFlag.partial;
      this.keep(type);
    }
    return true;
  }

  /** Checks one attribute of the table. Returns false after a reset error. */
  private known(
    buf: Buffer,
    spec: AttributeSpec,
    flags: number,
    at: number,
    context: DecodeContext,
  ): boolean {
    const type = spec.code;
    const start = this.valueStart[type];
    const end = this.valueEnd[type];
    const length = end - start;
    if (context.ebgp && spec.external === 'drop') {
      this.forget(type);
      return true;
    }
    // RFC 6793 §4.1: these two mean nothing between speakers of 4-octet AS numbers.
    if (context.fourOctetAs && (type === AttributeCode.as4Path || type === AttributeCode.as4Aggregator)) {
      this.forget(type);
      return true;
    }
    if ((flags & OPTIONAL_TRANSITIVE) !== spec.flags) {
      // RFC 7606 §3 (c), (f)
      const message = `${spec.name} has flags ${hex(flags)}, expected ${hex(spec.flags)}`;
      this.fault(spec.severity, UpdateSubcode.attributeFlags, message, at, type);
      this.forget(type);
      // The NLRI of an MP attribute are still needed, to be withdrawn.
      if (spec.kind !== 'mpReach' && spec.kind !== 'mpUnreach') return true;
    }
    if (type === AttributeCode.mpReachNlri) return this.mpReach(buf, start, end, at);
    if (type === AttributeCode.mpUnreachNlri) return this.mpUnreach(buf, start, end, at);
    // Checked when it turns out to be needed: RFC 4760 §3 ignores it beside MP_REACH_NLRI alone.
    if (type === AttributeCode.nextHop) return true;
    if (
      spec.exactLength >= 0
        ? length !== spec.exactLength
        : spec.unit > 0 && (length === 0 || length % spec.unit !== 0)
    ) {
      const expected = spec.exactLength >= 0 ? spec.exactLength : `a multiple of ${spec.unit}`;
      const message = `${spec.name} has ${length} octets, expected ${expected}`;
      this.fault(spec.severity, UpdateSubcode.attributeLength, message, at, type);
      this.forget(type);
      return true;
    }
    if (spec.kind === 'origin') {
      if (buf[start] > 2) {
        const message = `ORIGIN is ${buf[start]}, expected 0 to 2`;
        this.fault(spec.severity, UpdateSubcode.invalidOrigin, message, at, type);
        this.forget(type);
        return true;
      }
    } else if (spec.kind === 'asPath') {
      if (!this.checkPath(buf, spec, start, end, at, context)) return true;
    } else if (spec.kind === 'aggregator') {
      const size = context.fourOctetAs || type === AttributeCode.as4Aggregator ? 4 : 2;
      if (!this.checkAggregator(buf, spec, start, length, size, at)) return true;
    }
    // Partial means something for optional transitive attributes alone.
    this.flags[type] = spec.flags | (spec.flags === OPTIONAL_TRANSITIVE ? flags & AttributeFlag.partial : 0);
    if (spec.canonical === 'tlv') this.keep(type);
    return true;
  }

  private checkPath(
    buf: Buffer,
    spec: AttributeSpec,
    start: number,
    end: number,
    at: number,
    context: DecodeContext,
  ): boolean {
    const isAs4 = spec.code === AttributeCode.as4Path;
    const size = context.fourOctetAs || isAs4 ? 4 : 2;
    // RFC 6793 §6: confederation segments in AS4_PATH are dropped, the rest is used. An empty AS4_PATH is malformed.
    const defect = checkAsPath(buf, start, end, size, context.ebgp && !isAs4);
    if (defect === 0 && !(isAs4 && start === end)) return true;
    const message = `${spec.name} ${defect === 0 ? 'is empty' : asPathDefects[defect]}`;
    this.fault(spec.severity, UpdateSubcode.malformedAsPath, message, at, spec.code);
    this.forget(spec.code);
    return false;
  }

  private checkAggregator(
    buf: Buffer,
    spec: AttributeSpec,
    start: number,
    length: number,
    size: number,
    at: number,
  ): boolean {
    const asn =
      size === 4
        ? buf[start] | buf[start + 1] | buf[start + 2] | buf[start + 3]
        : buf[start] | buf[start + 1];
    if (length === size + 4 && asn !== 0) return true;
    const message =
      length === size + 4
        ? `${spec.name} holds AS number 0 (RFC 7607)`
        : `${spec.name} has ${length} octets, expected ${size + 4}`;
    const subcode = length === size + 4 ? UpdateSubcode.optionalAttribute : UpdateSubcode.attributeLength;
    this.fault(spec.severity, subcode, message, at, spec.code);
    this.forget(spec.code);
    return false;
  }

  /** RFC 4760 §3, RFC 2545 §3, RFC 8950 §4; errors RFC 7606 §7.11. Returns false after a reset error. */
  private mpReach(buf: Buffer, start: number, end: number, at: number): boolean {
    const type = AttributeCode.mpReachNlri;
    const r = this.result;
    const nextHopLength = buf[start + 3];
    const nextHopStart = start + 4;
    const nlriStart = nextHopStart + nextHopLength + 1;
    if (end - start < 5 || nlriStart > end) {
      this.reset(UpdateSubcode.optionalAttribute, 'MP_REACH_NLRI is cut short', at, type);
      return false;
    }
    const family = familyOf((buf[start] << 8) | buf[start + 1], buf[start + 2]);
    if (family < 0) {
      r.ignoredFamilies++;
      return true;
    }
    if (nextHopLength !== 16 && nextHopLength !== 32 && !(nextHopLength === 4 && family === 0)) {
      const message = `MP_REACH_NLRI has a next hop of ${nextHopLength} octets, expected ${family === 0 ? '4, ' : ''}16 or 32`;
      this.reset(UpdateSubcode.optionalAttribute, message, at, type);
      return false;
    }
    const bad = findBadNlri(buf, nlriStart, end, family === 0 ? 32 : 128);
    if (bad >= 0) {
      const message = `MP_REACH_NLRI: prefix of length ${buf[bad]} is too long or cut short`;
      this.reset(UpdateSubcode.optionalAttribute, message, at, type);
      return false;
    }
    r.reachFamily = family as FamilyIndex;
    r.reachStart = nlriStart;
    r.reachEnd = end;
    this.nextHopStart = nextHopStart;
    this.nextHopLength = nextHopLength;
    if (nextHopLength === 32) this.settleLinkLocal(buf, nextHopStart);
    if (nlriStart === end) return true;
    const isValid = nextHopLength === 4 ? isUnicast4(buf, nextHopStart) : isUnicast6(buf, this.nextHopStart);
    if (!isValid) {
      const message = 'MP_REACH_NLRI: next hop is no unicast address';
      this.fault('treatAsWithdraw', UpdateSubcode.invalidNextHop, message, at, type);
    }
    return true;
  }

  /**
   * Brings a pair of next hops to one form (RFC 2545 §3): global and link-local stay a pair; a link-local beside itself
   * or beside :: becomes the link-local alone; a second half that is not link-local is dropped.
   */
  private settleLinkLocal(buf: Buffer, start: number): void {
    if (!isLinkLocal6(buf, start + 16)) {
      this.nextHopLength = 16;
      return;
    }
    if (isLinkLocal6(buf, start) || isZero(buf, start, 16)) {
      this.nextHopStart = start + 16;
      this.nextHopLength = 16;
    }
  }

  /** RFC 4760 §4; errors RFC 7606 §7.12. Returns false after a reset error. */
  private mpUnreach(buf: Buffer, start: number, end: number, at: number): boolean {
    const type = AttributeCode.mpUnreachNlri;
    const r = this.result;
    if (end - start < 3) {
      this.reset(UpdateSubcode.optionalAttribute, 'MP_UNREACH_NLRI is cut short', at, type);
      return false;
    }
    const family = familyOf((buf[start] << 8) | buf[start + 1], buf[start + 2]);
    if (family < 0) {
      r.ignoredFamilies++;
      return true;
    }
    const bad = findBadNlri(buf, start + 3, end, family === 0 ? 32 : 128);
    if (bad >= 0) {
      const message = `MP_UNREACH_NLRI: prefix of length ${buf[bad]} is too long or cut short`;
      this.reset(UpdateSubcode.optionalAttribute, message, at, type);
      return false;
    }
    r.unreachFamily = family as FamilyIndex;
    r.unreachStart = start + 3;
    r.unreachEnd = end;
    return true;
  }

  /** What can be said once all attributes are known: completeness, End-of-RIB, the canonical sets. */
  private conclude(
    buf: Buffer,
    attributesStart: number,
    attributesEnd: number,
    context: DecodeContext,
  ): void {
    const r = this.result;
    const hasNlri = r.nlriStart < r.nlriEnd;
    const hasReach = r.reachStart < r.reachEnd;
    if (hasNlri || hasReach) {
      if (!this.has(AttributeCode.origin)) this.missing(AttributeCode.origin);
      if (!this.has(AttributeCode.asPath)) this.missing(AttributeCode.asPath);
      if (hasNlri) this.checkNextHop(buf);
    }
    if (r.error !== null) {
      // RFC 7606 §5.2: attributes without reachable NLRI, so nothing shows that the NLRI were found at all.
      const isForeign = r.reachFamily < 0 && this.seen[AttributeCode.mpReachNlri] === this.decodeNumber;
      if (!hasNlri && !hasReach && !isForeign) {
        const { subcode, message, offset, data, attribute } = r.error;
        this.clear();
        r.error = new WireError('reset', ErrorCode.update, subcode, message, offset, data, attribute);
      }
      return;
    }
    if (hasNlri || hasReach) {
      this.writeCanonical(buf, attributesEnd - attributesStart, hasNlri, hasReach, context);
      return;
    }
    // RFC 4724 §2: MP_UNREACH_NLRI alone, and nothing in it.
    if (
      r.unreachFamily >= 0 &&
      r.unreachStart === r.unreachEnd &&
      r.unreachEnd === attributesEnd &&
      r.withdrawnStart === r.withdrawnEnd &&
      attributesEnd - attributesStart <= 7
    ) {
      r.endOfRib = r.unreachFamily;
    }
  }

  /** RFC 7606 §7.3; the address must be one that a host can have (RFC 4271 §6.3). */
  private checkNextHop(buf: Buffer): void {
    const type = AttributeCode.nextHop;
    if (!this.has(type)) {
      this.missing(type);
      return;
    }
    const start = this.valueStart[type];
    const length = this.valueEnd[type] - start;
    const at = start - ((this.flags[type] & AttributeFlag.extendedLength) !== 0 ? 4 : 3);
    if (length !== 4) {
      const message = `NEXT_HOP has ${length} octets, expected 4`;
      this.fault('treatAsWithdraw', UpdateSubcode.attributeLength, message, at, type);
    } else if (!isUnicast4(buf, start)) {
      const message = `NEXT_HOP ${buf[start]}.${buf[start + 1]}.${buf[start + 2]}.${buf[start + 3]} is no unicast address`;
      this.fault('treatAsWithdraw', UpdateSubcode.invalidNextHop, message, at, type);
    }
  }

  private writeCanonical(
    buf: Buffer,
    attributesLength: number,
    hasNlri: boolean,
    hasReach: boolean,
    context: DecodeContext,
  ): void {
    const r = this.result;
    // Widening doubles AS_PATH at most, and merging adds AS4_PATH at most once; all of it may stand twice.
    const needed = 2 * (HEAD_ROOM + 3 * attributesLength + 64);
    if (r.canonical.length < needed) r.canonical = Buffer.allocUnsafeSlow(2 * needed);
    const end = this.writeAttributes(buf, r.canonical, context);
    if (r.error !== null || end < 0) return;
    let copyTo = end;
    if (hasNlri) {
      const family = 0;
      const start = HEAD_ROOM - 6;
      this.writeHead(buf, r.canonical, start, family, this.valueStart[AttributeCode.nextHop], 4);
      r.canonicalStart[0] = start;
      r.canonicalEnd[0] = end;
    }
    if (hasReach) {
      let start = HEAD_ROOM - 2 - this.nextHopLength;
      let setEnd = end;
      if (hasNlri) {
        start = copyTo;
        copyTo += 2 + this.nextHopLength;
        r.canonical.copyWithin(copyTo, HEAD_ROOM, end);
        setEnd = copyTo + end - HEAD_ROOM;
      }
      this.writeHead(buf, r.canonical, start, r.reachFamily, this.nextHopStart, this.nextHopLength);
      r.canonicalStart[1] = start;
      r.canonicalEnd[1] = setEnd;
    }
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

  /** Writes the attributes behind the head room; returns the offset behind them, -1 after an error. */
  private writeAttributes(buf: Buffer, out: Buffer, context: DecodeContext): number {
    const { types, typeCount, valueStart, valueEnd, flags } = this;
    let at = HEAD_ROOM;
    for (let i = 0; i < typeCount; i++) {
      const type = types[i];
      let source = buf;
      let start = valueStart[type];
      let length = valueEnd[type] - start;
      if (!context.fourOctetAs) {
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
    const start = this.valueStart[AttributeCode.asPath];
    const end = this.valueEnd[AttributeCode.asPath];
    const as4 = AttributeCode.as4Path;
    const needed = 2 * (end - start) + (this.has(as4) ? this.valueEnd[as4] - this.valueStart[as4] : 0);
    if (this.asPath.length < needed) this.asPath = Buffer.allocUnsafeSlow(2 * needed);
    const length =
      this.has(as4) && !this.ignoresAs4(buf)
        ? mergeAs4Path(buf, start, end, this.valueStart[as4], this.valueEnd[as4], this.asPath, 0)
        : widenAsPath(buf, start, end, this.asPath, 0);
    if (length <= 0xffff) return length;
    const message = `AS_PATH of ${length} octets in its 4-octet form, expected at most 65535`;
    this.fault('treatAsWithdraw', UpdateSubcode.malformedAsPath, message, start, AttributeCode.asPath);
    return -1;
  }

  /** RFC 6793 §4.2.3: an AGGREGATOR other than AS_TRANS is younger than both AS4 attributes. */
  private ignoresAs4(buf: Buffer): boolean {
    if (!this.has(AttributeCode.aggregator) || !this.has(AttributeCode.as4Aggregator)) return false;
    const start = this.valueStart[AttributeCode.aggregator];
    return ((buf[start] << 8) | buf[start + 1]) !== AS_TRANS;
  }

  /** AGGREGATOR of a 2-octet peer in its 4-octet form, from AS4_AGGREGATOR where that holds; returns the offset behind it. */
  private writeAggregator(buf: Buffer, out: Buffer, at: number): number {
    const type = AttributeCode.aggregator;
    const useAs4 = this.has(AttributeCode.as4Aggregator) && !this.ignoresAs4(buf);
    const from = this.valueStart[useAs4 ? AttributeCode.as4Aggregator : type];
    out[at++] = this.flags[type];
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

  /** Puts a type in its place among those of the canonical set; peers mostly send them in order. */
  private keep(type: number): void {
    const { types } = this;
    let i = this.typeCount++;
    while (i > 0 && types[i - 1] > type) {
      types[i] = types[i - 1];
      i--;
    }
    types[i] = type;
  }

  /** Whether the attribute stands in the message and was not dropped. */
  private has(type: number): boolean {
    return this.seen[type] === this.decodeNumber && this.valueEnd[type] !== DROPPED;
  }

  /** Drops an attribute; another one of its type still counts as a second. */
  private forget(type: number): void {
    this.valueEnd[type] = DROPPED;
  }

  private missing(type: number): void {
    const message = `${attributeName(type)} is missing`;
    this.fault(
      'treatAsWithdraw',
      UpdateSubcode.missingWellKnown,
      message,
      this.messageStart,
      type,
      Buffer.from([type]),
    );
  }

  /** Notes an error; the strongest counts, among equals the first (RFC 7606 §3 (h)). `at` is the attribute's offset in the buffer. */
  private fault(
    severity: Severity,
    subcode: number,
    message: string,
    at: number,
    attribute?: number,
    data = this.attributeBytes(at, attribute),
  ): void {
    const r = this.result;
    const offset = at - this.messageStart;
    const error = new WireError(severity, ErrorCode.update, subcode, message, offset, data, attribute);
    if (severity === 'discard') {
      if (r.discarded === noErrors) r.discarded = [];
      (r.discarded as WireError[]).push(error);
    } else if (r.error === null || (severity === 'reset' && r.error.severity !== 'reset')) r.error = error;
  }

  private reset(subcode: number, message: string, at: number, attribute?: number): UpdateResult {
    const r = this.result;
    const { discarded } = r;
    this.clear();
    r.discarded = discarded;
    this.fault('reset', subcode, message, at, attribute);
    return r;
  }

  /** The NOTIFICATION's data: the attribute as it came, type, length and value (RFC 4271 §6.3). */
  private attributeBytes(at: number, attribute: number | undefined): Buffer {
    if (attribute === undefined) return noData;
    const buf = this.message;
    const isExtended = (buf[at] & AttributeFlag.extendedLength) !== 0;
    const length = isExtended ? (buf[at + 2] << 8) | buf[at + 3] : buf[at + 2];
    const end = Math.min(at + (isExtended ? 4 : 3) + Math.min(length, MAX_DATA - 4), this.messageEnd);
    return Buffer.from(buf.subarray(at, end));
  }

  private clear(): void {
    const r = this.result;
    r.error = null;
    r.discarded = noErrors;
    r.withdrawnStart = r.withdrawnEnd = 0;
    r.unreachFamily = -1;
    r.unreachStart = r.unreachEnd = 0;
    r.nlriStart = r.nlriEnd = 0;
    r.reachFamily = -1;
    r.reachStart = r.reachEnd = 0;
    r.canonicalStart[0] = r.canonicalEnd[0] = 0;
    r.canonicalStart[1] = r.canonicalEnd[1] = 0;
    r.endOfRib = -1;
    r.ignoredFamilies = 0;
    this.typeCount = 0;
  }
}

const OPTIONAL_TRANSITIVE = AttributeFlag.optional | AttributeFlag.transitive;
const noData = Buffer.alloc(0);
/** Octets of data that a NOTIFICATION has room for. */
const MAX_DATA = MAX_MESSAGE_LENGTH - HEADER_LENGTH - 2;
/** In `valueEnd`: the attribute came, and is to be treated as if it had not. */
const DROPPED = 0;

function hex(flags: number): string {
  return `0x${(flags & 0xc0).toString(16)}`;
}

function isZero(buf: Buffer, start: number, length: number): boolean {
  for (let i = start; i < start + length; i++) if (buf[i] !== 0) return false;
  return true;
}

/** Neither 0.0.0.0/8, 127.0.0.0/8, multicast nor 240.0.0.0/4. */
function isUnicast4(buf: Buffer, start: number): boolean {
  const first = buf[start];
  return first !== 0 && first !== 127 && first < 224;
}

function isLinkLocal6(buf: Buffer, start: number): boolean {
  return buf[start] === 0xfe && (buf[start + 1] & 0xc0) === 0x80;
}

/** Neither ::, ::1 nor multicast. */
function isUnicast6(buf: Buffer, start: number): boolean {
  if (buf[start] === 0xff) return false;
  return !(isZero(buf, start, 15) && buf[start + 15] <= 1);
}
