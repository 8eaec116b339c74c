/** The schema of filters and prefix sets: what a rule may match and what it may set. */
import { aigpEdit } from './schema-aigp.js';
import { asn, communities, name, prefix } from './schema-atoms.js';

const u32 = 4294967295;

export const prefixMatch = {
  type: ['string', 'object'],
  required: ['prefix'],
  additionalProperties: false,
  properties: {
    prefix: { ...prefix, description: 'Routes within this prefix.' },
    ge: {
      type: 'integer',
      minimum: 0,
      maximum: 128,
      description: "Shortest length accepted. Without it: the prefix's own length.",
    },
    le: {
      type: 'integer',
      minimum: 0,
      maximum: 128,
      description:
        "Longest length accepted. Without it: the prefix's own length, or the family's longest where `ge` is given.",
    },
  },
  'x-expected': 'a prefix or `{prefix: 10.0.0.0/8, ge: 16, le: 24}`',
} as const;

export const prefixSets = {
  type: 'object',
  propertyNames: name,
  additionalProperties: {
    type: 'array',
    items: prefixMatch,
    'x-expected': 'a list of prefixes and `{prefix: 10.0.0.0/8, ge: 16, le: 24}`',
  },
  default: {},
  description:
    'Lists of prefixes by name, for `prefixSet` in filters. An entry is what `prefix` of a rule takes.',
  'x-expected': 'a map from names to lists of prefixes',
} as const;

const asns = {
  type: ['integer', 'array'],
  minimum: 1,
  maximum: u32,
  minItems: 1,
  items: asn,
  'x-expected': 'an AS number from 1 to 4294967295, or a list of these',
} as const;

/** A number or a range of numbers. */
const range = (maximum: number, what: string) =>
  ({
    type: ['integer', 'object'],
    minimum: 0,
    maximum,
    minProperties: 1,
    additionalProperties: false,
    properties: {
      ge: { type: 'integer', minimum: 0, maximum, description: `Smallest ${what}. Without it: 0.` },
      le: { type: 'integer', minimum: 0, maximum, description: `Largest ${what}. Without it: no limit.` },
    },
    'x-expected': 'a number, or `{ge: 1, le: 5}` with one or both',
  }) as const;

const asPath = {
  type: 'object',
  additionalProperties: false,
  description: 'AS_PATH; all keys given must match.',
  properties: {
    contains: { ...asns, description: 'An AS number, or a list of which one must be anywhere in the path.' },
    startsWith: { ...asns, description: 'The neighbouring AS, first in the path; any of a list.' },
    endsWith: {
      ...asns,
      description: 'The AS that originated the route, last in the path; any of a list. A set is none.',
    },
    length: {
      ...range(u32, 'length'),
      description: 'Length of the path: a number or `{ge, le}`. A set counts one, confederations nothing.',
    },
    regex: {
      type: ['string', 'array'],
      minItems: 1,
      items: { type: 'string', 'x-expected': 'a regular expression such as `_65001$`' },
      description:
        'A regular expression over the path as `show routes` prints it, or a list of which one must match. `_` is a boundary: an end, a blank, a comma, a brace, bracket or parenthesis.',
      'x-expected': 'a regular expression such as `_65001$`, or a list of these',
    },
  },
  'x-expected': 'a map with `contains`, `startsWith`, `endsWith`, `length`, `regex`',
} as const;

const communityPatterns = {
  type: 'array',
  items: {
    type: 'string',
    'x-expected': 'a community such as `65000:100` or `no-export`, or a pattern such as `65000:*`',
  },
  'x-expected': 'a list of communities such as `[65000:100, no-export]`',
} as const;

const largePatterns = {
  type: 'array',
  items: { type: 'string', 'x-expected': 'a large community such as `65000:1:2`' },
  'x-expected': 'a list of large communities such as `[65000:1:2]`',
} as const;

const extendedPatterns = {
  type: 'array',
  items: {
    type: 'string',
    'x-expected':
      'an extended community such as `rt:65000:100`, `ro:192.0.2.1:7`, `bandwidth:65000:125000000` (octets per second) or 16 hex digits',
  },
  'x-expected': 'a list of extended communities such as `[rt:65000:100]`',
} as const;

type Patterns = typeof communityPatterns | typeof largePatterns | typeof extendedPatterns;

const communityMatch = <P extends Patterns>(list: P, what: string) =>
  ({
    ...list,
    type: ['array', 'object'],
    minProperties: 1,
    additionalProperties: false,
    properties: {
      all: { ...list, description: 'All of these must be there.' },
      any: { ...list, description: 'At least one of these must be there.' },
    },
    description: `${what} that the route must carry: a list, all of it, or \`{all, any}\`. \`*\` in the place of a number stands for any.`,
    'x-expected': `${list['x-expected']}, or \`{all: […], any: […]}\``,
  }) as const;

const communityChange = <V extends object, P extends Patterns>(values: V, patterns: P, what: string) =>
  ({
    type: 'object',
    additionalProperties: false,
    description: `${what}: \`set\` replaces all, then \`remove\` drops and \`add\` adds.`,
    properties: {
      set: { ...values, description: 'Replaces all of this kind.' },
      add: { ...values, description: 'Adds these.' },
      remove: { ...patterns, description: 'Drops these; `*` in the place of a number stands for any.' },
    },
    'x-expected': 'a map with `set`, `add`, `remove`, each a list of communities',
  }) as const;

const relative = (more: string, description: string) =>
  ({
    type: ['integer', 'string'],
    minimum: -u32,
    maximum: u32,
    pattern: `^([+-][0-9]{1,10}${more === '' ? '' : `|${more}`})$`,
    description,
    'x-expected': `a number from 0 to 4294967295, \`+N\`${more === '' ? ' or `-N`' : `, \`-N\` or \`${more}\``}`,
  }) as const;

const match = {
  type: 'object',
  additionalProperties: false,
  description: 'All keys given must match. Without `match`: every route.',
  properties: {
    prefix: {
      ...prefixMatch,
      type: ['string', 'object', 'array'],
      items: prefixMatch,
      'x-expected': 'a prefix, `{prefix: 10.0.0.0/8, ge: 16, le: 24}` or a list of these',
      description:
        'A prefix, `{prefix, ge, le}` or a list of these, any of which must match. A bare prefix matches itself alone, not what lies within it.',
    },
    prefixSet: {
      type: ['string', 'array'],
      minItems: 1,
      items: name,
      description: 'Name of an entry of `prefixSets`, or a list of names, any of which must hold the prefix.',
      'x-expected': 'the name of a prefix set or a list of names',
    },
    family: { enum: ['ipv4', 'ipv6'], description: 'Routes of this address family.' },
    source: {
      type: ['string', 'array'],
      minItems: 1,
      pattern: '^(originated|connected|static|inventory|bgp|kernel)$',
      items: { enum: ['originated', 'connected', 'static', 'inventory', 'bgp', 'kernel'] },
      description:
        'Where the route comes from, as in `preference`; any of a list. An import filter sees `bgp` alone.',
      'x-expected': '`originated`, `connected`, `static`, `inventory`, `bgp`, `kernel` or a list of these',
    },
    peer: {
      type: ['string', 'array'],
      minItems: 1,
      items: { type: 'string', minLength: 1, 'x-expected': 'the name of a peer, `*` standing for any run' },
      description:
        'Name of the peer that the route was learnt from, or a list of which one must be it; `*` stands for any run of characters.',
      'x-expected': 'the name of a peer such as `spine1` or `spine*`, or a list of these',
    },
    nextHop: {
      type: ['string', 'array'],
      minItems: 1,
      items: prefix,
      description:
        'Prefix or address that the next hop lies in, or a list of which one must hold it. Routes whose next hop is this router itself match none.',
      'x-expected': 'a prefix or an address, or a list of these',
    },
    asPath,
    communities: communityMatch(communityPatterns, 'Communities (RFC 1997)'),
    largeCommunities: communityMatch(largePatterns, 'Large communities (RFC 8092)'),
    extendedCommunities: communityMatch(extendedPatterns, 'Extended communities (RFC 4360)'),
    localPref: {
      ...range(u32, 'LOCAL_PREF'),
      description: 'LOCAL_PREF: a number or `{ge, le}`. None counts as 100.',
    },
    med: { ...range(u32, 'MED'), description: 'MULTI_EXIT_DISC: a number or `{ge, le}`. None counts as 0.' },
    origin: {
      type: ['string', 'array'],
      minItems: 1,
      pattern: '^(igp|egp|incomplete)$',
      items: { enum: ['igp', 'egp', 'incomplete'] },
      description: 'ORIGIN; any of a list.',
      'x-expected': '`igp`, `egp`, `incomplete` or a list of these',
    },
    rpki: {
      type: ['string', 'array'],
      minItems: 1,
      pattern: '^(valid|invalid|notFound)$',
      items: { enum: ['valid', 'invalid', 'notFound'] },
      description:
        'State of origin validation (RFC 6811) by the data of `spec.rpki.caches`; any of a list. The AS that counts is the last of AS_PATH as the route came to the filter, our own where AS_PATH is empty.',
      'x-expected': '`valid`, `invalid`, `notFound` or a list of these',
    },
  },
  'x-expected': 'a map of conditions such as `prefix`, `asPath`, `communities`',
} as const;

const set = {
  type: 'object',
  additionalProperties: false,
  description: 'What to change in a route that matched.',
  properties: {
    nextHop: {
      type: 'string',
      description: '`self`, `unchanged` or an address.',
      'x-expected': '`self`, `unchanged` or an address',
    },
    localPref: relative(
      '',
      'LOCAL_PREF: a number, or `+N` or `-N` from what it is (100 where there is none).',
    ),
    med: relative(
      'remove',
      'MULTI_EXIT_DISC: a number, `+N` or `-N` from what it is (0 where there is none), or `remove`.',
    ),
    aigp: aigpEdit,
    origin: { enum: ['igp', 'egp', 'incomplete'], description: 'ORIGIN.' },
    prepend: {
      type: ['integer', 'object'],
      minimum: 1,
      maximum: 64,
      additionalProperties: false,
      properties: {
        asn: { ...asn, description: 'AS number. Without it: our own.' },
        times: { type: 'integer', minimum: 1, maximum: 64, default: 1, description: 'How often.' },
      },
      description:
        'Puts our own AS number in front of AS_PATH so many times, or `{asn, times}` another one. To an external peer our own number still comes in front of it once.',
      'x-expected': 'how often from 1 to 64, or `{asn: 65001, times: 2}`',
    },
    communities: communityChange(communities, communityPatterns, 'Communities'),
    largeCommunities: communityChange(largePatterns, largePatterns, 'Large communities'),
    extendedCommunities: communityChange(extendedPatterns, extendedPatterns, 'Extended communities'),
    validationState: {
      type: 'boolean',
      default: false,
      description:
        'Adds the state of origin validation as an extended community (RFC 8097), which stays within the AS, in the place of any that is there.',
    },
  },
  'x-expected': 'a map of changes such as `nextHop`, `localPref`, `communities`',
} as const;

export const filterRule = {
  type: 'object',
  additionalProperties: false,
  properties: {
    match,
    set,
    action: {
      enum: ['accept', 'reject'],
      description: 'Decides. A rule without it applies its `set` and the next rule is looked at.',
    },
  },
  'x-expected': 'a rule: a map with `match`, `set`, `action`',
} as const;

/** How often `prepend` puts an AS number where it doesn't say. */
export const prependTimes = set.properties.prepend.properties.times.default;
