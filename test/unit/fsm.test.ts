import { describe, expect, it } from 'vitest';
import {
  type Fsm,
  type FsmAction,
  type FsmConfig,
  type FsmEvent,
  idleFsm,
  incomingFsm,
  resolveCollision,
  step,
} from '../../src/bgp/fsm/index.js';

const config: FsmConfig = {
  passive: false,
  sendHoldSeconds: null,
  connectRetrySeconds: 120,
  delayOpenSeconds: 0,
  idleHoldSeconds: 5,
};
const open: FsmEvent = { type: 'openReceived', holdTimeSeconds: 90, keepaliveSeconds: 30 };
const badMessage: FsmEvent = {
  type: 'messageError',
  notification: { code: 1, subcode: 1, data: Buffer.alloc(0) },
  reason: 'bad marker',
};

function run(
  from: Fsm,
  events: readonly FsmEvent[],
  with_ = config,
): { fsm: Fsm; last: readonly FsmAction[] } {
  let fsm = from;
  let last: readonly FsmAction[] = [];
  for (const event of events) ({ fsm, actions: last } = step(fsm, event, with_));
  return { fsm, last };
}

function started(last: readonly FsmAction[], timer: string): number | undefined {
  for (const action of last)
    if (action.type === 'startTimer' && action.timer === timer) return action.seconds;
  return undefined;
}

const toEstablished: FsmEvent[] = [
  { type: 'start' },
  { type: 'connected' },
  open,
  { type: 'keepaliveReceived' },
];

describe('a session that comes up', () => {
  it('dials, opens, confirms and is established', () => {
    let { fsm, last } = run(idleFsm, [{ type: 'start' }]);
    expect(fsm.state).toBe('connect');
    expect(last).toContainEqual({ type: 'dial' });
    ({ fsm, last } = run(fsm, [{ type: 'connected' }]));
    expect(fsm.state).toBe('openSent');
    expect(last).toContainEqual({ type: 'sendOpen' });
    expect(started(last, 'hold')).toBe(240);
    ({ fsm, last } = run(fsm, [open]));
    expect(fsm.state).toBe('openConfirm');
    expect(last).toContainEqual({ type: 'sendKeepalive' });
    expect(started(last, 'hold')).toBe(90);
    expect(started(last, 'keepalive')).toBe(30);
    ({ fsm } = run(fsm, [{ type: 'keepaliveReceived' }]));
    expect(fsm.state).toBe('established');
  });

  it('waits for the peer when passive, and never dials', () => {
    const { fsm, last } = run(idleFsm, [{ type: 'start' }], { ...config, passive: true });
    expect(fsm.state).toBe('active');
    expect(fsm.timers.size).toBe(0);
    expect(last).toEqual([]);
  });

  it('answers an OPEN that comes while its own is delayed', () => {
    const delayed = { ...config, delayOpenSeconds: 10 };
    const waiting = run(idleFsm, [{ type: 'start' }, { type: 'connected' }], delayed);
    expect(waiting.fsm.state).toBe('connect');
    expect(started(waiting.last, 'delayOpen')).toBe(10);
    const answered = run(waiting.fsm, [open], delayed);
    expect(answered.fsm.state).toBe('openConfirm');
    expect(answered.last.filter((a) => a.type === 'sendOpen' || a.type === 'sendKeepalive')).toEqual([
      { type: 'sendOpen' },
      { type: 'sendKeepalive' },
    ]);
  });

  it('runs without hold and keepalive timers when the peers agreed on hold time 0', () => {
    const { fsm } = run(incomingFsm, [
      { type: 'connected' },
      { type: 'openReceived', holdTimeSeconds: 0, keepaliveSeconds: 0 },
      { type: 'keepaliveReceived' },
    ]);
    expect(fsm.state).toBe('established');
    expect(fsm.timers.size).toBe(0);
  });
});

describe('a session that ends', () => {
  it('tells the peer when the hold timer expires, and listens again at once', () => {
    const { fsm, last } = run(idleFsm, [...toEstablished, { type: 'timerExpired', timer: 'hold' }]);
    expect(last).toContainEqual(
      expect.objectContaining({
        type: 'close',
        notification: expect.objectContaining({ code: 4, subcode: 0 }),
      }),
    );
    expect(fsm.state).toBe('active');
    expect(started(last, 'connectRetry')).toBe(5);
  });

  it('holds idle after a protocol error, longer each time', () => {
    let fsm = run(idleFsm, [...toEstablished, badMessage]).fsm;
    const holds: (number | undefined)[] = [];
    for (let i = 0; i < 7; i++) {
      expect(fsm.state).toBe('idle');
      const again = run(fsm, [
        { type: 'timerExpired', timer: 'idleHold' },
        { type: 'connected' },
        badMessage,
      ]);
      holds.push(started(again.last, 'idleHold'));
      fsm = again.fsm;
    }
    expect(holds).toEqual([10, 20, 40, 80, 120, 120, 120]);
  });

  it('tries to connect less and less often, up to the configured time', () => {
    let { fsm } = run(idleFsm, [{ type: 'start' }]);
    const waits: (number | undefined)[] = [];
    for (let i = 0; i < 7; i++) {
      const failed = run(fsm, [{ type: 'connectionFailed', reason: 'refused' }]);
      expect(failed.fsm.state).toBe('active');
      waits.push(started(failed.last, 'connectRetry'));
      ({ fsm } = run(failed.fsm, [{ type: 'timerExpired', timer: 'connectRetry' }]));
      expect(fsm.state).toBe('connect');
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 120, 120]);
  });

  it('forgets its failures once a KEEPALIVE shows that the session is sound', () => {
    const failed = run(idleFsm, [{ type: 'start' }, { type: 'connectionFailed', reason: 'refused' }]).fsm;
    expect(failed.failures).toBe(1);
    const up = run(failed, [{ type: 'connected' }, open, { type: 'keepaliveReceived' }]).fsm;
    expect(up.failures).toBe(1);
    expect(run(up, [{ type: 'keepaliveReceived' }]).fsm.failures).toBe(0);
  });

  it('stays idle when stopped, from every state', () => {
    for (let n = 0; n <= toEstablished.length; n++) {
      const before = run(idleFsm, toEstablished.slice(0, n)).fsm;
      const { fsm } = run(before, [{ type: 'stop', notification: null }]);
      expect(fsm).toMatchObject({ state: 'idle', connection: 'none', failures: 0 });
      expect(fsm.timers.size).toBe(0);
    }
  });

  it('answers a message out of place with the subcode of its state (RFC 6608)', () => {
    const cases: [FsmEvent[], FsmEvent, number][] = [
      [toEstablished.slice(0, 2), { type: 'keepaliveReceived' }, 1],
      [toEstablished.slice(0, 2), { type: 'updateReceived' }, 1],
      [toEstablished.slice(0, 3), { type: 'updateReceived' }, 2],
      [toEstablished.slice(0, 3), open, 2],
      [toEstablished, open, 3],
    ];
    for (const [history, event, subcode] of cases) {
      const { last, fsm } = run(idleFsm, [...history, event]);
      expect(last).toContainEqual(
        expect.objectContaining({ notification: expect.objectContaining({ code: 5, subcode }) }),
      );
      expect(fsm.state).toBe('idle');
    }
  });
});

describe('a collision', () => {
  const ids = { localAsn: 65001, remoteAsn: 65002, gracefulRestart: false };
  const outgoing = { direction: 'outgoing', established: false } as const;
  const incoming = { direction: 'incoming', established: false } as const;

  it('leaves the connection that the higher identifier dialed, on both sides the same one', () => {
    const low = { ...ids, localId: 1, remoteId: 0xc0000201 };
    const high = { ...ids, localId: 0xc0000201, remoteId: 1 };
    expect(resolveCollision(outgoing, incoming, low)).toBe('dropOlder');
    expect(resolveCollision(incoming, outgoing, low)).toBe('dropNewer');
    expect(resolveCollision(outgoing, incoming, high)).toBe('dropNewer');
    expect(resolveCollision(incoming, outgoing, high)).toBe('dropOlder');
  });

  it('is decided by the AS number where the identifiers are equal (RFC 6286)', () => {
    const lower = { ...ids, localId: 7, remoteId: 7 };
    expect(resolveCollision(outgoing, incoming, lower)).toBe('dropOlder');
    const higher = { ...lower, localAsn: 65002, remoteAsn: 65001 };
    expect(resolveCollision(outgoing, incoming, higher)).toBe('dropNewer');
  });

  it('spares an established session, unless its peer restarts gracefully', () => {
    const older = { direction: 'outgoing', established: true } as const;
    const parties = { ...ids, localId: 1, remoteId: 2 };
    expect(resolveCollision(older, incoming, parties)).toBe('dropNewer');
    expect(resolveCollision(older, incoming, { ...parties, gracefulRestart: true })).toBe('dropOlder');
  });

  it('takes the newer of two that one side dialed', () => {
    expect(resolveCollision(incoming, incoming, { ...ids, localId: 9, remoteId: 1 })).toBe('dropOlder');
  });

  it('says Cease, connection collision resolution, to the connection that goes', () => {
    const { last, fsm } = run(incomingFsm, [{ type: 'connected' }, { type: 'collisionDump' }]);
    expect(last).toContainEqual(
      expect.objectContaining({ notification: expect.objectContaining({ code: 6, subcode: 7 }) }),
    );
    expect(fsm.state).toBe('idle');
    expect(fsm.timers.size).toBe(0);
  });
});

describe('the send hold timer', () => {
  const up: FsmEvent[] = [{ type: 'start' }, { type: 'connected' }, open, { type: 'keepaliveReceived' }];

  it('runs from Established on, for twice the agreed hold time unless told otherwise (RFC 9687 §3.2)', () => {
    expect(started(run(idleFsm, up).last, 'sendHold')).toBe(180);
    expect(started(run(idleFsm, up, { ...config, sendHoldSeconds: 480 }).last, 'sendHold')).toBe(480);
    expect(run(idleFsm, up, { ...config, sendHoldSeconds: 0 }).fsm.timers).not.toContain('sendHold');
    const without = up.with(2, { ...open, holdTimeSeconds: 0 } as FsmEvent);
    expect(run(idleFsm, without, { ...config, sendHoldSeconds: 480 }).fsm.timers).not.toContain('sendHold');
  });

  it('ends the session with a NOTIFICATION of code 8', () => {
    const { fsm, last } = run(idleFsm, [...up, { type: 'timerExpired', timer: 'sendHold' }]);
    expect(last).toContainEqual({
      type: 'close',
      notification: { code: 8, subcode: 0, data: Buffer.alloc(0) },
      reason: 'send hold timer expired',
    });
    expect(fsm).toMatchObject({ state: 'active', failures: 1 });
  });
});

describe('another configuration', () => {
  const configured: FsmEvent = { type: 'configured', keepaliveSeconds: 10 };

  it('is taken over by a session that stands: its keepalives and its send hold timer', () => {
    const up = run(idleFsm, toEstablished).fsm;
    const { fsm, last } = run(up, [configured], { ...config, sendHoldSeconds: 400 });
    expect(fsm).toMatchObject({ state: 'established', keepaliveSeconds: 10, holdTimeSeconds: 90 });
    expect(started(last, 'keepalive')).toBe(10);
    expect(started(last, 'sendHold')).toBe(400);
    const { last: next } = run(fsm, [{ type: 'timerExpired', timer: 'keepalive' }]);
    expect(started(next, 'keepalive')).toBe(10);
    expect(run(up, [configured], { ...config, sendHoldSeconds: 0 }).fsm.timers).not.toContain('sendHold');
  });

  it('shortens a wait that runs', () => {
    const fail: FsmEvent = { type: 'connectionFailed', reason: 'refused' };
    const dial: FsmEvent = { type: 'timerExpired', timer: 'connectRetry' };
    const waiting = run(idleFsm, [{ type: 'start' }, fail, dial, fail, dial, fail, dial, fail]).fsm;
    expect(
      started(run(waiting, [configured], { ...config, connectRetrySeconds: 1 }).last, 'connectRetry'),
    ).toBe(1);
    const held = run(idleFsm, [{ type: 'start' }, { type: 'connected' }, badMessage]).fsm;
    expect(started(run(held, [configured], { ...config, idleHoldSeconds: 1 }).last, 'idleHold')).toBe(1);
  });

  it('ends a dial of ours when it is passive, and begins one when it is not any more', () => {
    const passive = { ...config, passive: true };
    const { fsm, last } = run(run(idleFsm, [{ type: 'start' }]).fsm, [configured], passive);
    expect(fsm).toMatchObject({ state: 'active', connection: 'none', timers: new Set() });
    expect(last).toContainEqual({ type: 'close', notification: null, reason: 'passive from now on' });
    const again = run(fsm, [configured]);
    expect(again.fsm.timers).toContain('connectRetry');
    expect(run(idleFsm, [configured]).fsm).toEqual(idleFsm);
  });
});
