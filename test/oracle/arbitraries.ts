/** What the property tests of the UPDATE codec are fed with. */
import fc from 'fast-check';
import {
  encodeAsPath,
  encodeMpReach,
  encodeMpUnreach,
  encodePlain,
  type PlainAttribute,
  type PlainContext,
  type PlainPrefix,
  type PlainUpdate,
  type Segment,
} from './update-codec.js';

type Context = PlainContext;

export const contexts: fc.Arbitrary<Required<Context>> = fc
  .record({
    fourOctetAs: fc.boolean(),
    relation: fc.constantFrom('ibgp', 'confed', 'ebgp'),
    addPath: fc.tuple(fc.boolean(), fc.boolean()),
    extendedNextHop: fc.boolean(),
  })
  .map(({ relation, ...rest }) => ({
    ...rest,
    ebgp: relation === 'ebgp',
    confed: relation === 'confed',
  }));

/** Identifiers whose octets look like prefix lengths, and any others. */
const pathIds = fc.oneof(fc.constantFrom(0, 1, 0x18181818, 0xffffffff), fc.nat(0xffffffff));

/** With `addPath`, each has a path identifier. */
export function prefixes(maxBits: number, maxLength: number, addPath = false): fc.Arbitrary<PlainPrefix[]> {
  const one = fc
    .integer({ min: 0, max: maxBits })
    .chain((length) =>
      fc
        .uint8Array({ minLength: Math.ceil(length / 8), maxLength: Math.ceil(length / 8) })
        .map((octets) => ({ length, octets: Buffer.from(octets) })),
    );
  const withId = fc.tuple(one, pathIds).map(([prefix, pathId]) => ({ ...prefix, pathId }));
  return fc.array(addPath ? withId : one, { maxLength });
}

const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((octets) => Buffer.from(octets));
const multiples = (unit: number) => fc.integer({ min: 1, max: 40 }).chain((count) => bytes(unit * count));

/** Small numbers, the edges, and AS_TRANS, so that 2-octet and 4-octet numbers meet. */
export const asns = (size: 2 | 4): fc.Arbitrary<number> => {
  const edges = fc.constantFrom(1, 23456, 65535, 64512);
  return size === 2
    ? fc.oneof(edges, fc.integer({ min: 1, max: 0xffff }))
    : fc.oneof(edges, fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 0x10000, max: 0xffffffff }));
};

/** As a member AS of the confederation puts itself in front (RFC 5065); now and then it forgets to. */
const memberPaths = (size: 2 | 4): fc.Arbitrary<Segment[]> =>
  fc
    .tuple(fc.array(asns(size), { minLength: 1, maxLength: 4 }), asPaths(size, 4), fc.nat(9))
    .map(([members, rest, n]) => (n === 0 ? rest : [{ type: 3, asns: members }, ...rest]));

export const asPaths = (size: 2 | 4, lastType: 2 | 4): fc.Arbitrary<Segment[]> =>
  fc.array(
    fc.record({
      type: fc.oneof(
        { weight: 6, arbitrary: fc.constant(2) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: lastType }) },
      ),
      asns: fc.oneof(
        { weight: 8, arbitrary: fc.array(asns(size), { minLength: 1, maxLength: 6 }) },
        { weight: 1, arbitrary: fc.array(asns(size), { minLength: 200, maxLength: 255 }) },
      ),
    }),
    { maxLength: 4 },
  );

const unicast4 = fc
  .tuple(fc.integer({ min: 1, max: 126 }), bytes(3))
  .map(([first, rest]) => Buffer.from([first, ...rest]));
const global6 = bytes(14).map((rest) => Buffer.from([0x20, 0x01, ...rest]));
const linkLocal6 = bytes(14).map((rest) => Buffer.from([0xfe, 0x80, ...rest]));
const nextHops6 = fc.oneof(
  global6,
  linkLocal6,
  fc
    .tuple(fc.oneof(global6, linkLocal6, fc.constant(Buffer.alloc(16))), linkLocal6)
    .map((pair) => Buffer.concat(pair)),
  fc.tuple(global6, global6).map((pair) => Buffer.concat(pair)),
);

const mpReach = ([ids4, ids6]: readonly [boolean, boolean]) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constant(2), fc.constant(1), nextHops6, prefixes(128, 6, ids6)) },
    {
      weight: 3,
      arbitrary: fc.tuple(
        fc.constant(1),
        fc.constant(1),
        fc.oneof(unicast4, nextHops6),
        prefixes(32, 6, ids4),
      ),
    },
    { weight: 1, arbitrary: fc.tuple(fc.constant(25), fc.constant(70), nextHops6, prefixes(32, 6)) },
  );
const mpUnreach = ([ids4, ids6]: readonly [boolean, boolean]) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constant(2), fc.constant(1), prefixes(128, 6, ids6)) },
    { weight: 3, arbitrary: fc.tuple(fc.constant(1), fc.constant(1), prefixes(32, 6, ids4)) },
    { weight: 1, arbitrary: fc.tuple(fc.constant(25), fc.constant(70), prefixes(32, 6)) },
  );

/** TLVs of any type, those of type 1 with a metric that leaves room for more. */
const aigps = fc
  .array(
    fc.oneof(
      bytes(8)
        .filter((metric) => metric.toString('hex') !== 'f'.repeat(16))
        .map((metric) => Buffer.concat([Buffer.from([1, 0, 11]), metric])),
      fc
        .tuple(fc.integer({ min: 2, max: 255 }), fc.uint8Array({ maxLength: 9 }))
        .map(([type, value]) => Buffer.from([type, 0, 3 + value.length, ...value])),
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((tlvs) => Buffer.concat(tlvs));

/** Sound attributes of every kind, each type at most once, in any order, some with an extended length that they don't need. */
function attributes({
  fourOctetAs,
  ebgp,
  confed,
  addPath = [false, false],
}: Context): fc.Arbitrary<PlainAttribute[]> {
  const size = fourOctetAs ? 4 : 2;
  const paths = confed ? memberPaths(size) : asPaths(size, ebgp ? 2 : 4);
  const aggregator = (n: 2 | 4) =>
    fc.tuple(asns(n), bytes(4)).map(([asn, address]) => {
      const value = Buffer.alloc(n + 4);
      value.writeUIntBE(asn, 0, n);
      address.copy(value, n);
      return value;
    });
  const choice: [number, number, fc.Arbitrary<Buffer>, number][] = [
    [1, 0x40, fc.integer({ min: 0, max: 2 }).map((origin) => Buffer.from([origin])), 40],
    [2, 0x40, paths.map((path) => encodeAsPath(path, size)), 40],
    [3, 0x40, unicast4, 40],
    [4, 0x80, bytes(4), 3],
    [5, 0x40, bytes(4), 3],
    [6, 0x40, fc.constant(Buffer.alloc(0)), 1],
    [7, 0xc0, aggregator(size), 2],
    [8, 0xc0, multiples(4), 3],
    [9, 0x80, bytes(4), 1],
    [10, 0x80, multiples(4), 1],
    [
      14,
      0x80,
      mpReach(addPath).map(([afi, safi, nextHop, list]) => encodeMpReach(afi, safi, nextHop, list)),
      3,
    ],
    [15, 0x80, mpUnreach(addPath).map(([afi, safi, list]) => encodeMpUnreach(afi, safi, list)), 2],
    [16, 0xc0, multiples(8), 1],
    [
      17,
      0xc0,
      asPaths(4, 4)
        .filter((path) => path.length > 0)
        .map((path) => encodeAsPath(path, 4)),
      2,
    ],
    [18, 0xc0, aggregator(4), 2],
    [25, 0xc0, multiples(20), 1],
    [26, 0x80, aigps, 2],
    [32, 0xc0, multiples(12), 1],
    [35, 0xc0, bytes(4), 1],
    [99, 0xc0, multiples(1), 1],
    [100, 0x80, multiples(1), 1],
    [254, 0xc0, multiples(30), 1],
  ];
  const each = choice.map(([type, flags, values, weight]) =>
    fc.oneof(
      { weight: 4, arbitrary: fc.constant<PlainAttribute | null>(null) },
      {
        weight,
        arbitrary: fc
          .tuple(values, fc.constantFrom(0, 0, 0, 0x10), fc.constantFrom(0, 0, 0x20, 0x0f))
          .map(([value, extended, odd]) => ({ flags: flags | extended | odd, type, value })),
      },
    ),
  );
  return fc.tuple(...each).chain((list) => {
    const present = list.filter((attribute) => attribute !== null);
    return fc.oneof(
      fc.constant(present),
      fc.shuffledSubarray(present, { minLength: present.length, maxLength: present.length }),
    );
  });
}

/** UPDATEs without a defect but, at times, a missing attribute. */
export function soundUpdates(context: Context): fc.Arbitrary<PlainUpdate> {
  const ids = context.addPath?.[0] ?? false;
  return fc.record({
    withdrawn: fc.oneof(fc.constant<PlainPrefix[]>([]), prefixes(32, 6, ids)),
    attributes: attributes(context),
    nlri: fc.oneof(fc.constant<PlainPrefix[]>([]), prefixes(32, 12, ids)),
  });
}

/** Bodies with a few octets changed, cut out or put in. */
export function damagedBodies(context: Context): fc.Arbitrary<Buffer> {
  const change = fc.tuple(
    fc.nat(),
    fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 2, 3, 4, 14, 15, 16, 0x40, 0x80, 0xc0)),
    fc.constantFrom('set', 'set', 'set', 'cut', 'put'),
  );
  return fc
    .tuple(soundUpdates(context).map(encodePlain), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([body, changes]) => {
      const octets = [...body];
      for (const [where, octet, how] of changes) {
        const at = where % octets.length;
        if (how === 'put') octets.splice(at, 0, octet);
        else if (how === 'set') octets[at] = octet;
        else if (octets.length > 4) octets.splice(at, 1);
      }
      return Buffer.from(octets);
    });
}

/** Attributes one of which is damaged while all lengths around it stay right, so that its own check must find it. */
export function damagedValues(context: Context): fc.Arbitrary<Buffer> {
  const damage = fc.tuple(
    fc.nat(),
    fc.oneof(
      fc.record({ how: fc.constant('flags' as const), flags: fc.integer({ min: 0, max: 255 }) }),
      fc.record({ how: fc.constant('value' as const), value: fc.uint8Array({ maxLength: 24 }) }),
      fc.record({
        how: fc.constant('octet' as const),
        where: fc.nat(),
        octet: fc.integer({ min: 0, max: 255 }),
      }),
      fc.record({ how: fc.constant('twice' as const) }),
    ),
  );
  return fc
    .tuple(soundUpdates(context), fc.array(damage, { minLength: 1, maxLength: 2 }))
    .map(([update, damages]) => {
      const list = [...update.attributes];
      for (const [which, what] of damages) {
        if (list.length === 0) break;
        const i = which % list.length;
        const { flags, type, value } = list[i];
        if (what.how === 'flags') list[i] = { flags: what.flags, type, value };
        else if (what.how === 'value') list[i] = { flags, type, value: Buffer.from(what.value) };
        else if (what.how === 'twice') list.splice(which % (list.length + 1), 0, list[i]);
        else if (value.length > 0) {
          const changed = Buffer.from(value);
          changed[what.where % value.length] = what.octet;
          list[i] = { flags, type, value: changed };
        }
      }
      return encodePlain({ ...update, attributes: list });
    });
}
