import type { Address, FamilyIndex } from '../../address/index.js';
import type { FsmState } from '../fsm/index.js';
import type { ClosedInfo } from '../session/index.js';
import type { Peer } from './peer.js';

/** Who keeps a record of what peers say. Called for everything, so it must be quick, and must not throw. */
export interface PeerRecorder {
  /** A message came; its body lies in `start`–`end`, valid during the call. Told before the message has its effect. */
  message(peer: Peer, localAddress: Address, type: number, buf: Buffer, start: number, end: number): void;
  stateChanged(peer: Peer, from: FsmState, to: FsmState): void;
}

/** Who tells others of sessions and their routes. Its calls must be quick, and must not throw. */
export interface PeerMonitor {
  /** Whether `message` wants to be told. */
  readonly wantsMessages: boolean;
  /** As a recorder's. */
  message(peer: Peer, type: number, buf: Buffer, start: number, end: number): void;
  /** The session is up, and nothing has been announced on it yet. */
  established(peer: Peer): void;
  /** An established session ended; its routes are still in the RIB. */
  closed(peer: Peer, info: ClosedInfo): void;
  /** The peer's End-of-RIB came. */
  endOfRib(peer: Peer, family: FamilyIndex): void;
}
