import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type GuardedSession,
  type LimitEvent,
  PrefixGuard,
  type PrefixHold,
} from '../../../src/bgp/speaker/prefix-guard.js';
import type { PrefixLimit } from '../../../src/bgp/speaker/settings.js';
import { describeNotification, type Notification } from '../../../src/bgp/wire/index.js';

function watched(limit: Partial<PrefixLimit>) {
  const session = {
    received: 0,
    sent: 0,
    former: 0,
    warned: [] as LimitEvent[],
    ended: [] as { notification: Notification; hold: PrefixHold; event: LimitEvent }[],
    restarts: 0,
  };
  const full: PrefixLimit = { warnAtPercent: 75, action: 'restart', restartAfterSeconds: 30, ...limit };
  const hooks: GuardedSession = {
    limits: () => ({ ipv6: full }),
    count: (_, direction) => session[direction],
    former: () => session.former,
    warn: (event) => session.warned.push(event),
    end: (notification, hold, event) => session.ended.push({ notification, hold, event }),
    restart: () => session.restarts++,
  };
  return { session, guard: new PrefixGuard(hooks) };
}

describe('the guard of a session with a limit', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('lets as many prefixes stand as the limit says, and any number in a family without one', () => {
    const { session, guard } = watched({ received: 10 });
    session.received = 10;
    expect(guard.check(1, 'received')).toBe(true);
    session.received = 1000;
    expect(guard.check(0, 'received')).toBe(true);
    expect(guard.has(0, 'received')).toBe(false);
    expect(guard.has(1, 'sent')).toBe(false);
    expect(session.ended).toEqual([]);
  });

  it('warns once each time the threshold is reached', () => {
    const { session, guard } = watched({ received: 8 });
    for (const count of [5, 6, 7, 8, 5, 6]) {
      session.received = count;
      guard.check(1, 'received');
    }
    const event = { family: 'ipv6', direction: 'received', limit: 8 };
    expect(session.warned).toEqual([
      { ...event, count: 6 },
      { ...event, count: 6 },
    ]);
    expect(guard.warnings()).toEqual(['ipv6: 75% of the 8 prefixes that may be received are reached']);
  });

  it('ends the session with AFI, SAFI and bound, and starts it again after its time (RFC 4486 §4)', () => {
    const { session, guard } = watched({ received: 10 });
    session.received = 11;
    expect(guard.check(1, 'received')).toBe(false);
    const [{ notification, hold, event }] = session.ended;
    expect(notification).toMatchObject({ code: 6, subcode: 1, data: Buffer.from('0002010000000a', 'hex') });
    expect(describeNotification(notification)).toContain('Maximum Number of Prefixes Reached');
    expect(event).toEqual({ family: 'ipv6', direction: 'received', count: 11, limit: 10 });
    expect(hold.until?.getTime()).toBe(Date.now() + 30_000);
    vi.advanceTimersByTime(29_999);
    expect(session.restarts).toBe(0);
    vi.advanceTimersByTime(1);
    expect(session.restarts).toBe(1);
    expect(guard.hold).toBeNull();
  });

  it('keeps the session down until somebody enables it where that is the action', () => {
    const { session, guard } = watched({ sent: 3, action: 'shutdown' });
    session.sent = 4;
    expect(guard.check(1, 'sent')).toBe(false);
    expect(guard.hold?.until).toBeNull();
    vi.advanceTimersByTime(1e9);
    expect(session.restarts).toBe(0);
    guard.release();
    expect(guard.hold).toBeNull();
  });

  it('takes no more where the action is to discard, and ends nothing for what is received', () => {
    const { session, guard } = watched({ received: 10, sent: 5, action: 'discard' });
    expect(guard.room(1)).toBe(10);
    expect(guard.room(0)).toBe(Number.POSITIVE_INFINITY);
    session.received = 12;
    expect(guard.check(1, 'received')).toBe(true);
    session.sent = 6;
    expect(guard.check(1, 'sent')).toBe(false);
    expect(session.ended).toHaveLength(1);
  });

  it('counts new ones alone while former ones lie beside them', () => {
    const { session, guard } = watched({ received: 10 });
    session.former = 8;
    session.received = 18;
    expect(guard.check(1, 'received')).toBe(true);
    session.received = 19;
    expect(guard.check(1, 'received')).toBe(false);
  });

  it('does not bear the former ones where there are too many even so', () => {
    const { session, guard } = watched({ received: 10 });
    session.former = 12;
    session.received = 21;
    expect(guard.check(1, 'received')).toBe(false);
  });
});
