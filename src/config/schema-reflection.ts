/** The schema of what a route reflector is told of its clusters (RFC 4456). */
import { ipv4Address } from './schema-atoms.js';

export const clusterId = {
  ...ipv4Address,
  description:
    'The cluster that we are a route reflector of (RFC 4456), written as an IPv4 address. Two reflectors of the same clients may share it. Without it: `routerId`.',
} as const;

export const reflectionSettings = {
  routeReflectorClient: {
    type: 'boolean',
    default: false,
    description: 'The peer is our client (RFC 4456): iBGP routes are reflected to and from it.',
  },
  clusterId: {
    ...ipv4Address,
    description:
      'The cluster that this iBGP peer is in, for a reflector of several. What is reflected between two of them gets both. Without it: that of the router.',
  },
} as const;
