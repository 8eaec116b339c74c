/**
 * What can be wrong with each path attribute, and what it costs: one row per attribute and kind of damage, with the
 * clause that demands the outcome. The decoder and a session with a real neighbour are both held against it.
 */
import { attributeSpecs } from '../../src/bgp/wire/index.js';
import {
  encodeAsPath,
  encodePlain,
  encodePlainPrefixes,
  type PlainAttribute,
  type PlainPrefix,
} from '../oracle/update-codec.js';

export const damages = ['flags', 'length', 'value', 'missing', 'duplicate', 'overlong'] as const;
export type Damage = (typeof damages)[number];

/**
 * `withdraw`: the routes of the UPDATE go, the session stays. `discard`: the routes stay without the attribute, which
 * is told. `ignored`: likewise, and nobody need be told. `kept`: as if nothing were wrong. `reset`: the session ends.
 */
export type Outcome = 'withdraw' | 'discard' | 'ignored' | 'kept' | 'reset';

export interface DamageRow {
  readonly code: number;
  readonly damage: Damage;
  readonly what: string;
  readonly clause: string;
  readonly ebgp: Outcome;
  readonly ibgp: Outcome;
  /** Of error code 3, in the NOTIFICATION or what is noted; absent where nothing is. */
  readonly subcode?: number;
  /** From a speaker of 2-octet AS numbers. */
  readonly twoOctet?: boolean;
  /** Takes the place of the sound attribute, where there is one; with `duplicate`, stands behind it. */
  readonly attribute?: { readonly flags: number; readonly value: string };
}

const TRANSITIVE = 0x40;
const OPTIONAL = 0x80;
const BOTH = 0xc0;
const Sub = {
  list: 1,
  wellKnown: 2,
  missing: 3,
  flags: 4,
  length: 5,
  origin: 6,
  nextHop: 8,
  optional: 9,
  path: 11,
};

/** A sound value of every attribute, in hex; AS numbers of four octets unless the row is of a 2-octet speaker. */
const sound: Readonly<Record<number, { flags: number; value: string }>> = {
  1: { flags: TRANSITIVE, value: '00' },
  2: { flags: TRANSITIVE, value: '02010000fdeb' },
  3: { flags: TRANSITIVE, value: '0a000202' },
  4: { flags: OPTIONAL, value: '00000005' },
  5: { flags: TRANSITIVE, value: '000000c8' },
  6: { flags: TRANSITIVE, value: '' },
  7: { flags: BOTH, value: '0000fdebc0000201' },
  8: { flags: BOTH, value: 'fdeb0001' },
  9: { flags: OPTIONAL, value: '0a000909' },
  10: { flags: OPTIONAL, value: '0a000909' },
  14: { flags: OPTIONAL, value: '0002011020010db800000000000000000000000200302001 0db80002' },
  15: { flags: OPTIONAL, value: '000201 3020010db80001' },
  16: { flags: BOTH, value: '0002fdeb00000001' },
  17: { flags: BOTH, value: '02010000fdeb' },
  18: { flags: BOTH, value: '0000fdebc0000201' },
  25: { flags: BOTH, value: `000220010db8${'00'.repeat(12)}0001` },
  26: { flags: OPTIONAL, value: '01000b000000000000002a' },
  32: { flags: BOTH, value: '0000fdeb0000000100000002' },
  35: { flags: BOTH, value: '0000fdeb' },
};

/** Kinds of damage that an attribute can't have, and why. */
export const impossible: Readonly<Record<string, string>> = {
  '4 value': 'any 32 bits are a metric',
  '5 value': 'any 32 bits are a preference',
  '6 value': 'there is none',
  '8 value': 'any 32 bits are a community',
  '9 value': 'any 32 bits are an identifier',
  '10 value': 'any 32 bits are an identifier',
  '16 value': 'any 64 bits are a community',
  '25 value': 'any 160 bits are a community',
  '32 value': 'any 96 bits are a community',
  '35 value': 'any 32 bits are an AS number (RFC 9234 §5 names the length alone)',
};

type Detail = Partial<Pick<DamageRow, 'twoOctet' | 'ibgp'>>;

function row(
  code: number,
  damage: Damage,
  what: string,
  clause: string,
  outcome: Outcome,
  subcode: number | undefined,
  attribute?: DamageRow['attribute'],
  detail: Detail = {},
): DamageRow {
  return {
    ...{ code, damage, what, clause, ebgp: outcome, ibgp: detail.ibgp ?? outcome },
    ...(subcode === undefined ? {} : { subcode }),
    ...(attribute === undefined ? {} : { attribute }),
    ...(detail.twoOctet ? { twoOctet: true } : {}),
  };
}

/** The rows in which attributes differ by their flags and their clauses alone. */
function common(code: number, flagsCost: Outcome, flagsClause: string, detail: Detail = {}): DamageRow[] {
  const spec = attributeSpecs[code];
  const { flags, value } = sound[code];
  const isExternallyIgnored = spec?.scope !== 'any';
  const ignored = (outcome: Outcome): [Outcome, Detail] =>
    isExternallyIgnored ? ['ignored', { ...detail, ibgp: outcome }] : [outcome, detail];
  const [flagsOutcome, flagsDetail] = ignored(flagsCost);
  const isMp = code === 14 || code === 15;
  return [
    row(
      code,
      'flags',
      'optional bit inverted',
      flagsClause,
      flagsOutcome,
      Sub.flags,
      { flags: flags ^ OPTIONAL, value },
      flagsDetail,
    ),
    row(
      code,
      'flags',
      'transitive bit inverted',
      flagsClause,
      flagsOutcome,
      Sub.flags,
      { flags: flags ^ TRANSITIVE, value },
      flagsDetail,
    ),
    row(
      code,
      'duplicate',
      'twice',
      'RFC 7606 §3 (g)',
      isMp ? 'reset' : 'discard',
      Sub.list,
      { flags, value },
      detail,
    ),
    row(
      code,
      'overlong',
      'longer than the attributes',
      isMp ? 'RFC 7606 §4, §5.3' : 'RFC 7606 §4',
      isMp ? 'reset' : 'withdraw',
      isMp ? Sub.optional : Sub.length,
      { flags, value },
      detail,
    ),
    ...([1, 2, 3].includes(code) || isMp
      ? []
      : [row(code, 'missing', 'not there', 'RFC 4271 §5', 'kept', undefined, undefined, detail)]),
  ];
}

const from = (flags: number, value: string) => ({ flags, value: value.replaceAll(' ', '') });
const withdrawRule = 'RFC 7606 §3 (c)';
const old: Detail = { twoOctet: true };
const internalOnly: Detail = { ibgp: 'withdraw' };

export const damageRows: readonly DamageRow[] = [
  ...common(1, 'withdraw', withdrawRule),
  row(1, 'length', 'two octets', 'RFC 7606 §7.1', 'withdraw', Sub.length, from(TRANSITIVE, '0000')),
  row(1, 'length', 'none', 'RFC 7606 §7.1', 'withdraw', Sub.length, from(TRANSITIVE, '')),
  row(1, 'value', '3', 'RFC 7606 §7.1', 'withdraw', Sub.origin, from(TRANSITIVE, '03')),
  row(1, 'missing', 'not there', 'RFC 7606 §3 (d)', 'withdraw', Sub.missing),

  ...common(2, 'withdraw', withdrawRule),
  row(
    2,
    'length',
    'a lone octet behind its segments',
    'RFC 7606 §7.2',
    'withdraw',
    Sub.path,
    from(TRANSITIVE, '02010000fdeb02'),
  ),
  row(
    2,
    'length',
    'a segment that runs past its end',
    'RFC 7606 §7.2',
    'withdraw',
    Sub.path,
    from(TRANSITIVE, '02020000fdeb'),
  ),
  row(
    2,
    'value',
    'a segment of unknown type',
    'RFC 7606 §7.2',
    'withdraw',
    Sub.path,
    from(TRANSITIVE, '05010000fdeb'),
  ),
  row(
    2,
    'value',
    'an empty segment',
    'RFC 7606 §7.2',
    'withdraw',
    Sub.path,
    from(TRANSITIVE, '02010000fdeb0200'),
  ),
  row(2, 'value', 'AS 0', 'RFC 7607 §2', 'withdraw', Sub.path, from(TRANSITIVE, '02020000fdeb00000000')),
  row(2, 'missing', 'not there', 'RFC 7606 §3 (d)', 'withdraw', Sub.missing),

  ...common(3, 'withdraw', withdrawRule),
  row(3, 'length', 'five octets', 'RFC 7606 §7.3', 'withdraw', Sub.length, from(TRANSITIVE, '0a00020200')),
  row(3, 'length', 'none', 'RFC 7606 §7.3', 'withdraw', Sub.length, from(TRANSITIVE, '')),
  row(
    3,
    'value',
    '0.0.0.0',
    'RFC 4271 §6.3, RFC 7606 §3 (e)',
    'withdraw',
    Sub.nextHop,
    from(TRANSITIVE, '00000000'),
  ),
  row(
    3,
    'value',
    '224.0.0.1',
    'RFC 4271 §6.3, RFC 7606 §3 (e)',
    'withdraw',
    Sub.nextHop,
    from(TRANSITIVE, 'e0000001'),
  ),
  row(3, 'missing', 'not there', 'RFC 7606 §3 (d)', 'withdraw', Sub.missing),

  ...common(4, 'withdraw', withdrawRule),
  row(4, 'length', 'three octets', 'RFC 7606 §7.4', 'withdraw', Sub.length, from(OPTIONAL, '000001')),

  ...common(5, 'withdraw', withdrawRule),
  row(
    5,
    'length',
    'three octets',
    'RFC 7606 §7.5',
    'ignored',
    Sub.length,
    from(TRANSITIVE, '000001'),
    internalOnly,
  ),

  ...common(6, 'discard', 'RFC 7606 §3 (f)'),
  row(6, 'length', 'one octet', 'RFC 7606 §7.6', 'discard', Sub.length, from(TRANSITIVE, '00')),

  ...common(7, 'discard', 'RFC 7606 §3 (f)'),
  row(7, 'length', 'six octets', 'RFC 7606 §7.7', 'discard', Sub.length, from(BOTH, 'fdebc0000201')),
  row(
    7,
    'length',
    'eight octets where AS numbers have two',
    'RFC 7606 §7.7',
    'discard',
    Sub.length,
    from(BOTH, '0000fdebc0000201'),
    old,
  ),
  row(7, 'value', 'AS 0', 'RFC 7607 §2', 'discard', Sub.optional, from(BOTH, '00000000c0000201')),

  ...common(8, 'withdraw', withdrawRule),
  row(8, 'length', 'six octets', 'RFC 7606 §7.8', 'withdraw', Sub.length, from(BOTH, 'fdeb0001fdeb')),
  row(8, 'length', 'none', 'RFC 7606 §7.8', 'withdraw', Sub.length, from(BOTH, '')),

  ...common(9, 'withdraw', withdrawRule),
  row(
    9,
    'length',
    'five octets',
    'RFC 7606 §7.9',
    'ignored',
    Sub.length,
    from(OPTIONAL, '0a00090900'),
    internalOnly,
  ),

  ...common(10, 'withdraw', withdrawRule),
  row(
    10,
    'length',
    'five octets',
    'RFC 7606 §7.10',
    'ignored',
    Sub.length,
    from(OPTIONAL, '0a00090900'),
    internalOnly,
  ),
  row(10, 'length', 'none', 'RFC 7606 §7.10', 'ignored', Sub.length, from(OPTIONAL, ''), internalOnly),

  ...common(14, 'withdraw', withdrawRule),
  row(
    14,
    'length',
    'a next hop of 8 octets',
    'RFC 7606 §7.11',
    'reset',
    Sub.optional,
    from(OPTIONAL, '0002 01 08 20010db800000002 00 30 20010db80002'),
  ),
  row(
    14,
    'length',
    'cut short in its next hop',
    'RFC 7606 §7.11, §5.3',
    'reset',
    Sub.optional,
    from(OPTIONAL, '0002 01 10 20010db8'),
  ),
  row(
    14,
    'value',
    'a next hop of ::',
    'RFC 7606 §7.3, §7.11',
    'withdraw',
    Sub.nextHop,
    from(OPTIONAL, `0002 01 10 ${'00'.repeat(16)} 00 30 20010db80002`),
  ),
  row(
    14,
    'value',
    'a prefix of 129 bits',
    'RFC 7606 §5.3',
    'reset',
    Sub.optional,
    from(OPTIONAL, `0002 01 10 20010db8${'00'.repeat(11)}02 00 81 ${'20'.repeat(17)}`),
  ),

  ...common(15, 'withdraw', withdrawRule),
  row(15, 'length', 'two octets', 'RFC 7606 §7.12, §5.3', 'reset', Sub.optional, from(OPTIONAL, '0002')),
  row(
    15,
    'value',
    'a prefix cut short',
    'RFC 7606 §5.3',
    'reset',
    Sub.optional,
    from(OPTIONAL, '0002 01 30 2001'),
  ),

  ...common(16, 'withdraw', withdrawRule),
  row(16, 'length', 'seven octets', 'RFC 7606 §7.14', 'withdraw', Sub.length, from(BOTH, '0002fdeb000000')),
  row(16, 'length', 'none', 'RFC 7606 §7.14', 'withdraw', Sub.length, from(BOTH, '')),

  ...common(17, 'discard', 'RFC 6793 §6', old),
  row(
    17,
    'length',
    'a segment that runs past its end',
    'RFC 6793 §6',
    'discard',
    Sub.path,
    from(BOTH, '02020000fdeb'),
    old,
  ),
  row(17, 'length', 'none', 'RFC 6793 §6', 'discard', Sub.path, from(BOTH, ''), old),
  row(
    17,
    'value',
    'a segment of unknown type',
    'RFC 6793 §6',
    'discard',
    Sub.path,
    from(BOTH, '05010000fdeb'),
    old,
  ),

  ...common(18, 'discard', 'RFC 6793 §6', old),
  row(18, 'length', 'six octets', 'RFC 6793 §6', 'discard', Sub.length, from(BOTH, 'fdebc0000201'), old),
  row(18, 'value', 'AS 0', 'RFC 7607 §2', 'discard', Sub.optional, from(BOTH, '00000000c0000201'), old),

  ...common(25, 'withdraw', withdrawRule),
  row(25, 'length', 'eight octets', 'RFC 7606 §7.15', 'withdraw', Sub.length, from(BOTH, '0002fdeb00000001')),
  row(25, 'length', 'none', 'RFC 7606 §7.15', 'withdraw', Sub.length, from(BOTH, '')),

  ...common(26, 'discard', 'RFC 7311 §3.2'),
  ...(
    [
      ['length', 'none', ''],
      ['length', 'an octet behind its TLVs', '01000b000000000000002a 01'],
      ['length', 'a TLV that runs past its end', '01000b0000002a'],
      ['length', 'an AIGP TLV of ten octets', '01000a00000000000000'],
      ['length', 'a TLV of two octets', '010002'],
      ['value', 'the highest metric there is', '01000bffffffffffffffff'],
    ] as const
  ).map(([damage, what, value]) =>
    row(26, damage, what, 'RFC 7311 §3.2', 'discard', Sub.optional, from(OPTIONAL, value)),
  ),

  ...common(32, 'withdraw', withdrawRule),
  row(
    32,
    'length',
    'eleven octets',
    'RFC 8092 §6',
    'withdraw',
    Sub.length,
    from(BOTH, '0000fdeb00000001000000'),
  ),
  row(32, 'length', 'none', 'RFC 8092 §6', 'withdraw', Sub.length, from(BOTH, '')),

  ...common(35, 'withdraw', withdrawRule),
  row(35, 'length', 'two octets', 'RFC 9234 §5', 'withdraw', Sub.length, from(BOTH, 'fdeb')),

  row(77, 'flags', 'unknown and well-known', 'RFC 4271 §6.3', 'reset', Sub.wellKnown, from(TRANSITIVE, '01')),
  row(77, 'duplicate', 'unknown and twice', 'RFC 7606 §3 (g)', 'discard', Sub.list, from(BOTH, '01')),
  row(
    77,
    'overlong',
    'unknown and longer than the attributes',
    'RFC 7606 §4',
    'withdraw',
    Sub.length,
    from(BOTH, '01'),
  ),
];

/** What stands beside the damaged attribute. */
export interface Surroundings {
  readonly withdrawn: readonly PlainPrefix[];
  readonly nlri: readonly PlainPrefix[];
  /** MP attributes of IPv6 beside the IPv4 prefixes. */
  readonly withIpv6: boolean;
}

function plain(code: number, { flags, value }: { flags: number; value: string }): PlainAttribute {
  return { type: code, flags, value: Buffer.from(value.replaceAll(' ', ''), 'hex') };
}

/** The sound attributes that an UPDATE of the row has besides the one that is damaged, sorted. */
function beside(damaged: DamageRow, { withIpv6 }: Surroundings): PlainAttribute[] {
  const codes = withIpv6 ? [1, 2, 3, 14, 15] : [1, 2, 3];
  const narrow = { flags: TRANSITIVE, value: encodeAsPath([{ type: 2, asns: [65003] }], 2).toString('hex') };
  return codes.map((code) => plain(code, code === 2 && damaged.twoOctet ? narrow : sound[code]));
}

/** The UPDATE's body of a row. */
export function damagedUpdate(damaged: DamageRow, around: Surroundings): Buffer {
  const { code, damage, attribute } = damaged;
  const others = beside(damaged, around);
  const own = others.find(({ type }) => type === code);
  const rest = others.filter((each) => each !== own);
  const bad = attribute === undefined ? [] : [plain(code, attribute)];
  const first = damage === 'duplicate' ? [own ?? plain(code, attribute ?? sound[code])] : [];
  // Last, so that the length which is too long runs over the end of the attributes and not into others.
  const attributes = [...rest, ...first, ...bad];
  const body = encodePlain({ withdrawn: [...around.withdrawn], attributes, nlri: [...around.nlri] });
  if (damage === 'overlong' && attribute !== undefined) {
    const nlriLength = encodePlainPrefixes([...around.nlri]).length;
    const lengthAt = body.length - nlriLength - bad[0].value.length - 1;
    body[lengthAt] += 1;
  }
  return body;
}

/** The same UPDATE without the damaged attribute, or with its first, sound occurrence. */
export function mendedUpdate(damaged: DamageRow, around: Surroundings): Buffer {
  const others = beside(damaged, around);
  const isThere = others.some(({ type }) => type === damaged.code);
  const keepsFirst = damaged.damage === 'duplicate' && !isThere && damaged.attribute !== undefined;
  const attributes = keepsFirst
    ? [...others, plain(damaged.code, damaged.attribute ?? sound[damaged.code])]
    : others;
  return encodePlain({ withdrawn: [...around.withdrawn], attributes, nlri: [...around.nlri] });
}

/** `COMMUNITIES: six octets`. */
export function nameOf({ code, damage, what }: DamageRow): string {
  return `${attributeSpecs[code]?.name ?? 'an attribute'}, ${damage}: ${what}`;
}
