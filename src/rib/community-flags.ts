/** Well-known communities of a set, as bits of `communityFlags` (RFC 1997, RFC 8326, RFC 7999, RFC 9494). */
export const NO_EXPORT = 1;
export const NO_ADVERTISE = 2;
export const NO_EXPORT_SUBCONFED = 4;
export const GRACEFUL_SHUTDOWN = 8;
export const BLACKHOLE = 16;
export const LLGR_STALE = 32;
export const NO_LLGR = 64;

/** Of the communities that have one. */
export const communityFlag: ReadonlyMap<number, number> = new Map<number, number>([
  [0xffffff01, NO_EXPORT],
  [0xffffff02, NO_ADVERTISE],
  [0xffffff03, NO_EXPORT_SUBCONFED],
  [0xffff0000, GRACEFUL_SHUTDOWN],
  [0xffff029a, BLACKHOLE],
  [0xffff0006, LLGR_STALE],
  [0xffff0007, NO_LLGR],
]);
