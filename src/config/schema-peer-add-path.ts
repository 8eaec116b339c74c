/** The part of a peer's schema that is about several paths per prefix (RFC 7911). */

/** What may be said for all families of the session and for one of them. */
const settings = {
  receive: {
    type: 'boolean',
    default: false,
    description: 'Take several paths per prefix, told apart by their path identifiers.',
  },
  maxReceived: {
    type: 'integer',
    minimum: 1,
    maximum: 4096,
    default: 32,
    description:
      'Paths per prefix that are taken from the peer. Further ones are discarded and counted (`show peers`).',
  },
  send: {
    type: ['boolean', 'integer', 'string'],
    minimum: 1,
    maximum: 4096,
    pattern: '^all$',
    default: false,
    'x-expected': '`all`, `false` or a number of paths from 1 to 4096',
    description:
      'Announce so many of the best paths of each prefix that the export filters accept, or `all` of them. Another number resets no session.',
  },
} as const;

const oneFamily = (family: string) =>
  ({
    type: 'object',
    additionalProperties: false,
    properties: settings,
    description: `For ${family} alone: what is given here goes before what is said for all families.`,
    'x-expected': 'a map with `receive`, `maxReceived`, `send`',
  }) as const;

export const addPath = {
  type: 'object',
  additionalProperties: false,
  properties: { ...settings, ipv4: oneFamily('IPv4'), ipv6: oneFamily('IPv6') },
  description:
    'Several paths per prefix (ADD-PATH, RFC 7911), used where the peer agrees. A change resets the session. Without it: one path, both ways.',
  'x-expected':
    'a map with `receive`, `maxReceived`, `send`, and `ipv4` and `ipv6` for what differs by family',
} as const;

export const addPathDefaults = {
  receive: settings.receive.default,
  maxReceived: settings.maxReceived.default,
  send: settings.send.default,
} as const;
