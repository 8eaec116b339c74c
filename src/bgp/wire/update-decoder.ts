import type { FamilyIndex } from '../../address/index.js';
import { aigpDefect } from './aigp.js';
import { asPathDefects, checkAsPath } from './as-path.js';
import { AttributeIndex } from './attribute-index.js';
import {
  AttributeCode,
  AttributeFlag,
  type AttributeSpec,
  attributeName,
  attributeSpecs,
} from './attributes.js';
import { CanonicalWriter } from './canonical-writer.js';
import { findBadNlri, findBadPathNlri, PATH_ID_OCTETS } from './nlri.js';
import {
  ErrorCode,
  familyOf,
  HEADER_LENGTH,
  MAX_MESSAGE_LENGTH,
  type Severity,
  UpdateSubcode,
  WireError,
} from './types.js';
import { type DecodeContext, noErrors, UpdateResult } from './update-result.js';

/**
 * Checks and takes apart UPDATEs (RFC 4271 §4.3, RFC 4760, RFC 6793, RFC 7606). One walk over the attributes notes
 * where each type stands; then the canonical set is written in order of type. Allocates nothing for a sound UPDATE.
 */
export class UpdateDecoder {
  private readonly result = new UpdateResult();
  private readonly index = new AttributeIndex();
  private readonly writer = new CanonicalWriter(this.index);
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
    r.clear();
    this.index.begin();
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
    const badWithdrawn = findBad(buf, withdrawnStart, withdrawnEnd, 0, context);
    const bad = badWithdrawn >= 0 ? badWithdrawn : findBad(buf, attributesEnd, end, 0, context);
    if (bad >= 0) {
      const field = badWithdrawn >= 0 ? 'withdrawn routes' : 'NLRI';
      const message = `${field}: ${describeBad(buf, bad, badWithdrawn >= 0 ? withdrawnEnd : end, 0, context)}`;
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
      if (this.index.note(type, flags, valueStart, valueEnd)) {
        const spec = attributeSpecs[type];
        if (spec === null) {
          if (!this.unknown(type, flags, at)) return false;
        } else if (!this.known(buf, spec, flags, at, context)) return false;
      } else {
        // RFC 7606 §3 (g)
        const message = `${attributeName(type)} stands twice`;
        if (type === AttributeCode.mpReachNlri || type === AttributeCode.mpUnreachNlri) {
          this.reset(UpdateSubcode.malformedAttributeList, message, at, type);
          return false;
        }
        this.fault('discard', UpdateSubcode.malformedAttributeList, message, at, type);
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
      this.index.flags[type] = OPTIONAL_TRANSITIVE | AttributeFlag.partial;
      this.index.keep(type);
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
    const start = this.index.valueStart[type];
    const end = this.index.valueEnd[type];
    const length = end - start;
    if (spec.scope !== 'any' && (context.ebgp || (context.confed === true && spec.scope === 'as'))) {
      this.index.drop(type);
      return true;
    }
    // RFC 6793 §4.1: these two mean nothing between speakers of 4-octet AS numbers.
    if (context.fourOctetAs && (type === AttributeCode.as4Path || type === AttributeCode.as4Aggregator)) {
      this.index.drop(type);
      return true;
    }
    if ((flags & OPTIONAL_TRANSITIVE) !== spec.flags) {
      // RFC 7606 §3 (c), (f)
      const message = `${spec.name} has flags ${hex(flags)}, expected ${hex(spec.flags)}`;
      this.fault(spec.severity, UpdateSubcode.attributeFlags, message, at, type);
      this.index.drop(type);
      // The NLRI of an MP attribute are still needed, to be withdrawn.
      if (spec.kind !== 'mpReach' && spec.kind !== 'mpUnreach') return true;
    }
    if (type === AttributeCode.mpReachNlri) return this.mpReach(buf, start, end, at, context);
    if (type === AttributeCode.mpUnreachNlri) return this.mpUnreach(buf, start, end, at, context);
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
      this.index.drop(type);
      return true;
    }
    if (spec.kind === 'origin') {
      if (buf[start] > 2) {
        const message = `ORIGIN is ${buf[start]}, expected 0 to 2`;
        this.fault(spec.severity, UpdateSubcode.invalidOrigin, message, at, type);
        this.index.drop(type);
        return true;
      }
    } else if (spec.kind === 'asPath') {
      if (!this.checkPath(buf, spec, start, end, at, context)) return true;
    } else if (spec.kind === 'aggregator') {
      const size = context.fourOctetAs || type === AttributeCode.as4Aggregator ? 4 : 2;
      if (!this.checkAggregator(buf, spec, start, length, size, at)) return true;
    } else if (spec.kind === 'aigp') {
      const defect = aigpDefect(buf, start, end);
      if (defect !== null) {
        this.fault(spec.severity, UpdateSubcode.optionalAttribute, `${spec.name} ${defect}`, at, type);
        this.index.drop(type);
        return true;
      }
    }
    // Partial means something for optional transitive attributes alone.
    this.index.flags[type] =
      spec.flags | (spec.flags === OPTIONAL_TRANSITIVE ? flags & AttributeFlag.partial : 0);
    if (spec.canonical === 'tlv') this.index.keep(type);
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
    const from = isAs4 ? 'anywhere' : context.ebgp ? 'outside' : context.confed ? 'confederation' : 'inside';
    const defect = checkAsPath(buf, start, end, size, from);
    if (defect === 0 && !(isAs4 && start === end)) return true;
    const message = `${spec.name} ${defect === 0 ? 'is empty' : asPathDefects[defect]}`;
    this.fault(spec.severity, UpdateSubcode.malformedAsPath, message, at, spec.code);
    this.index.drop(spec.code);
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
    this.index.drop(spec.code);
    return false;
  }

  /** RFC 4760 §3, RFC 2545 §3, RFC 8950 §4; errors RFC 7606 §7.11. Returns false after a reset error. */
  private mpReach(buf: Buffer, start: number, end: number, at: number, context: DecodeContext): boolean {
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
    if (family === -1) {
      r.ignoredFamilies++;
      return true;
    }
    if (nextHopLength !== 16 && nextHopLength !== 32 && !(nextHopLength === 4 && family === 0)) {
      const message = `MP_REACH_NLRI has a next hop of ${nextHopLength} octets, expected ${family === 0 ? '4, ' : ''}16 or 32`;
      this.reset(UpdateSubcode.optionalAttribute, message, at, type);
      return false;
    }
    const bad = findBad(buf, nlriStart, end, family, context);
    if (bad >= 0) {
      const message = `MP_REACH_NLRI: ${describeBad(buf, bad, end, family, context)}`;
      this.reset(UpdateSubcode.optionalAttribute, message, at, type);
      return false;
    }
    r.reachFamily = family;
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
    } else if (family === 0 && nextHopLength !== 4 && context.extendedNextHop !== true) {
      // RFC 8950 §4: not unless both said so. The NLRI were found, which is what RFC 7606 §7.11 resets a session for.
      const message = 'MP_REACH_NLRI: an IPv6 next hop for IPv4 routes, which was not agreed on (RFC 8950)';
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
  private mpUnreach(buf: Buffer, start: number, end: number, at: number, context: DecodeContext): boolean {
    const type = AttributeCode.mpUnreachNlri;
    const r = this.result;
    if (end - start < 3) {
      this.reset(UpdateSubcode.optionalAttribute, 'MP_UNREACH_NLRI is cut short', at, type);
      return false;
    }
    const family = familyOf((buf[start] << 8) | buf[start + 1], buf[start + 2]);
    if (family === -1) {
      r.ignoredFamilies++;
      return true;
    }
    const bad = findBad(buf, start + 3, end, family, context);
    if (bad >= 0) {
      const message = `MP_UNREACH_NLRI: ${describeBad(buf, bad, end, family, context)}`;
      this.reset(UpdateSubcode.optionalAttribute, message, at, type);
      return false;
    }
    r.unreachFamily = family;
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
      if (!this.index.has(AttributeCode.origin)) this.missing(AttributeCode.origin);
      if (!this.index.has(AttributeCode.asPath)) this.missing(AttributeCode.asPath);
      if (hasNlri) this.checkNextHop(buf);
    }
    if (r.error !== null) {
      // RFC 7606 §5.2: attributes without reachable NLRI, so nothing shows that the NLRI were found at all.
      const isForeign = r.reachFamily < 0 && this.index.came(AttributeCode.mpReachNlri);
      if (!hasNlri && !hasReach && !isForeign) {
        const { subcode, message, offset, data, attribute } = r.error;
        r.clear();
        r.error = new WireError('reset', ErrorCode.update, subcode, message, offset, data, attribute);
      }
      return;
    }
    if (hasNlri || hasReach) {
      const length = attributesEnd - attributesStart;
      const { nextHopStart, nextHopLength } = this;
      if (!this.writer.write(buf, length, r, nextHopStart, nextHopLength, context.fourOctetAs)) {
        const type = AttributeCode.asPath;
        const message = 'AS_PATH in its 4-octet form is longer than 65535 octets';
        this.fault('treatAsWithdraw', UpdateSubcode.malformedAsPath, message, attributesStart, type, noData);
      }
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
    if (!this.index.has(type)) {
      this.missing(type);
      return;
    }
    const start = this.index.valueStart[type];
    const length = this.index.valueEnd[type] - start;
    const at = start - ((this.index.flags[type] & AttributeFlag.extendedLength) !== 0 ? 4 : 3);
    if (length !== 4) {
      const message = `NEXT_HOP has ${length} octets, expected 4`;
      this.fault('treatAsWithdraw', UpdateSubcode.attributeLength, message, at, type);
    } else if (!isUnicast4(buf, start)) {
      const message = `NEXT_HOP ${buf[start]}.${buf[start + 1]}.${buf[start + 2]}.${buf[start + 3]} is no unicast address`;
      this.fault('treatAsWithdraw', UpdateSubcode.invalidNextHop, message, at, type);
    }
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
    r.clear();
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
}

const OPTIONAL_TRANSITIVE = AttributeFlag.optional | AttributeFlag.transitive;
const noData = Buffer.alloc(0);
/** Octets of data that a NOTIFICATION has room for. */
const MAX_DATA = MAX_MESSAGE_LENGTH - HEADER_LENGTH - 2;
function hex(flags: number): string {
  return `0x${(flags & 0xc0).toString(16)}`;
}

/** The first bad one of a range of prefixes, or -1. */
function findBad(
  buf: Buffer,
  start: number,
  end: number,
  family: FamilyIndex,
  { addPath }: DecodeContext,
): number {
  const maxBits = family === 0 ? 32 : 128;
  return addPath?.[family]
    ? findBadPathNlri(buf, start, end, maxBits)
    : findBadNlri(buf, start, end, maxBits);
}

function describeBad(
  buf: Buffer,
  bad: number,
  end: number,
  family: FamilyIndex,
  { addPath }: DecodeContext,
): string {
  if (!addPath?.[family]) return `prefix of length ${buf[bad]} is too long or cut short`;
  const lengthAt = bad + PATH_ID_OCTETS;
  if (lengthAt >= end) return 'a path identifier without a prefix (RFC 7911)';
  return `prefix of length ${buf[lengthAt]} with a path identifier is too long or cut short`;
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
