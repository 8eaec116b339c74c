/** The part of a peer's schema that guards against what a peer announces, or what it is announced by mistake. */
import { seconds } from './schema-atoms.js';

const count = { type: 'integer', minimum: 1, maximum: 4294967295 } as const;

/** What may be said for all families of the session and for one of them. */
const limits = {
  received: {
    ...count,
    description: 'Prefixes that the peer may announce, whether or not a filter accepts them.',
  },
  sent: {
    ...count,
    description: 'Prefixes that we may announce to the peer.',
  },
  warnAt: {
    type: 'integer',
    minimum: 1,
    maximum: 100,
    default: 75,
    description: 'Percent of a limit at which a warning is logged, once each time it is reached.',
  },
  action: {
    enum: ['restart', 'discard', 'shutdown'],
    default: 'restart',
    description:
      'What follows when there are more: the session ends with a Cease (RFC 4486) and starts again after `restartAfter`, or stays down until `tartan peer NAME enable`; `discard` keeps it and takes no further prefixes (more than `sent` is then a `restart`).',
  },
  restartAfter: {
    ...seconds(1, 86400),
    default: 300,
    description: 'Seconds until a session that ended with `action: restart` starts again.',
  },
} as const;

const oneFamily = (family: string) =>
  ({
    type: 'object',
    additionalProperties: false,
    properties: limits,
    description: `For ${family} alone: what is given here goes before what is said for all families.`,
    'x-expected': 'a map with `received`, `sent`, `warnAt`, `action`, `restartAfter`',
  }) as const;

export const maxPrefixes = {
  type: 'object',
  additionalProperties: false,
  properties: { ...limits, ipv4: oneFamily('IPv4'), ipv6: oneFamily('IPv6') },
  description:
    'Most prefixes that are received and sent (RFC 4271 §6.7), counted for each address family by itself; where there are several paths per prefix (`addPath`), every path counts. Without it: any number.',
  'x-expected':
    'a map with `received`, `sent`, `warnAt`, `action`, `restartAfter`, and `ipv4` and `ipv6` for what differs by family',
} as const;

export const limitDefaults = {
  warnAt: limits.warnAt.default,
  action: limits.action.default,
  restartAfter: limits.restartAfter.default,
} as const;
