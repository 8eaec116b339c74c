/** Numbers of RFC 7854 and RFC 9069. */

/** RFC 7854 §4.1. */
export const BMP_VERSION = 3;
/** Version (1), length of the whole message (4), type (1). */
export const COMMON_HEADER_LENGTH = 6;
/** RFC 7854 §4.2. */
export const PEER_HEADER_LENGTH = 42;

/** RFC 7854 §4.1. */
export const BmpType = {
  routeMonitoring: 0,
  statisticsReport: 1,
  peerDown: 2,
  peerUp: 3,
  initiation: 4,
  termination: 5,
  routeMirroring: 6,
} as const;

/** RFC 7854 §4.2, RFC 9069 §4.1. */
export const PeerType = { global: 0, locRib: 3 } as const;

/** RFC 7854 §4.2: V, L and A. F of RFC 9069 §4.2 is never set: the Loc-RIB is told whole. */
export const PeerFlag = { ipv6: 0x80, postPolicy: 0x40, twoOctetAs: 0x20 } as const;

/** RFC 7854 §4.4 (Initiation, Peer Up), RFC 9069 §5.3. */
export const InformationType = { string: 0, sysDescr: 1, sysName: 2, tableName: 3 } as const;

/** RFC 7854 §4.5. */
export const TerminationType = { string: 0, reason: 1 } as const;
export const TerminationReason = {
  administrativelyClosed: 0,
  unspecified: 1,
  outOfResources: 2,
  redundant: 3,
  permanentlyClosed: 4,
} as const;

/** RFC 7854 §4.9, RFC 9069 §5.3. */
export const PeerDownReason = {
  localNotification: 1,
  localNoNotification: 2,
  remoteNotification: 3,
  remoteNoNotification: 4,
  deconfigured: 5,
  locRibClosed: 6,
} as const;

/** RFC 7854 §4.8. */
export const StatisticType = {
  rejectedPrefixes: 0,
  duplicatePrefixes: 1,
  adjRibInRoutes: 7,
  locRibRoutes: 8,
  adjRibInRoutesByFamily: 9,
  locRibRoutesByFamily: 10,
  treatedAsWithdraw: 11,
} as const;

/** RFC 7854 §4.7. */
export const MirroringType = { message: 0, information: 1 } as const;
export const MirroringInformation = { erroredPdu: 0, messagesLost: 1 } as const;

/** RFC 9069 §5.3: the name of the table of a router that has no other. */
export const GLOBAL_TABLE = 'global';
