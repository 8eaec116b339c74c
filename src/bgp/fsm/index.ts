/**
 * The state machine of RFC 4271 §8 as a pure function: `step(machine, event, config)` gives the machine that
 * follows and the actions to carry out. It opens no socket and starts no clock; the session does that.
 *
 * A peer has one machine. While two connections with it live (both sides dialed, §6.8) it has a second one for the
 * connection that the peer dialed; `resolveCollision` says which goes. A machine that has left for idle without
 * a timer is over.
 *
 * Where the RFC leaves a choice, or a choice of its time has aged:
 * - After a failure that was not a protocol error (refused, lost, hold timer, NOTIFICATION from the peer) the RFC
 *   goes to Idle, where a call from the peer is refused, and leaves it to AutomaticStart (Event 3 or 5) to go on.
 *   Here Event 5 follows at once: the machine listens in Active and dials when ConnectRetryTimer ends. So a peer that
 *   restarts gets through at its first call.
 * - After a protocol error that we found, the machine stays in Idle for the idle hold time, refuses calls, and
 *   doubles that time with each failure (DampPeerOscillations, §8.1.1).
 * - The first waits of ConnectRetryTimer are short and double too, up to the configured time: nodes that boot
 *   together find each other in seconds.
 * - Failures are forgotten when a KEEPALIVE arrives in Established: a session that lives that long is sound.
 */
export * from './collision.js';
export * from './step.js';
export * from './types.js';
