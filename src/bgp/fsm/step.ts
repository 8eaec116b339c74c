import type { Notification } from '../wire/notification.js';
import type { Fsm, FsmAction, FsmConfig, FsmEvent, FsmState, FsmStep, FsmTimer } from './types.js';

/** §8.2.2: the hold timer of OpenSent, before a hold time is agreed ("a large value"; 4 minutes suggested). */
export const openHoldSeconds = 240;
const maxIdleHoldSeconds = 120;

/** RFC 4271 §4.5, §6.5, §6.6, §6.7; RFC 6608 for the subcodes of code 5; RFC 9687 for code 8. */
const holdTimerExpiredCode = 4;
const fsmErrorCode = 5;
const sendHoldTimerExpiredCode = 8;
const ceaseCode = 6;
const ceaseCollisionSubcode = 7;
const fsmErrorSubcode: Partial<Record<FsmState, number>> = { openSent: 1, openConfirm: 2, established: 3 };

/** A machine before its first start. */
export const idleFsm: Fsm = {
  state: 'idle',
  connection: 'none',
  timers: new Set(),
  failures: 0,
  holdTimeSeconds: 0,
  keepaliveSeconds: 0,
};

/** A machine for a connection that the peer dialed while the first machine has one of its own; feed it `connected`. */
export const incomingFsm: Fsm = { ...idleFsm, state: 'active' };

/** Wait before the next dial after `failures` failures, before jitter. */
export function retryDelaySeconds(failures: number, config: FsmConfig): number {
  return Math.min(config.connectRetrySeconds, config.idleHoldSeconds * 2 ** Math.min(failures, 16));
}

/** Idle hold time after `failures` failures (at least 1), before jitter. */
export function idleHoldDelaySeconds(failures: number, config: FsmConfig): number {
  return Math.min(
    Math.max(maxIdleHoldSeconds, config.idleHoldSeconds),
    config.idleHoldSeconds * 2 ** Math.min(Math.max(failures - 1, 0), 16),
  );
}

function notification(code: number, subcode: number): Notification {
  return { code, subcode, data: Buffer.alloc(0) };
}

/** A machine being changed, with the actions that this takes. */
class Transition {
  readonly actions: FsmAction[] = [];
  readonly timers: Set<FsmTimer>;
  state: FsmState;
  connection: Fsm['connection'];
  failures: number;
  holdTimeSeconds: number;
  keepaliveSeconds: number;
  readonly config: FsmConfig;

  constructor(fsm: Fsm, config: FsmConfig) {
    this.config = config;
    this.timers = new Set(fsm.timers);
    this.state = fsm.state;
    this.connection = fsm.connection;
    this.failures = fsm.failures;
    this.holdTimeSeconds = fsm.holdTimeSeconds;
    this.keepaliveSeconds = fsm.keepaliveSeconds;
  }

  done(): FsmStep {
    const { state, connection, timers, failures, holdTimeSeconds, keepaliveSeconds } = this;
    return {
      fsm: { state, connection, timers, failures, holdTimeSeconds, keepaliveSeconds },
      actions: this.actions,
    };
  }

  startTimer(timer: FsmTimer, seconds: number): void {
    this.timers.add(timer);
    // §10: jitter on ConnectRetry and Keepalive; the idle hold gets it so that peers that failed together part.
    const jitter = timer === 'connectRetry' || timer === 'keepalive' || timer === 'idleHold';
    this.actions.push({ type: 'startTimer', timer, seconds, jitter });
  }

  stopTimers(...timers: FsmTimer[]): void {
    for (const timer of timers) {
      if (this.timers.delete(timer)) this.actions.push({ type: 'stopTimer', timer });
    }
  }

  /** Restarts the hold timer if the agreed hold time is not zero. */
  restartHold(): void {
    if (this.holdTimeSeconds > 0) this.startTimer('hold', this.holdTimeSeconds);
  }

  /** RFC 9687 §3.2: from Established on, unless either time is zero. */
  startSendHold(): void {
    const seconds = this.config.sendHoldSeconds ?? 2 * this.holdTimeSeconds;
    if (this.holdTimeSeconds > 0 && seconds > 0) this.startTimer('sendHold', seconds);
  }

  dial(): void {
    this.startTimer('connectRetry', this.config.connectRetrySeconds);
    this.connection = 'dialing';
    this.actions.push({ type: 'dial' });
    this.state = 'connect';
  }

  sendOpen(): void {
    this.stopTimers('connectRetry', 'delayOpen');
    this.actions.push({ type: 'sendOpen' });
    this.startTimer('hold', openHoldSeconds);
    this.state = 'openSent';
  }

  /** An OPEN that is in order: answer it and agree on the timers. §8.2.2, Event 19 in OpenSent, 20 elsewhere. */
  confirmOpen(holdTimeSeconds: number, keepaliveSeconds: number): void {
    this.stopTimers('delayOpen', 'connectRetry', 'hold');
    this.holdTimeSeconds = holdTimeSeconds;
    this.keepaliveSeconds = keepaliveSeconds;
    this.actions.push({ type: 'sendKeepalive' });
    if (holdTimeSeconds > 0) {
      this.startTimer('hold', holdTimeSeconds);
      this.startTimer('keepalive', keepaliveSeconds);
    }
    this.state = 'openConfirm';
  }

  /** Ends what there is of a connection. All timers stop; the state is idle. */
  close(sent: Notification | null, reason: string): void {
    this.stopTimers(...this.timers);
    if (this.connection !== 'none') {
      const told = this.connection === 'open' ? sent : null;
      this.actions.push({ type: 'close', notification: told, reason });
    }
    this.connection = 'none';
    this.holdTimeSeconds = 0;
    this.keepaliveSeconds = 0;
    this.state = 'idle';
  }

  /** Event 5 right behind the failure: listens, and dials again in a while. */
  listenAgain(sent: Notification | null, reason: string): void {
    this.close(sent, reason);
    this.state = 'active';
    if (!this.config.passive) this.startTimer('connectRetry', retryDelaySeconds(this.failures, this.config));
    this.failures += 1;
  }

  /** A protocol error: nothing goes in or out until the idle hold time is over (§8.1.1, DampPeerOscillations). */
  holdIdle(sent: Notification | null, reason: string): void {
    this.close(sent, reason);
    this.failures += 1;
    this.startTimer('idleHold', idleHoldDelaySeconds(this.failures, this.config));
  }

  /** §6.6: an event that has no place in this state. */
  fsmError(what: string): void {
    const sent = notification(fsmErrorCode, fsmErrorSubcode[this.state] ?? 0);
    this.holdIdle(sent, `${what} in state ${this.state}`);
  }
}

/** The machine and the actions that follow `event`. Every state takes every event. */
export function step(fsm: Fsm, event: FsmEvent, config: FsmConfig): FsmStep {
  const t = new Transition(fsm, config);
  // A timer that is not running cannot expire: a late callback changes nothing.
  if (event.type === 'timerExpired' && !t.timers.delete(event.timer)) return t.done();
  switch (event.type) {
    case 'stop': // Events 2 and 8, the same in every state
      t.close(event.notification, 'stopped');
      t.failures = 0;
      return t.done();
    case 'collisionDump': // Event 23; never in Connect and Idle, which have no OPEN to collide
      t.close(notification(ceaseCode, ceaseCollisionSubcode), 'connection collision');
      return t.done();
    case 'configured':
      configured(t, event.keepaliveSeconds);
      return t.done();
    case 'reset':
      if (t.state === 'idle' && t.timers.size === 0) return t.done(); // stopped
      t.failures = 0;
      t.listenAgain(event.notification, 'reset');
      return t.done();
  }
  switch (t.state) {
    case 'idle':
      idle(t, event);
      break;
    case 'connect':
      connectOrActive(t, event);
      break;
    case 'active':
      connectOrActive(t, event);
      break;
    case 'openSent':
      openSent(t, event);
      break;
    case 'openConfirm':
      openConfirm(t, event);
      break;
    case 'established':
      established(t, event);
      break;
  }
  return t.done();
}

type StateEvent = Exclude<FsmEvent, { type: 'stop' | 'collisionDump' | 'reset' | 'configured' }>;

/** §8.2.2 Idle: refuses every connection; only a start, or the end of the idle hold (Event 13), leads out. */
function idle(t: Transition, event: StateEvent): void {
  const starts = event.type === 'start' || (event.type === 'timerExpired' && event.timer === 'idleHold');
  if (!starts) return;
  t.stopTimers('idleHold');
  if (t.config.passive) {
    t.state = 'active'; // Events 4 and 5 without a dial to retry
  } else if (event.type === 'start' && event.listenFirst) {
    t.state = 'active';
    t.startTimer('connectRetry', retryDelaySeconds(t.failures, t.config));
  } else {
    t.dial(); // Events 1, 3 and 13
  }
}

/**
 * §8.2.2 Connect and Active. They differ in who is expected to bring the connection; once there is one (while
 * DelayOpen runs) they are the same.
 */
function connectOrActive(t: Transition, event: StateEvent): void {
  switch (event.type) {
    case 'start':
      return; // Events 1, 3 to 7 are ignored
    case 'connected': // Events 16, 17
      t.connection = 'open';
      if (t.config.delayOpenSeconds > 0) {
        t.stopTimers('connectRetry');
        t.startTimer('delayOpen', t.config.delayOpenSeconds);
      } else t.sendOpen();
      return;
    case 'connectionFailed': // Event 18
      t.listenAgain(null, event.reason);
      return;
    case 'timerExpired':
      if (event.timer === 'connectRetry') {
        // Event 9: drop the attempt, dial anew.
        if (t.connection !== 'none') {
          t.close(null, 'connection attempt timed out');
          t.failures += 1;
        }
        t.dial();
      } else if (event.timer === 'delayOpen') {
        t.sendOpen(); // Event 12
      } else t.fsmError(`${event.timer} timer`);
      return;
    case 'openReceived': // Event 20, OPEN while DelayOpenTimer runs
      if (t.connection !== 'open') t.fsmError('OPEN without a connection');
      else {
        t.stopTimers('delayOpen', 'connectRetry');
        t.actions.push({ type: 'sendOpen' });
        t.confirmOpen(event.holdTimeSeconds, event.keepaliveSeconds);
      }
      return;
    case 'messageError': // Events 21, 22 (SendNOTIFICATIONwithoutOPEN is always on)
      t.holdIdle(event.notification, event.reason);
      return;
    case 'notificationReceived': // Events 24, 25; a version error is no failure while DelayOpen runs
      t.listenAgain(null, event.reason);
      if (event.versionError) t.failures -= 1;
      return;
    case 'keepaliveReceived':
    case 'updateReceived':
      t.fsmError(event.type === 'keepaliveReceived' ? 'KEEPALIVE' : 'UPDATE');
      return;
  }
}

/** §8.2.2 OpenSent: our OPEN is out, theirs is awaited. */
function openSent(t: Transition, event: StateEvent): void {
  switch (event.type) {
    case 'start':
    case 'connected': // a second connection has a machine of its own
      return;
    case 'openReceived': // Event 19
      t.confirmOpen(event.holdTimeSeconds, event.keepaliveSeconds);
      return;
    case 'connectionFailed': // Event 18: back to Active
      t.listenAgain(null, event.reason);
      return;
    case 'timerExpired':
      if (event.timer === 'hold')
        holdTimerExpired(t); // Event 10
      else t.fsmError(`${event.timer} timer`);
      return;
    case 'messageError': // Events 21, 22
      t.holdIdle(event.notification, event.reason);
      return;
    case 'notificationReceived': // Event 24 does not count as a failure, Event 25 does
      t.listenAgain(null, event.reason);
      if (event.versionError) t.failures -= 1;
      return;
    case 'keepaliveReceived':
    case 'updateReceived':
      t.fsmError(event.type === 'keepaliveReceived' ? 'KEEPALIVE' : 'UPDATE');
      return;
  }
}

/** §8.2.2 OpenConfirm: both OPENs are in order, the peer's KEEPALIVE is awaited. */
function openConfirm(t: Transition, event: StateEvent): void {
  switch (event.type) {
    case 'start':
    case 'connected':
      return;
    case 'keepaliveReceived': // Event 26
      t.restartHold();
      t.startSendHold();
      t.state = 'established';
      if (t.holdTimeSeconds === 0) t.failures = 0; // no KEEPALIVE will ever follow
      return;
    case 'timerExpired':
      if (event.timer === 'hold')
        holdTimerExpired(t); // Event 10
      else if (event.timer === 'keepalive')
        sendKeepalive(t); // Event 11
      else t.fsmError(`${event.timer} timer`);
      return;
    case 'connectionFailed': // Event 18
      t.listenAgain(null, event.reason);
      return;
    case 'notificationReceived': // Events 24, 25
      t.listenAgain(null, event.reason);
      if (event.versionError) t.failures -= 1;
      return;
    case 'messageError': // Events 21, 22
      t.holdIdle(event.notification, event.reason);
      return;
    case 'openReceived': // Event 19 on one connection twice; a collision comes on another connection
      t.fsmError('OPEN');
      return;
    case 'updateReceived': // Event 27
      t.fsmError('UPDATE');
      return;
  }
}

/** §8.2.2 Established. */
function established(t: Transition, event: StateEvent): void {
  switch (event.type) {
    case 'start':
    case 'connected':
      return;
    case 'keepaliveReceived': // Event 26
      t.failures = 0;
      t.restartHold();
      return;
    case 'updateReceived': // Event 27
      t.restartHold();
      return;
    case 'timerExpired':
      if (event.timer === 'hold')
        holdTimerExpired(t); // Event 10
      else if (event.timer === 'keepalive')
        sendKeepalive(t); // Event 11
      else if (event.timer === 'sendHold')
        // Event 29 (RFC 9687 §3.2). The NOTIFICATION gets through if the peer reads again at once.
        t.listenAgain(notification(sendHoldTimerExpiredCode, 0), 'send hold timer expired');
      else t.fsmError(`${event.timer} timer`);
      return;
    case 'connectionFailed': // Event 18
    case 'notificationReceived': // Events 24, 25
      t.listenAgain(null, event.reason);
      return;
    case 'messageError': // Events 21, 28
      t.holdIdle(event.notification, event.reason);
      return;
    case 'openReceived': // Event 19 on this very connection
      t.fsmError('OPEN');
      return;
  }
}

/** Timers that run take their new length; whether we dial may be another matter now. */
function configured(t: Transition, keepaliveSeconds: number): void {
  switch (t.state) {
    case 'idle':
      if (t.timers.has('idleHold')) t.startTimer('idleHold', idleHoldDelaySeconds(t.failures, t.config));
      return;
    case 'connect':
    case 'active':
      if (t.connection === 'open') return;
      if (t.config.passive) {
        t.close(null, 'passive from now on');
        t.state = 'active';
      } else if (t.connection === 'none') {
        t.startTimer('connectRetry', retryDelaySeconds(t.failures, t.config));
      }
      return;
    case 'openSent':
      return;
    case 'openConfirm':
    case 'established':
      if (t.holdTimeSeconds === 0) return;
      t.keepaliveSeconds = keepaliveSeconds;
      t.startTimer('keepalive', keepaliveSeconds);
      if (t.state === 'openConfirm') return;
      t.stopTimers('sendHold');
      t.startSendHold();
      return;
  }
}

function holdTimerExpired(t: Transition): void {
  t.listenAgain(notification(holdTimerExpiredCode, 0), 'hold timer expired');
}

function sendKeepalive(t: Transition): void {
  t.actions.push({ type: 'sendKeepalive' });
  t.startTimer('keepalive', t.keepaliveSeconds);
}
