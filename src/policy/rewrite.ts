/**
 * One canonical attribute set made out of another in a single pass: what the filters and the built-in treatment want
 * is stated first, in the rewriter's fields, and then written in order of type. For one change at a time, or for sets
 * made from nothing, there is wire's CanonicalBuilder; this is for a table of them.
 */
import {
  AIGP_TLV_LENGTH,
  AttributeCode,
  AttributeFlag,
  addToAigpMetric,
  aigpMetricAt,
  attributeSpecs,
  copyWithoutConfederations,
  MAX_SEGMENT,
  Origin,
  SegmentType,
  writeAigpTlv,
} from '../bgp/wire/index.js';
import type { Recipe } from '../rib/outgoing-sets.js';
import { type AsPathTreatment, editAsPath } from './as-path-edits.js';

/** As it is. */
export const KEEP = -1;
/** Not in the result. */
export const DROP = -2;

const OPTIONAL_TRANSITIVE = AttributeFlag.optional | AttributeFlag.transitive;
/** Attributes that may be written though the source lacks them, in order of type. */
const inserted = [
  AttributeCode.origin,
  AttributeCode.asPath,
  AttributeCode.multiExitDisc,
  AttributeCode.localPref,
  AttributeCode.communities,
  AttributeCode.originatorId,
  AttributeCode.clusterList,
  AttributeCode.extendedCommunities,
  AttributeCode.aigp,
  AttributeCode.largeCommunities,
  AttributeCode.onlyToCustomer,
] as const;
/** Of these, those before what few routes get: the communities and the AIGP that only filters write, and OTC. */
const COMMON = inserted.indexOf(AttributeCode.extendedCommunities);
const MAX_VALUE = 0xffff;
/** Room that everything inserted takes at most, besides communities and AS numbers. */
const SLACK = 256;
const noNumbers: readonly number[] = [];
const noOctets = Buffer.alloc(0);

/** Where AS_PATH begins in a canonical set; -1: it has none. */
function asPathAt(set: Buffer, start: number, end: number): number {
  let at = start + 2 + set[start + 1];
  if (at < end && set[at + 1] === AttributeCode.origin) at += 4;
  return at < end && set[at + 1] === AttributeCode.asPath ? at : -1;
}

/** An AS_PATH on its way through `editAsPath`. */
const editedPath = Buffer.allocUnsafeSlow(MAX_VALUE + 1);

export class SetRewriter implements Recipe {
  /** The result lies in `buffer[0, end)`; another Buffer may take its place at the next rewrite. */
  buffer: Buffer = noOctets;
  end = 0;

  /** Octets of the next hop in `nextHop`; KEEP: the source's, of which `keptNextHop` octets are kept at most. */
  nextHopLength = KEEP;
  readonly nextHop = Buffer.alloc(32);
  keptNextHop = 32;
  /** A value of ORIGIN, or KEEP. */
  origin = KEEP;
  /** AS number to put in front of AS_PATH; KEEP: none. */
  prepend = KEEP;
  /** One more, in front of `prepend`; KEEP: none. */
  prependOuter = KEEP;
  /** RFC 5065 §4.1: our member AS, in an AS_CONFED_SEQUENCE in front of all else; KEEP: none. */
  memberAs = KEEP;
  /** RFC 5065 §4.1: AS_PATH goes on without its confederation segments. */
  leavesConfederation = false;
  /** What is changed within AS_PATH before that; null: nothing. */
  asPath: AsPathTreatment | null = null;
  /** What stands behind `prepend` in front of the path that is there, first to last. */
  prependMore: readonly number[] = [];
  /** A value, KEEP or DROP. */
  med = KEEP;
  localPref = KEEP;
  /** LOCAL_PREF where the source has none and `localPref` is KEEP; KEEP: none. */
  defaultLocalPref = KEEP;
  /** The communities to write, none: the attribute goes; null: as they are. */
  communities: readonly number[] | null = null;
  /** Octets of the extended and large communities to write, likewise. */
  extendedCommunities: Buffer | null = null;
  largeCommunities: Buffer | null = null;
  /** ORIGINATOR_ID where there is none yet, KEEP or DROP. */
  originatorId = KEEP;
  /** The cluster to put in front of CLUSTER_LIST, KEEP or DROP. */
  clusterId = KEEP;
  /** One more, in front of `clusterId`; KEEP: none. */
  clusterIdOuter = KEEP;
  /** The AS that OTC names where there is none yet (RFC 9234 §5), or KEEP. */
  onlyToCustomer = KEEP;
  /** The metric of AIGP (RFC 7311), KEEP or DROP, and what is added to the one that is there. */
  aigp = KEEP;
  aigpIncrease = 0;
  /** RFC 4360 §6: extended communities that are not transitive stay within the AS. */
  leavesAs = false;
  /** ORIGIN and AS_PATH are written even where the source has none (both are mandatory on the wire). */
  completes = false;

  /** Everything as it is. */
  reset(): void {
    this.nextHopLength = KEEP;
    this.keptNextHop = 32;
    this.origin = KEEP;
    this.prepend = KEEP;
    this.prependOuter = KEEP;
    this.memberAs = KEEP;
    this.leavesConfederation = false;
    this.asPath = null;
    this.prependMore = noNumbers;
    this.med = KEEP;
    this.localPref = KEEP;
    this.defaultLocalPref = KEEP;
    this.communities = null;
    this.extendedCommunities = null;
    this.largeCommunities = null;
    this.originatorId = KEEP;
    this.clusterId = KEEP;
    this.clusterIdOuter = KEEP;
    this.onlyToCustomer = KEEP;
    this.aigp = KEEP;
    this.aigpIncrease = 0;
    this.leavesAs = false;
    this.completes = false;
  }

  /**
   * Whether what is stated fits many sets and not this one alone: no list that was worked out from what the set has, and
   * nothing that is added to its AIGP.
   */
  get isGeneral(): boolean {
    return (
      this.communities === null &&
      this.extendedCommunities === null &&
      this.largeCommunities === null &&
      this.aigpIncrease === 0
    );
  }

  /** Of one that is general; see Recipe. */
  hash(): number {
    let h = (this.leavesConfederation ? 1 : 0) | (this.leavesAs ? 2 : 0) | (this.completes ? 4 : 0);
    h = Math.imul(h ^ this.prepend, 0x9e3779b1);
    h = Math.imul(h ^ this.med, 0x85ebca6b);
    h = Math.imul(h ^ this.localPref, 0xc2b2ae35);
    h = Math.imul(h ^ this.originatorId, 0x9e3779b1);
    h = Math.imul(h ^ this.keptNextHop, 0x85ebca6b);
    for (let i = 0; i < this.nextHopLength; i++) h = Math.imul(h ^ this.nextHop[i], 0x01000193);
    return h;
  }

  /** Both are general. */
  equals(other: SetRewriter): boolean {
    if (
      this.nextHopLength !== other.nextHopLength ||
      this.keptNextHop !== other.keptNextHop ||
      this.origin !== other.origin ||
      this.prepend !== other.prepend ||
      this.prependOuter !== other.prependOuter ||
      this.memberAs !== other.memberAs ||
      this.leavesConfederation !== other.leavesConfederation ||
      this.asPath !== other.asPath ||
      this.med !== other.med ||
      this.localPref !== other.localPref ||
      this.defaultLocalPref !== other.defaultLocalPref ||
      this.originatorId !== other.originatorId ||
      this.clusterId !== other.clusterId ||
      this.clusterIdOuter !== other.clusterIdOuter ||
      this.onlyToCustomer !== other.onlyToCustomer ||
      this.aigp !== other.aigp ||
      this.leavesAs !== other.leavesAs ||
      this.completes !== other.completes ||
      this.prependMore.length !== other.prependMore.length
    ) {
      return false;
    }
    for (let i = 0; i < this.nextHopLength; i++) if (this.nextHop[i] !== other.nextHop[i]) return false;
    for (let i = 0; i < this.prependMore.length; i++)
      if (this.prependMore[i] !== other.prependMore[i]) return false;
    return true;
  }

  /** One that is general. */
  copy(): SetRewriter {
    const made = new SetRewriter();
    made.nextHopLength = this.nextHopLength;
    this.nextHop.copy(made.nextHop);
    made.keptNextHop = this.keptNextHop;
    made.origin = this.origin;
    made.prepend = this.prepend;
    made.prependOuter = this.prependOuter;
    made.memberAs = this.memberAs;
    made.leavesConfederation = this.leavesConfederation;
    made.asPath = this.asPath;
    made.prependMore = this.prependMore;
    made.med = this.med;
    made.localPref = this.localPref;
    made.defaultLocalPref = this.defaultLocalPref;
    made.originatorId = this.originatorId;
    made.clusterId = this.clusterId;
    made.clusterIdOuter = this.clusterIdOuter;
    made.onlyToCustomer = this.onlyToCustomer;
    made.aigp = this.aigp;
    made.leavesAs = this.leavesAs;
    made.completes = this.completes;
    return made;
  }

  /** See Recipe: by the AS_PATH, in which most changes are, where it only gets something in front. */
  tellsApart(a: Buffer, startA: number, endA: number, b: Buffer, startB: number, endB: number): boolean {
    if (this.asPath !== null || this.leavesConfederation) return false;
    let at = asPathAt(a, startA, endA);
    let other = asPathAt(b, startB, endB);
    if (at < 0 || other < 0) return at !== other;
    // Flags and type, then the length in one octet or two, and what follows.
    let left =
      (a[at] & AttributeFlag.extendedLength) !== 0 ? 4 + ((a[at + 2] << 8) | a[at + 3]) : 3 + a[at + 2];
    for (; left > 0; left--) if (a[at++] !== b[other++]) return true;
    return false;
  }

  /**
   * Writes the set in `from[start, end)` as the fields say. Optional attributes that we don't know go on with the
   * partial bit if they are transitive and end here if not (RFC 4271 §5). Returns false where a value gets longer
   * than an attribute can be.
   */
  rewrite(from: Buffer, start: number, end: number): boolean {
    const room =
      end -
      start +
      SLACK +
      4 * (this.communities?.length ?? 0) +
      8 * this.prependMore.length +
      (this.extendedCommunities?.length ?? 0) +
      (this.largeCommunities?.length ?? 0);
    if (this.buffer.length < room) this.buffer = Buffer.allocUnsafeSlow(2 * room);
    this.writeHead(from, start);
    let next = 0;
    const last =
      this.extendedCommunities === null &&
      this.largeCommunities === null &&
      this.onlyToCustomer === KEEP &&
      this.aigp < 0
        ? COMMON
        : inserted.length;
    for (let at = start + 2 + from[start + 1]; at < end; ) {
      const flags = from[at];
      const type = from[at + 1];
      let value = at + 3;
      let length = from[at + 2];
      if ((flags & AttributeFlag.extendedLength) !== 0) {
        value = at + 4;
        length = (length << 8) | from[at + 3];
      }
      while (next < last && inserted[next] < type) {
        if (!this.writeMissing(inserted[next++])) return false;
      }
      if (next < last && inserted[next] === type) next++;
      if (!this.writePresent(type, flags, from, value, value + length)) return false;
      at = value + length;
    }
    while (next < last) if (!this.writeMissing(inserted[next++])) return false;
    return true;
  }

  private writeHead(from: Buffer, start: number): void {
    const { buffer } = this;
    buffer[0] = from[start];
    if (this.nextHopLength === KEEP) {
      const length = Math.min(from[start + 1], this.keptNextHop);
      buffer[1] = length;
      this.end = 2;
      this.append(from, start + 2, start + 2 + length);
    } else {
      buffer[1] = this.nextHopLength;
      this.end = 2;
      this.append(this.nextHop, 0, this.nextHopLength);
    }
  }

  private writePresent(type: number, flags: number, from: Buffer, start: number, end: number): boolean {
    switch (type) {
      case AttributeCode.origin:
        if (this.origin === KEEP) break;
        this.writeOrigin(this.origin);
        return true;
      case AttributeCode.asPath:
        if (
          this.prepend === KEEP &&
          this.memberAs === KEEP &&
          this.prependMore.length === 0 &&
          this.asPath === null &&
          !this.leavesConfederation
        )
          break;
        return this.writeAsPath(flags, from, start, end);
      case AttributeCode.multiExitDisc:
        if (this.med === KEEP) break;
        if (this.med !== DROP) this.writeU32(type, AttributeFlag.optional, this.med);
        return true;
      case AttributeCode.localPref:
        if (this.localPref === KEEP) break;
        if (this.localPref !== DROP) this.writeU32(type, AttributeFlag.transitive, this.localPref);
        return true;
      case AttributeCode.communities:
        if (this.communities === null) break;
        return this.writeCommunities(flags);
      case AttributeCode.originatorId:
        if (this.originatorId === DROP) return true;
        break;
      case AttributeCode.clusterList:
        if (this.clusterId === KEEP) break;
        return this.clusterId === DROP || this.writeClusterList(flags, from, start, end);
      case AttributeCode.extendedCommunities:
        if (this.extendedCommunities !== null) return this.writeExtendedCommunities(flags);
        if (!this.leavesAs) break;
        this.writeTransitiveCommunities(flags, from, start, end);
        return true;
      case AttributeCode.aigp:
        if (this.aigp >= 0) this.writeAigp();
        else if (this.aigp === KEEP) this.copyAigp(flags, from, start, end);
        return true;
      case AttributeCode.largeCommunities:
        if (this.largeCommunities === null) break;
        return this.writeLargeCommunities(flags);
      default:
        if (attributeSpecs[type] !== null) break;
        if ((flags & AttributeFlag.transitive) === 0) return true;
        flags |= AttributeFlag.partial;
    }
    this.writeAttributeHead(type, flags, end - start);
    this.append(from, start, end);
    return true;
  }

  private writeMissing(type: (typeof inserted)[number]): boolean {
    switch (type) {
      case AttributeCode.origin:
        if (this.origin !== KEEP) this.writeOrigin(this.origin);
        else if (this.completes) this.writeOrigin(Origin.igp);
        return true;
      case AttributeCode.asPath:
        if (this.prepend !== KEEP || this.memberAs !== KEEP || this.prependMore.length > 0)
          return this.writeAsPath(AttributeFlag.transitive, this.buffer, 0, 0);
        if (this.completes) this.writeAttributeHead(type, AttributeFlag.transitive, 0);
        return true;
      case AttributeCode.multiExitDisc:
        if (this.med >= 0) this.writeU32(type, AttributeFlag.optional, this.med);
        return true;
      case AttributeCode.localPref: {
        const value = this.localPref === KEEP ? this.defaultLocalPref : this.localPref;
        if (value >= 0) this.writeU32(type, AttributeFlag.transitive, value);
        return true;
      }
      case AttributeCode.communities:
        return this.communities === null || this.writeCommunities(OPTIONAL_TRANSITIVE);
      case AttributeCode.originatorId:
        if (this.originatorId >= 0) this.writeU32(type, AttributeFlag.optional, this.originatorId);
        return true;
      case AttributeCode.clusterList:
        return this.clusterId < 0 || this.writeClusterList(AttributeFlag.optional, this.buffer, 0, 0);
      case AttributeCode.extendedCommunities:
        return this.extendedCommunities === null || this.writeExtendedCommunities(OPTIONAL_TRANSITIVE);
      case AttributeCode.aigp:
        if (this.aigp >= 0) this.writeAigp();
        return true;
      case AttributeCode.largeCommunities:
        return this.largeCommunities === null || this.writeLargeCommunities(OPTIONAL_TRANSITIVE);
      case AttributeCode.onlyToCustomer:
        if (this.onlyToCustomer >= 0) this.writeU32(type, OPTIONAL_TRANSITIVE, this.onlyToCustomer);
        return true;
    }
  }

  private writeOrigin(origin: number): void {
    this.writeAttributeHead(AttributeCode.origin, AttributeFlag.transitive, 1);
    this.buffer[this.end++] = origin;
  }

  /** RFC 4271 §5.1.2 (b): numbers go into a leading sequence while it has room, else into sequences of their own. */
  private writeAsPath(flags: number, from: Buffer, start: number, end: number): boolean {
    if (this.asPath !== null && end > start) {
      end = editAsPath(from, start, end, this.asPath, editedPath);
      from = editedPath;
      start = 0;
    }
    if (this.leavesConfederation && end > start) {
      // In place where the path was edited: it never gets longer.
      end = copyWithoutConfederations(from, start, end, editedPath, 0);
      from = editedPath;
      start = 0;
    }
    const { prepend, prependOuter, prependMore, memberAs } = this;
    const first = prepend === KEEP ? 0 : prependOuter === KEEP ? 1 : 2;
    const count = first + prependMore.length;
    const leads = end > start && from[start] === SegmentType.sequence;
    const joining = leads ? Math.min(count, MAX_SEGMENT - from[start + 1]) : 0;
    const alone = count - joining;
    const joinsMember =
      count === 0 &&
      end > start &&
      from[start] === SegmentType.confedSequence &&
      from[start + 1] < MAX_SEGMENT;
    const ahead = memberAs === KEEP ? 0 : joinsMember ? 4 : 6;
    const length = end - start + ahead + 4 * count + 2 * Math.ceil(alone / MAX_SEGMENT);
    if (length > MAX_VALUE) return false;
    this.writeAttributeHead(AttributeCode.asPath, flags, length);
    if (memberAs !== KEEP) {
      this.buffer[this.end++] = SegmentType.confedSequence;
      this.buffer[this.end++] = joinsMember ? from[start + 1] + 1 : 1;
      this.writeWord(memberAs);
      if (joinsMember) start += 2;
    }
    if (count === 1) {
      // What nearly every route to an external peer gets.
      this.buffer[this.end++] = SegmentType.sequence;
      this.buffer[this.end++] = joining === 1 ? from[start + 1] + 1 : 1;
      this.writeWord(first === 1 ? prepend : prependMore[0]);
      this.append(from, joining === 1 ? start + 2 : start, end);
      return true;
    }
    for (let i = 0; i < count; i++) {
      // Sequences are filled from the back, as if the numbers came one after the other.
      if (i < alone ? (alone - i) % MAX_SEGMENT === 0 || i === 0 : i === alone) {
        this.buffer[this.end++] = SegmentType.sequence;
        this.buffer[this.end++] =
          i < alone ? (alone - i) % MAX_SEGMENT || MAX_SEGMENT : joining + from[start + 1];
      }
      if (i >= first) this.writeWord(prependMore[i - first]);
      else this.writeWord(first === 2 && i === 0 ? prependOuter : prepend);
    }
    this.append(from, joining > 0 ? start + 2 : start, end);
    return true;
  }

  private writeCommunities(flags: number): boolean {
    const communities = this.communities ?? [];
    if (communities.length === 0) return true;
    if (communities.length * 4 > MAX_VALUE) return false;
    this.writeAttributeHead(AttributeCode.communities, flags, communities.length * 4);
    for (const community of communities) this.writeWord(community);
    return true;
  }

  private writeExtendedCommunities(flags: number): boolean {
    const communities = this.extendedCommunities ?? noOctets;
    if (communities.length > MAX_VALUE) return false;
    if (this.leavesAs) {
      this.writeTransitiveCommunities(flags, communities, 0, communities.length);
    } else if (communities.length > 0) {
      this.writeAttributeHead(AttributeCode.extendedCommunities, flags, communities.length);
      this.append(communities, 0, communities.length);
    }
    return true;
  }

  private writeLargeCommunities(flags: number): boolean {
    const communities = this.largeCommunities ?? noOctets;
    if (communities.length > MAX_VALUE) return false;
    if (communities.length === 0) return true;
    this.writeAttributeHead(AttributeCode.largeCommunities, flags, communities.length);
    this.append(communities, 0, communities.length);
    return true;
  }

  private writeClusterList(flags: number, from: Buffer, start: number, end: number): boolean {
    const ahead = this.clusterIdOuter === KEEP ? 4 : 8;
    if (end - start + ahead > MAX_VALUE) return false;
    this.writeAttributeHead(AttributeCode.clusterList, flags, end - start + ahead);
    if (ahead === 8) this.writeWord(this.clusterIdOuter);
    this.writeWord(this.clusterId);
    this.append(from, start, end);
    return true;
  }

  private writeAigp(): void {
    this.writeAttributeHead(AttributeCode.aigp, AttributeFlag.optional, AIGP_TLV_LENGTH);
    this.end = writeAigpTlv(this.buffer, this.end, this.aigp);
  }

  private copyAigp(flags: number, from: Buffer, start: number, end: number): void {
    this.writeAttributeHead(AttributeCode.aigp, flags, end - start);
    this.append(from, start, end);
    if (this.aigpIncrease === 0) return;
    const at = aigpMetricAt(this.buffer, this.end - (end - start), this.end);
    if (at >= 0) addToAigpMetric(this.buffer, at, this.aigpIncrease);
  }

  private writeTransitiveCommunities(flags: number, from: Buffer, start: number, end: number): void {
    let kept = 0;
    for (let at = start; at < end; at += 8) if ((from[at] & 0x40) === 0) kept++;
    if (kept === 0) return;
    this.writeAttributeHead(AttributeCode.extendedCommunities, flags, kept * 8);
    for (let at = start; at < end; at += 8) if ((from[at] & 0x40) === 0) this.append(from, at, at + 8);
  }

  private writeAttributeHead(type: number, flags: number, length: number): void {
    const { buffer, end } = this;
    buffer[end + 1] = type;
    if (length > 255) {
      buffer[end] = flags | AttributeFlag.extendedLength;
      buffer[end + 2] = length >>> 8;
      buffer[end + 3] = length;
      this.end = end + 4;
    } else {
      buffer[end] = flags & ~AttributeFlag.extendedLength;
      buffer[end + 2] = length;
      this.end = end + 3;
    }
  }

  private writeU32(type: number, flags: number, value: number): void {
    this.writeAttributeHead(type, flags, 4);
    this.writeWord(value);
  }

  private writeWord(value: number): void {
    const { buffer, end } = this;
    buffer[end] = value >>> 24;
    buffer[end + 1] = value >>> 16;
    buffer[end + 2] = value >>> 8;
    buffer[end + 3] = value;
    this.end = end + 4;
  }

  /** A call into native code costs as much as some sixty octets by hand. */
  private append(from: Buffer, start: number, end: number): void {
    const { buffer } = this;
    let at = this.end;
    if (end - start > 64) {
      from.copy(buffer, at, start, end);
      at += end - start;
    } else {
      for (let i = start; i < end; i++) buffer[at++] = from[i];
    }
    this.end = at;
  }
}
