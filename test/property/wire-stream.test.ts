import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Capability,
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  describeNotification,
  encodeOpen,
  Framer,
  isWireError,
} from '../../src/bgp/wire/index.js';

/** Messages and the error at which a framer ends, with `bytes` in chunks that end at the given offsets. */
function collect(bytes: Buffer, cuts: number[]) {
  const framer = new Framer();
  const messages: string[] = [];
  const offsets = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((x, y) => x - y);
  let from = 0;
  for (const to of [...offsets, bytes.length]) {
    const error = framer.push(Buffer.from(bytes.subarray(from, to)), (type, buf, start, end) => {
      messages.push(`${type} ${buf.toString('hex', start, end)}`);
    });
    if (error !== null) return { messages, error };
    from = to;
  }
  return { messages, error: null };
}

const leastBody = [0, 10, 4, 2, 0, 4];
const message = fc.integer({ min: 1, max: 5 }).chain((type) =>
  fc.uint8Array({ minLength: leastBody[type], maxLength: type === 4 ? 0 : 300 }).map((body) => {
    const header = Buffer.alloc(19, 0xff);
    header.writeUInt16BE(19 + body.length, 16);
    header[18] = type;
    return Buffer.concat([header, body]);
  }),
);
const cuts = fc.array(fc.nat(), { maxLength: 12 });

describe('the framer', () => {
  it('finds every message, however the stream is split', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), cuts, (list, where) => {
        const expected = list.map((bytes) => `${bytes[18]} ${bytes.toString('hex', 19)}`);
        expect(collect(Buffer.concat(list), where)).toEqual({ messages: expected, error: null });
      }),
      { numRuns: 1500 },
    );
  });

  it('comes to the same end in any bytes, however they are split', () => {
    const damaged = fc
      .tuple(
        fc.array(message, { minLength: 1, maxLength: 5 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
      )
      .map(([list, changes]) => {
        const bytes = Buffer.concat(list);
        for (const [at, octet] of changes) bytes[at % bytes.length] = octet;
        return bytes;
      });
    const anything = fc.uint8Array({ maxLength: 200 }).map((octets) => Buffer.from(octets));
    fc.assert(
      fc.property(fc.oneof(damaged, anything), cuts, (bytes, where) => {
        expect(collect(bytes, where)).toEqual(collect(bytes, []));
      }),
      { numRuns: 2000 },
    );
  });
});

const capability: fc.Arbitrary<Capability> = fc.oneof(
  fc.record({ type: fc.constant('multiprotocol' as const), afi: fc.nat(0xffff), safi: fc.nat(0xff) }),
  fc.record({ type: fc.constantFrom('routeRefresh' as const, 'extendedMessage' as const) }),
  fc.record({
    type: fc.constant('gracefulRestart' as const),
    restarting: fc.boolean(),
    notification: fc.boolean(),
    restartTimeSeconds: fc.nat(4095),
    families: fc.array(fc.record({ afi: fc.nat(0xffff), safi: fc.nat(0xff), forwarding: fc.boolean() }), {
      maxLength: 20,
    }),
  }),
  fc.record({
    type: fc.constant('unknown' as const),
    code: fc.integer({ min: 72, max: 255 }),
    data: fc.uint8Array({ maxLength: 255 }).map((octets) => Buffer.from(octets)),
  }),
);

describe('OPEN, NOTIFICATION and ROUTE-REFRESH', () => {
  it('an OPEN comes back as it went, whatever its capabilities', () => {
    const opens = fc.record({
      version: fc.constant(4),
      asn: fc.integer({ min: 1, max: 0xffffffff }),
      holdTimeSeconds: fc.oneof(fc.constant(0), fc.integer({ min: 3, max: 0xffff })),
      routerId: fc.integer({ min: 1, max: 0xffffffff }),
      capabilities: fc.array(capability, { maxLength: 10 }),
    });
    fc.assert(
      fc.property(opens, (open) => {
        const whole = {
          ...open,
          capabilities: [...open.capabilities, { type: 'fourOctetAs' as const, asn: open.asn }],
        };
        const bytes = encodeOpen(whole);
        expect(decodeOpen(bytes, 19, bytes.length)).toEqual(whole);
      }),
      { numRuns: 1000 },
    );
  });

  it('are read from any bytes without throwing, and an OPEN that is accepted can be sent', () => {
    const parameters = fc
      .uint8Array({ maxLength: 40 })
      .chain((octets) =>
        fc.constantFrom(octets.length, octets.length, 255).map((length) => Buffer.from([length, ...octets])),
      );
    const head = Buffer.from('04fde9005ac0000201', 'hex');
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((octets) => Buffer.from(octets)),
      parameters.map((rest) => Buffer.concat([head, rest])),
      fc
        .tuple(fc.array(capability, { maxLength: 4 }), fc.nat(), fc.nat(255))
        .map(([capabilities, at, octet]) => {
          const bytes = encodeOpen({ version: 4, asn: 1, holdTimeSeconds: 90, routerId: 1, capabilities });
          bytes[19 + (at % (bytes.length - 19))] = octet;
          return bytes.subarray(19);
        }),
    );
    fc.assert(
      fc.property(bodies, (body) => {
        const open = decodeOpen(body, 0, body.length);
        if (isWireError(open)) expect([open.severity, open.code]).toEqual(['reset', 2]);
        else expect(decodeOpen(encodeOpen(open), 19, encodeOpen(open).length)).toEqual(open);
        const refresh = decodeRouteRefresh(body, 0, body.length);
        expect(isWireError(refresh)).toBe(body.length !== 4);
        if (body.length >= 2) {
          const told = describeNotification(decodeNotification(body, 0, body.length));
          expect(told).toMatch(/^[^\p{Cc}]+$/u);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
