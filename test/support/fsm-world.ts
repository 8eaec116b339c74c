/** What surrounds a state machine in tests: a shell that does what the actions say, and what must hold after each step. */
import { deepStrictEqual, notStrictEqual, ok, strictEqual } from 'node:assert';
import {
  type Fsm,
  type FsmAction,
  type FsmConfig,
  type FsmEvent,
  fsmStates,
  fsmTimers,
  step,
} from '../../src/bgp/fsm/index.js';

/** A clock and a socket as the shell has them: only what the actions tell it. */
export class Shell {
  readonly timers = new Set<string>();
  connection: Fsm['connection'] = 'none';

  apply(actions: readonly FsmAction[]): void {
    for (const action of actions) {
      switch (action.type) {
        case 'startTimer':
          ok(action.seconds > 0);
          ok(action.seconds <= 240);
          this.timers.add(action.timer);
          break;
        case 'stopTimer':
          ok(this.timers.delete(action.timer), `${action.timer} timer was not running`);
          break;
        case 'dial':
          strictEqual(this.connection, 'none');
          this.connection = 'dialing';
          break;
        case 'close':
          notStrictEqual(this.connection, 'none');
          if (action.notification !== null) strictEqual(this.connection, 'open');
          this.connection = 'none';
          break;
        case 'sendOpen':
        case 'sendKeepalive':
          strictEqual(this.connection, 'open');
          break;
      }
    }
  }
}

/** Events that a shell can deliver to this machine: no message without a connection, no dial that was not made. */
export function possible(fsm: Fsm, event: FsmEvent, config: FsmConfig): boolean {
  switch (event.type) {
    case 'connected':
      return fsm.connection === 'dialing' || (fsm.state === 'active' && fsm.connection === 'none');
    case 'connectionFailed':
      return fsm.connection !== 'none';
    case 'openReceived':
    case 'messageError':
    case 'notificationReceived':
    case 'keepaliveReceived':
    case 'updateReceived':
    case 'collisionDump':
      return fsm.connection === 'open';
    case 'timerExpired':
      return fsm.timers.has(event.timer);
    case 'start':
      return !(config.passive && event.listenFirst);
    default:
      return true;
  }
}

export function checkInvariants(fsm: Fsm, config: FsmConfig): void {
  ok(fsmStates.includes(fsm.state));
  ok(fsm.failures >= 0);
  const has = (timer: (typeof fsmTimers)[number]) => fsm.timers.has(timer);
  switch (fsm.state) {
    case 'idle':
      strictEqual(fsm.connection, 'none');
      for (const timer of fsmTimers) if (timer !== 'idleHold') strictEqual(has(timer), false);
      break;
    case 'connect':
      notStrictEqual(fsm.connection, 'none');
      strictEqual(has('connectRetry') || has('delayOpen'), true);
      break;
    case 'active':
      strictEqual(has('delayOpen'), fsm.connection === 'open');
      break;
    case 'openSent':
      strictEqual(fsm.connection, 'open');
      strictEqual(has('hold'), true);
      strictEqual(has('keepalive'), false);
      break;
    case 'openConfirm':
    case 'established':
      strictEqual(fsm.connection, 'open');
      strictEqual(has('hold'), fsm.holdTimeSeconds > 0);
      strictEqual(has('keepalive'), fsm.holdTimeSeconds > 0);
      break;
  }
  const sendHold = config.sendHoldSeconds ?? 2 * fsm.holdTimeSeconds;
  strictEqual(has('sendHold'), fsm.state === 'established' && fsm.holdTimeSeconds > 0 && sendHold > 0);
  if (fsm.state === 'active' || fsm.state === 'idle' || fsm.state === 'connect') {
    strictEqual(has('hold') || has('keepalive'), false);
  } else {
    strictEqual(has('connectRetry') || has('delayOpen') || has('idleHold'), false);
  }
  if (config.passive) notStrictEqual(fsm.connection, 'dialing');
}

/** Steps through those of the events that can happen, and checks machine and shell after each. Returns the last machine. */
export function play(
  from: Fsm,
  events: Iterable<FsmEvent>,
  config: FsmConfig,
  seen?: (fsm: Fsm) => void,
): Fsm {
  let fsm = from;
  const shell = new Shell();
  for (const event of events) {
    if (!possible(fsm, event, config)) continue;
    if (event.type === 'connected') shell.connection = 'open';
    if (event.type === 'timerExpired') shell.timers.delete(event.timer);
    const result = step(fsm, event, config);
    fsm = result.fsm;
    shell.apply(result.actions);
    checkInvariants(fsm, config);
    strictEqual(shell.connection, fsm.connection);
    deepStrictEqual([...shell.timers].sort(), [...fsm.timers].sort());
    seen?.(fsm);
  }
  return fsm;
}
