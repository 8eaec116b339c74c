/** The fast decoder's answer in the plain codec's words. */
import { nlriOctets, nlriPathId, PATH_ID_OCTETS, type UpdateResult } from '../../src/bgp/wire/index.js';
import { nothing, type PlainResult } from './update-codec.js';

/** Prefixes of a checked range, as `hex of the masked octets/length`, and `#path identifier` where they have one. */
function texts(buf: Buffer, start: number, end: number, pathIds: boolean): string[] {
  const list: string[] = [];
  const ahead = pathIds ? PATH_ID_OCTETS : 0;
  for (let at = start + ahead; at < end; at += nlriOctets(buf[at]) + ahead) {
    const length = buf[at];
    const octets = Buffer.from(buf.subarray(at + 1, at + nlriOctets(length)));
    if (length % 8 !== 0) octets[octets.length - 1] &= 0xff << (8 - (length % 8));
    list.push(`${octets.toString('hex')}/${length}${pathIds ? `#${nlriPathId(buf, at)}` : ''}`);
  }
  return list;
}

export function plainResult(
  buf: Buffer,
  r: UpdateResult,
  addPath: readonly boolean[] = [false, false],
): PlainResult {
  const severity = r.error === null ? 'none' : r.error.severity;
  if (severity === 'discard') throw new Error('a discarded attribute is no error of the UPDATE');
  if (severity === 'reset') return { ...nothing(), severity };
  const set = (i: 0 | 1) => r.canonical.toString('hex', r.canonicalStart[i], r.canonicalEnd[i]);
  return {
    severity,
    discarded: r.discarded.map((error) => error.attribute ?? -1),
    withdrawn: texts(buf, r.withdrawnStart, r.withdrawnEnd, addPath[0]),
    unreachFamily: r.unreachFamily,
    unreach: texts(buf, r.unreachStart, r.unreachEnd, addPath[r.unreachFamily] ?? false),
    nlri: texts(buf, r.nlriStart, r.nlriEnd, addPath[0]),
    reachFamily: r.reachFamily,
    reach: texts(buf, r.reachStart, r.reachEnd, addPath[r.reachFamily] ?? false),
    canonical: [set(0), set(1)],
    endOfRib: r.endOfRib,
    ignoredFamilies: r.ignoredFamilies,
  };
}
