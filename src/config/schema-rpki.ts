/** The schema of `rpki`: caches. */
import { address, name } from './schema-atoms.js';

const seconds = (maximum: number, description: string) =>
  ({ type: 'integer', minimum: 1, maximum, description }) as const;

const cache = {
  type: 'object',
  required: ['address'],
  additionalProperties: false,
  description: 'A cache.',
  properties: {
    name: { ...name, description: 'Identity: in `show rpki`, events and a diff. Without it: the address.' },
    address: { ...address, description: 'Address of the cache. Required.' },
    port: { type: 'integer', minimum: 1, maximum: 65535, default: 323, description: 'TCP port.' },
    preference: {
      type: 'integer',
      minimum: 0,
      maximum: 255,
      default: 100,
      description: 'The cache with the lowest is asked first, with equal ones the first in the list.',
    },
    refresh: seconds(86400, 'Seconds after which news are asked for. Without it: what the cache says.'),
    retry: seconds(
      7200,
      'Longest wait in seconds before a cache that failed is tried again. Without it: what the cache says.',
    ),
    expire: seconds(
      172800,
      'Seconds after which data that could not be refreshed is dropped; more than `refresh` and `retry`. Without it: what the cache says.',
    ),
  },
  'x-expected': 'a map with `address` and more, such as `{address: 192.0.2.1, port: 8282}`',
} as const;

export const rpki = {
  type: 'object',
  additionalProperties: false,
  description: 'Origin validation (RFC 6811) by the data of RPKI caches.',
  properties: {
    caches: {
      type: 'array',
      maxItems: 8,
      items: cache,
      description:
        'Caches that speak the RPKI to Router protocol over TCP (RFC 8210, RFC 6810). One is asked at a time, the next ones while those before it fail. Until the first has answered, every route is `notFound`.',
      'x-expected': 'a list of at most 8 caches',
    },
  },
  'x-expected': 'a map with `caches`',
} as const;
