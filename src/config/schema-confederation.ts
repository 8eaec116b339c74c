/** The schema of `confederation`. */
import { asn } from './schema-atoms.js';

export const confederation = {
  type: 'object',
  required: ['id'],
  additionalProperties: false,
  description:
    'A confederation of ASes (RFC 5065), of which the router is a part: `asn` is its member AS. Without it: none.',
  properties: {
    id: { ...asn, description: 'The AS number by which the outside knows the confederation. Required.' },
    members: {
      type: 'array',
      uniqueItems: true,
      items: asn,
      default: [],
      'x-expected': 'a list of AS numbers, each at most once',
      description:
        'The other member ASes that we have peers in. A peer in one of them is told our member AS, and what passes between us keeps LOCAL_PREF, MED and next hop.',
    },
  },
  'x-expected': 'a map with `id`, `members`',
} as const;
