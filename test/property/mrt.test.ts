import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Address, networkOf } from '../../src/address/index.js';
import {
  decodeRecord,
  encodeRecord,
  type MrtFault,
  type MrtRecord,
  type MrtRow,
  RecordFramer,
  TableView,
} from '../../src/bgp/mrt/index.js';

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const octets = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
const ipv4: fc.Arbitrary<Address> = u32.map((a) => ({ family: 0, a, b: 0, c: 0, d: 0 }));
const ipv6: fc.Arbitrary<Address> = fc
  .tuple(u32, u32, u32, u32)
  .map(([a, b, c, d]) => ({ family: 1, a, b, c, d }));
const address = fc.oneof(ipv4, ipv6);
const prefix = fc
  .tuple(address, fc.integer({ min: 0, max: 128 }))
  .map(([each, length]) => networkOf(each, Math.min(length, each.family === 0 ? 32 : 128)));

const ends = (fourOctetAs: boolean) => {
  const asn = fourOctetAs ? u32 : u16;
  const both = fc.oneof(fc.tuple(ipv4, ipv4), fc.tuple(ipv6, ipv6));
  return fc
    .tuple(asn, asn, u16, both)
    .map(([peerAsn, localAsn, interfaceIndex, [peerAddress, localAddress]]) => ({
      peerAsn,
      localAsn,
      interfaceIndex,
      peerAddress,
      localAddress,
    }));
};

const body: fc.Arbitrary<MrtRecord['body']> = fc.oneof(
  fc.record({
    kind: fc.constant('peerIndexTable' as const),
    collectorId: u32,
    viewName: fc.string({ unit: 'grapheme', maxLength: 20 }),
    peers: fc.array(fc.record({ routerId: u32, address, asn: u32 }), { maxLength: 5 }),
  }),
  fc.boolean().chain((addPath) =>
    fc.record({
      kind: fc.constant('rib' as const),
      sequence: u32,
      prefix,
      addPath: fc.constant(addPath),
      entries: fc.array(
        fc.record({
          peerIndex: u16,
          originatedTime: u32,
          pathId: addPath ? u32 : fc.constant(0),
          attributes: octets(300),
        }),
        { maxLength: 4 },
      ),
    }),
  ),
  fc.boolean().chain((fourOctetAs) =>
    fc.tuple(ends(fourOctetAs), u16, u16).map(([both, oldState, newState]) => ({
      kind: 'stateChange' as const,
      fourOctetAs,
      ...both,
      oldState,
      newState,
    })),
  ),
  fc.boolean().chain((fourOctetAs) =>
    fc
      .tuple(ends(fourOctetAs), fc.boolean(), fc.boolean(), octets(300))
      .map(([both, addPath, local, message]) => ({
        kind: 'message' as const,
        fourOctetAs,
        addPath,
        local,
        ...both,
        message,
      })),
  ),
  fc.record({
    kind: fc.constant('other' as const),
    type: fc.integer({ min: 18, max: 0xffff }),
    subtype: u16,
    body: octets(100),
  }),
);

const record: fc.Arbitrary<MrtRecord> = fc.record({ time: u32, microseconds: fc.constant(null), body });

/** Cuts a file into chunks and reads it; also every row of every record is made. */
function readAll(file: Buffer, cuts: readonly number[]) {
  const framer = new RecordFramer();
  const view = new TableView();
  const records: (MrtRecord | MrtFault)[] = [];
  const rows: MrtRow[] = [];
  let fault: MrtFault | null = null;
  const places = [0, ...cuts.map((cut) => cut % (file.length + 1)).sort((x, y) => x - y), file.length];
  for (let i = 1; i < places.length && fault === null; i++) {
    // A copy, so that nothing may rely on what lies around a chunk.
    const chunk = Buffer.from(file.subarray(places[i - 1], places[i]));
    fault = framer.push(chunk, (...each) => {
      const decoded = decodeRecord(...each);
      records.push(decoded);
      rows.push(...view.rows(decoded));
    });
  }
  return { records, rows, fault, framer };
}

const cuts = fc.array(fc.nat(), { maxLength: 6 });

describe('an MRT file', () => {
  it('reads as it was written, wherever its chunks end', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 5 }), cuts, (written, places) => {
        const { records, fault, framer } = readAll(Buffer.concat(written.map(encodeRecord)), places);
        expect(fault).toBeNull();
        expect(framer.pending).toBe(0);
        expect(framer.records).toBe(written.length);
        expect(records).toEqual(written);
      }),
      { numRuns: 500 },
    );
  });

  it('of arbitrary octets is read without an exception and to an end', () => {
    fc.assert(
      fc.property(octets(400), cuts, (file, places) => {
        readAll(file, places);
      }),
      { numRuns: 1000 },
    );
  });

  it('of records with arbitrary bodies gives a value or a fault for each', () => {
    const kinds = fc.constantFrom(
      ...([1, 2, 4, 8, 10] as const).map((subtype) => [13, subtype] as const),
      ...([0, 1, 4, 5, 6, 7, 8, 9, 10, 11] as const).flatMap((subtype) => [
        [16, subtype] as const,
        [17, subtype] as const,
      ]),
    );
    fc.assert(
      fc.property(kinds, octets(200), ([type, subtype], bytes) => {
        const head = Buffer.alloc(12);
        head.writeUInt16BE(type, 4);
        head.writeUInt16BE(subtype, 6);
        head.writeUInt32BE(bytes.length, 8);
        const { records } = readAll(Buffer.concat([head, bytes]), []);
        expect(records).toHaveLength(1);
      }),
      { numRuns: 2000 },
    );
  });

  it('with a few octets damaged is read without an exception, and every record before the damage is whole', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 5 }),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }),
        (written, damage) => {
          const pieces = written.map(encodeRecord);
          const file = Buffer.concat(pieces);
          const places = damage.map(([at]) => at % file.length);
          for (const [i, [, change]] of damage.entries()) file[places[i]] ^= change;
          const { records } = readAll(file, []);
          let end = 0;
          for (const [i, piece] of pieces.entries()) {
            end += piece.length;
            if (end <= Math.min(...places)) expect(records[i]).toEqual(written[i]);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
