/** The schema of `mrt`: recordings. */

const path = {
  type: 'string',
  minLength: 1,
  'x-expected': 'an absolute path such as `/var/lib/tartan/rib.%Y%m%d.%H%M.mrt`',
} as const;

export const mrt = {
  type: 'object',
  additionalProperties: false,
  description:
    'Recordings as MRT files (RFC 6396). In a `path`, `%Y`, `%m`, `%d`, `%H`, `%M`, `%S` and `%s` (seconds since 1970) stand for the time in UTC, `%%` for `%`. Folders are made where they are missing.',
  properties: {
    table: {
      type: 'object',
      required: ['path'],
      additionalProperties: false,
      description:
        'The whole table (TABLE_DUMP_V2), at regular times. Each file is written under another name and takes its own when it is whole.',
      properties: {
        path: {
          ...path,
          description: 'The file. Without a field of the time, each replaces the last. Required.',
        },
        every: {
          type: 'integer',
          minimum: 1,
          maximum: 604800,
          default: 7200,
          description: 'Seconds from one to the next; they are due at multiples of it in UTC.',
        },
      },
      'x-expected': 'a map with `path`, `every`',
    },
    updates: {
      type: 'object',
      required: ['path'],
      additionalProperties: false,
      description:
        'Every message that a peer sends and every change of state of a session (BGP4MP), as they happen; written within a second or so.',
      properties: {
        path: {
          ...path,
          description:
            'The file, named by the time at which its span begins. One that is there is appended to. Required.',
        },
        rotate: {
          type: 'integer',
          minimum: 1,
          maximum: 604800,
          default: 900,
          description: 'Seconds that one file spans; the next begins at a multiple of it in UTC.',
        },
      },
      'x-expected': 'a map with `path`, `rotate`',
    },
  },
  'x-expected': 'a map with `table`, `updates`',
} as const;
