/** What we are to a peer (RFC 9234), as JSON Schema. */
export const roleSettings = {
  role: {
    enum: ['provider', 'customer', 'peer', 'routeServer', 'routeServerClient'],
    description:
      'What we are to this eBGP peer (RFC 9234 §4.1, the local role): `provider` where it is our customer, `customer` where it is our provider. Said in our OPEN; a peer whose own role does not go with it is refused. Routes are marked by OTC and leaks rejected. Without it: none of this.',
  },
  strictRole: {
    type: 'boolean',
    default: false,
    description: 'Refuse the peer also where it claims no role (RFC 9234 §4.2).',
  },
} as const;
