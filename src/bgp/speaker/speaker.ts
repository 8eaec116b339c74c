/**
 * The speaker: peers and their update groups over one RIB. It opens listeners, hands incoming connections to their
 * peers, puts established peers into update groups, and after a restart waits for its peers before it announces
 * (RFC 4724 §4.1).
 */
import { type Address, type FamilyIndex, familyNames, IPV4, sameAddress } from '../../address/index.js';
import { LongLivedMarker } from '../../policy/index.js';
import type { LongLivedMark } from '../../rib/family-rib.js';
import { NONE, type PathId, type PrefixId } from '../../rib/ids.js';
import type { Rib } from '../../rib/rib.js';
import type { Slices } from '../../rib/slices.js';
import {
  type AnnouncedPath,
  type Departure,
  type RouteExporter,
  UpdateGroup,
} from '../../rib/update-group.js';
import type { ClosedInfo, ListenerKey, Negotiated } from '../session/index.js';
import { UpdateDecoder } from '../wire/index.js';
import { pathsSent } from './add-path.js';
import { takesAigp } from './aigp.js';
import { asPathTreatment } from './as-path-treatment.js';
import { asnTowards, type Confederation, type OwnAsns, type Relation } from './confederation.js';
import { DynamicPeers, type PeerRange, type RangeEvent } from './dynamic-peers.js';
import { selfNextHop } from './extended-next-hop.js';
import { type GroupFacts, groupKey } from './groups.js';
import { Incoming } from './incoming.js';
import { InterfacePeers } from './interface-peers.js';
import { Listeners } from './listeners.js';
import type { OwnAddress } from './local-addresses.js';
import { Peer } from './peer.js';
import type { ImportPolicy, PeerContext, PeerEvent } from './peer-context.js';
import type { PeerMonitor, PeerRecorder } from './recorder.js';
import { type Deferred, RestartWait, type RestartWaitOptions } from './restart-wait.js';
import { type ChangedPrefixes, Revalidation } from './revalidation.js';
import type { PasswordSource, PeerSettings } from './settings.js';

export interface SpeakerIdentity extends OwnAsns {
  readonly routerId: number;
  readonly bgpPreference: number;
}

/** An export policy with its reasons. */
export interface ExplainingExporter extends RouteExporter {
  /** Why the path is announced or not, for people. */
  explain(prefix: PrefixId, path: PathId): string;
  /** What it exports depends on the state of origin validation. */
  readonly asksValidity?: boolean;
}

/** Where policies come from. */
export interface PolicySource {
  importPolicy(settings: PeerSettings, relation: Relation): ImportPolicy;
  exporter(facts: GroupFacts): ExplainingExporter;
}

export interface SpeakerOptions extends RestartWaitOptions {
  readonly rib: Rib;
  readonly slices: Slices;
  readonly identity: SpeakerIdentity;
  readonly policies: PolicySource;
  readPassword(source: PasswordSource): Buffer;
  event(peer: Peer, event: PeerEvent): void;
  rangeEvent?(range: PeerRange, event: RangeEvent): void;
}

interface Group {
  readonly key: string;
  readonly facts: GroupFacts;
  readonly group: UpdateGroup;
  exporter: ExplainingExporter;
  readonly members: Set<Peer>;
  /** Ends what tells the group of changes that other groups don't look at. */
  readonly unwatch: () => void;
}

const noSelf = { nextHop: null, linkLocal: null };

/** What must happen to a peer whose settings changed. */
export type PeerChange = 'none' | 'policy' | 'session';

export class Speaker implements PeerContext {
  readonly rib: Rib;
  readonly decoder = new UpdateDecoder();
  readonly peers = new Map<string, Peer>();
  readonly interfacePeers: InterfacePeers;
  private readonly groups = new Map<string, Group>();
  /** The same by family, for what is done for every prefix. */
  private readonly updateGroups: [UpdateGroup[], UpdateGroup[]] = [[], []];
  readonly dynamicPeers: DynamicPeers;
  private readonly listeners: Listeners;
  private readonly incoming: Incoming = new Incoming({
    peers: this.peers,
    adopt: (remote, zone) =>
      zone === null ? this.dynamicPeers.adopt(remote) : this.interfacePeers.adopt(zone, remote),
  });
  private ownAddresses: readonly OwnAddress[] = [];
  private readonly restart: RestartWait;
  private readonly revalidation: Revalidation;
  bgpPreference: number;
  ownAsns: OwnAsns;
  recorder: PeerRecorder | null = null;
  readonly markLongLived: LongLivedMark;
  monitor: PeerMonitor | null = null;
  /** Established peers that wait until announcements may start. */
  private readonly waiting = new Set<Peer>();

  /** `expected`: names of the peers whose End-of-RIB a restarted speaker waits for. */
  constructor(
    private readonly options: SpeakerOptions,
    expected: Iterable<string>,
  ) {
    this.rib = options.rib;
    this.bgpPreference = options.identity.bgpPreference;
    this.ownAsns = options.identity;
    this.markLongLived = new LongLivedMarker(options.rib.sets).mark;
    this.restart = new RestartWait(
      {
        ...options,
        announces: (missing) => {
          options.announces(missing);
          for (const peer of this.waiting) if (peer.negotiated) this.join(peer, peer.negotiated);
          this.waiting.clear();
        },
      },
      expected,
    );
    this.interfacePeers = new InterfacePeers({
      peers: this.peers,
      event: (peer, event) => this.event(peer, event),
      readdressed: () => this.listeners.renewKeys(),
    });
    const { sources } = this.rib;
    this.dynamicPeers = new DynamicPeers({
      peers: this.peers,
      get isFull() {
        return sources.isFull;
      },
      addPeer: (settings) => this.addPeer(settings),
      removePeer: (name) => this.removePeer(name),
      readPassword: (source) => this.readPassword(source),
      event: (range, event) => options.rangeEvent?.(range, event),
    });
    this.listeners = new Listeners({
      connection: (socket, remote) => this.incoming.accept(socket, remote),
      keyRefused: (remote, error) => this.keyRefused(remote, error),
      keys: () => this.keys(),
    });
    this.revalidation = new Revalidation(this.rib, options.slices, this.peers, this.groups);
    this.rib.onBestChange((family, prefix) => {
      const groups = this.updateGroups[family];
      for (let i = 0; i < groups.length; i++) groups[i].prefixChanged(prefix);
    });
    this.rib.addClaim((family, prefix) => {
      const groups = this.updateGroups[family];
      for (let i = 0; i < groups.length; i++) if (groups[i].holds(prefix)) return true;
      return false;
    });
  }

  /** Begins to wait for the peers' tables; to be called when peers are started. */
  startDeferral(): void {
    this.restart.start();
  }

  /** Makes a peer known; `start` it then. */
  addPeer(settings: PeerSettings): Peer {
    const keptLongLived = this.keepsLongLived;
    const peer = new Peer(settings, this);
    this.peers.set(settings.name, peer);
    if (peer.password !== null) this.listeners.renewKeys();
    if (this.keepsLongLived !== keptLongLived) this.regroup();
    return peer;
  }

  async removePeer(name: string): Promise<void> {
    const peer = this.peers.get(name);
    if (peer === undefined) return;
    const keptLongLived = this.keepsLongLived;
    this.peers.delete(name);
    if (this.keepsLongLived !== keptLongLived) this.regroup();
    await peer.remove();
    this.listeners.renewKeys();
    this.restart.forget(name);
  }

  /** Applies new settings to peers, each as gently as its `change` allows. Resolves when new sessions are started. */
  async changePeers(
    changes: readonly { readonly settings: PeerSettings; readonly change: PeerChange }[],
  ): Promise<void> {
    const replaced: Promise<void>[] = [];
    for (const { settings: stated, change } of changes) {
      const peer = this.peers.get(stated.name);
      if (peer === undefined) continue;
      const settings = InterfacePeers.carry(peer.settings, stated);
      if (change === 'session') replaced.push(peer.replaceSession(settings));
      else peer.adjust(settings);
      if (change !== 'none') this.refilter(peer);
    }
    this.regroup();
    this.listeners.renewKeys();
    await Promise.all(replaced);
  }

  /**
   * Whoever dials from these becomes a peer from now on. `changed`: how much their settings differ from before, by name.
   * Resolves when those are gone who are of no range any more, and new sessions are started.
   */
  async setRanges(ranges: readonly PeerRange[], changed: ReadonlyMap<string, PeerChange>): Promise<void> {
    const gone = this.dynamicPeers.setRanges(ranges);
    const changes = [...changed].flatMap(([range, change]) =>
      this.dynamicPeers.settingsOf(range).map((settings) => ({ settings, change })),
    );
    await Promise.all([gone, this.changePeers(changes)]);
  }

  /** Reads the passwords of all peers again. Returns the names of those that have another one now; no session ends. */
  renewPasswords(): string[] {
    this.dynamicPeers.readPasswords();
    const changed = [...this.peers.values()].filter((peer) => peer.renewPassword());
    this.listeners.renewKeys();
    return changed.map((peer) => peer.settings.name);
  }

  /** Connections from peers with a password must be signed by it (RFC 2385). */
  private keys(): ListenerKey[] {
    // Who came from a range has the key of its prefix: the kernel has room for few.
    const named = [...this.peers.values()].flatMap(({ password, settings: { address, range } }) =>
      password === null || range !== undefined ? [] : [{ address, password }],
    );
    return [...this.dynamicPeers.keys(), ...named];
  }

  /** The peer's routes once more: it sends them again or, where it can't be asked, they go through the filters again. */
  refreshIn(peer: Peer): 'requested' | 'reevaluated' {
    const families = peer.negotiated?.families ?? [];
    if (families.length > 0 && families.every((family) => peer.refreshes.request(family))) return 'requested';
    this.refilter(peer);
    return 'reevaluated';
  }

  /** All that is announced to the peer goes out once more. */
  refreshOut(peer: Peer): 'announced' {
    for (const family of peer.negotiated?.families ?? []) this.refresh(peer, family);
    return 'announced';
  }

  /** Our confederation has these members from now on. Peers who are somebody else to us for it need a new session. */
  setConfederation(confederation: Confederation | null): void {
    this.ownAsns = { asn: this.ownAsns.asn, confederation };
  }

  /** What BGP's routes are preferred by from now on. */
  setPreference(bgpPreference: number): void {
    if (bgpPreference === this.bgpPreference) return;
    this.bgpPreference = bgpPreference;
    for (const peer of this.peers.values()) peer.updateSource();
  }

  /**
   * Filters changed: the routes of peers with such filters (`concerns`; `undefined`: none are configured; `external`:
   * the peer is) are judged anew, in both directions, no session is touched.
   */
  policiesChanged(concerns: (filters: readonly string[] | undefined, external: boolean) => boolean): void {
    for (const peer of this.peers.values())
      if (concerns(peer.settings.import, peer.relation === 'ebgp')) this.refilter(peer);
    for (const each of this.groups.values()) {
      if (!concerns(each.facts.filters ?? undefined, each.facts.kind === 'ebgp')) continue;
      each.exporter = this.options.policies.exporter(each.facts);
      each.group.replaceExporter(each.exporter);
    }
  }

  /** The states of origin validation of routes within these prefixes may have changed; only those are judged anew. */
  revalidate(changed: ChangedPrefixes): void {
    this.revalidation.request(changed);
  }

  /** Listens on exactly these addresses from now on. Resolves with what could not be opened. */
  listen(addresses: readonly { address: Address; port: number }[]): Promise<string[]> {
    return this.listeners.listen(addresses);
  }

  /** Addresses of this node; peers whose "next hop self" changes with them move to another group. */
  setAddresses(addresses: readonly OwnAddress[]): void {
    this.ownAddresses = addresses;
    for (const peer of this.peers.values()) peer.relearnLink();
    this.regroup();
  }

  /** Ends all sessions. */
  async stop(graceful: boolean): Promise<void> {
    this.restart.stop();
    this.listeners.close();
    this.incoming.close();
    const peers = [...this.peers.values()];
    const stopped = peers.map((peer) => peer.stop(graceful));
    // Sessions that end start such timers.
    for (const peer of peers) peer.retention.clearTimers();
    await Promise.all(stopped);
  }

  /** Prefixes that are announced to the peer. */
  announcedCount(peer: Peer, family: FamilyIndex): number {
    return this.groupOf(peer, family)?.group.announcedCount(peer.source) ?? 0;
  }

  /** What the peer is told of a prefix. */
  announced(peer: Peer, family: FamilyIndex, prefix: PrefixId): AnnouncedPath[] {
    return this.groupOf(peer, family)?.group.announced(peer.source, prefix) ?? [];
  }

  /** Whether and why a prefix is announced to the peer. */
  explainExport(peer: Peer, family: FamilyIndex, prefix: PrefixId): { announced: boolean; reason: string } {
    if (peer.negotiated === null) return { announced: false, reason: 'the session is not established' };
    if (!peer.negotiated.families.includes(family)) {
      return { announced: false, reason: `${familyNames[family]} was not negotiated with this peer` };
    }
    if (this.waiting.has(peer))
      return { announced: false, reason: 'this router restarts and waits for its peers first' };
    const found = this.groupOf(peer, family);
    if (!found) return { announced: false, reason: 'nothing is announced to this peer' };
    const table = this.rib.families[family];
    const best = table.best(prefix);
    if (best === NONE) return { announced: false, reason: 'there is no best path' };
    const paths = found.group.announced(peer.source, prefix);
    const announced = paths.length > 0;
    if (announced && found.facts.paths > 0) {
      const { paths: most } = found.facts;
      const rule = most === Number.POSITIVE_INFINITY ? 'all' : `the best ${most}`;
      return { announced, reason: `ADD-PATH (RFC 7911): ${paths.length} of its paths, as ${rule} may be` };
    }
    if (!announced && table.paths.source[best] === peer.source) {
      return { announced, reason: 'the best path was learnt from this peer' };
    }
    return { announced, reason: found.exporter.explain(prefix, best as PathId) };
  }

  /** What a restart still waits for; null: for nothing. */
  get deferred(): Deferred | null {
    return this.restart.deferred;
  }

  /** Names of the peers that a restart still waits for. */
  get awaited(): string[] {
    return this.restart.awaited;
  }

  // PeerContext

  get localAsn(): number {
    return this.ownAsns.asn;
  }

  get routerId(): number {
    return this.options.identity.routerId;
  }

  restarting(): boolean {
    return !this.restart.announcing;
  }

  forwardingPreserved(): boolean {
    return this.options.restarting;
  }

  addresses(): readonly OwnAddress[] {
    return this.ownAddresses;
  }

  readPassword(source: PasswordSource): Buffer {
    return this.options.readPassword(source);
  }

  importPolicy(peer: Peer): ImportPolicy {
    return this.options.policies.importPolicy(peer.settings, peer.relation);
  }

  established(peer: Peer, negotiated: Negotiated): void {
    this.monitor?.established(peer);
    // A peer that kept nothing for us over the restart waits for no End-of-RIB: each moment costs it our routes.
    if (this.restart.announcing || negotiated.peerGracefulRestart === null) this.join(peer, negotiated);
    else this.waiting.add(peer);
    this.restart.established(peer.settings.name, negotiated);
  }

  endOfRib(peer: Peer, family: FamilyIndex): void {
    this.monitor?.endOfRib(peer, family);
    this.restart.endOfRib(peer.settings.name, family);
  }

  closed(peer: Peer, info: ClosedInfo): void {
    this.monitor?.closed(peer, info);
    this.waiting.delete(peer);
    this.leave(peer);
    this.restart.closed(peer.settings.name);
    // Who took its place on the link meanwhile is the peer now; not from within the session's call.
    if (peer.settings.interface !== undefined) setImmediate(() => this.interfacePeers.refresh());
  }

  attemptFailed(peer: Peer): void {
    this.dynamicPeers.look(peer);
  }

  notExpected(peer: Peer): void {
    this.restart.forget(peer.settings.name);
  }

  writable(peer: Peer): void {
    for (const { group, members } of this.groups.values()) if (members.has(peer)) group.resume();
  }

  refresh(peer: Peer, family: FamilyIndex): void {
    const group = this.groupOf(peer, family)?.group;
    if (group === undefined) return;
    // What is noted of a member grows with the table. Who asks a thousand times in one breath is told once.
    const ahead = group.atStart(peer.source);
    if (ahead !== null && (ahead.awaitsEndOfRib || peer.negotiated?.enhancedRefresh !== true)) return;
    const before = group.detach([peer.source]).get(peer.source);
    if (before === undefined) return;
    // RFC 7313 §4: a refresh begins behind the End-of-RIB.
    peer.flushEndOfRib();
    const awaitsEndOfRib = peer.refreshes.begin(family, before.awaitsEndOfRib);
    group.addMember(this.memberOf(peer, family), { ...before, awaitsEndOfRib });
  }

  event(peer: Peer, event: PeerEvent): void {
    this.options.event(peer, event);
    this.dynamicPeers.look(peer);
  }

  private keyRefused(remote: Address, { message }: Error): void {
    const error = `the peer can't dial in: ${message}`;
    for (const peer of this.peers.values()) {
      if (sameAddress(peer.settings.address, remote)) this.event(peer, { type: 'password', error });
    }
    this.dynamicPeers.keyRefused(remote, error);
  }

  private refilter(peer: Peer): void {
    peer.setPolicy(this.importPolicy(peer));
  }

  private factsOf(peer: Peer, family: FamilyIndex, negotiated: Negotiated): GroupFacts {
    const { settings, link, relation } = peer;
    const external = relation === 'ebgp';
    return {
      family,
      kind: relation === 'ibgp' && settings.routeReflectorClient ? 'ibgpClient' : relation,
      fourOctetAs: negotiated.fourOctetAs,
      maxLength: negotiated.extendedMessage ? 65535 : 4096,
      paths: pathsSent(negotiated, family, settings.addPath),
      nextHopMode: settings.nextHop,
      ...(link === null ? noSelf : selfNextHop(family, link, negotiated)),
      extendedNextHop: family === IPV4 && negotiated.extendedNextHop,
      sharedSubnets:
        settings.multihop === null && external && settings.nextHop === 'auto'
          ? (link?.sharedSubnets ?? [])
          : [],
      filters: settings.export ?? null,
      longLivedStale: this.longLivedStale(peer, negotiated),
      asPath: external ? asPathTreatment(settings, this.ownAsns) : null,
      clusterId: relation === 'ibgp' ? (settings.clusterId ?? null) : null,
      aigp: takesAigp(settings, relation),
      // RFC 9234 §5: in a confederation, OTC has its number.
      otc:
        !external || settings.role === undefined
          ? null
          : { role: settings.role, asn: settings.localAs?.asn ?? asnTowards(settings.asn, this.ownAsns) },
    };
  }

  /**
   * RFC 9494 §4.3: where this router takes part, long-lived stale routes go to those who know them. `announce`: like any
   * other.
   */
  private longLivedStale(peer: Peer, { peerLongLived }: Negotiated): GroupFacts['longLivedStale'] {
    if (!this.keepsLongLived || peerLongLived !== null) return 'announce';
    return peer.ibgp && peer.settings.gracefulRestart.longLived.announceToOthers ? 'lowest' : 'withhold';
  }

  /** Whether we offer long-lived graceful restart to any peer. */
  private get keepsLongLived(): boolean {
    for (const { settings } of this.peers.values()) {
      if (settings.gracefulRestart.enabled && settings.gracefulRestart.longLived.enabled) return true;
    }
    return false;
  }

  private join(peer: Peer, negotiated: Negotiated): void {
    for (const family of negotiated.families) this.enter(peer, this.factsOf(peer, family, negotiated));
  }

  /** Puts a peer into the group with these facts; `before`: what it was told in another one. */
  private enter(peer: Peer, facts: GroupFacts, before?: Departure): void {
    // Its group announces what goes on with a next hop of its own, and the End-of-RIB is due all the same.
    if (facts.nextHop === null) this.event(peer, { type: 'noNextHop', family: familyNames[facts.family] });
    const found = this.groupFor(facts);
    found.members.add(peer);
    found.group.addMember(this.memberOf(peer, facts.family), before);
  }

  /** Moves peers whose outgoing treatment is another now to the group that has it: they are told what differs. */
  private regroup(): void {
    const moves = new Map<Group, { peer: Peer; facts: GroupFacts }[]>();
    for (const peer of this.peers.values()) {
      const { negotiated } = peer;
      if (negotiated === null || this.waiting.has(peer)) continue;
      for (const family of negotiated.families) {
        const from = this.groupOf(peer, family);
        const facts = this.factsOf(peer, family, negotiated);
        if (from === undefined || from.key === groupKey(facts)) continue;
        const moving = moves.get(from) ?? [];
        moves.set(from, moving);
        moving.push({ peer, facts });
      }
    }
    for (const [from, moving] of moves) {
      const departures = from.group.detach(moving.map(({ peer }) => peer.source));
      for (const { peer, facts } of moving) {
        from.members.delete(peer);
        this.enter(peer, facts, departures.get(peer.source));
      }
      this.closeIfEmpty(from);
    }
  }

  private memberOf(peer: Peer, family: FamilyIndex) {
    return {
      name: peer.settings.name,
      source: peer.source,
      send: (messages: Buffer) => this.withinLimit(peer, family) && peer.send(messages),
      writable: () => peer.hasRoom(),
      endOfRib: () => peer.sendEndOfRib(family),
    };
  }

  /** Whether the peer may have what the group holds for it. Where not, its session ends, though not from within the group's work. */
  private withinLimit(peer: Peer, family: FamilyIndex): boolean {
    if (!peer.guard.has(family, 'sent')) return true;
    const limit = peer.settings.maxPrefixes[familyNames[family]]?.sent ?? Number.POSITIVE_INFINITY;
    const isWithin = this.announcedCount(peer, family) <= limit;
    setImmediate(() => {
      if (peer.negotiated !== null) peer.guard.check(family, 'sent');
    });
    return isWithin;
  }

  private groupFor(facts: GroupFacts): Group {
    const key = groupKey(facts);
    const known = this.groups.get(key);
    if (known !== undefined) return known;
    const exporter = this.options.policies.exporter(facts);
    const members = new Set<Peer>();
    const { paths } = facts;
    const group = new UpdateGroup({
      rib: this.rib,
      family: facts.family,
      exporter,
      maxLength: facts.maxLength,
      fourOctetAs: facts.fourOctetAs,
      ...(paths === 0 ? {} : { maxPaths: paths }),
      slices: this.options.slices,
      onTooLong: (_attrSet, prefixes) => {
        const family = familyNames[facts.family];
        for (const peer of members) this.event(peer, { type: 'tooLong', family, prefixes });
      },
    });
    const table = this.rib.families[facts.family];
    const unwatch = paths === 0 ? () => {} : table.onPathChange((prefix) => group.prefixChanged(prefix));
    const made: Group = { key, facts, group, exporter, members, unwatch };
    this.groups.set(key, made);
    this.updateGroups[facts.family].push(group);
    return made;
  }

  private leave(peer: Peer): void {
    for (const each of this.groups.values()) {
      if (!each.members.delete(peer)) continue;
      each.group.removeMember(peer.source);
      this.closeIfEmpty(each);
    }
  }

  private closeIfEmpty({ key, facts, group, members, unwatch }: Group): void {
    if (members.size > 0) return;
    unwatch();
    group.close();
    this.groups.delete(key);
    this.updateGroups[facts.family] = this.updateGroups[facts.family].filter((other) => other !== group);
  }

  private groupOf(peer: Peer, family: FamilyIndex): Group | undefined {
    for (const each of this.groups.values())
      if (each.facts.family === family && each.members.has(peer)) return each;
    return undefined;
  }
}
