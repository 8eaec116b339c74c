/**
 * The path attributes as a table: code, name, flags, shape of the value, what a defect costs (RFC 7606) and how the
 * attribute enters the canonical set. Codec, canonical builder and describer read it; a new attribute is a line here.
 */
import type { Severity } from './types.js';

export const AttributeCode = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  multiExitDisc: 4,
  localPref: 5,
  atomicAggregate: 6,
  aggregator: 7,
  communities: 8,
  originatorId: 9,
  clusterList: 10,
  mpReachNlri: 14,
  mpUnreachNlri: 15,
  extendedCommunities: 16,
  as4Path: 17,
  as4Aggregator: 18,
  ipv6ExtendedCommunities: 25,
  aigp: 26,
  largeCommunities: 32,
  onlyToCustomer: 35,
} as const;

/** RFC 4271 §4.3. */
export const AttributeFlag = {
  optional: 0x80,
  transitive: 0x40,
  partial: 0x20,
  extendedLength: 0x10,
} as const;

/** ORIGIN's values; index into `originNames`. */
export const Origin = { igp: 0, egp: 1, incomplete: 2 } as const;
export const originNames = ['igp', 'egp', 'incomplete'] as const;

const WELL_KNOWN = AttributeFlag.transitive;
const OPTIONAL_TRANSITIVE = AttributeFlag.optional | AttributeFlag.transitive;
const OPTIONAL = AttributeFlag.optional;

/** How a value is checked beyond its length, and told to people. */
export type AttributeKind =
  | 'origin'
  | 'asPath'
  | 'nextHop'
  | 'u32'
  | 'empty'
  | 'aggregator'
  | 'communities'
  | 'address'
  | 'addresses'
  | 'extendedCommunities'
  | 'ipv6ExtendedCommunities'
  | 'largeCommunities'
  | 'aigp'
  | 'mpReach'
  | 'mpUnreach';

export interface AttributeSpec {
  readonly code: number;
  readonly name: string;
  readonly kind: AttributeKind;
  /** Optional and transitive bits as they must be. */
  readonly flags: number;
  /** The value's length must be exactly this; -1: see `unit`. */
  readonly exactLength: number;
  /** The value's length must be a non-zero multiple of this; 0: the kind's own check decides. */
  readonly unit: number;
  /** RFC 7606 §7 for a wrong value or length, §3 (c) and (f) for wrong flags. */
  readonly severity: Severity;
  /**
   * How far it goes. What comes from beyond is passed over unseen (RFC 7606 §7.5, §7.9, §7.10): `as` does not leave the
   * AS (in a confederation the member AS, which is what a reflector's marks mean), `confederation` does so within one
   * (RFC 5065 §5.2).
   */
  readonly scope: 'any' | 'confederation' | 'as';
  /** `tlv` stands in the canonical set as it is; `consumed` is folded into something else (next hop, NLRI, AS numbers). */
  readonly canonical: 'tlv' | 'consumed';
}

type Row = Partial<AttributeSpec> & Pick<AttributeSpec, 'code' | 'name' | 'kind' | 'flags'>;

const rows: Row[] = [
  { code: 1, name: 'ORIGIN', kind: 'origin', flags: WELL_KNOWN, exactLength: 1 },
  { code: 2, name: 'AS_PATH', kind: 'asPath', flags: WELL_KNOWN },
  { code: 3, name: 'NEXT_HOP', kind: 'nextHop', flags: WELL_KNOWN, exactLength: 4, canonical: 'consumed' },
  { code: 4, name: 'MULTI_EXIT_DISC', kind: 'u32', flags: OPTIONAL, exactLength: 4 },
  { code: 5, name: 'LOCAL_PREF', kind: 'u32', flags: WELL_KNOWN, exactLength: 4, scope: 'confederation' },
  {
    code: 6,
    name: 'ATOMIC_AGGREGATE',
    kind: 'empty',
    flags: WELL_KNOWN,
    exactLength: 0,
    severity: 'discard',
  },
  { code: 7, name: 'AGGREGATOR', kind: 'aggregator', flags: OPTIONAL_TRANSITIVE, severity: 'discard' },
  { code: 8, name: 'COMMUNITIES', kind: 'communities', flags: OPTIONAL_TRANSITIVE, unit: 4 },
  { code: 9, name: 'ORIGINATOR_ID', kind: 'address', flags: OPTIONAL, exactLength: 4, scope: 'as' },
  { code: 10, name: 'CLUSTER_LIST', kind: 'addresses', flags: OPTIONAL, unit: 4, scope: 'as' },
  { code: 14, name: 'MP_REACH_NLRI', kind: 'mpReach', flags: OPTIONAL, canonical: 'consumed' },
  { code: 15, name: 'MP_UNREACH_NLRI', kind: 'mpUnreach', flags: OPTIONAL, canonical: 'consumed' },
  {
    code: 16,
    name: 'EXTENDED_COMMUNITIES',
    kind: 'extendedCommunities',
    flags: OPTIONAL_TRANSITIVE,
    unit: 8,
  },
  {
    code: 17,
    name: 'AS4_PATH',
    kind: 'asPath',
    flags: OPTIONAL_TRANSITIVE,
    severity: 'discard',
    canonical: 'consumed',
  },
  {
    code: 18,
    name: 'AS4_AGGREGATOR',
    kind: 'aggregator',
    flags: OPTIONAL_TRANSITIVE,
    exactLength: 8,
    severity: 'discard',
    canonical: 'consumed',
  },
  {
    code: 25,
    name: 'IPV6_EXTENDED_COMMUNITIES',
    kind: 'ipv6ExtendedCommunities',
    flags: OPTIONAL_TRANSITIVE,
    unit: 20,
  },
  { code: 26, name: 'AIGP', kind: 'aigp', flags: OPTIONAL, severity: 'discard' },
  { code: 32, name: 'LARGE_COMMUNITIES', kind: 'largeCommunities', flags: OPTIONAL_TRANSITIVE, unit: 12 },
  { code: 35, name: 'ONLY_TO_CUSTOMER', kind: 'u32', flags: OPTIONAL_TRANSITIVE, exactLength: 4 },
];

/** All attributes we know, by code; null where we don't. */
export const attributeSpecs: readonly (AttributeSpec | null)[] = (() => {
  const table = new Array<AttributeSpec | null>(256).fill(null);
  for (const row of rows) {
    // Written out, so that all specs share one hidden class.
    table[row.code] = {
      code: row.code,
      name: row.name,
      kind: row.kind,
      flags: row.flags,
      exactLength: row.exactLength ?? -1,
      unit: row.unit ?? 0,
      severity: row.severity ?? 'treatAsWithdraw',
      scope: row.scope ?? 'any',
      canonical: row.canonical ?? 'tlv',
    };
  }
  return table;
})();

/** `AS_PATH`, or `attribute 200` where we have no name. */
export function attributeName(code: number): string {
  return attributeSpecs[code]?.name ?? `attribute ${code}`;
}

/** RFC 1997 and later; high 16 bits : low 16 bits in one unsigned number. */
export const wellKnownCommunities: ReadonlyMap<string, number> = new Map([
  ['graceful-shutdown', 0xffff0000],
  ['accept-own', 0xffff0001],
  ['llgr-stale', 0xffff0006],
  ['no-llgr', 0xffff0007],
  ['blackhole', 0xffff029a],
  ['no-export', 0xffffff01],
  ['no-advertise', 0xffffff02],
  ['no-export-subconfed', 0xffffff03],
  ['no-peer', 0xffffff04],
]);

const communityNames = new Map([...wellKnownCommunities].map(([name, value]) => [value, name]));

/** `65000:100`, or the name of a well-known one. */
export function formatCommunity(value: number): string {
  return communityNames.get(value) ?? `${value >>> 16}:${value & 0xffff}`;
}

/** Reads what formatCommunity writes; null for anything else. */
export function parseCommunity(text: string): number | null {
  const known = wellKnownCommunities.get(text);
  if (known !== undefined) return known;
  const match = /^(\d{1,5}):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const [high, low] = [Number(match[1]), Number(match[2])];
  return high > 0xffff || low > 0xffff ? null : high * 0x10000 + low;
}
