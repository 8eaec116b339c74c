import { deepStrictEqual, ok } from 'node:assert';
import fc from 'fast-check';
import {
  CanonicalView,
  type DecodeContext,
  describeAttributes,
  nlriOctets,
  nlriPathId,
  nlriWord,
  PATH_ID_OCTETS,
  UpdateDecoder,
  UpdateEncoder,
  type UpdateResult,
} from '../../src/bgp/wire/index.js';
import { damagedValues, soundUpdates } from '../../test/oracle/arbitraries.js';
import { encodePlain, interpretPlain } from '../../test/oracle/update-codec.js';
import { plainResult } from '../../test/oracle/update-result.js';
import { sizeClass, type Target, withoutNumbers } from '../target.js';

const HEAD = 1;
const AROUND = 9;
const decoder = new UpdateDecoder();
const again = new UpdateDecoder();

/**
 * The first octet says what was negotiated: 1 4-octet AS numbers, 2 an external peer, 4 one of the confederation, 8 and 16
 * path identifiers of IPv4 and IPv6, 32 IPv6 next hops of IPv4 routes.
 */
function contextOf(octet: number): Required<DecodeContext> {
  const ebgp = (octet & 2) !== 0;
  return {
    fourOctetAs: (octet & 1) !== 0,
    ebgp,
    confed: !ebgp && (octet & 4) !== 0,
    addPath: [(octet & 8) !== 0, (octet & 16) !== 0],
    extendedNextHop: (octet & 32) !== 0,
  };
}

/** Encodes what the UPDATE announces of one family, and decodes that: it must be the same. */
function goesRound(buf: Buffer, r: UpdateResult, which: 0 | 1, { addPath }: Required<DecodeContext>): void {
  const [family, start, end] =
    which === 0 ? ([0, r.nlriStart, r.nlriEnd] as const) : [r.reachFamily, r.reachStart, r.reachEnd];
  if (start === end || family === -1) return;
  const set = Buffer.from(r.canonical.subarray(r.canonicalStart[which], r.canonicalEnd[which]));
  describeAttributes(set, 0, set.length);
  const hasPathIds = addPath[family];
  const ahead = hasPathIds ? PATH_ID_OCTETS : 0;
  const encoder = new UpdateEncoder(65535, true, hasPathIds);
  if (!encoder.beginReach(set, 0, set.length)) return;
  const expected: string[] = [];
  for (let at = start + ahead; at < end; at += nlriOctets(buf[at]) + ahead) {
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => nlriWord(buf, at, i));
    const length = buf[at];
    const pathId = hasPathIds ? nlriPathId(buf, at) : 0;
    expected.push(`${[a, b, c, d]}/${length}#${pathId}`);
    if (hasPathIds) {
      if (family === 0) encoder.addPathIpv4(pathId, a, length);
      else encoder.addPathIpv6(pathId, a, b, c, d, length);
    } else if (family === 0) encoder.addIpv4(a, length);
    else encoder.addIpv6(a, b, c, d, length);
  }
  const messages = encoder.take() ?? Buffer.alloc(0);
  const got: string[] = [];
  for (let at = 0; at < messages.length; at += messages.readUInt16BE(at + 16)) {
    const bodyEnd = at + messages.readUInt16BE(at + 16);
    const context = { fourOctetAs: true, ebgp: false, addPath, extendedNextHop: true };
    const back = again.decode(messages, at + 19, bodyEnd, context);
    ok(back.error === null, `our own UPDATE is malformed: ${back.error?.message}`);
    const i = back.reachFamily === -1 ? 0 : 1;
    const canonical = back.canonical.subarray(back.canonicalStart[i], back.canonicalEnd[i]);
    deepStrictEqual(canonical.toString('hex'), set.toString('hex'));
    const [from, to] = i === 0 ? [back.nlriStart, back.nlriEnd] : [back.reachStart, back.reachEnd];
    for (let p = from + ahead; p < to; p += nlriOctets(messages[p]) + ahead) {
      const words = [0, 1, 2, 3].map((n) => nlriWord(messages, p, n));
      got.push(`${words}/${messages[p]}#${hasPathIds ? nlriPathId(messages, p) : 0}`);
    }
  }
  deepStrictEqual(got, expected);
}

/** Which attributes the canonical set holds. */
function typesOf(r: UpdateResult, which: 0 | 1): string {
  if (r.canonicalStart[which] === r.canonicalEnd[which]) return '';
  const view = new CanonicalView().reset(r.canonical, r.canonicalStart[which], r.canonicalEnd[which]);
  const types: number[] = [];
  while (view.next()) types.push(view.type);
  return `${view.nextHopLength}:${types}`;
}

export const update: Target = {
  name: 'update',
  promise:
    "an UPDATE's body of any bytes: never throws, equals the plain codec's answer, and what it announces survives encoding",
  seeds() {
    const seeds: Buffer[] = [];
    for (const octet of [0, 1, 2, 3, 4, 5, 9, 11, 17, 25, 33, 35, 57, 63]) {
      const context = contextOf(octet);
      const bodies = [
        ...fc.sample(soundUpdates(context).map(encodePlain), { numRuns: 60, seed: octet }),
        ...fc.sample(damagedValues(context), { numRuns: 40, seed: octet }),
      ];
      for (const body of bodies) seeds.push(Buffer.concat([Buffer.from([octet]), body]));
    }
    return seeds;
  },
  run(input) {
    if (input.length < HEAD) return ['empty'];
    const context = contextOf(input[0]);
    const body = input.subarray(HEAD);
    // Amid other octets, as in a chunk from the socket: none of them may matter.
    const around = Buffer.concat([Buffer.alloc(AROUND, 0xee), body, Buffer.alloc(AROUND, 0xdd)]);
    const start = AROUND;
    const end = AROUND + body.length;
    const r = decoder.decode(around, start, end, context);
    for (const error of [r.error, ...r.discarded]) {
      if (error === null) continue;
      ok(error.offset >= 0 && error.offset <= body.length, `offset ${error.offset} of ${body.length} octets`);
    }
    deepStrictEqual(plainResult(around, r, context.addPath), interpretPlain(body, context));
    const worst = r.error === null ? '' : `${r.error.severity} ${withoutNumbers(r.error.message)}`;
    const sizes = [r.withdrawnEnd - r.withdrawnStart, r.nlriEnd - r.nlriStart, r.reachEnd - r.reachStart];
    const seen = [
      `${worst} ${input[0] & 63}`,
      ...r.discarded.map(({ message }) => `${withoutNumbers(message)}, ${worst}`),
      `0 ${typesOf(r, 0)}`,
      `1 ${typesOf(r, 1)}`,
      `${sizes.map(sizeClass)}`,
      `${r.reachFamily} ${r.unreachFamily} ${r.endOfRib} ${sizeClass(r.ignoredFamilies)} ${worst}`,
    ];
    if (r.error === null) {
      goesRound(around, r, 0, context);
      goesRound(around, r, 1, context);
    }
    return seen;
  },
};
