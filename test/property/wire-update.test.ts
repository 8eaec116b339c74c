import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FamilyIndex } from '../../src/address/index.js';
import {
  CanonicalBuilder,
  type DecodeContext,
  UpdateDecoder,
  UpdateEncoder,
} from '../../src/bgp/wire/index.js';
import {
  asPaths,
  contexts,
  damagedBodies,
  damagedValues,
  prefixes,
  soundUpdates,
} from '../oracle/arbitraries.js';
import { encodeAsPath, encodePlain, interpretPlain, type PlainPrefix } from '../oracle/update-codec.js';
import { plainResult } from '../oracle/update-result.js';

const decoder = new UpdateDecoder();

/** Stands amid other octets, as it does in a chunk from the socket. */
function decodeFast(body: Buffer, context: DecodeContext) {
  const around = Buffer.concat([Buffer.alloc(7, 0xee), body, Buffer.alloc(9, 0xdd)]);
  return plainResult(around, decoder.decode(around, 7, 7 + body.length, context), context.addPath);
}

const withContext = <T>(make: (context: DecodeContext) => fc.Arbitrary<T>) =>
  contexts.chain((context) => fc.tuple(fc.constant(context), make(context)));

describe('the fast UPDATE decoder and the plain one', () => {
  it('agree on sound UPDATEs, and most of them are sound', () => {
    let sound = 0;
    let all = 0;
    fc.assert(
      fc.property(
        withContext((context) => soundUpdates(context).map(encodePlain)),
        ([context, body]) => {
          const result = decodeFast(body, context);
          expect(result).toEqual(interpretPlain(body, context));
          all++;
          if (result.severity === 'none') sound++;
        },
      ),
      { numRuns: 3000 },
    );
    expect(sound / all).toBeGreaterThan(0.5);
  });

  it('agree on UPDATEs with octets changed', () => {
    fc.assert(
      fc.property(withContext(damagedBodies), ([context, body]) => {
        expect(decodeFast(body, context)).toEqual(interpretPlain(body, context));
      }),
      { numRuns: 4000 },
    );
  });

  it('agree on UPDATEs with attributes that are wrong in themselves', () => {
    const severities = new Set<string>();
    fc.assert(
      fc.property(withContext(damagedValues), ([context, body]) => {
        const result = decodeFast(body, context);
        expect(result).toEqual(interpretPlain(body, context));
        severities.add(result.discarded.length > 0 ? 'discard' : result.severity);
      }),
      { numRuns: 4000 },
    );
    expect([...severities].sort()).toEqual(['discard', 'none', 'reset', 'treatAsWithdraw']);
  });

  it('agree on arbitrary bytes', () => {
    fc.assert(
      fc.property(contexts, fc.uint8Array({ minLength: 4, maxLength: 80 }), (context, bytes) => {
        const body = Buffer.from(bytes);
        // Small lengths in front, so that something is left to read.
        body[0] = 0;
        body[2] = 0;
        expect(decodeFast(body, context)).toEqual(interpretPlain(body, context));
      }),
      { numRuns: 3000 },
    );
  });
});

/** Word `i` of a prefix, host bits cleared. */
function words({ length, octets }: PlainPrefix): number[] {
  const all = Buffer.alloc(16);
  octets.copy(all);
  const bits = BigInt(`0x${all.toString('hex')}`);
  const masked = length === 0 ? 0n : (bits >> BigInt(128 - length)) << BigInt(128 - length);
  return [96n, 64n, 32n, 0n].map((shift) => Number((masked >> shift) & 0xffffffffn));
}

const sets = (family: FamilyIndex) =>
  fc
    .record({
      nextHopLength: fc.constantFrom(...(family === 0 ? [4, 4, 16, 32] : [16, 32])),
      asPath: asPaths(4, 2),
      communities: fc.array(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 80 }),
      med: fc.option(fc.integer({ min: 0, max: 0xffffffff })),
      aggregatorAsn: fc.option(fc.constantFrom(1, 23456, 65535, 65536, 0xffffffff)),
      unknown: fc.option(fc.uint8Array({ minLength: 1, maxLength: 300 })),
    })
    .map(({ nextHopLength, asPath, communities, med, aggregatorAsn, unknown }) => {
      const nextHop = Buffer.alloc(32, 0x21);
      nextHop.write('fe80', 16, 'hex');
      const builder = new CanonicalBuilder().empty(family).setNextHopBytes(nextHop, 0, nextHopLength);
      builder.setOrigin(2).put(2, 0x40, encodeAsPath(asPath, 4)).setCommunities(communities);
      if (med !== null) builder.setMed(med);
      if (aggregatorAsn !== null) {
        const value = Buffer.alloc(8, 9);
        value.writeUInt32BE(aggregatorAsn);
        builder.put(7, 0xc0, value);
      }
      if (unknown !== null) builder.put(222, 0xe0, unknown);
      return builder.toBuffer();
    });

describe('the UPDATE encoder', () => {
  const families = fc.constantFrom<FamilyIndex>(0, 1);
  const jobs = families.chain((family) =>
    fc.record({
      family: fc.constant(family),
      set: fc.option(sets(family), { freq: 4 }),
      prefixes: fc
        .tuple(prefixes(family === 0 ? 32 : 128, 40, true), fc.constantFrom(1, 1, 1, 60))
        .map(([list, times]) => new Array<PlainPrefix[]>(times).fill(list).flat()),
    }),
  );

  it('gives peers of both AS-number sizes exactly what went in, in messages that fit', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), fc.array(jobs, { minLength: 1, maxLength: 5 }), (...given) => {
        const [fourOctetAs, pathIds, list] = given;
        const encoder = new UpdateEncoder(4096, fourOctetAs, pathIds);
        const expected: string[] = [];
        for (const { family, set, prefixes: wanted } of list) {
          if (set === null) encoder.beginUnreach(family);
          else if (!encoder.beginReach(set, 0, set.length)) continue;
          for (const prefix of wanted) {
            const [a, b, c, d] = words(prefix);
            const { pathId = 0 } = prefix;
            if (pathIds) {
              if (family === 0) encoder.addPathIpv4(pathId, a, prefix.length);
              else encoder.addPathIpv6(pathId, a, b, c, d, prefix.length);
            } else if (family === 0) encoder.addIpv4(a, prefix.length);
            else encoder.addIpv6(a, b, c, d, prefix.length);
            const masked = words(prefix).map((word) => word.toString(16).padStart(8, '0'));
            const hex = masked.join('').slice(0, 2 * prefix.octets.length);
            expected.push(
              `${family} ${set?.toString('hex') ?? 'withdrawn'} ${hex}/${prefix.length}${pathIds ? `#${pathId}` : ''}`,
            );
          }
        }
        const bytes = encoder.take() ?? Buffer.alloc(0);
        const got: string[] = [];
        for (let at = 0; at < bytes.length; ) {
          const end = at + bytes.readUInt16BE(at + 16);
          expect(bytes.toString('hex', at, at + 16)).toBe('ff'.repeat(16));
          expect(bytes[at + 18]).toBe(2);
          expect(end - at).toBeLessThanOrEqual(4096);
          const context = {
            fourOctetAs,
            ebgp: false,
            extendedNextHop: true,
            addPath: [pathIds, pathIds] as const,
          };
          const result = decodeFast(bytes.subarray(at + 19, end), context);
          expect(result).toEqual(interpretPlain(bytes.subarray(at + 19, end), context));
          expect(result.severity).toBe('none');
          const fill = (family: number, set: string, texts: string[]) => {
            for (const text of texts) got.push(`${family} ${set} ${text}`);
          };
          fill(0, 'withdrawn', result.withdrawn);
          fill(result.unreachFamily, 'withdrawn', result.unreach);
          fill(0, result.canonical[0], result.nlri);
          fill(result.reachFamily, result.canonical[1], result.reach);
          at = end;
        }
        expect(got).toEqual(expected);
      }),
      { numRuns: 400 },
    );
  });
});
