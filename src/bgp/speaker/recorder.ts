import type { Address } from '../../address/index.js';
import type { FsmState } from '../fsm/index.js';
import type { Peer } from './peer.js';

/** Who keeps a record of what peers say. Called for everything, so it must be quick, and must not throw. */
export interface PeerRecorder {
  /** A message came; its body lies in `start`–`end`, valid during the call. Told before the message has its effect. */
  message(peer: Peer, localAddress: Address, type: number, buf: Buffer, start: number, end: number): void;
  stateChanged(peer: Peer, from: FsmState, to: FsmState): void;
}
