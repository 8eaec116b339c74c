/**
 * What one collector has been told over one connection, and what it is yet to be told. It holds no messages that wait:
 * changes are noted, and become messages when the collector has room. So a collector that does not read costs a bit per
 * prefix and view, hears of the latest state when it reads again, and holds up nobody.
 */
import type { FamilyIndex } from '../../address/index.js';
import {
  BmpWriter,
  GLOBAL_TABLE,
  type Information,
  InformationType,
  locRibHeader,
  PeerDownReason,
  PeerFlag,
  type Statistic,
  StatisticType,
  sessionHeader,
} from '../../bgp/bmp/index.js';
import type { ClosedInfo } from '../../bgp/session/index.js';
import type { Peer, Speaker } from '../../bgp/speaker/index.js';
import { afiOf, encodeEndOfRib, encodeNotification, encodeOpen, Safi } from '../../bgp/wire/index.js';
import type { FamilyRib } from '../../rib/family-rib.js';
import { NONE, type PathId, type PrefixId, type SourceId } from '../../rib/ids.js';
import { ACCEPTED_CHANGED, PATH_GONE, PATH_REJECTED, RECEIVED_CHANGED } from '../../rib/path-watcher.js';
import type { Rib } from '../../rib/rib.js';
import { RouteBatch } from './batch.js';
import { AdjRibInView, LocRibView, type View } from './views.js';

/** What a collector is told of. */
export interface FeedTopics {
  readonly received: boolean;
  readonly accepted: boolean;
  readonly locRib: boolean;
  /** Copies of the messages of peers. */
  readonly mirror: boolean;
}

/** Where messages go. */
export interface FeedSink {
  /** Whether it can take more now. */
  hasRoom(): boolean;
  write(bytes: Buffer, messages: number): void;
}

export interface FeedContext {
  readonly rib: Rib;
  readonly speaker: Speaker;
  /** What we are, and our name, for people. */
  readonly description: string;
  readonly name: string;
}

/** Prefixes that are told of at a time, or looked at between two looks at the clock. */
const AT_ONCE = 1024;
/** Octets that are gathered before they are handed on. */
const CHUNK_OCTETS = 1 << 16;
/** Withdrawn path identifiers that are remembered for one collector at most. */
const MAX_GONE = 1 << 18;
/** RFC 4271 §8.1.2: ManualStop. */
const MANUAL_STOP = Buffer.from([0, 2]);
const NOTHING = Buffer.alloc(0);
const tableName: readonly Information[] = [[InformationType.tableName, GLOBAL_TABLE]];

/** A peer's session, as a collector knows it. */
class MonitoredSession {
  readonly views: readonly AdjRibInView[];
  /** Peer Up was told. */
  isUp = false;
  /** Why it ended; null: it goes on. */
  ended: { readonly reason: number; readonly data: Buffer } | null = null;
  /** Messages were not mirrored since the last one that was. */
  mirroringLost = false;
  rejected = 0;
  duplicates = 0;

  constructor(
    readonly peer: Peer,
    readonly header: Buffer,
    /** Of mirrored messages. */
    readonly mirrorHeader: Buffer,
    readonly received: AdjRibInView | null,
    readonly accepted: AdjRibInView | null,
  ) {
    this.views = [received, accepted].filter((view) => view !== null);
  }
}

export class Feed {
  private readonly writer = new BmpWriter(CHUNK_OCTETS + (CHUNK_OCTETS >> 2));
  private readonly batch: RouteBatch;
  /** The session that the peer with this source has now. */
  private readonly bySource: (MonitoredSession | undefined)[] = [];
  /** Sessions that began or ended and of which that is to be told, in this order. */
  private changed = new Set<MonitoredSession>();
  private readonly locRib: LocRibView | null;
  /** Views with something to tell, the one whose turn it is first. */
  private readonly active = new Set<View>();
  /** By family: which prefixes of the beginning have not been looked at yet. What came since then is noted. */
  private readonly cursor: [number, number] = [0, 0];
  private readonly sweepEnd: readonly [number, number];
  private begun = false;

  constructor(
    private readonly context: FeedContext,
    private readonly topics: FeedTopics,
    private readonly sink: FeedSink,
  ) {
    const { rib, speaker } = context;
    this.batch = new RouteBatch(rib.sets);
    this.sweepEnd = [rib.families[0].prefixes.highWater, rib.families[1].prefixes.highWater];
    this.locRib = topics.locRib ? new LocRibView(locRibHeader(speaker.localAsn, speaker.routerId)) : null;
    for (const peer of speaker.peers.values()) if (peer.negotiated !== null) this.begin(peer, true);
    if (this.locRib === null) return;
    this.locRib.endOfRibDue.fill(true);
    this.active.add(this.locRib);
  }

  /** Peers whose session the collector knows to be up. */
  get peersUp(): number {
    let count = 0;
    for (const session of this.bySource) if (session?.isUp) count++;
    return count;
  }

  /** Prefixes of which something is left to tell, counted once for each table. */
  get pending(): number {
    let count = 0;
    for (const view of this.active) count += view.dirty[0].size + view.dirty[1].size;
    return count;
  }

  /** Everything there was at the beginning has been told. */
  get isSynced(): boolean {
    return this.begun && this.sweeping === null && this.active.size === 0 && this.changed.size === 0;
  }

  /** More is remembered for the collector than it is worth: it had better begin anew. */
  get isHopeless(): boolean {
    let gone = 0;
    for (const view of this.active) gone += view.goneCount;
    return gone > MAX_GONE;
  }

  established(peer: Peer): void {
    this.begin(peer, false);
  }

  closed(peer: Peer, info: ClosedInfo): void {
    const session = this.bySource[peer.source];
    if (session === undefined || session.peer !== peer) return;
    this.end(session, downReason(info));
  }

  /** The peer's own End-of-RIB is passed on behind what it stands for. */
  endOfRib(peer: Peer, family: FamilyIndex): void {
    const session = this.bySource[peer.source];
    if (session?.peer !== peer) return;
    for (const view of session.views) {
      view.endOfRibDue[family] = true;
      this.active.add(view);
    }
  }

  pathChanged(
    family: FamilyIndex,
    prefix: PrefixId,
    source: SourceId,
    pathId: number,
    what: number,
  ): boolean {
    const session = this.bySource[source];
    if (session === undefined) return false;
    if ((what & PATH_REJECTED) !== 0) session.rejected++;
    const isGone = (what & PATH_GONE) !== 0;
    if ((what & RECEIVED_CHANGED) !== 0) this.mark(session.received, family, prefix, pathId, isGone);
    else if ((what & ACCEPTED_CHANGED) === 0) session.duplicates++;
    if ((what & ACCEPTED_CHANGED) !== 0) this.mark(session.accepted, family, prefix, pathId, isGone);
    return this.active.size > 0;
  }

  /** A message of a peer's came (RFC 7854 §6). Returns whether it was, or was to be, mirrored. */
  message(
    peer: Peer,
    type: number,
    buf: Buffer,
    start: number,
    end: number,
  ): 'mirrored' | 'lost' | 'unwanted' {
    if (!this.topics.mirror) return 'unwanted';
    const session = this.bySource[peer.source];
    if (session === undefined || !session.isUp) return 'unwanted';
    if (!this.sink.hasRoom()) {
      session.mirroringLost = true;
      return 'lost';
    }
    const { writer } = this;
    writer.routeMirroring(session.mirrorHeader, Date.now(), type, buf, start, end, session.mirroringLost);
    session.mirroringLost = false;
    if (writer.length >= CHUNK_OCTETS) this.flush();
    return 'mirrored';
  }

  bestChanged(family: FamilyIndex, prefix: PrefixId): boolean {
    const { locRib } = this;
    if (locRib === null) return false;
    locRib.dirty[family].add(prefix);
    this.active.add(locRib);
    return true;
  }

  /** Whether the id must not name another prefix yet. */
  holds(family: FamilyIndex, prefix: PrefixId): boolean {
    for (const view of this.active) if (view.dirty[family].has(prefix)) return true;
    return false;
  }

  /** Tells what there is to tell until `deadline` (performance.now()) or until the collector has no room. Returns whether more can be told now. */
  run(deadline: number): boolean {
    const { sink, writer } = this;
    if (!this.begun) this.greet();
    while (this.hasWork) {
      if (!sink.hasRoom()) break;
      this.tellSessions();
      if (this.sweeping !== null) this.sweep();
      else this.tellRoutes();
      if (writer.length >= CHUNK_OCTETS) this.flush();
      if (performance.now() >= deadline) break;
    }
    this.flush();
    return this.hasWork && sink.hasRoom();
  }

  /** RFC 7854 §4.8, for every session that the collector knows, and for the Loc-RIB (RFC 9069 §5.5). */
  reportStatistics(): void {
    const { rib } = this.context;
    const now = Date.now();
    for (const session of this.bySource) {
      if (!session?.isUp || session.ended !== null) continue;
      const { peer, header, rejected, duplicates } = session;
      const counts = rib.sources.counts(peer.source);
      const families = peer.negotiated?.families ?? [];
      const statistics: Statistic[] = [
        { type: StatisticType.rejectedPrefixes, counter: rejected },
        { type: StatisticType.duplicatePrefixes, counter: duplicates },
        { type: StatisticType.adjRibInRoutes, gauge: counts[0].received + counts[1].received },
        ...families.map((family) => {
          return { type: StatisticType.adjRibInRoutesByFamily, gauge: counts[family].received, family };
        }),
        { type: StatisticType.treatedAsWithdraw, counter: treatedAsWithdraw(peer) },
      ];
      this.writer.statistics(header, now, statistics);
    }
    if (this.locRib !== null) {
      const [ipv4, ipv6] = rib.families;
      this.writer.statistics(this.locRib.header, now, [
        { type: StatisticType.locRibRoutes, gauge: ipv4.bestCount + ipv6.bestCount },
        { type: StatisticType.locRibRoutesByFamily, gauge: ipv4.bestCount, family: 0 },
        { type: StatisticType.locRibRoutesByFamily, gauge: ipv6.bestCount, family: 1 },
      ]);
    }
    this.flush();
  }

  /**
   * The end: how sessions ended, a Peer Down for each that goes on without the collector (RFC 7854 §4.9, reason 5), one for
   * the Loc-RIB (RFC 9069 §5.3), and the last message (RFC 7854 §4.5).
   */
  terminate(reason: number, text: string): void {
    const { writer, locRib } = this;
    const now = Date.now();
    if (this.begun) {
      for (const { header, ended } of this.changed) {
        if (ended !== null) writer.peerDown(header, now, ended.reason, ended.data);
      }
      for (const session of this.bySource) {
        if (session?.isUp) writer.peerDown(session.header, now, PeerDownReason.deconfigured, NOTHING);
      }
      if (locRib !== null) {
        writer.peerDown(locRib.header, now, PeerDownReason.locRibClosed, NOTHING, tableName);
      }
    }
    writer.termination(reason, text);
    this.flush();
  }

  private get hasWork(): boolean {
    return this.active.size > 0 || this.changed.size > 0 || this.sweeping !== null;
  }

  /** The family whose table is looked through at the beginning; null: done. */
  private get sweeping(): FamilyIndex | null {
    for (const family of [0, 1] as const) {
      if (this.cursor[family] < this.sweepEnd[family]) return family;
    }
    return null;
  }

  private greet(): void {
    const { context, writer, locRib } = this;
    const { speaker } = context;
    this.begun = true;
    writer.initiation(context.description, context.name);
    if (locRib === null) return;
    // RFC 9069 §5.2: an OPEN made for the purpose says how its routes are to be read; both sides' are the same.
    const open = encodeOpen({
      version: 4,
      asn: speaker.localAsn,
      holdTimeSeconds: 0,
      routerId: speaker.routerId,
      capabilities: [
        ...([0, 1] as const).map((family) => {
          return { type: 'multiprotocol' as const, afi: afiOf(family), safi: Safi.unicast };
        }),
        { type: 'fourOctetAs', asn: speaker.localAsn },
      ],
    });
    const none = { localAddress: null, localPort: 0, remotePort: 0 };
    const opens = { sentOpen: open, receivedOpen: open };
    writer.peerUp(locRib.header, Date.now(), { ...none, ...opens, information: tableName });
  }

  private begin(peer: Peer, dump: boolean): void {
    const { negotiated } = peer;
    const { received, accepted, mirror } = this.topics;
    if (negotiated === null || !(received || accepted || mirror)) return;
    const { asn, routerId } = negotiated.peerOpen;
    const identity = { address: negotiated.remoteAddress, asn, routerId };
    const [ipv4, ipv6] = negotiated.addPath;
    const addPath = [ipv4.receives, ipv6.receives] as const;
    const viewOf = (postPolicy: boolean) => {
      const flags = postPolicy ? PeerFlag.postPolicy : 0;
      const view = new AdjRibInView(sessionHeader(identity, flags), peer.source, postPolicy, addPath);
      for (const family of negotiated.families) {
        view.endOfRibDue[family] = dump;
        view.synced[family] = !dump;
      }
      return view;
    };
    const session = new MonitoredSession(
      peer,
      sessionHeader(identity),
      sessionHeader(identity, negotiated.fourOctetAs ? 0 : PeerFlag.twoOctetAs),
      received ? viewOf(false) : null,
      accepted ? viewOf(true) : null,
    );
    this.bySource[peer.source] = session;
    this.changed.add(session);
  }

  private end(session: MonitoredSession, ended: { reason: number; data: Buffer }): void {
    delete this.bySource[session.peer.source];
    for (const view of session.views) {
      view.clear();
      this.active.delete(view);
    }
    session.ended = ended;
    if (session.isUp) this.changed.add(session);
    // It came and went while the collector had no room.
    else this.changed.delete(session);
  }

  private mark(
    view: AdjRibInView | null,
    family: FamilyIndex,
    prefix: PrefixId,
    pathId: number,
    isGone: boolean,
  ): void {
    if (view === null) return;
    view.changed(family, prefix, pathId, isGone);
    this.active.add(view);
  }

  /** Sessions that ended and began. */
  private tellSessions(): void {
    if (this.changed.size === 0) return;
    const { writer } = this;
    const now = Date.now();
    for (const session of this.changed) {
      const { peer, header, ended } = session;
      if (ended !== null) writer.peerDown(header, now, ended.reason, ended.data);
      else {
        const { negotiated, session: transport } = peer;
        const { opening } = transport;
        if (negotiated === null || opening === null) continue;
        session.isUp = true;
        writer.peerUp(header, now, { localAddress: negotiated.localAddress, ...opening, information: [] });
        for (const view of session.views) this.active.add(view);
      }
    }
    this.changed.clear();
  }

  /** Looks through a part of the tables for what is to be told at the beginning. */
  private sweep(): void {
    const family = this.sweeping;
    if (family === null) return;
    const table: FamilyRib = this.context.rib.families[family];
    const { paths } = table;
    const end = Math.min(this.cursor[family] + AT_ONCE * 16, this.sweepEnd[family]);
    for (let id = this.cursor[family]; id < end; id++) {
      const prefix = id as PrefixId;
      for (let path: number = paths.firstOf(prefix); path !== NONE; path = paths.next[path]) {
        const session = this.bySource[paths.source[path]];
        if (session === undefined || !table.isCurrent(path as PathId)) continue;
        session.received?.dirty[family].add(prefix);
        if (paths.accepted[path] !== 0) session.accepted?.dirty[family].add(prefix);
      }
      if (table.best(prefix) !== NONE) this.locRib?.dirty[family].add(prefix);
    }
    this.cursor[family] = end;
  }

  /** Some routes of the view whose turn it is. */
  private tellRoutes(): void {
    const [view] = this.active;
    if (view === undefined) return;
    this.active.delete(view);
    for (const family of [0, 1] as const) {
      this.tellFamily(view, family);
      if (view.hasWork(family)) this.active.add(view);
    }
  }

  private tellFamily(view: View, family: FamilyIndex): void {
    const { batch, writer } = this;
    const table = this.context.rib.families[family];
    const dirty = view.dirty[family];
    if (dirty.size > 0) {
      for (let n = Math.min(dirty.size, AT_ONCE); n > 0; n--)
        view.collect(table, dirty.take() as PrefixId, batch);
      const updates = batch.take(family, table.prefixes, view.addPath[family]);
      // When routes came that were there before the collector was, nobody noted.
      if (updates !== null)
        writer.routeMonitoring(view.header, view.synced[family] ? Date.now() : 0, updates);
    }
    if (dirty.size > 0 || !view.endOfRibDue[family]) return;
    view.endOfRibDue[family] = false;
    view.synced[family] = true;
    writer.routeMonitoring(view.header, Date.now(), encodeEndOfRib(family));
  }

  private flush(): void {
    const { writer } = this;
    if (writer.length === 0) return;
    const { messages } = writer;
    this.sink.write(writer.take(), messages);
  }
}

/** RFC 7854 §4.9. */
function downReason({ notificationSent, notificationReceived, error }: ClosedInfo) {
  if (notificationReceived !== null) {
    return { reason: PeerDownReason.remoteNotification, data: encodeNotification(notificationReceived) };
  }
  if (notificationSent !== null) {
    return { reason: PeerDownReason.localNotification, data: encodeNotification(notificationSent) };
  }
  if (error === null) return { reason: PeerDownReason.localNoNotification, data: MANUAL_STOP };
  return { reason: PeerDownReason.remoteNoNotification, data: NOTHING };
}

function treatedAsWithdraw(peer: Peer): number {
  const rows = peer.malformed.rows().filter(({ severity }) => severity === 'treatAsWithdraw');
  return rows.reduce((sum, { count }) => sum + count, 0);
}
