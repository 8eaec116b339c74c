/** Path attributes of a table's entries (RFC 6396 §4.3.4): canonical sets written out, and read back. */
import { type FamilyIndex, IPV4, type Prefix } from '../../address/index.js';
import {
  AttributeCode,
  AttributeFlag,
  type AttributesDescription,
  afiOf,
  describeAttributes,
  Safi,
  UpdateDecoder,
  writeNlri4,
  writeNlri6,
} from '../wire/index.js';
import { MrtFault } from './types.js';

/** Octets of the attribute that tells the next hop, header included; of this router itself it is all zeros. */
function nextHopOctets(family: FamilyIndex, nextHopLength: number): number {
  if (family === IPV4 && nextHopLength <= 4) return 7;
  return 4 + (nextHopLength === 0 ? 16 : nextHopLength);
}

/** What `writeCanonicalAttributes` will write. */
export function canonicalAttributesLength(canonical: Buffer, start: number, end: number): number {
  const nextHopLength = canonical[start + 1];
  return nextHopOctets(canonical[start] as FamilyIndex, nextHopLength) + end - (start + 2 + nextHopLength);
}

/**
 * Writes the canonical set in `start`–`end` as the attributes of an entry, sorted by type; returns the offset behind
 * them. An IPv4 next hop stands in NEXT_HOP; any other in an MP_REACH_NLRI cut down to length and next hop.
 */
export function writeCanonicalAttributes(
  canonical: Buffer,
  start: number,
  end: number,
  out: Buffer,
  at: number,
): number {
  const family = canonical[start] as FamilyIndex;
  const nextHopLength = canonical[start + 1];
  const first = start + 2 + nextHopLength;
  const own = family === IPV4 && nextHopLength <= 4;
  const code = own ? AttributeCode.nextHop : AttributeCode.mpReachNlri;
  let split = first;
  while (split < end && canonical[split + 1] < code) {
    const long = (canonical[split] & AttributeFlag.extendedLength) !== 0;
    split += long ? 4 + ((canonical[split + 2] << 8) | canonical[split + 3]) : 3 + canonical[split + 2];
  }
  at += canonical.copy(out, at, first, split);
  const written = own ? 4 : nextHopLength === 0 ? 16 : nextHopLength;
  out[at++] = own ? AttributeFlag.transitive : AttributeFlag.optional;
  out[at++] = code;
  out[at++] = own ? 4 : written + 1;
  if (!own) out[at++] = written;
  if (nextHopLength === 0) out.fill(0, at, at + written);
  else canonical.copy(out, at, start + 2, first);
  at += written;
  return at + canonical.copy(out, at, split, end);
}

const standIn = Buffer.from('20010db8000000000000000000000001', 'hex');
const zeroNextHop = Buffer.from([AttributeFlag.transitive, AttributeCode.nextHop, 4, 0, 0, 0, 0]);
const standInNextHop = Buffer.from([AttributeFlag.transitive, AttributeCode.nextHop, 4, 192, 0, 2, 1]);

const decoder = new UpdateDecoder();
/** LOCAL_PREF and the reflection attributes of a table are to be seen whoever announced them. */
const context = { fourOctetAs: true, ebgp: false, extendedNextHop: true } as const;

/**
 * What the attributes of an entry say (next hop null: the writer itself), by the checks that an UPDATE gets. A fault is the first one that would cost a peer
 * the route (RFC 7606).
 */
export function readAttributes(prefix: Prefix, attributes: Buffer): AttributesDescription | MrtFault {
  const parts = split(attributes, prefix.family);
  if (parts instanceof MrtFault) return parts;
  const { kept, nextHop } = parts;
  const nlri = Buffer.alloc(18);
  const { family, a, b, c, d, length } = prefix;
  const octets = family === IPV4 ? writeNlri4(nlri, 0, a, length) : writeNlri6(nlri, 0, a, b, c, d, length);
  const viaMp = nextHop !== null;
  if (viaMp) {
    const value = Buffer.from([0, afiOf(family), Safi.unicast, nextHop.length, ...nextHop, 0]);
    kept.push(
      Buffer.from([AttributeFlag.optional, AttributeCode.mpReachNlri, value.length + octets]),
      value,
      nlri.subarray(0, octets),
    );
  }
  const all = Buffer.concat(kept);
  if (all.length > 0xffff) return new MrtFault(`the attributes hold ${all.length} octets, expected fewer`, 0);
  const head = Buffer.from([0, 0, all.length >>> 8, all.length & 0xff]);
  const body = Buffer.concat([head, all, viaMp ? nlri.subarray(0, 0) : nlri.subarray(0, octets)]);
  const update = decoder.decode(body, 0, body.length, context);
  if (update.error !== null) return new MrtFault(update.error.message, update.error.offset);
  const which = viaMp ? 1 : 0;
  const start = update.canonicalStart[which];
  const end = update.canonicalEnd[which];
  if (start === end) return new MrtFault('the attributes tell no next hop', 0);
  const description = describeAttributes(update.canonical, start, end);
  return parts.own ? { ...description, nextHop: null } : description;
}

/**
 * Takes out what stands for the prefix: MP_REACH_NLRI may be cut down to the next hop, or whole, as older writers leave
 * it. `nextHop` is what it held; null where NEXT_HOP tells it, which then stays. A next hop of zeros is that of the
 * writer's `own` routes; no UPDATE may have it, so that another stands in for it.
 */
function split(
  attributes: Buffer,
  family: FamilyIndex,
): { kept: Buffer[]; nextHop: Buffer | null; own: boolean } | MrtFault {
  const kept: Buffer[] = [];
  let nextHop: Buffer | null = null;
  let plain: Buffer | null = null;
  for (let at = 0; at < attributes.length; ) {
    const long = (attributes[at] & AttributeFlag.extendedLength) !== 0;
    const valueStart = at + (long ? 4 : 3);
    if (valueStart > attributes.length) return new MrtFault('an attribute is cut short', at);
    const length = long ? attributes.readUInt16BE(at + 2) : attributes[at + 2];
    const end = valueStart + length;
    if (end > attributes.length) return new MrtFault('an attribute runs past the end', at);
    const code = attributes[at + 1];
    if (code === AttributeCode.nextHop) plain ??= attributes.subarray(at, end);
    else if (code === AttributeCode.mpReachNlri && nextHop === null) {
      // The address family's first octet is 0; a next hop's length never is.
      const lengthAt = attributes[valueStart] === 0 ? valueStart + 3 : valueStart;
      const from = lengthAt + 1;
      if (lengthAt >= end || from + attributes[lengthAt] > end) {
        return new MrtFault('MP_REACH_NLRI is cut short', at);
      }
      nextHop = attributes.subarray(from, from + attributes[lengthAt]);
      if (nextHop.length > 32) {
        return new MrtFault(`the next hop has ${nextHop.length} octets, expected 4, 16 or 32`, at);
      }
    } else if (code !== AttributeCode.mpReachNlri && code !== AttributeCode.mpUnreachNlri) {
      kept.push(attributes.subarray(at, end));
    }
    at = end;
  }
  if (plain !== null && (family === IPV4 || nextHop === null)) {
    const own = plain.equals(zeroNextHop);
    return { kept: [...kept, own ? standInNextHop : plain], nextHop: null, own };
  }
  const own = nextHop !== null && nextHop.length > 0 && nextHop.every((octet) => octet === 0);
  return { kept, nextHop: own ? standIn : nextHop, own };
}
