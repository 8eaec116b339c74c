import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type FsmConfig,
  type FsmEvent,
  fsmStates,
  fsmTimers,
  idleFsm,
  incomingFsm,
  step,
} from '../../src/bgp/fsm/index.js';
import { play, possible } from '../support/fsm-world.js';

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
  fc.constantFrom(1, 30).map<FsmEvent>((keepaliveSeconds) => ({ type: 'configured', keepaliveSeconds })),
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

describe('the state machine', () => {
  it('keeps timers, connection and state consistent through every history that can happen', () => {
    fc.assert(
      fc.property(
        anyConfig,
        fc.boolean(),
        fc.array(anyEvent, { minLength: 1, maxLength: 60 }),
        (config, incoming, events) => {
          play(incoming ? incomingFsm : idleFsm, events, config);
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
