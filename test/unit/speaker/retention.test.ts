import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseAddress, parsePrefix } from '../../../src/address/index.js';
import type { Negotiated } from '../../../src/bgp/session/index.js';
import { Retention, type RetentionEvent } from '../../../src/bgp/speaker/retention.js';
import type { PeerSettings } from '../../../src/bgp/speaker/settings.js';
import type { AttrSetId } from '../../../src/rib/ids.js';
import { NONE } from '../../../src/rib/ids.js';
import { Rib } from '../../../src/rib/rib.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const unicast = (afi: number) => ({ afi, safi: 1 });

/** A session of both families whose peer asks for 10 seconds, and 100 more where `stale`. */
function session({ restart = 10, stale = 0, forwarding = true, families = [1, 2] } = {}): Negotiated {
  const entries = families.map((afi) => ({ ...unicast(afi), forwarding }));
  const address = parseAddress('192.0.2.2');
  if (address === null) throw new Error('not an address');
  return {
    holdTimeSeconds: 90,
    keepaliveSeconds: 30,
    families: [0, 1],
    localAddress: address,
    remoteAddress: address,
    notificationRestart: false,
    peerGracefulRestart: {
      type: 'gracefulRestart',
      restarting: false,
      notification: false,
      restartTimeSeconds: restart,
      families: entries,
    },
    peerLongLived:
      stale === 0
        ? null
        : {
            type: 'longLivedGracefulRestart',
            families: entries.map((entry) => ({ ...entry, staleTimeSeconds: stale })),
          },
  } as unknown as Negotiated;
}

function scene(maxStaleTimeSeconds = 1000) {
  const rib = new Rib();
  const [ipv4] = rib.families;
  const source = rib.addSource({
    kind: 'bgp',
    name: 'p',
    preference: 100,
    ibgp: false,
    client: false,
    routerId: 2,
    peerAddress: parseAddress('192.0.2.2'),
    remoteAsn: 65002,
    forwarding: 'none',
  } as Parameters<Rib['addSource']>[0]);
  const events: RetentionEvent[] = [];
  const marked: AttrSetId[] = [];
  const gracefulRestart = {
    enabled: true,
    restartTimeSeconds: 120,
    notification: true,
    stalePathTimeSeconds: 50,
    deferralSeconds: 60,
    absenceSeconds: 20,
    longLived: {
      enabled: true,
      staleTimeSeconds: { ipv4: 1, ipv6: 1 },
      maxStaleTimeSeconds,
      announceToOthers: false,
    },
  };
  const retention = new Retention({
    source,
    settings: { gracefulRestart, families: ['ipv4', 'ipv6'] } as unknown as PeerSettings,
    table: (family) => rib.families[family],
    mark: (set) => {
      marked.push(set);
      rib.sets.retain(set);
      return set;
    },
    event: (event) => events.push(event),
  });
  const bytes = Buffer.from('0004c0000202400101004002060201' + '0000fdea', 'hex');
  const announce = (text: string) => {
    const value = parsePrefix(text);
    if (value === null) throw new Error('not a prefix');
    const id = ipv4.prefixes.intern4(value.a, value.length);
    const set = rib.sets.intern(bytes, 0, bytes.length);
    ipv4.announce(source, id, set, set);
    rib.sets.release(set);
  };
  const settle = () => rib.decide(Number.POSITIVE_INFINITY);
  /** Prefixes with a path, in order. */
  const held = (): string[] => {
    settle();
    return ['10.0.0.0/8', '11.0.0.0/8', '12.0.0.0/8'].filter((text) => {
      const value = parsePrefix(text);
      if (value === null) return false;
      const id = ipv4.prefixes.find4(value.a, value.length);
      return id !== NONE && ipv4.paths.firstOf(id) !== NONE;
    });
  };
  const types = () => events.filter((event) => event.family === 'ipv4').map(({ type }) => type);
  announce('10.0.0.0/8');
  announce('11.0.0.0/8');
  settle();
  return { rib, source, retention, events, types, marked, announce, held, settle };
}

const both = ['10.0.0.0/8', '11.0.0.0/8'];

describe("a peer's routes while it is away", () => {
  it('go when the restart time is over, and at once where none was agreed on', () => {
    const { retention, held, types } = scene();
    expect(retention.closed(session(), true)).toBe(true);
    vi.advanceTimersByTime(9_999);
    expect(held()).toEqual(both);
    vi.advanceTimersByTime(1);
    expect(held()).toEqual([]);
    expect(types()).toEqual(['stale', 'staleExpired']);
    for (const [negotiated, graceful] of [
      [session(), false],
      [session({ restart: 0 }), true],
      [session({ families: [2] }), true],
    ] as const) {
      const other = scene();
      other.retention.closed(negotiated, graceful);
      expect(other.held()).toEqual([]);
    }
  });

  it('are not spoken of in a family that only the peer has', () => {
    const { retention, events } = scene();
    retention.closed({ ...session({ stale: 100 }), families: [0] }, true);
    expect(events.map(({ type, family }) => `${type} ${family}`)).toEqual(['stale ipv4']);
    expect(retention.retained(1)).toBeNull();
  });

  it('stay until End-of-RIB once it is back, and go without one after the stale path time', () => {
    const { retention, held, announce, types } = scene();
    retention.closed(session(), true);
    retention.established(session());
    announce('10.0.0.0/8');
    vi.advanceTimersByTime(49_999);
    expect(held()).toEqual(both);
    retention.endOfRib(0);
    expect(held()).toEqual(['10.0.0.0/8']);
    expect(retention.retained(0)).toBeNull();
    expect(types()).toEqual(['stale', 'staleRefreshed']);
    const silent = scene();
    silent.retention.closed(session(), true);
    silent.retention.established(session());
    silent.announce('10.0.0.0/8');
    vi.advanceTimersByTime(50_000);
    expect(silent.held()).toEqual(['10.0.0.0/8']);
  });

  it('go when it is back with its forwarding state lost, or without the family', () => {
    for (const back of [session({ forwarding: false }), session({ families: [2] })]) {
      const { retention, held, events } = scene();
      retention.closed(session(), true);
      retention.established(back);
      expect(held()).toEqual([]);
      expect(events).toContainEqual(expect.objectContaining({ type: 'staleExpired', family: 'ipv4' }));
    }
  });

  it('go by the time that was said last, and what was stale already goes at the next restart', () => {
    const { retention, held, announce } = scene();
    retention.closed(session(), true);
    retention.established(session({ restart: 30 }));
    announce('10.0.0.0/8');
    retention.closed(session({ restart: 30 }), true);
    expect(held()).toEqual(['10.0.0.0/8']);
    vi.advanceTimersByTime(29_999);
    expect(held()).toEqual(['10.0.0.0/8']);
    vi.advanceTimersByTime(1);
    expect(held()).toEqual([]);
  });

  it('are told apart over more restarts than an octet counts', () => {
    for (const stale of [0, 100_000]) {
      const { rib, source, retention, held, announce } = scene(100_000);
      for (let i = 0; i < 600; i++) {
        retention.closed(session({ stale }), true);
        if (i % 3 !== 0) rib.decide(Number.POSITIVE_INFINITY);
        retention.established(session({ stale }));
        announce('10.0.0.0/8');
      }
      expect(held()).toEqual(stale === 0 ? ['10.0.0.0/8'] : both);
      expect(rib.families[0].hasStale(source)).toBe(true);
      retention.endOfRib(0);
      expect(held()).toEqual(['10.0.0.0/8']);
    }
  });
});

describe("a peer's routes that are kept for long (RFC 9494)", () => {
  it('are marked after the restart time and go after the stale time, at most ours', () => {
    const { retention, held, marked, settle, types } = scene(60);
    retention.closed(session({ stale: 100 }), true);
    settle();
    expect(marked).toEqual([]);
    vi.advanceTimersByTime(10_000);
    expect(held()).toEqual(both);
    expect(marked).toHaveLength(2);
    expect(retention.retained(0)).toMatchObject({ longLived: true });
    vi.advanceTimersByTime(59_999);
    expect(held()).toEqual(both);
    vi.advanceTimersByTime(1);
    expect(held()).toEqual([]);
    expect(types()).toEqual(['stale', 'longLivedStale', 'staleExpired']);
  });

  it('are marked at once where the restart time is 0', () => {
    const { retention, marked, held, types } = scene();
    retention.closed(session({ restart: 0, stale: 100 }), true);
    expect(held()).toEqual(both);
    expect(marked).toHaveLength(2);
    expect(types()).toEqual(['longLivedStale']);
  });

  it('outlive restarts without End-of-RIB in between, by the time that counts from the first', () => {
    const { retention, held, announce } = scene();
    retention.closed(session({ stale: 100 }), true);
    vi.advanceTimersByTime(60_000);
    retention.established(session({ stale: 100 }));
    announce('12.0.0.0/8');
    retention.closed(session({ stale: 100 }), true);
    expect(held()).toEqual([...both, '12.0.0.0/8']);
    vi.advanceTimersByTime(49_999);
    expect(held()).toEqual([...both, '12.0.0.0/8']);
    vi.advanceTimersByTime(1);
    expect(held()).toEqual([]);
  });

  it('are gone when it is back without the capability', () => {
    const { retention, held } = scene();
    retention.closed(session({ stale: 100 }), true);
    vi.advanceTimersByTime(10_000);
    retention.established(session());
    expect(held()).toEqual([]);
  });
});
