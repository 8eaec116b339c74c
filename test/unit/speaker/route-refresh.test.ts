import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseAddress, parsePrefix } from '../../../src/address/index.js';
import type { Negotiated } from '../../../src/bgp/session/index.js';
import { type RefreshEvent, RouteRefreshes } from '../../../src/bgp/speaker/route-refresh.js';
import { buildCanonical } from '../../../src/bgp/wire/index.js';
import { Rib } from '../../../src/rib/rib.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

type Agreed = Pick<Negotiated, 'families' | 'routeRefresh' | 'enhancedRefresh' | 'peerGracefulRestart'>;

function scene(agreed: Partial<Agreed> = {}) {
  const rib = new Rib();
  const address = parseAddress('192.0.2.2');
  if (address === null) throw new Error('no address');
  const source = rib.addSource({
    kind: 'bgp',
    name: 'p',
    preference: 100,
    ibgp: false,
    client: false,
    routerId: 2,
    peerAddress: address,
    remoteAsn: 65002,
    forwarding: 'nextHop',
  });
  const set = buildCanonical({ family: 0, nextHop: address, asPath: [65002] });
  const announce = (...texts: string[]) => {
    for (const text of texts) {
      const prefix = parsePrefix(text);
      if (prefix === null) throw new Error(text);
      const received = rib.sets.intern(set, 0, set.length);
      rib.families[0].announce(source, rib.families[0].prefixes.intern(prefix), received, received);
      rib.sets.release(received);
    }
  };
  /** What the peer announces, after what is to be removed is gone. */
  const held = (): number => {
    while (rib.families[0].sweep(Number.POSITIVE_INFINITY));
    return rib.sources.counts(source)[0].received;
  };
  const events: RefreshEvent[] = [];
  const sent: string[] = [];
  let again = 0;
  const negotiated = {
    families: [0],
    routeRefresh: true,
    enhancedRefresh: true,
    peerGracefulRestart: null,
    ...agreed,
  } as unknown as Negotiated;
  const refreshes = new RouteRefreshes({
    peer: { source, negotiated },
    table: (family) => rib.families[family],
    send: (message) => sent.push(message.subarray(19).toString('hex')),
    announceAgain: () => again++,
    event: (event) => events.push(event),
  });
  refreshes.reset();
  return { rib, source, announce, held, events, sent, refreshes, again: () => again };
}

const graceful = { type: 'gracefulRestart' } as unknown as Negotiated['peerGracefulRestart'];
const [REQUEST, BEGIN, END] = [0, 1, 2];

describe('a refresh of what the peer announces (RFC 7313 §4)', () => {
  it('takes away at its end what did not come again, and nothing before', () => {
    const { refreshes, announce, held, events } = scene();
    announce('10.0.0.0/8', '11.0.0.0/8', '12.0.0.0/8');
    refreshes.received(1, 1, BEGIN);
    announce('11.0.0.0/8', '13.0.0.0/8');
    expect(held()).toBe(4);
    refreshes.received(1, 1, END);
    expect(held()).toBe(2);
    expect(events.map(({ type }) => type)).toEqual(['refreshBegun', 'refreshEnded']);
  });

  it('ends by itself where the end never comes', () => {
    const { refreshes, announce, held, events } = scene();
    announce('10.0.0.0/8', '11.0.0.0/8');
    refreshes.received(1, 1, BEGIN);
    announce('11.0.0.0/8');
    vi.advanceTimersByTime(359_000);
    expect(held()).toBe(2);
    vi.advanceTimersByTime(2_000);
    expect(held()).toBe(1);
    expect(events.at(-1)).toEqual({ type: 'refreshExpired', family: 'ipv4' });
    refreshes.received(1, 1, END);
    expect(events.at(-1)).toMatchObject({
      type: 'refreshIgnored',
      reason: 'a refresh ends that had not begun',
    });
  });

  it('waits for the End-of-RIB of a peer that sends one', () => {
    const { refreshes, announce, held, events } = scene({ peerGracefulRestart: graceful });
    announce('10.0.0.0/8');
    refreshes.received(1, 1, BEGIN);
    refreshes.received(1, 1, END);
    expect(held()).toBe(1);
    expect(events.map(({ type }) => type)).toEqual(['refreshIgnored', 'refreshIgnored']);
    refreshes.endOfRib(0);
    refreshes.received(1, 1, BEGIN);
    refreshes.received(1, 1, END);
    expect(held()).toBe(0);
  });

  it('is over with the session, whose end decides about the routes', () => {
    const { refreshes, rib, source, announce, held } = scene();
    announce('10.0.0.0/8');
    refreshes.received(1, 1, BEGIN);
    rib.families[0].markStale(source);
    refreshes.reset();
    vi.advanceTimersByTime(400_000);
    refreshes.received(1, 1, END);
    expect(held()).toBe(1);
    expect(rib.families[0].hasStale(source)).toBe(true);
  });

  it('passes over families that were not agreed on, and subtypes that mean nothing', () => {
    const { refreshes, events, again } = scene();
    refreshes.received(2, 1, REQUEST);
    refreshes.received(1, 128, REQUEST);
    refreshes.received(1, 1, 3);
    expect(events.map(({ type }) => type)).toEqual(['refreshIgnored', 'refreshIgnored', 'refreshIgnored']);
    expect(again()).toBe(0);
    refreshes.received(1, 1, REQUEST);
    expect(again()).toBe(1);
  });
});

describe('a refresh of what we announce', () => {
  it('is told its beginning and its end', () => {
    const { refreshes, sent } = scene();
    expect(refreshes.begin(0, false)).toBe(true);
    expect(refreshes.tableSent(0)).toBe(true);
    expect(sent).toEqual(['00010101', '00010201']);
    expect(refreshes.tableSent(0)).toBe(false);
  });

  it('that is asked for within another one begins again and ends once', () => {
    const { refreshes, sent } = scene();
    refreshes.begin(0, false);
    expect(refreshes.begin(0, true)).toBe(true);
    expect(refreshes.tableSent(0)).toBe(true);
    expect(sent).toEqual(['00010101', '00010101', '00010201']);
  });

  it('before our End-of-RIB is the first announcement itself, from its start', () => {
    const { refreshes, sent } = scene();
    expect(refreshes.begin(0, true)).toBe(true);
    expect(refreshes.tableSent(0)).toBe(false);
    expect(sent).toEqual([]);
  });

  it('says nothing of it to who does not know the words', () => {
    const { refreshes, sent } = scene({ enhancedRefresh: false });
    expect(refreshes.begin(0, false)).toBe(false);
    expect(refreshes.tableSent(0)).toBe(false);
    expect(sent).toEqual([]);
  });

  it('is asked of a peer that can be asked', () => {
    const { refreshes, sent } = scene();
    expect(refreshes.request(0)).toBe(true);
    expect(sent).toEqual(['00010001']);
    expect(scene({ routeRefresh: false }).refreshes.request(0)).toBe(false);
  });
});
