import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Address, type FamilyIndex, IPV4, IPV6, networkOf } from '../../src/address/index.js';
import * as nl from '../../src/netlink/index.js';

const word = fc.integer({ min: 0, max: 0xffff_ffff });

function addressOf(family: FamilyIndex): fc.Arbitrary<Address> {
  return family === IPV4
    ? word.map((a) => ({ family, a, b: 0, c: 0, d: 0 }))
    : fc.tuple(word, word, word, word).map(([a, b, c, d]) => ({ family, a, b, c, d }));
}

const family = fc.constantFrom<FamilyIndex>(IPV4, IPV6);
const ifindex = fc.integer({ min: 1, max: 0x7fff_ffff });

function hopOf(route: FamilyIndex): fc.Arbitrary<nl.RouteHop> {
  const gateway = route === IPV4 ? fc.oneof(addressOf(IPV4), addressOf(IPV6)) : addressOf(IPV6);
  return fc.record({
    gateway: fc.option(gateway),
    ifindex,
    weight: fc.integer({ min: 1, max: 256 }),
    onlink: fc.boolean(),
  });
}

const route = family.chain((of) =>
  fc.record({
    attributes: fc.record({
      family: fc.constant(of),
      table: fc.integer({ min: 1, max: 0xffff_ffff }),
      protocol: fc.integer({ min: 1, max: 255 }),
      metric: word,
      preferredSource: fc.option(addressOf(of)),
      forwarding: fc.oneof(
        fc.record({
          kind: fc.constant('hops' as const),
          hops: fc
            .array(hopOf(of), { minLength: 1, maxLength: 12 })
            .map((hops) => (hops.length === 1 ? [{ ...hops[0], weight: 1 }] : hops)),
        }),
        fc.record({ kind: fc.constant('nexthop' as const), id: fc.integer({ min: 1, max: 0xffff_ffff }) }),
        fc.record({
          kind: fc.constantFrom('blackhole' as const, 'unreachable' as const, 'prohibit' as const),
        }),
      ),
    }),
    prefix: fc
      .tuple(addressOf(of), fc.integer({ min: 0, max: of === IPV4 ? 32 : 128 }))
      .map(([address, length]) => networkOf(address, length)),
  }),
);

/** All decoders, each laid over the same bytes. */
function decodeAll(bytes: Buffer, start: number, end: number): void {
  const view = new nl.RouteView();
  if (view.decode(bytes, start, end)) {
    view.hops();
    view.forwardingHash();
    view.prefix;
  }
  nl.decodeLink(bytes, start, end);
  nl.decodeLinkAddress(bytes, start, end);
  nl.decodeNexthop(bytes, start, end);
  nl.readError(bytes, start, end);
  nl.readDone(bytes, start, end);
}

describe('netlink codec', () => {
  it('reads every route as it was written', () => {
    const view = new nl.RouteView();
    fc.assert(
      fc.property(route, fc.integer({ min: 0, max: 64 }), ({ attributes, prefix }, padding) => {
        const template = nl.RouteTemplate.route(attributes, nl.CREATE);
        const bytes = Buffer.alloc(padding + template.maxLength, 0xff);
        const end = template.write(bytes, padding, prefix);
        expect(end % 4).toBe(padding % 4);
        expect(view.decode(bytes, padding, end)).toBe(true);
        expect(view.prefix).toEqual(prefix);
        expect(view).toMatchObject({
          family: attributes.family,
          table: attributes.table,
          protocol: attributes.protocol,
          metric: attributes.metric,
          type: nl.routeTypeOf(attributes.forwarding),
          preferredSource: attributes.preferredSource,
          special: false,
        });
        const { forwarding } = attributes;
        expect(view.hops()).toEqual(forwarding.kind === 'hops' ? forwarding.hops : []);
        expect(view.nexthopId).toBe(forwarding.kind === 'nexthop' ? forwarding.id : 0);
        expect(view.forwardingHash()).toBe(nl.forwardingHash(attributes));
      }),
      { numRuns: 500 },
    );
  });

  it('reads every nexthop object as it was written', () => {
    const content: fc.Arbitrary<nl.NexthopContent> = fc.oneof(
      family.chain((of) =>
        fc.record({
          kind: fc.constant('hop' as const),
          family: fc.constant(of),
          gateway: fc.option(addressOf(of)),
          ifindex,
          onlink: fc.boolean(),
        }),
      ),
      fc.record({ kind: fc.constant('blackhole' as const), family }),
      fc.record({
        kind: fc.constant('group' as const),
        members: fc.array(
          fc.record({
            id: fc.integer({ min: 1, max: 0xffff_ffff }),
            weight: fc.integer({ min: 1, max: 256 }),
          }),
          { minLength: 1, maxLength: 64 },
        ),
      }),
    );
    const object = fc.record({
      id: fc.integer({ min: 1, max: 0xffff_ffff }),
      protocol: fc.integer({ min: 0, max: 255 }),
      content,
    });
    fc.assert(
      fc.property(object, (value) => {
        const message = nl.nexthopMessage(value, nl.CREATE);
        expect(nl.messageLength(message, 0)).toBe(message.length);
        expect(nl.decodeNexthop(message, 0, message.length)).toMatchObject(value);
      }),
    );
  });

  it('survives arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (array) => {
        const bytes = Buffer.from(array);
        nl.forEachMessage(bytes, (_type, from, start, end) => decodeAll(from, start, end));
        decodeAll(bytes, 0, bytes.length);
      }),
      { numRuns: 2000 },
    );
  });

  it('survives a route message with any byte changed or its end cut off', () => {
    fc.assert(
      fc.property(
        route,
        fc.nat(),
        fc.integer({ min: 0, max: 255 }),
        fc.nat(),
        ({ attributes, prefix }, at, value, cut) => {
          const message = nl.RouteTemplate.route(attributes, nl.CREATE).message(prefix);
          message[at % message.length] = value;
          decodeAll(message, 0, message.length);
          decodeAll(message, 0, cut % message.length);
          const exact = Buffer.from(message.subarray(0, cut % message.length));
          nl.forEachMessage(exact, (_type, from, start, end) => decodeAll(from, start, end));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
