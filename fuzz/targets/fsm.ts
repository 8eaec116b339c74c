import { type FsmConfig, type FsmEvent, fsmTimers, idleFsm, incomingFsm } from '../../src/bgp/fsm/index.js';
import { play } from '../../test/support/fsm-world.js';
import type { Target } from '../target.js';

const notification = { code: 6, subcode: 4, data: Buffer.alloc(0) };
const HEAD = 2;

const events: readonly FsmEvent[] = [
  { type: 'start' },
  { type: 'start', listenFirst: true },
  { type: 'stop', notification },
  { type: 'stop', notification: null },
  { type: 'reset', notification },
  { type: 'connected' },
  { type: 'connectionFailed', reason: 'refused' },
  ...[0, 3, 90].map((hold): FsmEvent => {
    return { type: 'openReceived', holdTimeSeconds: hold, keepaliveSeconds: hold / 3 };
  }),
  { type: 'messageError', notification, reason: 'bad marker' },
  { type: 'collisionDump' },
  { type: 'notificationReceived', versionError: false, reason: 'peer said so' },
  { type: 'notificationReceived', versionError: true, reason: 'peer said so' },
  { type: 'keepaliveReceived' },
  { type: 'updateReceived' },
  ...fsmTimers.map((timer): FsmEvent => ({ type: 'timerExpired', timer })),
];

/** The first octet chooses passive, delayed OPEN and the send hold time, the second the idle hold time. */
function configOf(first: number, second: number): FsmConfig {
  return {
    passive: (first & 1) !== 0,
    delayOpenSeconds: (first & 2) !== 0 ? 5 : 0,
    sendHoldSeconds: (first & 4) !== 0 ? 0 : (first & 8) !== 0 ? 120 : null,
    connectRetrySeconds: 120,
    idleHoldSeconds: 1 + (second % 60),
  };
}

export const fsm: Target = {
  name: 'fsm',
  promise: 'any history of events: a defined state after each, timers and connection as the state has them',
  seeds: () =>
    [
      [0, 1, 0, 5, 8, 14, 14, 15, 6],
      [1, 1, 0, 5, 8, 14, 10],
      [2, 1, 0, 5, 8, 14, 12, 0],
      [16, 1, 5, 7, 14, 2],
    ].map((octets) => Buffer.from(octets)),
  run(input) {
    if (input.length < HEAD) return ['empty'];
    const history = [...input.subarray(HEAD, HEAD + 200)].map((octet) => events[octet % events.length]);
    const seen = new Set<string>();
    let before = 'start';
    play((input[0] & 16) !== 0 ? incomingFsm : idleFsm, history, configOf(input[0], input[1]), (now) => {
      const state = `${now.state}/${now.connection}/${[...now.timers].sort()}`;
      seen.add(`${before} ${state}`);
      before = state;
    });
    return seen;
  },
};
