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
  dialing: 'the session comes up whichever side dials (RFC 4271 §6.8)',
  'refused-open':
    'an OPEN that is refused: NOTIFICATION 2/2, 2/3, 2/6, 2/7 (RFC 4271 §6.2, RFC 5492), then put right',
  'hold-timer': 'hold timer: negotiated, and who falls silent is let go (RFC 4271 §6.5)',
  'send-hold-timer': 'send hold timer: who stops reading is let go (RFC 9687)',
  'tcp-md5': 'TCP-MD5 (RFC 2385)',
  gtsm: 'GTSM (RFC 5082)',
  'extended-messages': 'extended messages (RFC 8654)',
  'shutdown-communication': 'shutdown communication (RFC 9003)',
  'maximum-prefixes': 'too many prefixes: Cease with its subcode (RFC 4486)',
  'ipv4-unicast': 'IPv4 unicast, both ways, and withdrawal (RFC 4271)',
  'ipv6-unicast': 'IPv6 unicast, both ways, and withdrawal (RFC 4760, RFC 2545)',
  'families-over-ipv4': 'IPv6 routes over an IPv4 session (RFC 4760)',
  'four-octet-as': 'AS numbers of four octets (RFC 6793)',
  communities: 'communities, extended and large ones (RFC 1997, RFC 4360, RFC 8092)',
  med: 'MULTI_EXIT_DISC (RFC 4271 §5.1.4)',
  'local-pref': 'LOCAL_PREF inside an AS (RFC 4271 §5.1.5)',
  'no-export': 'NO_EXPORT (RFC 1997)',
  'graceful-shutdown': 'GRACEFUL_SHUTDOWN (RFC 8326)',
  blackhole: 'BLACKHOLE (RFC 7999)',
  'as-path-options': 'AS options: allowed own AS, AS override, local AS',
  'unknown-attributes': 'unknown transitive attributes are passed on with the partial bit (RFC 4271 §9)',
  'carried-attributes':
    'IPv6 extended communities (RFC 5701), unknown and untransitive attributes, as they must be',
  'route-refresh': 'route refresh (RFC 2918)',
  ecmp: 'ECMP: equal paths go into the kernel together',
  confederation: 'Confederations, from inside and outside (RFC 5065)',
  reflection: 'route reflection: ORIGINATOR_ID, CLUSTER_LIST, two reflectors, one of them killed (RFC 4456)',
  aigp: 'accumulated IGP metric: compared, told with the way to the next hop added (AIGP, RFC 7311)',
  'link-bandwidth': 'weights of next hops by link bandwidth (draft-ietf-idr-link-bandwidth)',
  'graceful-restart-helper': "graceful restart: the peer's routes are kept while it restarts (RFC 4724)",
  'graceful-restart-restarting': 'graceful restart: the peer keeps our routes while we restart (RFC 4724)',
  'notification-restart': 'graceful restart after a NOTIFICATION, and Hard Reset (RFC 8538)',
  'long-lived-graceful-restart': 'long-lived graceful restart, LLGR_STALE and NO_LLGR (RFC 9494)',
  role: 'roles: the OPENs agree, or NOTIFICATION 2/11 (RFC 9234 §4)',
  'only-to-customer': 'Only-to-Customer: marked, obeyed, leaks rejected (RFC 9234 §5)',
  unnumbered: 'peers by interface: found by router advertisements (RFC 4861), AS from the OPEN',
  'origin-validation': 'origin validation by an RPKI cache: both decide alike (RFC 6811, RFC 8210)',
  'extended-next-hop': 'IPv4 routes with IPv6 next hops (RFC 8950)',
  'add-path-receive': 'several paths per prefix from the peer, and their withdrawal (RFC 7911)',
  'add-path-send': 'several paths per prefix to the peer, and their withdrawal (RFC 7911)',
  'route-refresh-asked': 'route refresh, asked for by us (RFC 2918)',
  'enhanced-route-refresh': 'beginning and end of a route refresh (RFC 7313)',
  bmp: 'BMP: a collector is told of the peer, its routes and its end (RFC 7854, RFC 9069)',
  'dynamic-neighbour': 'a peer that dials from a range and is not named',
} as const;

export type FeatureId = keyof typeof features;

/** One cell: what a test that passes shows. */
export interface InteropCell {
  readonly feature: FeatureId;
  readonly daemon: DaemonId;
  readonly outcome: 'works' | 'unsupported';
}
