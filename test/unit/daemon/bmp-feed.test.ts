import { describe, expect, it } from 'vitest';
import { parseAddress, parsePrefix } from '../../../src/address/index.js';
import type { ClosedInfo } from '../../../src/bgp/session/index.js';
import type { Peer, Speaker } from '../../../src/bgp/speaker/index.js';
import { buildCanonical, CeaseSubcode, ErrorCode, encodeOpen } from '../../../src/bgp/wire/index.js';
import { Feed, type FeedTopics } from '../../../src/daemon/bmp/feed.js';
import { type PrefixId, REJECTED, Rib, type SourceId } from '../../../src/rib/index.js';
import { CollectorModel } from '../../support/bmp.js';

const open = encodeOpen({ version: 4, asn: 65001, holdTimeSeconds: 90, routerId: 1, capabilities: [] });
const lost: ClosedInfo = {
  wasEstablished: true,
  error: 'connection closed',
  notificationSent: null,
  notificationReceived: null,
  graceful: false,
};
const everything: FeedTopics = { received: true, accepted: true, locRib: true, mirror: true };

const address = (text: string) => {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(text);
  return parsed;
};

type FakePeer = { -readonly [K in 'source' | 'negotiated' | 'session' | 'malformed']: unknown } & {
  source: SourceId;
};

/** A RIB, some peers without sessions of their own, and a collector that has room or not. */
class World {
  readonly rib = new Rib();
  readonly peers: Peer[] = [];
  readonly speaker: Speaker;
  feed: Feed | null = null;
  model: CollectorModel;
  hasRoom = true;
  writes = 0;

  constructor(
    peers: number,
    private readonly addPath = false,
  ) {
    this.model = new CollectorModel(addPath);
    for (let i = 0; i < peers; i++) this.peers.push(this.makePeer(i));
    const byName = new Map(this.peers.map((peer, i) => [`peer${i}`, peer]));
    this.speaker = { peers: byName, localAsn: 65000, routerId: 0x0a000001 } as unknown as Speaker;
    this.rib.setPathWatcher((...what) => this.feed?.pathChanged(...what));
    this.rib.onBestChange((family, prefix) => this.feed?.bestChanged(family, prefix));
    this.rib.addClaim((family, prefix) => this.feed?.holds(family, prefix) ?? false);
  }

  private makePeer(index: number): Peer {
    const source = this.rib.addSource({
      kind: 'bgp',
      name: `peer${index}`,
      preference: 100,
      ibgp: false,
      client: false,
      routerId: index + 1,
      peerAddress: address(`192.0.2.${index + 1}`),
      remoteAsn: 65001 + index,
      forwarding: 'none',
    });
    const opening = { sentOpen: open, receivedOpen: open, localPort: 179, remotePort: 50000 };
    const peer: FakePeer = { source, negotiated: null, session: { opening }, malformed: { rows: () => [] } };
    return peer as unknown as Peer;
  }

  up(index: number): void {
    const peer = this.peers[index] as unknown as FakePeer;
    const use = { sends: false, receives: this.addPath };
    peer.negotiated = {
      families: [0, 1],
      fourOctetAs: true,
      localAddress: address('192.0.2.254'),
      remoteAddress: address(`192.0.2.${index + 1}`),
      peerOpen: { asn: 65001 + index, routerId: index + 1 },
      addPath: [use, use],
    };
    this.feed?.established(this.peers[index]);
  }

  down(index: number, info = lost): void {
    (this.peers[index] as unknown as FakePeer).negotiated = null;
    this.feed?.closed(this.peers[index], info);
  }

  connect(topics = everything): void {
    this.model = new CollectorModel(this.addPath);
    const { rib, speaker } = this;
    this.feed = new Feed({ rib, speaker, description: 'Tartan', name: 't' }, topics, {
      hasRoom: () => this.hasRoom,
      write: (bytes) => {
        this.writes++;
        this.model.push(bytes);
      },
    });
  }

  /** Everything that can be done now is done. */
  settle(): void {
    while (this.rib.decide(Number.POSITIVE_INFINITY));
    while (this.feed?.run(Number.POSITIVE_INFINITY));
  }

  announce(
    index: number,
    text: string,
    asPath: number[],
    more: { rejected?: boolean; pathId?: number } = {},
  ): void {
    const prefix = parsePrefix(text);
    if (prefix === null) throw new Error(text);
    const nextHop = address(prefix.family === 0 ? '192.0.2.200' : '2001:db8::1');
    const bytes = buildCanonical({ family: prefix.family, nextHop, asPath });
    const set = this.rib.sets.intern(bytes, 0, bytes.length);
    const table = this.rib.families[prefix.family];
    const { source } = this.peers[index];
    table.announce(
      source,
      table.prefixes.intern(prefix),
      set,
      more.rejected ? REJECTED : set,
      more.pathId ?? 0,
    );
    this.rib.sets.release(set);
  }

  withdraw(index: number, text: string, pathId = 0): void {
    const prefix = parsePrefix(text);
    if (prefix === null) throw new Error(text);
    const table = this.rib.families[prefix.family];
    table.withdraw(this.peers[index].source, table.prefixes.find(prefix) as PrefixId, pathId);
  }

  said(type: string): number {
    return this.model.messages.filter((message) => message.type === type).length;
  }

  routes(peer: string, kind: 'received' | 'accepted' | 'locRib'): Record<string, string> {
    const { routes } = this.model.table(peer, kind);
    return Object.fromEntries([...routes].map(([prefix, { asPath }]) => [prefix, asPath]));
  }
}

const [one, two] = ['192.0.2.1', '192.0.2.2'];

describe('a collector', () => {
  it('is told what there is, then what changes, each table by itself', () => {
    const world = new World(2);
    world.up(0);
    world.up(1);
    world.announce(0, '10.0.0.0/8', [65001]);
    world.announce(0, '10.1.0.0/16', [65001], { rejected: true });
    world.announce(1, '10.0.0.0/8', [65002, 65003]);
    world.announce(1, '2001:db8::/32', [65002]);
    world.settle();
    world.connect();
    world.settle();
    expect(world.routes(one, 'received')).toEqual({ '10.0.0.0/8': '65001', '10.1.0.0/16': '65001' });
    expect(world.routes(one, 'accepted')).toEqual({ '10.0.0.0/8': '65001' });
    expect(world.routes(two, 'received')).toEqual({
      '10.0.0.0/8': '65002 65003',
      '2001:db8:0:0:0:0:0:0/32': '65002',
    });
    expect(world.routes('loc-rib', 'locRib')).toEqual({
      '10.0.0.0/8': '65001',
      '2001:db8:0:0:0:0:0:0/32': '65002',
    });
    expect(world.model.table(two, 'accepted').endOfRib).toEqual(new Set(['ipv4', 'ipv6']));
    expect(world.feed?.isSynced).toBe(true);
    world.withdraw(0, '10.0.0.0/8');
    world.announce(1, '10.2.0.0/16', [65002]);
    world.settle();
    expect(world.routes(one, 'accepted')).toEqual({});
    expect(world.routes('loc-rib', 'locRib')).toMatchObject({
      '10.0.0.0/8': '65002 65003',
      '10.2.0.0/16': '65002',
    });
  });

  it('without room is told the last state alone, however often it changed', () => {
    const world = new World(1);
    world.up(0);
    world.connect({ ...everything, locRib: false, accepted: false });
    world.settle();
    const before = world.said('routeMonitoring');
    world.hasRoom = false;
    for (let i = 0; i < 1000; i++) {
      world.announce(0, '10.0.0.0/8', [65001, 1 + i]);
      world.announce(0, '10.1.0.0/16', [65001]);
      world.withdraw(0, '10.1.0.0/16');
    }
    const { writes } = world;
    world.settle();
    expect(world.writes).toBe(writes);
    expect(world.feed?.pending).toBe(2);
    world.hasRoom = true;
    world.settle();
    expect(world.routes(one, 'received')).toEqual({ '10.0.0.0/8': '65001 1000' });
    expect(world.said('routeMonitoring') - before).toBe(2);
  });

  it('keeps the ids of prefixes that are gone until it was told so', () => {
    const world = new World(1);
    world.up(0);
    world.connect();
    world.announce(0, '10.0.0.0/8', [65001]);
    world.settle();
    world.hasRoom = false;
    world.withdraw(0, '10.0.0.0/8');
    world.settle();
    // Where the id were another's by now, the withdrawal would be of that.
    world.announce(0, '10.9.0.0/16', [65001]);
    world.settle();
    world.hasRoom = true;
    world.settle();
    expect(world.routes(one, 'received')).toEqual({ '10.9.0.0/16': '65001' });
    world.withdraw(0, '10.9.0.0/16');
    world.settle();
    world.rib.reclaim(Number.POSITIVE_INFINITY);
    expect(world.rib.families[0].unusedCount).toBe(0);
    expect(world.rib.sets.count).toBe(0);
  });

  it('without room hears of a session that came and went nothing, of one that it knew its end and the next one', () => {
    const world = new World(2);
    world.up(0);
    world.announce(0, '10.0.0.0/8', [65001]);
    world.connect();
    world.settle();
    world.hasRoom = false;
    const cease = { code: ErrorCode.cease, subcode: CeaseSubcode.administrativeReset, data: Buffer.alloc(0) };
    world.down(0, { ...lost, notificationReceived: cease });
    world.rib.withdrawAll(world.peers[0].source);
    world.up(0);
    world.down(0);
    world.up(0);
    world.up(1);
    world.down(1);
    world.announce(0, '10.1.0.0/16', [65001]);
    world.settle();
    world.hasRoom = true;
    world.settle();
    expect(world.model.downs.map(({ peer, reason }) => [peer, reason])).toEqual([[one, 3]]);
    expect([...world.model.peers.keys()].sort()).toEqual([one, 'loc-rib']);
    expect(world.routes(one, 'received')).toEqual({ '10.1.0.0/16': '65001' });
  });

  it.each([
    [{ ...lost, notificationSent: { code: 4, subcode: 0, data: Buffer.alloc(0) } }, 1, 21],
    [{ ...lost, error: null }, 2, 2],
    [{ ...lost, notificationReceived: { code: 6, subcode: 4, data: Buffer.alloc(0) } }, 3, 21],
    [lost, 4, 0],
  ])('is told why a session ended (RFC 7854 §4.9), case %#', (info, reason, octets) => {
    const world = new World(1);
    world.up(0);
    world.connect();
    world.settle();
    world.down(0, info);
    world.settle();
    expect(world.model.downs).toMatchObject([{ peer: one, reason }]);
    expect(world.model.downs[0].data).toHaveLength(octets);
  });

  it('that is given up is told so of each peer that is up and of the Loc-RIB, before the last message', () => {
    const world = new World(3);
    world.up(0);
    world.up(1);
    world.connect();
    world.settle();
    world.hasRoom = false;
    world.down(0, { ...lost, error: null });
    world.up(2);
    world.settle();
    world.feed?.terminate(0, 'the router stops');
    expect(world.model.downs.map(({ peer, reason }) => [peer, reason])).toEqual([
      [one, 2],
      [two, 5],
      ['loc-rib', 6],
    ]);
    // RFC 9069 §5.3: the name of the table, as in its Peer Up.
    expect(world.model.downs[2].data.toString()).toBe('\u0000\u0003\u0000\u0006global');
    expect(world.model.messages.at(-1)?.type).toBe('termination');
    expect(world.model.terminated).toBe(0);
  });

  it('is not told of routes that are kept over a restart, until they are announced again', () => {
    const world = new World(1);
    world.up(0);
    world.announce(0, '10.0.0.0/8', [65001]);
    world.announce(0, '10.1.0.0/16', [65001]);
    world.connect();
    world.settle();
    world.down(0);
    world.rib.families[0].markStale(world.peers[0].source);
    world.settle();
    expect(world.routes('loc-rib', 'locRib')).toEqual({ '10.0.0.0/8': '65001', '10.1.0.0/16': '65001' });
    world.up(0);
    world.settle();
    expect(world.routes(one, 'received')).toEqual({});
    const before = world.said('routeMonitoring');
    // Not another set, but another session.
    world.announce(0, '10.0.0.0/8', [65001]);
    world.settle();
    expect(world.routes(one, 'received')).toEqual({ '10.0.0.0/8': '65001' });
    expect(world.routes(one, 'accepted')).toEqual({ '10.0.0.0/8': '65001' });
    world.rib.families[0].sweepStale(world.peers[0].source);
    world.settle();
    // What went was told to nobody; the Loc-RIB alone lost it.
    expect(world.said('routeMonitoring') - before).toBe(3);
    expect(world.routes('loc-rib', 'locRib')).toEqual({ '10.0.0.0/8': '65001' });
  });

  it('keeps what a route refresh (RFC 7313) has not announced again, until it ends', () => {
    const world = new World(1);
    world.up(0);
    world.connect();
    world.announce(0, '10.0.0.0/8', [65001]);
    world.announce(0, '10.1.0.0/16', [65001]);
    world.settle();
    const table = world.rib.families[0];
    const { source } = world.peers[0];
    // More often than there are epochs.
    for (let i = 0; i < 600; i++) {
      expect(table.beginRefresh(source)).toBe(true);
      world.announce(0, '10.0.0.0/8', [65001]);
      world.announce(0, '10.1.0.0/16', [65001, 1 + i]);
      table.endRefresh(source);
      world.settle();
    }
    expect(world.routes(one, 'received')).toEqual({ '10.0.0.0/8': '65001', '10.1.0.0/16': '65001 600' });
    table.beginRefresh(source);
    // Another collector that comes meanwhile is told what is in use.
    world.connect();
    world.settle();
    expect(world.routes(one, 'received')).toEqual({ '10.0.0.0/8': '65001', '10.1.0.0/16': '65001 600' });
    world.announce(0, '10.0.0.0/8', [65001]);
    table.endRefresh(source);
    world.settle();
    expect(world.routes(one, 'received')).toEqual({ '10.0.0.0/8': '65001' });
  });

  it('is told of filters that change by what they change', () => {
    const world = new World(1);
    world.up(0);
    world.connect();
    world.announce(0, '10.0.0.0/8', [65001]);
    world.announce(0, '10.1.0.0/16', [65001, 7]);
    world.settle();
    const before = world.model.messages.length;
    const { sets } = world.rib;
    world.rib.families[0].refilter(world.peers[0].source, (_prefix, received) => {
      if (sets.asPathLength[received] > 1) return REJECTED;
      sets.retain(received);
      return received;
    });
    world.settle();
    expect(world.routes(one, 'accepted')).toEqual({ '10.0.0.0/8': '65001' });
    expect(world.routes(one, 'received')).toEqual({ '10.0.0.0/8': '65001', '10.1.0.0/16': '65001 7' });
    // One withdrawal post-policy, one from the Loc-RIB.
    expect(world.model.messages.length - before).toBe(2);
  });

  it('is told of several paths by their identifiers (RFC 7911), also of those that are gone', () => {
    const world = new World(1, true);
    world.up(0);
    world.connect();
    world.announce(0, '10.0.0.0/8', [65001], { pathId: 7 });
    world.announce(0, '10.0.0.0/8', [65001, 65009], { pathId: 8, rejected: true });
    world.announce(0, '2001:db8::/32', [65001], { pathId: 9 });
    world.settle();
    expect(world.routes(one, 'received')).toEqual({
      '7 10.0.0.0/8': '65001',
      '8 10.0.0.0/8': '65001 65009',
      '9 2001:db8:0:0:0:0:0:0/32': '65001',
    });
    expect(Object.keys(world.routes(one, 'accepted'))).toEqual(['7 10.0.0.0/8', '9 2001:db8:0:0:0:0:0:0/32']);
    expect(world.routes('loc-rib', 'locRib')).toMatchObject({ '10.0.0.0/8': '65001' });
    world.withdraw(0, '10.0.0.0/8', 7);
    world.withdraw(0, '2001:db8::/32', 9);
    world.settle();
    expect(world.routes(one, 'received')).toEqual({ '8 10.0.0.0/8': '65001 65009' });
    expect(world.routes(one, 'accepted')).toEqual({});
  });

  it('is given up where more withdrawn identifiers would have to be remembered than it is worth', () => {
    const world = new World(1, true);
    world.up(0);
    world.connect();
    world.settle();
    world.hasRoom = false;
    for (let pathId = 1; pathId <= 1000; pathId++) {
      for (let i = 0; i < 263; i++) {
        const feed = world.feed as Feed;
        feed.pathChanged(0, i as PrefixId, world.peers[0].source, pathId, 1 | 4);
      }
      if (pathId === 990) expect(world.feed?.isHopeless).toBe(false);
    }
    expect(world.feed?.isHopeless).toBe(true);
  });

  it('gets long attributes in a longer message than BGP would have', () => {
    const world = new World(1);
    world.up(0);
    world.connect();
    const path = Array.from({ length: 1100 }, (_, i) => 65001 + i);
    world.announce(0, '10.0.0.0/8', path);
    world.announce(0, '10.1.0.0/16', [65001]);
    world.settle();
    expect(world.routes(one, 'received')).toEqual({ '10.0.0.0/8': path.join(' '), '10.1.0.0/16': '65001' });
  });

  it('is told how many routes there are, and how many announcements were rejected or said nothing new (§4.8)', () => {
    const world = new World(1);
    world.up(0);
    world.connect();
    world.settle();
    for (let i = 0; i < 3; i++) world.announce(0, '10.0.0.0/8', [65001]);
    world.announce(0, '10.1.0.0/16', [65001], { rejected: true });
    world.announce(0, '2001:db8::/32', [65001]);
    world.settle();
    world.feed?.reportStatistics();
    const figures = (peer: string) =>
      world.model.statistics.get(peer)?.map(({ type, value }) => `${type}: ${value.toString('hex')}`);
    expect(figures(one)).toEqual([
      '0: 00000001',
      '1: 00000002',
      '7: 0000000000000003',
      '9: 0001010000000000000002',
      '9: 0002010000000000000001',
      '11: 00000000',
    ]);
    expect(figures('loc-rib')).toEqual([
      '8: 0000000000000002',
      '10: 0001010000000000000001',
      '10: 0002010000000000000001',
    ]);
  });

  it('gets copies of messages while it has room, and is told that some are missing when it has again (§4.7)', () => {
    const world = new World(1);
    world.up(0);
    world.connect({ received: false, accepted: false, locRib: false, mirror: true });
    const say = (octet: number) => world.feed?.message(world.peers[0], 2, Buffer.from([octet]), 0, 1);
    expect(say(1)).toBe('unwanted'); // before Peer Up
    world.settle();
    expect(say(2)).toBe('mirrored');
    world.hasRoom = false;
    expect(say(3)).toBe('lost');
    world.hasRoom = true;
    expect(say(4)).toBe('mirrored');
    world.settle();
    const copies = world.model.messages.flatMap((message) =>
      message.type === 'routeMirroring' ? [message.tlvs] : [],
    );
    expect(copies.map((tlvs) => tlvs.map(({ type, value }) => [type, value.at(-1)]))).toEqual([
      [[0, 2]],
      [
        [1, 1],
        [0, 4],
      ],
    ]);
  });
});
