/**
 * The shell around the state machine: TCP connections, clocks, and the exchange of OPENs.
 *
 *     Listener ──accept──▶ PeerSession ──▶ Machine (state machine + clocks) ──▶ Transport (socket, framer, send queue)
 *                              │                 one, or two while connections collide
 *                              ▼
 *                       SessionHandlers: established, update, closed …
 *
 * A PeerSession turns what sockets and clocks say into events, steps the pure machine of `bgp/fsm` and carries out the
 * actions it returns. UPDATE bodies go to the handlers in place, without a copy; everything else is dealt
 * with here: capabilities (RFC 5492), roles (RFC 9234), what two OPENs agree on, keepalives, NOTIFICATIONs, collisions (RFC 4271 §6.8).
 *
 * Sockets carry DSCP CS6, no Nagle delay, and the peer's TTL. Both ways are bounded: `send` says when enough is queued
 * and `writable` when there is room; what a peer sends stays in TCP while others have their turn (`read-turns`). Routes wait
 * in a queue of the session, not in the socket, so that a KEEPALIVE passes them.
 */
export {
  administrativeReset,
  administrativeShutdown,
  configurationChange,
  peerDeconfigured,
  withMessage,
} from './cease.js';
export { securityTtl } from './dial.js';
export {
  Listener,
  type ListenerKey,
  type ListenerOptions,
  localAddressOfSocket,
  remoteAddressOf,
  zoneOf,
} from './listener.js';
export { PassedBuffers, passedBuffers } from './passed-buffers.js';
export { PeerSession } from './peer-session.js';
export { describeRole } from './roles.js';
export * from './types.js';
