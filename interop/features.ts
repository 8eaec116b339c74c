/** What the interoperability tests show, and with whom: rows and columns of RESULTS.md. */

/** Daemons that are not ours, as Debian ships them. */
export const daemons = {
  frr: 'FRR',
  bird: 'BIRD',
  gobgp: 'GoBGP',
  openbgpd: 'OpenBGPD',
  exabgp: 'ExaBGP',
} as const;

export type DaemonId = keyof typeof daemons;

/** Feature and its source, in the order of the table. */
export const features = {
  'ipv4-unicast': 'IPv4 unicast, both ways, and withdrawal (RFC 4271)',
  'ipv6-unicast': 'IPv6 unicast, both ways, and withdrawal (RFC 4760, RFC 2545)',
} as const;

export type FeatureId = keyof typeof features;

/** One cell: what a test that passes shows. */
export interface InteropCell {
  readonly feature: FeatureId;
  readonly daemon: DaemonId;
  readonly outcome: 'works' | 'unsupported';
}
