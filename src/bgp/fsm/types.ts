import type { Notification } from '../wire/notification.js';

/** RFC 4271 §8.2.2. */
export type FsmState = 'idle' | 'connect' | 'active' | 'openSent' | 'openConfirm' | 'established';

export const fsmStates: readonly FsmState[] = [
  'idle',
  'connect',
  'active',
  'openSent',
  'openConfirm',
  'established',
];

/**
 * RFC 4271 §8.1.3, §10. `idleHold` is the IdleHoldTimer of DampPeerOscillations (§8.1.1), `sendHold` the SendHoldTimer
 * of RFC 9687: the shell runs it anew with each message that TCP takes.
 */
export type FsmTimer = 'connectRetry' | 'hold' | 'sendHold' | 'keepalive' | 'delayOpen' | 'idleHold';

export const fsmTimers: readonly FsmTimer[] = [
  'connectRetry',
  'hold',
  'sendHold',
  'keepalive',
  'delayOpen',
  'idleHold',
];

export interface FsmConfig {
  /** Never dial: wait for the peer (PassiveTcpEstablishment, §8.1.1). */
  readonly passive: boolean;
  /** Longest wait between two attempts to connect; the first ones come sooner (see `retryDelaySeconds`). */
  readonly connectRetrySeconds: number;
  /** SendHoldTime (RFC 9687): null is twice the agreed hold time, 0 never. */
  readonly sendHoldSeconds: number | null;
  /** 0: OPEN goes out at once (no DelayOpen). */
  readonly delayOpenSeconds: number;
  /** First idle hold after an error, and first wait before connecting again; doubles with each failure. */
  readonly idleHoldSeconds: number;
}

/** One machine: of one connection, or of a peer that has none yet. A value; `step` makes a new one. */
export interface Fsm {
  readonly state: FsmState;
  /** The TCP connection: none, our SYN is out, or up (either side's). */
  readonly connection: 'none' | 'dialing' | 'open';
  /** Timers that run. */
  readonly timers: ReadonlySet<FsmTimer>;
  /** ConnectRetryCounter (§8.1): failures in a row since the session last proved sound. */
  readonly failures: number;
  /** Negotiated at OPEN; 0 before that, and when the peers agreed on no keepalives. */
  readonly holdTimeSeconds: number;
  readonly keepaliveSeconds: number;
}

/** What happens to a machine. The numbers are those of RFC 4271 §8.1. */
export type FsmEvent =
  /** 1, 3: start, by a person or by the configuration. `listenFirst` is 5: wait for the peer before dialing. */
  | { readonly type: 'start'; readonly listenFirst?: boolean }
  /** 2, 8: stop and stay idle. null: end the TCP connection without a word (RFC 4724 §5: keeps our routes there). */
  | { readonly type: 'stop'; readonly notification: Notification | null }
  /** 8 with AutomaticStart behind it: Cease, then try again. */
  | { readonly type: 'reset'; readonly notification: Notification }
  /** 9 to 13; 29 of RFC 9687. */
  | { readonly type: 'timerExpired'; readonly timer: FsmTimer }
  /** 16 (our dial succeeded) and 17 (the peer's was accepted). */
  | { readonly type: 'connected' }
  /** 18: refused, unreachable, reset, or closed by the peer. */
  | { readonly type: 'connectionFailed'; readonly reason: string }
  /** 19, 20: an OPEN that passed every check, with the timers that result from it. */
  | { readonly type: 'openReceived'; readonly holdTimeSeconds: number; readonly keepaliveSeconds: number }
  /** 21, 22, 28: a message with an error in its header, an OPEN or an UPDATE that must end the session. */
  | { readonly type: 'messageError'; readonly notification: Notification; readonly reason: string }
  /**
   * Another configuration (timers, passive) from now on; no session ends for it. `keepaliveSeconds`: what it makes of the
   * hold time that was agreed on.
   */
  | { readonly type: 'configured'; readonly keepaliveSeconds: number }
  /** 23: this connection lost the collision (§6.8). */
  | { readonly type: 'collisionDump' }
  /** 24, 25. */
  | { readonly type: 'notificationReceived'; readonly versionError: boolean; readonly reason: string }
  /** 26. */
  | { readonly type: 'keepaliveReceived' }
  /** 27; ROUTE-REFRESH (RFC 2918) counts alike. */
  | { readonly type: 'updateReceived' };

/** What the shell must do, in this order. */
export type FsmAction =
  | { readonly type: 'dial' }
  /** Ends the connection or the attempt; a notification is sent first where it is not null. */
  | { readonly type: 'close'; readonly notification: Notification | null; readonly reason: string }
  | { readonly type: 'sendOpen' }
  | { readonly type: 'sendKeepalive' }
  /** (Re)starts. `jitter`: the shell multiplies by a random 0.75 to 1 (§10). */
  | {
      readonly type: 'startTimer';
      readonly timer: FsmTimer;
      readonly seconds: number;
      readonly jitter: boolean;
    }
  | { readonly type: 'stopTimer'; readonly timer: FsmTimer };

export interface FsmStep {
  readonly fsm: Fsm;
  readonly actions: readonly FsmAction[];
}
