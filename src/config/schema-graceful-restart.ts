/** `gracefulRestart`, at the router and at a peer, as JSON Schema. */
import { seconds } from './schema-atoms.js';

const MAX_STALE_TIME = 0xffffff;
const staleTime = seconds(0, MAX_STALE_TIME);

const longLived = {
  type: 'object',
  additionalProperties: false,
  properties: {
    enabled: {
      type: 'boolean',
      default: false,
      description:
        'Offer long-lived graceful restart (RFC 9494) to the peers and honour theirs. Routes that outlive the restart time get the community `llgr-stale` and are the last choice; those with `no-llgr` go.',
    },
    staleTime: {
      type: ['integer', 'object'],
      minimum: 0,
      maximum: MAX_STALE_TIME,
      properties: { ipv4: staleTime, ipv6: staleTime },
      additionalProperties: false,
      default: 86400,
      'x-expected': `seconds up to ${MAX_STALE_TIME}, or a map with \`ipv4\` and \`ipv6\``,
      description:
        'Seconds that peers shall keep our routes after the restart time; for both families, or a map with `ipv4` and `ipv6`. 0, or a family that the map leaves out: not at all.',
    },
    maxStaleTime: {
      ...seconds(0, MAX_STALE_TIME),
      default: MAX_STALE_TIME,
      description: 'Seconds that we keep theirs at most, whatever they ask for.',
    },
    announceToOthers: {
      type: 'boolean',
      default: false,
      description:
        'Announce long-lived stale routes to this iBGP peer even if it does not know what they are, with `no-export` and LOCAL_PREF 0 (RFC 9494 §4.6). Without it, peers that do not offer long-lived graceful restart are not told of such routes.',
    },
  },
  'x-expected': 'a map with `enabled`, `staleTime`, `maxStaleTime`, `announceToOthers`',
  description: 'Keep routes for hours or days while a session is down (RFC 9494).',
} as const;

export const gracefulRestart = {
  type: 'object',
  additionalProperties: false,
  properties: {
    enabled: {
      type: 'boolean',
      default: true,
      description: 'Offer graceful restart (RFC 4724) to the peers and honour theirs.',
    },
    restartTime: {
      ...seconds(0, 4095),
      default: 120,
      description: 'Seconds that peers shall keep our routes after the session dropped.',
    },
    notification: {
      type: 'boolean',
      default: true,
      description:
        'Take a session that ended with a NOTIFICATION, as when the hold timer expired, for a restart as well, where the peer says the same (RFC 8538). What must not be kept then ends with a Hard Reset.',
    },
    stalePathTime: {
      ...seconds(1, 3600),
      default: 360,
      description:
        'Seconds that a peer which came back has for its End-of-RIB before what it has not announced anew is removed.',
    },
    deferral: {
      ...seconds(1, 86400),
      default: 60,
      description:
        "At start, the longest wait for every peer's End-of-RIB before adopted kernel routes that nobody announced again are removed.",
    },
    absence: {
      ...seconds(0, 86400),
      default: 20,
      description:
        'At start, seconds after which peers whose session is not up are not waited for any more before we announce to the others.',
    },
    longLived,
  },
  'x-expected':
    'a map with `enabled`, `restartTime`, `notification`, `stalePathTime`, `deferral`, `absence`, `longLived`',
} as const;

const { properties } = gracefulRestart;

/** What is filled in where a document says nothing. */
export const gracefulRestartDefaults = {
  enabled: properties.enabled.default,
  restartTimeSeconds: properties.restartTime.default,
  notification: properties.notification.default,
  stalePathTimeSeconds: properties.stalePathTime.default,
  deferralSeconds: properties.deferral.default,
  absenceSeconds: properties.absence.default,
  longLived: {
    enabled: longLived.properties.enabled.default,
    staleTimeSeconds: {
      ipv4: longLived.properties.staleTime.default,
      ipv6: longLived.properties.staleTime.default,
    },
    maxStaleTimeSeconds: longLived.properties.maxStaleTime.default,
    announceToOthers: longLived.properties.announceToOthers.default,
  },
} as const;
