/** Prefixes whose hosts may dial us without being named, as JSON Schema. */
import { asn, name, prefix } from './schema-atoms.js';
import { peerSettings } from './schema-peers.js';

// We never dial them.
const { port: _, passive: __, ...settings } = peerSettings;

const limit = {
  type: 'integer',
  minimum: 1,
  maximum: 65535,
  default: 100,
  description: 'Most peers of the range at a time; further ones are refused.',
} as const;

export const peerRanges = {
  type: 'array',
  items: {
    type: 'object',
    required: ['name', 'prefix'],
    additionalProperties: false,
    properties: {
      name: {
        ...name,
        description: 'Name of the range; its peers are called `NAME:ADDRESS`. Required.',
      },
      template: { ...name, description: 'As for a peer.' },
      prefix: { ...prefix, description: 'Whoever dials us from here becomes a peer. Required.' },
      limit,
      asns: {
        type: 'array',
        minItems: 1,
        uniqueItems: true,
        items: asn,
        'x-expected': 'a list of AS numbers, in place of `asn`',
        description: 'In place of `asn`: the peers are in one of these external ASes.',
      },
      ...settings,
    },
    'x-expected': 'a range of peers: a map with at least `name`, `prefix`, `asn`',
  },
  default: [],
  description:
    'Prefixes from which peers may dial us without being named: each becomes a peer, and is gone with its session.',
  'x-expected': 'a list of ranges of peers',
} as const;

export const rangeLimit = limit.default;
