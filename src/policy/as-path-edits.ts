/**
 * What a session's own options make of an AS_PATH, before anything is put in front of it: the neighbour's AS number
 * replaced by ours (AS override), and private AS numbers (RFC 6996) taken out or replaced. All on the 4-octet form.
 */
import { SegmentType } from '../bgp/wire/index.js';

/** `true`: only where every number of the path is private; `all`: wherever they stand; `replace`: by our own. */
export type RemovePrivateAs = false | true | 'all' | 'replace';

/** How external peers see us, and what they see of the path. */
export interface AsPathTreatment {
  /** Our number as the peer knows it; it stands in front. */
  readonly asn: number;
  /** RFC 7705: the router's own number, which follows the one that the peer knows; null: it is left out, or the same. */
  readonly behind: number | null;
  /** AS override: the peer's number, for which ours is put; null: not done. */
  readonly override: number | null;
  readonly removePrivate: RemovePrivateAs;
  /** The peer's number, which stays though it may be private, so that the peer finds loops; null where it doesn't matter. */
  readonly peerAsn: number | null;
}

/** RFC 6996 §5. */
export function isPrivateAs(asn: number): boolean {
  return (asn >= 64512 && asn <= 65534) || (asn >= 4200000000 && asn <= 4294967294);
}

/** Whether `editAsPath` could change a path at all. */
export function editsAsPath(treatment: AsPathTreatment): boolean {
  return treatment.override !== null || treatment.removePrivate !== false;
}

/** Writes the path in `from[start, end)` as `treatment` wants it to `out`, from 0; returns its length. Never longer than before. */
export function editAsPath(
  from: Buffer,
  start: number,
  end: number,
  treatment: AsPathTreatment,
  out: Buffer,
): number {
  const { override, asn, peerAsn } = treatment;
  let { removePrivate } = treatment;
  if (removePrivate === true) removePrivate = isAllPrivate(from, start, end) ? 'all' : false;
  let at = 0;
  for (let p = start; p < end; ) {
    const next = p + 2 + from[p + 1] * 4;
    const head = at;
    at += 2;
    for (let each = p + 2; each < next; each += 4) {
      let number = from.readUInt32BE(each);
      if (number === override) number = asn;
      else if (removePrivate !== false && number !== peerAsn && isPrivateAs(number)) {
        if (removePrivate === 'all') continue;
        number = asn;
      }
      out.writeUInt32BE(number, at);
      at += 4;
    }
    const kept = (at - head - 2) / 4;
    out[head] = from[p];
    out[head + 1] = kept;
    // RFC 7606 §7.2: a segment without numbers is malformed.
    if (kept === 0) at = head;
    p = next;
  }
  return at;
}

function isAllPrivate(buf: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; ) {
    const next = at + 2 + buf[at + 1] * 4;
    // Confederation segments go no further anyway (RFC 5065 §4).
    if (buf[at] === SegmentType.sequence || buf[at] === SegmentType.set) {
      for (let each = at + 2; each < next; each += 4) if (!isPrivateAs(buf.readUInt32BE(each))) return false;
    }
    at = next;
  }
  return true;
}
