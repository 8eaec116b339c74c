/** The part of a peer's schema about peers that are named by their interface. */
import { seconds } from './schema-atoms.js';

export const interfaceName = {
  type: 'string',
  minLength: 1,
  maxLength: 15,
  'x-expected': 'the name of an interface',
  description:
    'The peer is who is on this interface, in place of `address`: the neighbour that says by router advertisements (RFC 4861) that it is a router, or that dials us from its link-local address. One peer per interface. `families` defaults to both.',
} as const;

export const raInterval = {
  ...seconds(0, 1800),
  default: 10,
  description:
    'To a peer by `interface`: seconds between the router advertisements by which it learns our address (router lifetime 0: nobody takes us for a default router). 0: none are sent, as where radvd does it.',
} as const;
