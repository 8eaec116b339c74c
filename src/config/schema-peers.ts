/** What a peer may hold, as JSON Schema: the keys that a template may hold as well. */
import { aigpSession } from './schema-aigp.js';
import { address, asn, filterNames, seconds } from './schema-atoms.js';
import { gracefulRestart } from './schema-graceful-restart.js';
import { addPath } from './schema-peer-add-path.js';
import { raInterval } from './schema-peer-interface.js';
import { maxPrefixes } from './schema-peer-limits.js';
import { roleSettings } from './schema-peer-role.js';
import { reflectionSettings } from './schema-reflection.js';

/** What a template may hold as well as a peer. */
export const peerSettings = {
  description: { type: 'string', description: 'Free text, shown by `show peers`.' },
  port: {
    type: 'integer',
    minimum: 1,
    maximum: 65535,
    default: 179,
    description: "The peer's TCP port.",
  },
  asn: {
    type: ['integer', 'string'],
    minimum: 1,
    maximum: 4294967295,
    pattern: '^(external|internal)$',
    'x-expected': 'an AS number from 1 to 4294967295, `external` or `internal`',
    description:
      "The peer's AS number. Equal to the router's own: iBGP, which is also `internal`. `external`: any other, as the peer's OPEN says. Required, here or in the template.",
  },
  localAddress: {
    ...address,
    description: 'Our end of the session; without it the kernel chooses when we dial.',
  },
  device: {
    type: 'string',
    minLength: 1,
    maxLength: 15,
    'x-expected': 'the name of an interface',
    description:
      'The session runs over this interface alone, dialed or accepted (SO_BINDTODEVICE). Required where `address` is link-local (fe80::…).',
  },
  passwordFile: {
    type: 'string',
    minLength: 1,
    'x-expected': 'the path of a file',
    description:
      'TCP-MD5 (RFC 2385) with the password in this file (one line, at most 80 octets; a relative path starts at the document). It is read at start and at each reload; a changed one resets no session.',
  },
  passwordEnv: {
    type: 'string',
    pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
    'x-expected': 'the name of an environment variable',
    description: 'Likewise, with the password in this environment variable of the daemon.',
  },
  passive: { type: 'boolean', default: false, description: 'Wait for the peer to dial.' },
  shutdown: { type: 'boolean', default: false, description: 'Keep the session down.' },
  shutdownMessage: {
    type: 'string',
    minLength: 1,
    description:
      "What the peer's operator is told when the session is shut down (RFC 9003); at most 255 octets of UTF-8.",
  },
  multihop: {
    type: ['boolean', 'integer'],
    minimum: 1,
    maximum: 255,
    default: false,
    'x-expected': '`true`, `false` or a TTL from 1 to 255',
    description:
      'The peer is not on a connected subnet: packets leave with this TTL (`true`: 64). Without it an eBGP session uses TTL 1.',
  },
  ttlSecurity: {
    type: ['boolean', 'integer'],
    minimum: 1,
    maximum: 254,
    default: false,
    'x-expected': '`true`, `false` or a number of hops from 1 to 254',
    description:
      'GTSM (RFC 5082): packets leave with TTL 255, and those that come from more hops away than this are dropped (`true`: 1, the same link). The peer must do the same. Excludes `multihop`.',
  },
  families: {
    type: 'array',
    minItems: 1,
    uniqueItems: true,
    items: { enum: ['ipv4', 'ipv6'] },
    'x-expected': 'a list of `ipv4` and `ipv6`, each at most once',
    description: "Address families carried by the session. Without it: the family of the peer's address.",
  },
  holdTime: {
    type: 'integer',
    minimum: 0,
    maximum: 65535,
    default: 90,
    'x-expected': '0 (never expires) or seconds from 3 to 65535',
    description: 'Hold time in seconds that we offer; the lower of both sides holds.',
  },
  minHoldTime: {
    ...seconds(3, 65535),
    description:
      'Shortest hold time that the peer may offer, in seconds; one that offers less, or 0 (never expires), is refused (NOTIFICATION 2/6, RFC 4271 §6.2). Without it: any.',
  },
  keepalive: {
    ...seconds(1, 21845),
    description: 'Seconds between KEEPALIVEs. Without it: a third of the negotiated hold time.',
  },
  sendHoldTime: {
    type: 'integer',
    minimum: 0,
    maximum: 131070,
    'x-expected': '0 (never) or seconds up to 131070, more than the hold time',
    description:
      'Seconds after which the session ends when the peer takes nothing of what we send (RFC 9687), though it may still send. Without it: twice the negotiated hold time.',
  },
  connectRetry: {
    ...seconds(1, 65535),
    default: 10,
    description:
      'Longest wait between two attempts to connect. The first retry comes after `idleHold` seconds, and the wait doubles with every failure up to this.',
  },
  fastFallover: {
    type: 'boolean',
    default: true,
    description:
      'The session with an eBGP peer on a connected subnet (no `multihop`) ends as soon as its interface goes down or loses its carrier, not by the hold timer.',
  },
  delayOpen: {
    ...seconds(0, 65535),
    default: 0,
    description: 'Seconds to wait for the peer to send its OPEN first.',
  },
  idleHold: {
    ...seconds(0, 65535),
    default: 1,
    description:
      'Seconds of rest after an error, in which the peer is refused, doubled with each further one up to 120. `tartan peer NAME reset` ends it.',
  },
  extendedMessages: {
    type: 'boolean',
    default: true,
    description: 'Offer messages of up to 65535 octets (RFC 8654); used where the peer offers them, too.',
  },
  nextHop: {
    enum: ['auto', 'self', 'unchanged'],
    default: 'auto',
    description:
      'Next hop that we announce. `auto` is RFC 4271 §5.1.3: eBGP self, unless the next hop lies on the subnet shared with the peer; iBGP unchanged. An IPv6 address of ours goes with our link-local one to peers on the link (RFC 2545).',
  },
  raInterval,
  extendedNextHop: {
    type: 'boolean',
    description:
      'Offer IPv6 next hops for IPv4 routes (RFC 8950), so that these cross links without IPv4 addresses; used where the peer offers it, too. Without it: `true` where the session runs over IPv6 and carries `ipv4`.',
  },
  import: {
    ...filterNames,
    description:
      'Filters for what the peer announces, in order; all must accept. `[]` takes those of the template away. eBGP without any accepts nothing (`ebgpRequiresPolicy`).',
  },
  export: {
    ...filterNames,
    description: 'Filters for what we announce to the peer, likewise. eBGP without any announces nothing.',
  },
  gracefulRestart: {
    ...gracefulRestart,
    description: "As `spec.gracefulRestart`, which holds for what isn't given here.",
  },
  ...reflectionSettings,
  ...aigpSession,
  maxPrefixes,
  addPath,
  enforceFirstAs: {
    type: 'boolean',
    default: true,
    description:
      "From an eBGP peer, take only routes whose AS_PATH begins with the peer's AS (RFC 4271 §6.3). `false` for a route server, which leaves itself out.",
  },
  maxAsPathLength: {
    type: 'integer',
    minimum: 0,
    maximum: 4096,
    default: 0,
    'x-expected': 'a number of ASes up to 4096, or 0 (any)',
    description:
      'Longest AS_PATH taken from the peer, an AS_SET counting one; longer ones are rejected. 0: any.',
  },
  allowOwnAs: {
    type: 'integer',
    minimum: 0,
    maximum: 255,
    default: 0,
    description:
      'How often our own AS may stand in the AS_PATH of what the peer announces, for one AS at several places. 0: such routes are loops.',
  },
  asOverride: {
    type: 'boolean',
    default: false,
    description:
      "To an eBGP peer, put our AS in place of the peer's wherever it stands in AS_PATH, so that the places of one AS hear of each other.",
  },
  removePrivateAs: {
    type: ['boolean', 'string'],
    pattern: '^(all|replace)$',
    default: false,
    'x-expected': '`true`, `false`, `all` or `replace`',
    description:
      "To an eBGP peer, take private AS numbers (RFC 6996) out of AS_PATH: `true` where all of it is private, `all` wherever they stand, `replace` puts ours for each. The peer's own number stays.",
  },
  gracefulShutdown: {
    type: 'boolean',
    default: true,
    description:
      'Give what an eBGP peer announces with the community `graceful-shutdown` LOCAL_PREF 0 (RFC 8326), after the filters, so that any other path is better.',
  },
  acceptBlackhole: {
    type: 'boolean',
    default: false,
    description:
      'Drop packets to what the peer announces with the community `blackhole` (RFC 7999), and keep it within the AS (`no-export`). Which prefixes it may say that of is for `import` to tell.',
  },
  ...roleSettings,
  localAs: {
    type: 'object',
    required: ['asn'],
    additionalProperties: false,
    properties: {
      asn: { ...asn, description: 'The AS that we are to this peer. Required.' },
      noPrepend: {
        type: 'boolean',
        default: false,
        description: "Don't put it in front of the AS_PATH of what the peer announces.",
      },
      replaceAs: {
        type: 'boolean',
        default: false,
        description: "Don't show the peer the router's own AS behind it.",
      },
    },
    description:
      'To this eBGP peer we are another AS (RFC 7705), as while two networks become one. Our OPEN says so, and what carries either AS is a loop.',
    'x-expected': 'a map with `asn`, `noPrepend`, `replaceAs`',
  },
} as const;
