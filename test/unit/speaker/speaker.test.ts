import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Address, parseAddress } from '../../../src/address/index.js';
import type { Negotiated } from '../../../src/bgp/session/index.js';
import {
  FallOver,
  type GroupFacts,
  type ImportPolicy,
  type PeerSettings,
  Speaker,
} from '../../../src/bgp/speaker/index.js';
import { buildCanonical, UpdateEncoder } from '../../../src/bgp/wire/index.js';
import { REJECTED } from '../../../src/rib/ids.js';
import { Rib } from '../../../src/rib/rib.js';
import { Slices } from '../../../src/rib/slices.js';
import { UpdateGroup } from '../../../src/rib/update-group.js';

const speakers: Speaker[] = [];
afterEach(async () => {
  for (const speaker of speakers.splice(0)) await speaker.stop(true);
});

const gracefulRestart = {
  enabled: true,
  restartTimeSeconds: 120,
  notification: true,
  stalePathTimeSeconds: 360,
  deferralSeconds: 60,
  absenceSeconds: 20,
  longLived: {
    enabled: false,
    staleTimeSeconds: { ipv4: 3600, ipv6: 3600 },
    maxStaleTimeSeconds: 86400,
    announceToOthers: false,
  },
};

function settings(name: string, more: Partial<PeerSettings> = {}): PeerSettings {
  const address = parseAddress('192.0.2.2');
  if (address === null) throw new Error('not an address');
  return {
    name,
    address,
    port: 179,
    asn: 65002,
    passive: true,
    shutdown: false,
    multihop: null,
    families: ['ipv4', 'ipv6'],
    holdTimeSeconds: 90,
    connectRetrySeconds: 10,
    delayOpenSeconds: 0,
    idleHoldSeconds: 1,
    nextHop: 'auto',
    extendedNextHop: false,
    gracefulRestart,
    extendedMessages: true,
    routeReflectorClient: false,
    maxPrefixes: {},
    fastFallover: true,
    enforceFirstAs: true,
    maxAsPathLength: 0,
    allowOwnAs: 0,
    gracefulShutdown: true,
    acceptBlackhole: false,
    strictRole: false,
    asOverride: false,
    removePrivateAs: false,
    ...more,
  };
}

/** A session with a peer that has no capability but IPv4. */
function negotiated(address: Address): Negotiated {
  return {
    holdTimeSeconds: 90,
    keepaliveSeconds: 30,
    fourOctetAs: true,
    families: [0],
    peerOpen: { version: 4, asn: 65002, holdTimeSeconds: 90, routerId: 2, capabilities: [] },
    localAddress: address,
    remoteAddress: address,
    scopeId: 0,
    routeRefresh: false,
    enhancedRefresh: false,
    extendedMessage: false,
    extendedNextHop: false,
    addPath: [
      { receives: false, sends: false },
      { receives: false, sends: false },
    ],
    peerGracefulRestart: null,
    notificationRestart: false,
    peerLongLived: null,
    peerRole: null,
  };
}

/** A speaker whose sessions nobody starts; `converged` collects what it said then, `groups` the groups it made. */
function speakerFor(peers: readonly PeerSettings[], restarting: boolean) {
  const slices = new Slices();
  const rib = new Rib({ slices });
  const converged: (readonly string[])[] = [];
  const groups: GroupFacts[] = [];
  const speaker = new Speaker(
    {
      rib,
      slices,
      identity: { asn: 65001, confederation: null, routerId: 1, bgpPreference: 100 },
      policies: {
        importPolicy: () => ({ accept: () => REJECTED, explain: () => 'rejected' }),
        exporter: (facts) => {
          groups.push(facts);
          return { export: () => REJECTED, explain: () => 'rejected' };
        },
      },
      restarting,
      deferralSeconds: 60,
      absenceSeconds: 20,
      announces: () => {},
      readPassword: () => Buffer.from('password'),
      event: () => {},
      converged: (pending) => converged.push(pending),
    },
    restarting ? peers.map(({ name }) => name) : [],
  );
  speakers.push(speaker);
  for (const each of peers) speaker.addPeer(each);
  speaker.startDeferral();
  return { rib, slices, speaker, converged, groups, peer: (name: string) => speaker.peers.get(name) };
}

describe('the graceful restart capability', () => {
  const families = (forwarding: boolean) => [
    { afi: 1, safi: 1, forwarding },
    { afi: 2, safi: 1, forwarding },
  ];

  it('claims after a fresh start neither a restart nor that forwarding survived one', () => {
    const { peer } = speakerFor([settings('a')], false);
    expect(peer('a')?.capabilities()).toEqual([
      {
        type: 'gracefulRestart',
        restarting: false,
        notification: true,
        restartTimeSeconds: 120,
        families: families(false),
      },
    ]);
  });

  it('claims both after a restart, until nobody is waited for', () => {
    const { speaker, peer } = speakerFor([settings('a'), settings('b')], true);
    expect(peer('a')?.capabilities()).toMatchObject([{ restarting: true, families: families(true) }]);
    for (const each of speaker.peers.values()) each.shutdown();
    expect(peer('a')?.capabilities()).toMatchObject([{ restarting: false, families: families(true) }]);
  });

  it('is left out where it is switched off', () => {
    const off = { ...gracefulRestart, enabled: false };
    const { peer } = speakerFor([settings('a', { gracefulRestart: off })], true);
    expect(peer('a')?.capabilities()).toEqual([]);
  });
});

describe('a restarted speaker', () => {
  it('converges at once when it expects nobody', () => {
    expect(speakerFor([], true).converged).toEqual([[]]);
    expect(speakerFor([settings('a')], false).converged).toEqual([[]]);
  });

  it('waits no longer for peers that are shut down by a person or by the document, or removed', async () => {
    const { speaker, converged, peer } = speakerFor([settings('a'), settings('b'), settings('c')], true);
    expect(speaker.awaited).toEqual(['a', 'b', 'c']);
    peer('a')?.shutdown();
    await speaker.changePeers([{ settings: settings('b', { shutdown: true }), change: 'session' }]);
    expect(speaker.awaited).toEqual(['c']);
    expect(converged).toEqual([]);
    await speaker.removePeer('c');
    expect(converged).toEqual([[]]);
    expect(speaker.awaited).toEqual([]);
  });
});

describe('long-lived stale routes', () => {
  it('are kept from who does not know them as soon as some peer takes part, and no longer when none does', async () => {
    const { speaker, groups, peer } = speakerFor([settings('a')], false);
    peer('a')?.established(negotiated(settings('a').address));
    expect(groups.map(({ longLivedStale }) => longLivedStale)).toEqual(['announce']);
    const longLived = { ...gracefulRestart.longLived, enabled: true };
    speaker.addPeer(settings('b', { gracefulRestart: { ...gracefulRestart, longLived } }));
    expect(groups.map(({ longLivedStale }) => longLivedStale)).toEqual(['announce', 'withhold']);
    await speaker.removePeer('b');
    expect(groups.map(({ longLivedStale }) => longLivedStale)).toEqual(['announce', 'withhold', 'announce']);
  });
});

describe('a link that goes down', () => {
  it('takes the session over it where its addresses, as the kernel has it with IPv6, go first', () => {
    const local = parseAddress('2001:db8::1');
    const remote = parseAddress('2001:db8::2');
    if (local === null || remote === null) throw new Error('not an address');
    const { speaker, peer } = speakerFor([settings('a', { address: remote })], false);
    const address = { ...local, length: 64 };
    speaker.setAddresses([{ ifindex: 2, address, tentative: false }]);
    const a = peer('a');
    if (a === undefined) throw new Error('there is no such peer');
    a.established({ ...negotiated(local), remoteAddress: remote });
    const fail = vi.spyOn(a.session, 'fail');
    const fallOver = new FallOver();
    const change = (up: boolean) => {
      fallOver.look(speaker.peers, [{ ifindex: 2, name: 'eth2', up }]);
      speaker.setAddresses([]);
    };
    change(true);
    expect(fail).not.toHaveBeenCalled();
    expect(a.link?.nextHop[0]).toBeNull();
    change(false);
    expect(fail.mock.calls).toEqual([['eth2 is down']]);
  });
});

describe("BGP's preference", () => {
  it('changes for all peers, those that come later too, and leaves the rest of what is known of them', () => {
    const { rib, speaker, peer } = speakerFor([settings('a')], false);
    const a = peer('a');
    if (a === undefined) throw new Error('there is no such peer');
    rib.updateSource(a.source, { ...rib.sources.get(a.source), routerId: 77 });
    speaker.setPreference(180);
    expect(rib.sources.get(a.source)).toMatchObject({ preference: 180, routerId: 77, name: 'a' });
    expect(rib.sources.get(speaker.addPeer(settings('b')).source).preference).toBe(180);
  });
});

describe('new settings of a peer', () => {
  it('are what its session and its source go by', async () => {
    const { rib, speaker, peer } = speakerFor([settings('a')], false);
    await speaker.changePeers([{ settings: settings('a', { asn: 65001 }), change: 'session' }]);
    const a = peer('a');
    expect(a?.session.settings).toMatchObject({ remoteAsn: 65001, ttl: null });
    expect(a && rib.sources.get(a.source)).toMatchObject({ ibgp: true, remoteAsn: 65001 });
  });

  it('do not start a session that was stopped for good meanwhile', async () => {
    const { speaker, peer } = speakerFor([settings('a')], false);
    const changed = speaker.changePeers([{ settings: settings('a', { asn: 65001 }), change: 'session' }]);
    await speaker.stop(true);
    await changed;
    expect(peer('a')?.session.state).toBe('idle');
  });
});

describe('a change of filters', () => {
  it('has the routes of those judged anew who use them, in either direction, and no others', () => {
    const peers = [
      settings('both', { import: ['changed', 'other'], export: ['other', 'changed'] }),
      settings('neither', { import: ['other'], export: ['other'] }),
      settings('none'),
      settings('internal', { asn: 65001 }),
    ];
    const { speaker, groups, peer } = speakerFor(peers, false);
    for (const { name, address } of peers) peer(name)?.established(negotiated(address));
    const judged = peers.map(({ name }) => {
      const each = peer(name);
      if (each === undefined) throw new Error('there is no such peer');
      return vi.spyOn(each, 'setPolicy');
    });
    const anew = (concerns: Parameters<Speaker['policiesChanged']>[0]) => {
      groups.length = 0;
      for (const spy of judged) spy.mockClear();
      speaker.policiesChanged(concerns);
      return [judged.map(({ mock }) => mock.calls.length), groups.map(({ filters }) => filters)];
    };
    expect(anew((filters) => filters?.includes('changed') ?? false)).toEqual([
      [1, 0, 0, 0],
      [['other', 'changed']],
    ]);
    expect(anew((filters, external) => filters === undefined && external)).toEqual([[0, 0, 1, 0], [null]]);
    expect(anew(() => true)[0]).toEqual([1, 1, 1, 1]);
  });

  it('judges the routes of a peer that came back as another one meanwhile by what holds for it now', () => {
    const { rib, peer } = speakerFor([settings('a', { learnsAsn: true })], false);
    const a = peer('a');
    if (a === undefined) throw new Error('there is no such peer');
    a.established(negotiated(a.settings.address));
    const accepts = (yes: boolean): ImportPolicy => ({
      accept: (_family, _prefix, received) => {
        if (yes) rib.sets.retain(received);
        return yes ? received : REJECTED;
      },
      explain: () => '',
    });
    a.setPolicy(accepts(false));
    a.policy = accepts(true);
    const set = buildCanonical({ family: 0, nextHop: a.settings.address, asPath: [65002] });
    const encoder = new UpdateEncoder(4096, true);
    encoder.beginReach(set, 0, set.length);
    encoder.addIpv4(0x0a000000, 8);
    encoder.end();
    const message = encoder.take();
    if (message === null) throw new Error('there is no message');
    a.update(message, 19, message.length);
    rib.decide(Number.POSITIVE_INFINITY);
    expect(rib.sources.counts(a.source)[0]).toMatchObject({ received: 1, accepted: 1 });
  });
});

describe('a peer of a range', () => {
  const range = (imports: string) => ({
    name: 'r',
    prefix: { ...(parseAddress('192.0.2.0') as Address), length: 24 },
    limit: 10,
    settings: settings('', { import: [imports] }),
  });

  it('is gone with its connection, also where that brings no state to an end (DelayOpen)', async () => {
    const { speaker } = speakerFor([], false);
    await speaker.setRanges([range('a')], new Map());
    const peer = speaker.dynamicPeers.adopt(parseAddress('192.0.2.7') as Address);
    if (peer === undefined) throw new Error('there is no such peer');
    const connected = vi.spyOn(peer.session, 'isConnected', 'get').mockReturnValue(true);
    const looked = () => new Promise((resolve) => setImmediate(resolve));
    await looked();
    expect(speaker.peers.size).toBe(1);
    connected.mockReturnValue(false);
    peer.closed({
      wasEstablished: false,
      error: 'connection reset',
      notificationSent: null,
      notificationReceived: null,
      graceful: false,
    });
    await looked();
    expect(speaker.peers.size).toBe(0);
  });

  it('is refused where there are as many sources of routes as can be', async () => {
    const { rib, speaker } = speakerFor([], false);
    await speaker.setRanges([range('a')], new Map());
    const full = vi.spyOn(rib.sources, 'isFull', 'get').mockReturnValue(true);
    const dials = () => speaker.dynamicPeers.adopt(parseAddress('192.0.2.7') as Address);
    expect(dials()).toBeUndefined();
    full.mockReturnValue(false);
    expect(dials()?.settings.range).toBe('r');
  });

  it('has new settings of its range at once, before anything else is judged', async () => {
    const { speaker } = speakerFor([], false);
    await speaker.setRanges([range('a')], new Map());
    const peer = speaker.dynamicPeers.adopt(parseAddress('192.0.2.7') as Address);
    expect(peer?.settings.import).toEqual(['a']);
    const changed = speaker.setRanges([range('b')], new Map([['r', 'policy']]));
    expect(peer?.settings.import).toEqual(['b']);
    await changed;
  });
});

describe("a peer's last error", () => {
  it('tells why the last session ended, and forgets attempts once a session stands', () => {
    const { peer } = speakerFor([settings('a')], false);
    const a = peer('a');
    if (a === undefined) throw new Error('there is no such peer');
    const ends = (error: string, wasEstablished: boolean) =>
      a.closed({
        wasEstablished,
        error,
        notificationSent: null,
        notificationReceived: null,
        graceful: false,
      });
    const stands = () => a.established(negotiated(a.settings.address));
    ends('connection refused', false);
    expect(a.lastError).toBe('connection refused');
    stands();
    expect(a.lastError).toBeNull();
    ends('hold timer expired', true);
    ends('connection refused', false);
    expect(a.lastError).toBe('connection refused');
    stands();
    expect(a.lastError).toBe('hold timer expired');
  });
});

describe('what a peer announces beyond its limits', () => {
  const address = parseAddress('192.0.2.2') as Address;
  const discard: PeerSettings['maxPrefixes'] = {
    ipv4: { received: 2, warnAtPercent: 75, action: 'discard', restartAfterSeconds: 30 },
  };

  /** A peer with a session on which both ends tell the beginning and end of a refresh. */
  function refreshing(more: Partial<PeerSettings>, pathIds = false) {
    const { rib, peer } = speakerFor([settings('a', more)], false);
    const a = peer('a');
    if (a === undefined) throw new Error('there is no such peer');
    const none = { receives: false, sends: false };
    a.established({
      ...negotiated(address),
      routeRefresh: true,
      enhancedRefresh: true,
      addPath: [{ receives: pathIds, sends: false }, none],
    });
    const set = buildCanonical({ family: 0, nextHop: address, asPath: [65002] });
    const encoder = new UpdateEncoder(4096, true, pathIds);
    const announce = (...numbers: readonly number[]) => {
      encoder.beginReach(set, 0, set.length);
      // With identifiers, paths of one prefix; else so many prefixes.
      for (const n of numbers) {
        if (pathIds) encoder.addPathIpv4(n, 0x0a000000, 8);
        else encoder.addIpv4(n * 0x1000000, 8);
      }
      encoder.end();
      const message = encoder.take();
      if (message !== null) expect(a.update(message, 19, message.length)).toBeNull();
    };
    const held = () => {
      rib.decide(Number.POSITIVE_INFINITY);
      return rib.sources.counts(a.source)[0].received;
    };
    return { announce, held, begins: () => a.routeRefresh(1, 1, 1), ends: () => a.routeRefresh(1, 1, 2), a };
  }

  for (const [what, more, pathIds] of [
    ['prefixes', { maxPrefixes: discard }, false],
    ['paths of a prefix', { addPath: { ipv4: { receive: true, maxReceived: 2, send: false } } }, true],
  ] as const) {
    it(`is discarded, also where it comes within a refresh (RFC 7313): ${what}`, () => {
      const { announce, held, begins, ends } = refreshing(more as Partial<PeerSettings>, pathIds);
      announce(1, 2, 3);
      expect(held()).toBe(2);
      begins();
      announce(1, 2, 3, 4);
      ends();
      expect(held()).toBe(2);
      begins();
      announce(3, 4, 5, 2);
      // The old ones stay until the end, and no more than as many come beside them.
      expect(held()).toBe(4);
      begins();
      announce(6, 7, 8);
      expect(held()).toBe(4);
      announce(3, 4);
      ends();
      expect(held()).toBe(2);
      announce(3, 4, 5);
      expect(held()).toBe(2);
    });
  }
});

describe('a refresh of what we announce', () => {
  for (const enhancedRefresh of [false, true]) {
    it(`that is asked for many times at once is one${enhancedRefresh ? ', with one beginning' : ''}`, async () => {
      const { slices, peer } = speakerFor([settings('a')], false);
      const a = peer('a');
      if (a === undefined) throw new Error('there is no such peer');
      const detach = vi.spyOn(UpdateGroup.prototype, 'detach');
      const sent = vi.spyOn(a.session, 'send');
      a.established({ ...negotiated(a.settings.address), routeRefresh: true, enhancedRefresh });
      const ask = () => a.routeRefresh(1, 1, 0);
      ask();
      // The first announcement of all that there is has not begun.
      expect(detach).not.toHaveBeenCalled();
      await slices.idle();
      for (let n = 0; n < 1000; n++) ask();
      expect(detach).toHaveBeenCalledTimes(1);
      expect(sent).toHaveBeenCalledTimes(enhancedRefresh ? 1 : 0);
      detach.mockRestore();
    });
  }
});
