/** The daemon as its control socket sees it. */
import {
  type Address,
  type FamilyIndex,
  familyIndex,
  familyNames,
  formatAddress,
  formatIpv4,
  formatPrefix,
  type Prefix,
  parseAddress,
  parsePrefix,
  sameAddress,
  unspecified6,
} from '../address/index.js';
import { type Peer, takesAigp } from '../bgp/speaker/index.js';
import { MAX_EXTENDED_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH, MAX_SHUTDOWN_TEXT } from '../bgp/wire/index.js';
import {
  type CacheRow,
  type CollectorRow,
  ControlError,
  type ControlTarget,
  type DaemonEvent,
  type Explanation,
  type FibRow,
  type LoopDelayReport,
  type NodeRow,
  type OverlayReport,
  type PeerAction,
  type PeerRow,
  type PoolRow,
  type RefreshDirection,
  type RefreshReport,
  type ReloadResult,
  type RouteQuery,
  type RouteRow,
  type StatusReport,
  type VrpRow,
} from '../control/api.js';
import type { FibRouteRow } from '../fib/types.js';
import { collectorRow } from './bmp/rows.js';
import { type DroppedSegments, droppedHint, droppedSegments } from './dropped-segments.js';
import { explainPrefix } from './explain.js';
import type { LoopDelay } from './loop-delay.js';
import type { RoutingNode } from './node.js';
import { nodeRows, overlayReport, poolRows } from './overlay/rows.js';
import { restartStatus, retentionStatus } from './restart-status.js';
import { RouteViews } from './route-views.js';
import { downStatus, missingFilters } from './session-status.js';

export interface TargetOptions {
  readonly node: RoutingNode;
  readonly version: string;
  readonly loopDelay: LoopDelay;
  reload(dryRun?: boolean): Promise<ReloadResult>;
  subscribe(listener: (event: DaemonEvent) => void): () => void;
}

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

export class DaemonTarget implements ControlTarget {
  private readonly views: RouteViews;
  private readonly node: RoutingNode;
  /** The kernel's counts when a peer's session last ended, or when the daemon started. */
  private readonly dropsBefore = new WeakMap<Peer, DroppedSegments>();
  private readonly dropsAtStart = droppedSegments();

  constructor(private readonly options: TargetOptions) {
    this.node = options.node;
    this.views = new RouteViews(this.node.rib, this.node.speaker, this.node.validation);
    options.subscribe(({ type, peer }) => {
      if (type !== 'peer.closed') return;
      const known = this.node.speaker.peers.get(String(peer));
      if (known !== undefined) this.dropsBefore.set(known, droppedSegments());
    });
  }

  async status(): Promise<StatusReport> {
    const { node } = this;
    const { confederation, clusterId } = node.router;
    const statistics = await node.fib.statistics();
    const problems = node.problems();
    const routes: StatusReport['routes'] = {};
    const fib: StatusReport['fib'] = {};
    for (const family of [0, 1] as const) {
      const table = node.rib.families[family];
      routes[familyNames[family]] = { prefixes: table.bestCount, paths: table.paths.count };
      fib[familyNames[family]] = { ...statistics.families[family] };
    }
    const ranges = node.speaker.dynamicPeers.states().map(({ range, peers, refused, lastError }) => ({
      name: range.name,
      prefix: formatPrefix(range.prefix),
      peers,
      limit: range.limit,
      refused,
      ...(lastError === null ? {} : { lastError }),
    }));
    return {
      name: node.router.name,
      version: this.options.version,
      asn: node.router.asn,
      ...(confederation === null ? {} : { confederation: { ...confederation } }),
      routerId: formatIpv4(node.router.routerId),
      ...(clusterId === null ? {} : { clusterId: formatIpv4(clusterId) }),
      startedAt: node.startedAt.toISOString(),
      rss: process.memoryUsage.rss(),
      resources: countsOf(process.getActiveResourcesInfo()),
      loopDelay: this.options.loopDelay.report(),
      phase: node.phase,
      ...restartStatus(node.speaker),
      routes,
      fib,
      ...(ranges.length === 0 ? {} : { peerRanges: ranges }),
      ...(problems.length === 0 ? {} : { problems }),
    };
  }

  clearLoopDelay(): LoopDelayReport {
    const { loopDelay } = this.options;
    const report = loopDelay.report();
    loopDelay.clear();
    return report;
  }

  peers(): PeerRow[] {
    const drops = droppedSegments();
    return [...this.node.speaker.peers.values()].map((peer) => this.peerRow(peer, drops));
  }

  routes(query: RouteQuery): Iterable<RouteRow> {
    return this.views.rows(query);
  }

  countRoutes(query: RouteQuery): number {
    return this.views.count(query);
  }

  fib(query: { prefix?: string; family?: 'ipv4' | 'ipv6'; state?: FibRow['state'] }): AsyncIterable<FibRow> {
    const prefix = query.prefix === undefined ? null : this.prefixOf(query.prefix);
    const families: readonly FamilyIndex[] =
      prefix !== null ? [prefix.family] : query.family === undefined ? [0, 1] : [familyIndex(query.family)];
    return this.fibRows(families, prefix, query.state);
  }

  explain(prefix: string): Promise<Explanation> {
    const { node, views } = this;
    return explainPrefix(
      {
        rib: node.rib,
        speaker: node.speaker,
        fib: node.fib,
        views,
        installs: node.router.kernel.install,
        device: (ifindex) => node.device(ifindex),
        desired: (family, id) => node.desired(family, id),
        validation: node.validation,
        overlay: node.overlay,
      },
      prefix,
    );
  }

  mrtTable(): AsyncIterable<Uint8Array> {
    return this.node.recording.table();
  }

  reload(dryRun = false): Promise<ReloadResult> {
    return this.options.reload(dryRun);
  }

  collectors(): CollectorRow[] {
    return [...this.node.monitoring.collectors.values()].map(collectorRow);
  }

  pools(): PoolRow[] {
    return poolRows(this.node.router, this.node.overlay);
  }

  nodes(): Iterable<NodeRow> {
    return nodeRows(this.node.overlay);
  }

  overlay(): OverlayReport {
    return { ...overlayReport(this.node.router, this.node.overlay), problems: this.node.problems(true) };
  }

  rpki(): CacheRow[] {
    return this.node.validation.rows();
  }

  vrps(prefix?: string): Iterable<VrpRow> {
    const { table } = this.node.rpki;
    return prefix === undefined ? table.inForce() : table.covering(this.prefixOf(prefix));
  }

  peerAction(name: string, action: PeerAction, message?: string): void {
    const peer = this.peerNamed(name);
    const octets = Buffer.byteLength(message ?? '');
    if (octets > MAX_SHUTDOWN_TEXT) {
      throw new ControlError(400, `the message has ${octets} octets; expected at most ${MAX_SHUTDOWN_TEXT}`);
    }
    switch (action) {
      case 'shutdown':
        peer.shutdown(message ?? null);
        return;
      case 'enable':
        if (peer.settings.shutdown)
          throw new ControlError(409, `${name} is shut down in the document; change it there`);
        peer.enable();
        return;
      case 'reset':
        if (peer.isShutdown) throw new ControlError(409, `${name} is shut down; enable it first`);
        peer.reset(message ?? null);
        return;
    }
  }

  refreshPeer(name: string, direction?: RefreshDirection): RefreshReport {
    const peer = this.peerNamed(name);
    if (peer.negotiated === null) {
      throw new ControlError(409, `the session with ${name} is not established; expected one that is`);
    }
    return {
      peer: name,
      ...(direction === 'out' ? {} : { in: this.node.speaker.refreshIn(peer) }),
      ...(direction === 'in' ? {} : { out: this.node.speaker.refreshOut(peer) }),
    };
  }

  events(listener: (event: DaemonEvent) => void): () => void {
    return this.options.subscribe(listener);
  }

  private peerNamed(name: string): Peer {
    const peer = this.node.speaker.peers.get(name);
    if (peer !== undefined) return peer;
    const known = [...this.node.speaker.peers.keys()].join(', ');
    throw new ControlError(404, `no peer is named ${name}; there are: ${known || 'none'}`);
  }

  /** What went wrong last, with what the kernel's counts may say of it. */
  private errorOf(peer: Peer, drops: DroppedSegments): string | null {
    const { session, negotiated, password, passwordError } = peer;
    const said = peer.lastError ?? (negotiated === null ? session.lastError : null);
    const before = this.dropsBefore.get(peer) ?? this.dropsAtStart;
    const protection = { password: password !== null, ttlSecurity: peer.settings.ttlSecurity !== undefined };
    const down = negotiated === null && !peer.isShutdown;
    const hint = down ? droppedHint(protection, before, drops) : null;
    const parts = [passwordError, said, hint].filter((part) => part !== null);
    return parts.length === 0 ? null : parts.join('; ');
  }

  private peerRow(peer: Peer, drops: DroppedSegments): PeerRow {
    const { settings, session, negotiated, guard } = peer;
    const { interfacePeers } = this.node.speaker;
    const waitsFor = interfacePeers.waitsFor(peer);
    const oddity = interfacePeers.warning(peer);
    const warnings = [
      ...(negotiated === null ? [] : guard.warnings()),
      ...(oddity === null ? [] : [oddity]),
      ...missingFilters(peer, this.node.router.ebgpRequiresPolicy),
    ];
    const families: PeerRow['families'] = {};
    const maxPrefixes: NonNullable<PeerRow['maxPrefixes']> = {};
    for (const name of settings.families) {
      const family = familyIndex(name);
      const { received, accepted } = this.node.rib.sources.counts(peer.source)[family];
      const announced = this.node.speaker.announcedCount(peer, family);
      const agreed = negotiated === null || negotiated.families.includes(family);
      families[name] = { received, accepted, announced, ...(agreed ? {} : { agreed }) };
      const limit = settings.maxPrefixes[name];
      if (limit !== undefined) {
        maxPrefixes[name] = {
          ...(limit.received === undefined ? {} : { received: limit.received }),
          ...(limit.sent === undefined ? {} : { sent: limit.sent }),
          discarded: guard.discarded[family],
        };
      }
    }
    const { counters } = session;
    const malformed = peer.malformed.rows().map(({ attribute, severity, count, error, offset, at }) => {
      return { attribute, severity, count, last: { error, offset, at: at.toISOString() } };
    });
    return {
      name: settings.name,
      address: sameAddress(settings.address, unspecified6) ? null : formatAddress(settings.address),
      asn: settings.asn === 0 ? null : settings.asn,
      relation: peer.relation,
      ...(peer.relation !== 'ibgp' || !settings.routeReflectorClient ? {} : { routeReflectorClient: true }),
      ...(settings.clusterId === undefined ? {} : { clusterId: formatIpv4(settings.clusterId) }),
      ...(takesAigp(settings, peer.relation) ? { aigp: true } : {}),
      state: peer.isShutdown && session.state === 'idle' ? 'shutdown' : session.state,
      since: session.stateSince.toISOString(),
      ...downStatus(peer),
      families,
      ...(settings.device === undefined ? {} : { device: settings.device }),
      ...(settings.interface === undefined ? {} : { interface: settings.interface }),
      ...(waitsFor === null || peer.isShutdown ? {} : { waitsFor }),
      lastError: this.errorOf(peer, drops),
      ...(settings.range === undefined ? {} : { range: settings.range }),
      ...(settings.password === undefined ? {} : { authentication: 'tcp-md5' }),
      ...(settings.ttlSecurity === undefined ? {} : { ttlSecurity: settings.ttlSecurity }),
      ...(settings.role === undefined
        ? {}
        : { role: { local: settings.role, remote: negotiated?.peerRole ?? null } }),
      ...(settings.description === undefined ? {} : { description: settings.description }),
      ...(negotiated === null
        ? {}
        : {
            holdTimeSeconds: negotiated.holdTimeSeconds,
            maxMessageLength: negotiated.extendedMessage ? MAX_EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH,
            routeRefresh: negotiated.enhancedRefresh
              ? 'enhanced'
              : negotiated.routeRefresh
                ? 'plain'
                : 'none',
            localAddress: formatAddress(negotiated.localAddress),
            extendedNextHop: negotiated.extendedNextHop,
            routerId: formatIpv4(negotiated.peerOpen.routerId),
          }),
      messages: { received: counters.messagesReceived, sent: counters.messagesSent },
      ...this.addPathOf(peer),
      ...(Object.keys(maxPrefixes).length === 0 ? {} : { maxPrefixes }),
      ...(warnings.length === 0 ? {} : { warnings }),
      ...(malformed.length === 0 ? {} : { malformed }),
      ...(guard.hold === null ? {} : { held: { until: guard.hold.until?.toISOString() ?? null } }),
      ...(peer.isStale ? { stale: true } : {}),
      ...retentionStatus(peer),
    };
  }

  private addPathOf({ negotiated, settings, receivedPaths }: Peer): Pick<PeerRow, 'addPath'> {
    const addPath: NonNullable<PeerRow['addPath']> = {};
    for (const family of negotiated?.families ?? []) {
      const { receives, sends } = negotiated?.addPath[family] ?? { receives: false, sends: false };
      if (!receives && !sends) continue;
      addPath[familyNames[family]] = {
        receive: receives && receivedPaths.most[family],
        discarded: receivedPaths.discarded[family],
        send: sends && (settings.addPath?.[familyNames[family]]?.send ?? false),
      };
    }
    return Object.keys(addPath).length === 0 ? {} : { addPath };
  }

  private prefixOf(text: string): Prefix {
    const address = parseAddress(text);
    if (address !== null) return { ...address, length: address.family === 0 ? 32 : 128 };
    const prefix = parsePrefix(text);
    if (prefix === null) throw new ControlError(400, `${text} is neither an address nor a prefix`);
    return prefix;
  }

  private async *fibRows(
    families: readonly FamilyIndex[],
    prefix: Prefix | null,
    state: FibRow['state'] | undefined,
  ): AsyncGenerator<FibRow> {
    for (const family of families) {
      const pages =
        prefix === null ? this.node.fib.walk(family) : [await this.node.fib.rows(family, prefix, 16)];
      for await (const page of pages) {
        for (const row of page) if (state === undefined || row.state === state) yield this.fibRow(row);
      }
    }
  }

  private nodeBehind(ifindex: number, gateway: Address | null): { node?: string } {
    const node = gateway === null ? null : this.node.overlay.nodeBehind(ifindex, gateway);
    return node === null ? {} : { node };
  }

  private fibRow(row: FibRouteRow): FibRow {
    const { forwarding, conflict, error } = row;
    const hops = forwarding?.kind === 'unicast' ? forwarding.hops : [];
    const held = conflict && `held by protocol ${conflict.protocol} with the same metric`;
    return {
      prefix: formatPrefix(row.prefix),
      state: row.state,
      kind: forwarding?.kind ?? null,
      nextHops: hops.map(({ gateway, ifindex, weight }) => ({
        gateway: gateway === null ? null : formatAddress(gateway),
        device: this.node.device(ifindex),
        weight,
        ...this.nodeBehind(ifindex, gateway),
      })),
      metric: row.metric,
      error: error
        ? // What was never asked of the kernel has no error of its own.
          error.code === ''
          ? error.message
          : `${error.code}: ${error.message}`
        : (held ?? null),
    };
  }
}
