/** The schema of `bmp`: collectors. */
import { address, name, seconds } from './schema-atoms.js';

const collector = {
  type: 'object',
  required: ['address'],
  additionalProperties: false,
  properties: {
    name: {
      ...name,
      description:
        'How the collector is called in logs and `show bmp`; its identity across reloads. Without it: its address.',
    },
    address: { ...address, description: "The collector's address, which is dialed. Required." },
    port: {
      type: 'integer',
      minimum: 1,
      maximum: 65535,
      default: 11019,
      description: "The collector's TCP port.",
    },
    localAddress: {
      ...address,
      description: 'Our end of the connection; without it the kernel chooses.',
    },
    routes: {
      type: 'object',
      additionalProperties: false,
      description: 'Of which tables the collector is told.',
      properties: {
        received: {
          type: 'boolean',
          default: true,
          description: 'Adj-RIB-In of every peer as received, before the import filters.',
        },
        accepted: {
          type: 'boolean',
          default: false,
          description: 'Adj-RIB-In of every peer as the import filters left it (post-policy).',
        },
        locRib: {
          type: 'boolean',
          default: false,
          description: 'The best path of every prefix (Loc-RIB, RFC 9069).',
        },
      },
      'x-expected': 'a map with `received`, `accepted`, `locRib`',
    },
    mirror: {
      type: 'boolean',
      default: false,
      description:
        'Copies of the messages of every established session as they come (Route Mirroring), malformed ones included. What a slow collector has no room for is left out, and told to be.',
    },
    statistics: {
      ...seconds(0, 86400),
      default: 60,
      description: 'Seconds from one Statistics Report to the next; 0: none.',
    },
    connectRetry: {
      ...seconds(1, 86400),
      default: 720,
      description:
        'Longest wait before the next attempt to connect. The first takes 30 s (or this, if less), and each failure doubles it.',
    },
    stallTime: {
      ...seconds(1, 86400),
      default: 120,
      description:
        'A collector that takes nothing of what waits for it for so many seconds is disconnected, and told everything anew when it is back.',
    },
  },
  'x-expected': 'a collector: a map with at least `address`',
} as const;

export const bmp = {
  type: 'array',
  items: collector,
  default: [],
  description:
    'Collectors that are told of sessions and routes by BMP (RFC 7854, RFC 9069). No session waits for them, or ends because of them.',
  'x-expected': 'a list of collectors',
} as const;

export const bmpDefaults = {
  port: collector.properties.port.default,
  received: collector.properties.routes.properties.received.default,
  accepted: collector.properties.routes.properties.accepted.default,
  locRib: collector.properties.routes.properties.locRib.default,
  mirror: collector.properties.mirror.default,
  statistics: collector.properties.statistics.default,
  connectRetry: collector.properties.connectRetry.default,
  stallTime: collector.properties.stallTime.default,
} as const;
