/** AIGP (RFC 7311) as JSON Schema: on a session, and the metrics that routes begin with. */
const metric = {
  minimum: 0,
  // What a number of JSON tells exactly.
  maximum: 9007199254740991,
} as const;

export const aigpSession = {
  aigp: {
    type: 'boolean',
    description:
      'Take and send the accumulated IGP metric (AIGP, RFC 7311 §3.3); without it, the attribute is not there. Without this key: `true` to iBGP peers and within the confederation, `false` to eBGP peers, who must be of the same administration for it to mean anything.',
  },
} as const;

export const aigpOrigin = {
  type: 'integer',
  ...metric,
  description:
    'Announce it with this accumulated IGP metric (AIGP, RFC 7311 §3.4.1), to peers with whom `aigp` is on. Without it: none.',
} as const;

export const aigpEdit = {
  type: ['integer', 'string'],
  ...metric,
  pattern: '^remove$',
  description:
    'Accumulated IGP metric (AIGP, RFC 7311): a number or `remove`. In an export filter, a number holds where we are the next hop.',
  'x-expected': 'a number up to 9007199254740991 or `remove`',
} as const;
