/**
 * One peer: its session, its routes on their way into the RIB, and what happens to them when the session ends and
 * comes back (RFC 4724 §4.2).
 */
import {
  type Address,
  type FamilyIndex,
  familyNames,
  formatAddress,
  IPV4,
  sameAddress,
  unspecified6,
} from '../../address/index.js';
import { NONE, type PathId, type SourceId } from '../../rib/ids.js';
import type { SourceInfo } from '../../rib/sources.js';
import type { FsmState } from '../fsm/index.js';
import type { ClosedInfo, Negotiated, SessionHandlers } from '../session/index.js';
import {
  administrativeReset,
  administrativeShutdown,
  configurationChange,
  PeerSession,
  peerDeconfigured,
  withMessage,
} from '../session/index.js';
import {
  type Capability,
  describeNotification,
  encodeEndOfRib,
  nlriOctets,
  nlriPathId,
  type UpdateResult,
  type WireError,
} from '../wire/index.js';
import { addPathCapability, ReceivedPaths } from './add-path.js';
import { type Relation, relationTo } from './confederation.js';
import { extendedNextHopCapability } from './extended-next-hop.js';
import { isBoundToLink } from './fall-over.js';
import { type LinkFacts, linkFacts } from './local-addresses.js';
import { MalformedUpdates } from './malformed.js';
import { findPrefix, internPrefix } from './nlri-prefixes.js';
import { Outage } from './outage.js';
import type { ImportPolicy, PeerContext } from './peer-context.js';
import { PrefixGuard } from './prefix-guard.js';
import { Retention, restartCapabilities } from './retention.js';
import { RouteRefreshes } from './route-refresh.js';
import { sessionSettings } from './session-settings.js';
import type { PeerSettings } from './settings.js';

/** Bytes waiting for TCP above which a peer gets no more routes for now. */
const SEND_HIGH_MARK = 1 << 20;

/** Where a link is, of all its facts. */
function placeOf({ ifindex, direct }: LinkFacts): Pick<LinkFacts, 'ifindex' | 'direct'> {
  return { ifindex, direct };
}

export class Peer implements SessionHandlers {
  readonly source: SourceId;
  session: PeerSession;
  policy: ImportPolicy;
  /** The session as negotiated; null while it is down. */
  negotiated: Negotiated | null = null;
  link: LinkFacts | null = null;
  /** Shut down by a person, over and above the document. */
  shutdownByOperator = false;
  /** Why the last session, or an attempt at one since then, failed. */
  lastError: string | null = null;
  private lastSessionError: string | null = null;
  /** Of TCP-MD5 (RFC 2385); null: none is asked for, or it could not be read. */
  password: Buffer | null = null;
  /** Why the password could not be read. Without one from before, the session waits: it is never started unsigned. */
  passwordError: string | null = null;
  readonly malformed = new MalformedUpdates();
  /** While the session is down. */
  outage = new Outage();
  /** Stopped or removed for good: what waits to start the session does not. */
  private ended = false;
  /** The session was up before in this life of the daemon. */
  private wasUp = false;
  private state: FsmState = 'idle';
  /** Watches `maxPrefixes`. */
  readonly guard = new PrefixGuard({
    limits: () => this.settings.maxPrefixes,
    count: (family, direction) =>
      direction === 'sent'
        ? this.context.announcedCount(this, family)
        : this.context.rib.sources.counts(this.source)[family].received,
    former: (family) => {
      const { received, upToDate } = this.context.rib.sources.counts(this.source)[family];
      return received - upToDate;
    },
    warn: (event) => this.context.event(this, { type: 'prefixWarning', ...event }),
    end: (notification, { reason }, event) => {
      void this.session.stop(notification);
      this.retention.drop();
      this.context.notExpected(this);
      this.lastError = this.lastSessionError = reason;
      this.context.event(this, { type: 'prefixLimit', reason, ...event });
    },
    restart: () => this.start(),
  });
  readonly refreshes = new RouteRefreshes({
    peer: this,
    table: (family) => this.context.rib.families[family],
    send: (message) => void this.session.send(message),
    announceAgain: (family) => this.context.refresh(this, family),
    event: (event) => this.context.event(this, event),
  });
  /** Several paths per prefix (RFC 7911). */
  readonly receivedPaths = new ReceivedPaths();
  private readonly decodeContext = {
    fourOctetAs: true,
    ebgp: false,
    confed: false,
    extendedNextHop: false,
    addPath: [false, false] as [boolean, boolean],
  };
  private readonly negotiatedFamilies: [boolean, boolean] = [false, false];
  /** Families whose table has not gone out yet, and those whose End-of-RIB waits for them. */
  private readonly endOfRibsLeft = new Set<FamilyIndex>();
  private readonly endOfRibDue = new Set<FamilyIndex>();
  /** Keeps the routes while the peer is away. */
  readonly retention: Retention;

  constructor(
    public settings: PeerSettings,
    private readonly context: PeerContext,
  ) {
    this.source = context.rib.addSource(this.sourceInfo(0));
    this.retention = this.makeRetention();
    this.readPassword();
    this.session = this.makeSession();
    this.policy = context.importPolicy(this);
  }

  get relation(): Relation {
    return relationTo(this.settings.asn, this.context.ownAsns);
  }

  get ibgp(): boolean {
    return this.relation === 'ibgp';
  }

  get isShutdown(): boolean {
    return this.settings.shutdown || this.shutdownByOperator;
  }

  get isStale(): boolean {
    return this.context.rib.families.some((family) => family.hasStale(this.source));
  }

  start(): void {
    if (this.isShutdown || this.ended || this.guard.hold !== null) return;
    if (this.password === null && this.passwordError !== null) return;
    if (sameAddress(this.settings.address, unspecified6)) return;
    this.session.start();
  }

  /** Ends the session; its routes go, or stay with the peer when `graceful` (TCP ends without a NOTIFICATION). */
  stop(graceful: boolean): Promise<void> {
    this.ended = true;
    this.guard.release();
    return this.session.stop(graceful ? null : administrativeShutdown);
  }

  /** `message`: what the peer's operator is told (RFC 9003); null: what the document says. */
  shutdown(message: string | null = null): void {
    this.shutdownByOperator = true;
    this.guard.release();
    const text = message ?? this.settings.shutdownMessage ?? null;
    void this.session.stop(withMessage(administrativeShutdown, text));
    this.retention.drop();
    this.context.notExpected(this);
  }

  enable(): void {
    this.shutdownByOperator = false;
    this.guard.release();
    this.start();
  }

  /** Ends the session and starts it again, also one that a limit keeps down. */
  reset(message: string | null = null): void {
    if (this.guard.hold === null) this.session.reset(withMessage(administrativeReset, message));
    else this.enable();
  }

  /** New settings of a session that need not end for them. */
  adjust(settings: PeerSettings): void {
    const { maxPrefixes: limits, clusterId, routeReflectorClient } = this.settings;
    this.settings = settings;
    const { ownAsns, routerId } = this.context;
    this.session.adjust(sessionSettings(settings, ownAsns, routerId));
    if (clusterId !== settings.clusterId || routeReflectorClient !== settings.routeReflectorClient) {
      this.updateSource();
    }
    this.receivedPaths.adjust(settings.addPath);
    if (JSON.stringify(limits) === JSON.stringify(settings.maxPrefixes)) return;
    if (this.guard.hold !== null) {
      this.guard.release();
      this.start();
    }
    for (const family of this.negotiated?.families ?? []) {
      if (!this.guard.check(family, 'received') || !this.guard.check(family, 'sent')) return;
    }
  }

  /** New settings that only a new session can have. */
  async replaceSession(settings: PeerSettings): Promise<void> {
    const stopped = this.session.stop(
      settings.shutdown
        ? withMessage(administrativeShutdown, settings.shutdownMessage ?? null)
        : configurationChange,
    );
    // Who comes back may be somebody else.
    this.retention.drop();
    this.settings = settings;
    this.guard.release();
    this.context.rib.updateSource(this.source, this.sourceInfo(0));
    this.password = null;
    this.readPassword();
    this.session = this.makeSession();
    if (settings.shutdown) this.context.notExpected(this);
    await stopped;
    this.start();
  }

  /**
   * A peer by interface is at another address from now on; `::`: nobody knows where. A session ends as if its link had
   * gone, for that `reason`; its routes stay for a peer that comes back at the same address (RFC 4724 §4.2).
   */
  readdress(address: Address, reason: string): void {
    if (this.negotiated !== null) this.lastError = reason;
    void this.session.stop(null);
    this.settings = { ...this.settings, address };
    if (sameAddress(address, unspecified6)) return;
    const { rib } = this.context;
    const before = rib.sources.get(this.source);
    if (before.peerAddress === null || !sameAddress(address, before.peerAddress)) this.retention.drop();
    rib.updateSource(this.source, this.sourceInfo(before.routerId));
    this.policy = this.context.importPolicy(this);
    this.session = this.makeSession();
    this.start();
  }

  /** The AS that the peer's OPEN says, where any will do; what another AS left behind is not its own. */
  private learnAsn(asn: number): void {
    if (this.settings.learnsAsn !== true || asn === this.settings.asn) return;
    this.settings = { ...this.settings, asn };
    this.retention.drop();
    this.policy = this.context.importPolicy(this);
  }

  /**
   * Reads the password again; the session goes on with a new one, and one that waited for it starts. Returns whether it
   * is another. What can't be read any more leaves the old one in place.
   */
  renewPassword(): boolean {
    const before = this.password;
    this.readPassword();
    if (this.password === null ? before === null : before?.equals(this.password)) return false;
    this.session.setPassword(this.password);
    if (before === null) this.start();
    return true;
  }

  private readPassword(): void {
    const { password: source } = this.settings;
    const before = this.passwordError;
    this.passwordError = null;
    try {
      this.password = source === undefined ? null : this.context.readPassword(source);
    } catch (error) {
      this.passwordError = (error as Error).message;
      if (this.passwordError !== before) {
        this.context.event(this, { type: 'password', error: this.passwordError });
      }
    }
  }

  /** What is known of the peer as a source of routes changed. */
  updateSource(): void {
    this.context.rib.updateSource(
      this.source,
      this.sourceInfo(this.context.rib.sources.get(this.source).routerId),
    );
  }

  /** The peer is gone from the document. */
  async remove(): Promise<void> {
    this.ended = true;
    this.guard.release();
    const stopped = this.session.stop(peerDeconfigured);
    this.retention.drop();
    await stopped;
    this.context.rib.removeSource(this.source);
  }

  /** Runs another import policy over all that the peer has announced. */
  setPolicy(policy: ImportPolicy): void {
    this.policy = policy;
    for (const family of this.context.rib.families) {
      // By the policy that holds when the sweep comes to a path: who came back meanwhile may have another one.
      family.refilter(this.source, (prefix, received) => this.policy.accept(family.family, prefix, received));
    }
  }

  /**
   * Addresses of this node changed: what "self" means may have changed with them. A session whose address has gone is still on
   * the link where that was: IPv6 addresses go with a link before the kernel says that it is down.
   */
  relearnLink(): void {
    if (this.negotiated === null) return;
    const facts = this.factsOf(this.negotiated);
    this.link = facts.ifindex === 0 && this.link !== null ? { ...facts, ...placeOf(this.link) } : facts;
  }

  // What the session tells.

  capabilities(): readonly Capability[] {
    // RFC 4724 §3: after a fresh start there is nothing to go by; while we live, forwarding goes on without the session.
    const forwarding = this.wasUp || this.context.forwardingPreserved();
    return [
      ...addPathCapability(this.settings),
      ...extendedNextHopCapability(this.settings),
      ...restartCapabilities(this.settings, this.context.restarting(), forwarding),
    ];
  }

  get wantsMessages(): boolean {
    return this.context.recorder !== null || this.context.monitor?.wantsMessages === true;
  }

  message(type: number, buf: Buffer, start: number, end: number, localAddress: Address): void {
    this.context.recorder?.message(this, localAddress, type, buf, start, end);
    this.context.monitor?.message(this, type, buf, start, end);
  }

  stateChanged(state: FsmState, reason: string): void {
    const from = this.state;
    this.state = state;
    this.context.recorder?.stateChanged(this, from, state);
    const repeated =
      from !== 'established' && state !== 'established' && !this.outage.isNews(`${state} ${reason}`);
    this.context.event(this, { type: 'state', state, reason, ...(repeated ? { repeated } : {}) });
  }

  established(negotiated: Negotiated): void {
    const { rib } = this.context;
    this.learnAsn(negotiated.peerOpen.asn);
    this.negotiated = negotiated;
    // Attempts that failed on the way here are no news any more; why the last session ended still is.
    this.lastError = this.lastSessionError;
    this.wasUp = true;
    this.guard.begin();
    this.refreshes.reset();
    this.malformed.begin();
    Object.assign(this.decodeContext, {
      fourOctetAs: negotiated.fourOctetAs,
      ebgp: this.relation === 'ebgp',
      confed: this.relation === 'confed',
      extendedNextHop: negotiated.extendedNextHop,
    });
    this.receivedPaths.begin(negotiated, this.settings.addPath);
    this.link = this.factsOf(negotiated);
    rib.updateSource(this.source, this.sourceInfo(negotiated.peerOpen.routerId));
    for (const family of [0, 1] as const) {
      this.negotiatedFamilies[family] = negotiated.families.includes(family);
      this.decodeContext.addPath[family] = negotiated.addPath[family].receives;
    }
    this.retention.established(negotiated);
    this.endOfRibDue.clear();
    this.endOfRibsLeft.clear();
    for (const family of negotiated.families) this.endOfRibsLeft.add(family);
    this.context.event(this, {
      type: 'established',
      families: negotiated.families.map((family) => familyNames[family]),
      holdTimeSeconds: negotiated.holdTimeSeconds,
    });
    this.context.established(this, negotiated);
  }

  update(buf: Buffer, start: number, end: number): WireError | null {
    const update = this.context.decoder.decode(buf, start, end, this.decodeContext);
    if (update.discarded.length > 0) {
      for (const discarded of update.discarded) this.noteMalformed(discarded);
    }
    const { error } = update;
    if (error !== null) {
      this.noteMalformed(error);
      if (error.severity === 'reset') return error;
      this.withdraw(IPV4, buf, update.nlriStart, update.nlriEnd);
      if (update.reachFamily !== -1)
        this.withdraw(update.reachFamily, buf, update.reachStart, update.reachEnd);
    }
    this.withdraw(IPV4, buf, update.withdrawnStart, update.withdrawnEnd);
    if (update.unreachFamily !== -1)
      this.withdraw(update.unreachFamily, buf, update.unreachStart, update.unreachEnd);
    if (error !== null) return null;
    if (update.nlriEnd > update.nlriStart)
      this.announce(update, IPV4, 0, buf, update.nlriStart, update.nlriEnd);
    if (update.reachFamily !== -1)
      this.announce(update, update.reachFamily, 1, buf, update.reachStart, update.reachEnd);
    if (update.endOfRib !== -1 && this.negotiatedFamilies[update.endOfRib]) this.endOfRib(update.endOfRib);
    if (this.guard.watchesReceived) {
      for (const family of [0, 1] as const) if (!this.guard.check(family, 'received')) break;
    }
    return null;
  }

  routeRefresh(afi: number, safi: number, subtype: number): void {
    this.refreshes.received(afi, safi, subtype);
  }

  closed(info: ClosedInfo): void {
    const said = info.notificationReceived ?? info.notificationSent;
    if (info.error !== null) this.lastError = info.error;
    else if (said !== null) this.lastError = describeNotification(said);
    if (!info.wasEstablished) {
      const { error } = info;
      if (error !== null && this.outage.isNews(error)) this.context.event(this, { type: 'failed', error });
      this.context.attemptFailed(this);
      return;
    }
    this.lastSessionError = this.lastError;
    this.outage.begin(this.lastError);
    const { negotiated } = this;
    this.negotiated = null;
    this.refreshes.reset();
    this.context.closed(this, info);
    const keeps = this.retention.closed(negotiated, info.graceful);
    const requested = info.error === null;
    this.context.event(this, { type: 'closed', error: this.lastError, requested, keepsRoutes: keeps });
  }

  writable(): void {
    this.context.writable(this);
  }

  // What update groups ask.

  send(messages: Buffer): boolean {
    return this.session.send(messages);
  }

  hasRoom(): boolean {
    return this.session.bufferedBytes < SEND_HIGH_MARK;
  }

  /**
   * The family's table has gone out. The End-of-RIB of all families follow on each other when the last table has: FRR's zebra
   * lets go of what it kept in every family at the first of them that it sees alone.
   */
  sendEndOfRib(family: FamilyIndex): void {
    if (this.refreshes.tableSent(family)) return;
    // Only a peer with the capability knows what it is (RFC 4724 §2).
    if (!this.negotiated?.peerGracefulRestart) return;
    this.endOfRibDue.add(family);
    if (this.endOfRibsLeft.delete(family) && this.endOfRibsLeft.size > 0) return;
    this.flushEndOfRib();
  }

  /** Sends what End-of-RIB wait for other families. */
  flushEndOfRib(): void {
    if (this.endOfRibDue.size === 0) return;
    const due = [...this.endOfRibDue].sort();
    this.endOfRibDue.clear();
    this.session.send(Buffer.concat(due.map(encodeEndOfRib)));
    for (const family of due) this.context.event(this, { type: 'endOfRibSent', family: familyNames[family] });
  }

  private announce(
    update: UpdateResult,
    family: FamilyIndex,
    which: 0 | 1,
    buf: Buffer,
    start: number,
    end: number,
  ): void {
    if (!this.negotiatedFamilies[family]) return;
    const { rib } = this.context;
    const { canonical, canonicalStart, canonicalEnd } = update;
    // Link-local next hops of a peer that is not on our link are of another one (RFC 2545 §3).
    const scope = this.link?.direct ? this.link.ifindex : 0;
    const received = rib.sets.intern(canonical, canonicalStart[which], canonicalEnd[which], scope);
    const table = rib.families[family];
    const { prefixes } = table;
    const { source, policy, guard, receivedPaths } = this;
    const room = guard.room(family);
    const counts = rib.sources.counts(source)[family];
    const ahead = receivedPaths.octets[family];
    for (let at = start + ahead; at < end; at += nlriOctets(buf[at]) + ahead) {
      const pathId = ahead === 0 ? 0 : nlriPathId(buf, at);
      const isFull = counts.upToDate >= room || counts.received >= room * 2;
      if (isFull && !this.mayReplace(family, buf, at, pathId, counts.upToDate < room)) {
        guard.discarded[family]++;
        continue;
      }
      const prefix = internPrefix(prefixes, family, buf, at);
      if (ahead !== 0 && !receivedPaths.hasRoom(table, source, prefix, pathId)) {
        this.discardPath(family);
        continue;
      }
      const accepted = policy.accept(family, prefix, received);
      table.announce(source, prefix, received, accepted, pathId);
      rib.sets.release(accepted);
    }
    rib.sets.release(received);
  }

  private withdraw(family: FamilyIndex, buf: Buffer, start: number, end: number): void {
    if (!this.negotiatedFamilies[family]) return;
    const table = this.context.rib.families[family];
    const ahead = this.receivedPaths.octets[family];
    for (let at = start + ahead; at < end; at += nlriOctets(buf[at]) + ahead) {
      const prefix = findPrefix(table.prefixes, family, buf, at);
      if (prefix !== NONE) table.withdraw(this.source, prefix, ahead === 0 ? 0 : nlriPathId(buf, at));
    }
  }

  private discardPath(family: FamilyIndex): void {
    const { discarded, most } = this.receivedPaths;
    if (discarded[family]++ > 0) return;
    this.context.event(this, { type: 'pathLimit', family: familyNames[family], limit: most[family] });
  }

  /** Whether the path of the prefix that stands at `buf[at]` is no further one: the peer announces it already; `hasOld`: or did so earlier. */
  private mayReplace(family: FamilyIndex, buf: Buffer, at: number, pathId: number, hasOld: boolean): boolean {
    const table = this.context.rib.families[family];
    const prefix = findPrefix(table.prefixes, family, buf, at);
    const path = prefix === NONE ? NONE : table.paths.find(prefix, this.source, pathId);
    return path !== NONE && (hasOld || table.isUpToDate(path as PathId));
  }

  private endOfRib(family: FamilyIndex): void {
    this.refreshes.endOfRib(family);
    this.context.event(this, { type: 'endOfRib', family: familyNames[family] });
    this.retention.endOfRib(family);
    this.context.endOfRib(this, family);
  }

  private noteMalformed(error: WireError): void {
    if (!this.malformed.note(error)) return;
    this.context.event(this, {
      type: 'malformed',
      error: error.message,
      attribute: error.attribute ?? null,
      offset: error.offset,
      severity: error.severity,
    });
  }

  private makeRetention(): Retention {
    const peer = this;
    const { context } = this;
    return new Retention({
      source: this.source,
      get settings() {
        return peer.settings;
      },
      table: (family) => context.rib.families[family],
      mark: context.markLongLived,
      event: (event) => context.event(this, event),
    });
  }

  private factsOf({ localAddress, remoteAddress, scopeId }: Negotiated): LinkFacts {
    return linkFacts(localAddress, remoteAddress, this.context.addresses(), scopeId, isBoundToLink(this));
  }

  private sourceInfo(routerId: number): SourceInfo {
    return {
      kind: 'bgp',
      name: this.settings.name,
      preference: this.context.bgpPreference,
      ibgp: this.ibgp,
      confed: this.relation === 'confed',
      client: this.settings.routeReflectorClient,
      clusterId: this.settings.clusterId,
      routerId,
      peerAddress: this.settings.address,
      remoteAsn: this.settings.asn,
      forwarding: 'nextHop',
    };
  }

  private makeSession(): PeerSession {
    const { ownAsns, routerId } = this.context;
    const session = new PeerSession(sessionSettings(this.settings, ownAsns, routerId), this);
    session.setPassword(this.password);
    return session;
  }

  /** `name (address)`, for messages. */
  toString(): string {
    return `${this.settings.name} (${formatAddress(this.settings.address)})`;
  }
}
