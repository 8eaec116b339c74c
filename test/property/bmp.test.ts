import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Address, IPV6 } from '../../src/address/index.js';
import { BmpWriter, locRibHeader, PeerFlag, type Statistic, sessionHeader } from '../../src/bgp/bmp/index.js';
import { frame } from '../../src/bgp/wire/header.js';
import { type BmpMessage, decodeBmp, type PeerHeaderRead } from '../support/bmp.js';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const octets = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
const ipv4: fc.Arbitrary<Address> = u32.map((a) => ({ family: 0, a, b: 0, c: 0, d: 0 }));
const ipv6: fc.Arbitrary<Address> = fc
  .tuple(u32, u32, u32, u32)
  .map(([a, b, c, d]) => ({ family: 1, a, b, c, d }));
const pdu = (type: number, maxLength = 100) => octets(maxLength).map((body) => frame(type, body));
/** Milliseconds until 2106. */
const time = fc.integer({ min: 0, max: 0xffffffff * 1000 });

const textOf = ({ family, a, b, c, d }: Address): string =>
  family === IPV6
    ? [a, b, c, d].flatMap((word) => [(word >>> 16).toString(16), (word & 0xffff).toString(16)]).join(':')
    : [24, 16, 8, 0].map((bits) => (a >>> bits) & 255).join('.');

interface Peer {
  readonly header: Buffer;
  readonly read: Omit<PeerHeaderRead, 'seconds' | 'microseconds'>;
}

const dotted = (id: number) => [24, 16, 8, 0].map((bits) => (id >>> bits) & 255).join('.');
const session = fc
  .record({ address: fc.oneof(ipv4, ipv6), asn: u32, routerId: u32, post: fc.boolean(), two: fc.boolean() })
  .map(({ post, two, ...identity }): Peer => {
    const flags = (post ? PeerFlag.postPolicy : 0) | (two ? PeerFlag.twoOctetAs : 0);
    return {
      header: sessionHeader(identity, flags),
      read: {
        type: 0,
        flags: flags | (identity.address.family === IPV6 ? 0x80 : 0),
        distinguisher: '0'.repeat(16),
        address: textOf(identity.address),
        asn: identity.asn,
        routerId: dotted(identity.routerId),
      },
    };
  });
const locRib = fc.tuple(u32, u32).map(([asn, routerId]): Peer => {
  const read = {
    type: 3,
    flags: 0,
    distinguisher: '0'.repeat(16),
    address: '0.0.0.0',
    asn,
    routerId: dotted(routerId),
  };
  return { header: locRibHeader(asn, routerId), read };
});

/** A message to be written, and what is to be read. */
interface Case {
  write(writer: BmpWriter): void;
  readonly expected: BmpMessage[];
}

const at = (milliseconds: number) => ({
  seconds: Math.floor(milliseconds / 1000),
  microseconds: (milliseconds % 1000) * 1000,
});

const texts = fc.string({ unit: 'grapheme', maxLength: 40 });
const tlv = fc.record({ type: u16, value: octets(60) });
const anyPeer = fc.oneof(session, locRib);

const cases: fc.Arbitrary<Case> = fc.oneof(
  fc.tuple(texts, texts).map(
    ([sysDescr, sysName]): Case => ({
      write: (writer) => writer.initiation(sysDescr, sysName),
      expected: [
        {
          type: 'initiation' as const,
          tlvs: [
            { type: 1, value: Buffer.from(sysDescr) },
            { type: 2, value: Buffer.from(sysName) },
          ],
        },
      ],
    }),
  ),
  fc.tuple(u16, texts).map(
    ([reason, words]): Case => ({
      write: (writer) => writer.termination(reason, words),
      expected: [
        {
          type: 'termination' as const,
          tlvs: [
            { type: 1, value: Buffer.from([reason >>> 8, reason & 255]) },
            { type: 0, value: Buffer.from(words) },
          ],
        },
      ],
    }),
  ),
  fc
    .tuple(
      session,
      time,
      u16,
      u16,
      pdu(1),
      pdu(1),
      fc.array(tlv, { maxLength: 3 }),
      u32,
      fc.tuple(u32, u32, u32),
    )
    .map(([peer, when, localPort, remotePort, sentOpen, receivedOpen, tlvs, a, [b, c, d]]): Case => {
      // Both ends of a session are of one family.
      const isIpv6 = (peer.read.flags & 0x80) !== 0;
      const localAddress: Address = isIpv6 ? { family: 1, a, b, c, d } : { family: 0, a, b: 0, c: 0, d: 0 };
      const information = tlvs.map(({ type, value }) => [type, value] as const);
      const up = { localPort, remotePort, sentOpen, receivedOpen };
      return {
        write: (writer) => writer.peerUp(peer.header, when, { ...up, localAddress, information }),
        expected: [
          {
            type: 'peerUp',
            peer: { ...peer.read, ...at(when) },
            localAddress: textOf(localAddress),
            ...up,
            tlvs,
          },
        ],
      };
    }),
  fc.tuple(anyPeer, time, u8, octets(100)).map(([peer, when, reason, data]): Case => {
    return {
      write: (writer) => writer.peerDown(peer.header, when, reason, data),
      expected: [{ type: 'peerDown', peer: { ...peer.read, ...at(when) }, reason, data }],
    };
  }),
  fc.tuple(anyPeer, time, fc.array(pdu(2, 4000), { maxLength: 5 })).map(([peer, when, updates]): Case => {
    return {
      write: (writer) => writer.routeMonitoring(peer.header, when, Buffer.concat(updates)),
      expected: updates.map((update) => ({
        type: 'routeMonitoring',
        peer: { ...peer.read, ...at(when) },
        update,
      })),
    };
  }),
  fc
    .tuple(anyPeer, time, fc.array(fc.record({ type: u16, figure: u32, kind: fc.constantFrom(0, 1, 2) })))
    .map(([peer, when, figures]): Case => {
      const statistics = figures.map(({ type, figure, kind }): Statistic => {
        if (kind === 0) return { type, counter: figure };
        return kind === 1 ? { type, gauge: figure } : { type, gauge: figure, family: 1 };
      });
      const values = figures.map(({ type, figure, kind }) => {
        const value = Buffer.alloc([4, 8, 11][kind]);
        value.writeUInt32BE(figure, value.length - 4);
        if (kind === 2) value.set([0, 2, 1]);
        return { type, value };
      });
      return {
        write: (writer) => writer.statistics(peer.header, when, statistics),
        expected: [{ type: 'statistics', peer: { ...peer.read, ...at(when) }, statistics: values }],
      };
    }),
  fc
    .tuple(session, time, u8, octets(4000), u8, fc.boolean())
    .map(([peer, when, type, body, start, lost]): Case => {
      const from = Math.min(start, body.length);
      const copy = { type: 0, value: frame(type, body.subarray(from)) };
      return {
        write: (writer) => writer.routeMirroring(peer.header, when, type, body, from, body.length, lost),
        expected: [
          {
            type: 'routeMirroring',
            peer: { ...peer.read, ...at(when) },
            tlvs: lost ? [{ type: 1, value: Buffer.from([0, 1]) }, copy] : [copy],
          },
        ],
      };
    }),
);

describe('BMP messages', () => {
  it('mean to a reader of the RFCs what they were written for, one behind the other', () => {
    fc.assert(
      fc.property(fc.array(cases, { maxLength: 8 }), u16, (list, cut) => {
        const writer = new BmpWriter(16);
        for (const { write } of list) write(writer);
        const expected = list.flatMap((each) => each.expected);
        expect(writer.messages).toBe(expected.length);
        const bytes = writer.take();
        expect(decodeBmp(bytes)).toEqual({ messages: expected, rest: 0 });
        // Cut anywhere, whole messages are read and the rest waits.
        const part = decodeBmp(bytes.subarray(0, bytes.length === 0 ? 0 : cut % bytes.length));
        expect(part.messages).toEqual(expected.slice(0, part.messages.length));
      }),
      { numRuns: 500 },
    );
  });
});
