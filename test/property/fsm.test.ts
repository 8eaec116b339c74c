import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Fsm,
  type FsmAction,
  type FsmConfig,
  type FsmEvent,
  fsmStates,
  fsmTimers,
  idleFsm,
  incomingFsm,
  step,
} from '../../src/bgp/fsm/index.js';

const notification = { code: 6, subcode: 4, data: Buffer.alloc(0) };

const anyEvent: fc.Arbitrary<FsmEvent> = fc.oneof(
  fc.record({ type: fc.constant('start' as const), listenFirst: fc.boolean() }),
  fc.record({ type: fc.constant('stop' as const), notification: fc.constantFrom(null, notification) }),
  fc.record({ type: fc.constant('reset' as const), notification: fc.constant(notification) }),
  fc.record({ type: fc.constant('timerExpired' as const), timer: fc.constantFrom(...fsmTimers) }),
  fc.constant<FsmEvent>({ type: 'connected' }),
  fc.constant<FsmEvent>({ type: 'connectionFailed', reason: 'refused' }),
  fc
    .constantFrom(0, 3, 90)
    .map<FsmEvent>((hold) => ({ type: 'openReceived', holdTimeSeconds: hold, keepaliveSeconds: hold / 3 })),
  fc.constant<FsmEvent>({ type: 'messageError', notification, reason: 'bad marker' }),
  fc.constant<FsmEvent>({ type: 'collisionDump' }),
  fc.record({
    type: fc.constant('notificationReceived' as const),
    versionError: fc.boolean(),
    reason: fc.constant('peer said so'),
  }),
  fc.constant<FsmEvent>({ type: 'keepaliveReceived' }),
  fc.constant<FsmEvent>({ type: 'updateReceived' }),
);

const anyConfig: fc.Arbitrary<FsmConfig> = fc.record({
  passive: fc.boolean(),
  connectRetrySeconds: fc.integer({ min: 1, max: 120 }),
  sendHoldSeconds: fc.constantFrom(null, 0, 120),
  delayOpenSeconds: fc.constantFrom(0, 5),
  idleHoldSeconds: fc.integer({ min: 1, max: 60 }),
});

/** A clock and a socket as the shell has them: only what the actions tell it. */
class Shell {
  readonly timers = new Set<string>();
  connection: Fsm['connection'] = 'none';

  apply(actions: readonly FsmAction[]): void {
    for (const action of actions) {
      switch (action.type) {
        case 'startTimer':
          expect(action.seconds).toBeGreaterThan(0);
          expect(action.seconds).toBeLessThanOrEqual(240);
          this.timers.add(action.timer);
          break;
        case 'stopTimer':
          expect(this.timers.delete(action.timer)).toBe(true);
          break;
        case 'dial':
          expect(this.connection).toBe('none');
          this.connection = 'dialing';
          break;
        case 'close':
          expect(this.connection).not.toBe('none');
          if (action.notification !== null) expect(this.connection).toBe('open');
          this.connection = 'none';
          break;
        case 'sendOpen':
        case 'sendKeepalive':
          expect(this.connection).toBe('open');
          break;
      }
    }
  }
}

/** Events that a shell can deliver to this machine: no message without a connection, no dial that was not made. */
function possible(fsm: Fsm, event: FsmEvent, config: FsmConfig): boolean {
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

function checkInvariants(fsm: Fsm, config: FsmConfig): void {
  expect(fsmStates).toContain(fsm.state);
  expect(fsm.failures).toBeGreaterThanOrEqual(0);
  const has = (timer: (typeof fsmTimers)[number]) => fsm.timers.has(timer);
  switch (fsm.state) {
    case 'idle':
      expect(fsm.connection).toBe('none');
      for (const timer of fsmTimers) if (timer !== 'idleHold') expect(has(timer)).toBe(false);
      break;
    case 'connect':
      expect(fsm.connection).not.toBe('none');
      expect(has('connectRetry') || has('delayOpen')).toBe(true);
      break;
    case 'active':
      expect(has('delayOpen')).toBe(fsm.connection === 'open');
      break;
    case 'openSent':
      expect(fsm.connection).toBe('open');
      expect(has('hold')).toBe(true);
      expect(has('keepalive')).toBe(false);
      break;
    case 'openConfirm':
    case 'established':
      expect(fsm.connection).toBe('open');
      expect(has('hold')).toBe(fsm.holdTimeSeconds > 0);
      expect(has('keepalive')).toBe(fsm.holdTimeSeconds > 0);
      break;
  }
  const sendHold = config.sendHoldSeconds ?? 2 * fsm.holdTimeSeconds;
  expect(has('sendHold')).toBe(fsm.state === 'established' && fsm.holdTimeSeconds > 0 && sendHold > 0);
  if (fsm.state === 'active' || fsm.state === 'idle' || fsm.state === 'connect') {
    expect(has('hold') || has('keepalive')).toBe(false);
  } else {
    expect(has('connectRetry') || has('delayOpen') || has('idleHold')).toBe(false);
  }
  if (config.passive) expect(fsm.connection).not.toBe('dialing');
}

describe('the state machine', () => {
  it('keeps timers, connection and state consistent through every history that can happen', () => {
    fc.assert(
      fc.property(
        anyConfig,
        fc.boolean(),
        fc.array(anyEvent, { minLength: 1, maxLength: 60 }),
        (config, incoming, events) => {
          let fsm = incoming ? incomingFsm : idleFsm;
          const shell = new Shell();
          for (const event of events) {
            if (!possible(fsm, event, config)) continue;
            if (event.type === 'connected') shell.connection = 'open';
            if (event.type === 'timerExpired') shell.timers.delete(event.timer);
            const result = step(fsm, event, config);
            fsm = result.fsm;
            shell.apply(result.actions);
            checkInvariants(fsm, config);
            expect(shell.connection).toBe(fsm.connection);
            expect([...shell.timers].sort()).toEqual([...fsm.timers].sort());
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('defines every state for every event, possible or not', () => {
    fc.assert(
      fc.property(anyConfig, fc.array(anyEvent, { maxLength: 40 }), (config, events) => {
        let fsm = idleFsm;
        for (const event of events) {
          const before = JSON.stringify([fsm, [...fsm.timers]]);
          const result = step(fsm, event, config);
          expect(JSON.stringify([fsm, [...fsm.timers]])).toBe(before);
          fsm = result.fsm;
          expect(fsmStates).toContain(fsm.state);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('never rests for good unless it was stopped', () => {
    fc.assert(
      fc.property(anyConfig, fc.array(anyEvent, { maxLength: 40 }), (config, events) => {
        let fsm = step(idleFsm, { type: 'start' }, config).fsm;
        for (const event of events) {
          if (event.type === 'stop' || event.type === 'collisionDump') continue;
          if (!possible(fsm, event, config)) continue;
          fsm = step(fsm, event, config).fsm;
          const waitsForTimer = fsm.timers.size > 0;
          const waitsForPeer =
            (config.passive && fsm.state === 'active') ||
            (fsm.connection === 'open' && fsm.holdTimeSeconds === 0);
          expect(waitsForTimer || waitsForPeer).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
