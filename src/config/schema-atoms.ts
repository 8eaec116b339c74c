/** Pieces of the schema that several of its parts share: names, addresses, numbers with a unit. */

export const address = { type: 'string', 'x-expected': 'an IPv4 or IPv6 address' } as const;
export const ipv4Address = { type: 'string', 'x-expected': 'an IPv4 address such as `192.0.2.1`' } as const;
export const ipv6Address = { type: 'string', 'x-expected': 'an IPv6 address such as `2001:db8::1`' } as const;
export const prefix = {
  type: 'string',
  'x-expected': 'a prefix such as `10.1.0.0/16` or `2001:db8::/32`',
} as const;
export const asn = {
  type: 'integer',
  minimum: 1,
  maximum: 4294967295,
  'x-expected': 'an AS number from 1 to 4294967295',
} as const;
export const seconds = (minimum: number, maximum: number) =>
  ({
    type: 'integer',
    minimum,
    maximum,
    'x-expected': `whole seconds from ${minimum} to ${maximum}`,
  }) as const;
export const namePattern = '^[A-Za-z0-9_][A-Za-z0-9_.:-]*$';
export const name = {
  type: 'string',
  pattern: namePattern,
  maxLength: 253,
  'x-expected': 'a name of letters, digits, `-`, `_`, `.` and `:`',
} as const;
export const filterNames = {
  type: ['string', 'array'],
  items: name,
  'x-expected': 'the name of a filter or a list of names',
} as const;
export const communities = {
  type: 'array',
  items: {
    type: 'string',
    'x-expected': 'a community such as `65000:100`, or `no-export`, `no-advertise`, `graceful-shutdown` …',
  },
  'x-expected': 'a list of communities such as `[65000:100, no-export]`',
} as const;
export const interfacePatterns = {
  type: 'array',
  items: { type: 'string', minLength: 1, 'x-expected': 'an interface name, `*` standing for any run' },
  'x-expected': 'a list of interface names such as `[eth0, cali*]`',
} as const;
