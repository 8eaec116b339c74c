/**
 * A routing node: RIB, kernel thread, speaker and the node's own routes, wired together and run from a Router.
 * `apply` takes a new Router and touches what differs.
 */
import { setImmediate } from 'node:timers/promises';
import { type FamilyIndex, IPV4 } from '../address/index.js';
import { FallOver, type Peer, type PeerEvent, Speaker } from '../bgp/speaker/index.js';
import { diffRouter, type PolicyChange, type RouterDiff } from '../config/index.js';
import type { Router } from '../config/router.js';
import { version } from '../control/index.js';
import { createFib, type FibLog, type KernelThread } from '../fib/index.js';
import { FibInstaller } from '../fib/installer.js';
import type {
  Fib,
  FibEvent,
  ForeignRoute,
  Forwarding,
  InterfaceAddress,
  KernelSettings,
  LinkState,
} from '../fib/types.js';
import { localBlocks } from '../hostgw/index.js';
import { NatKeeper, natTable, removeNatTable } from '../nftables/index.js';
import type { PrefixId } from '../rib/ids.js';
import { LocalRoutes } from '../rib/local-routes.js';
import { Rib } from '../rib/rib.js';
import { Slices } from '../rib/slices.js';
import { RpkiCaches } from '../rpki/index.js';
import { Monitoring } from './bmp/index.js';
import { Neighbours } from './neighbours.js';
import { OriginValidation } from './origin-validation.js';
import { Overlay } from './overlay/index.js';
import { takeOverNodes } from './overlay/take-over.js';
import { isOtherPassword, readPassword } from './passwords.js';
import { RouterPolicies } from './policies.js';
import { Recording } from './recording/index.js';
import { ReloadParts } from './reload-parts.js';
import { keepYoungGenerationSmall } from './young-generation.js';

export interface NodeListener {
  /** Something happened: `type` and fields, for the log and for subscribers. */
  event(level: 'debug' | 'info' | 'warn' | 'error', type: string, fields: Record<string, unknown>): void;
  /** The node can't go on. */
  fatal(message: string): void;
  /** Tables were cut after a mass withdrawal. */
  shrunk?(): void;
}

/** One line per change, and the peers whose sessions end for it. */
export interface ReloadPlan {
  readonly changes: string[];
  readonly resets: string[];
}

/** Links and addresses of the machine. */
type Machine = Pick<Extract<FibEvent, { type: 'interfaces' }>, 'links' | 'addresses'>;

const passwordLine = (peer: string) => `peer ${peer}: the password changed`;

const warnings: ReadonlySet<PeerEvent['type']> = new Set([
  'failed',
  'longLivedStale',
  'staleExpired',
  'malformed',
  'noNextHop',
  'tooLong',
  'prefixWarning',
  'prefixLimit',
  'pathLimit',
  'password',
  'noNeighbour',
  'ambiguousNeighbour',
  'refreshExpired',
]);
/** What a peer can bring about as often as it likes. */
const details: ReadonlySet<PeerEvent['type']> = new Set([
  'refreshAsked',
  'refreshBegun',
  'refreshEnded',
  'refreshIgnored',
  'refreshSent',
]);

function levelOf(event: PeerEvent): 'debug' | 'info' | 'warn' {
  // A peer that is away for days is news once, and so is a session that nobody here wanted to end.
  if (event.type === 'state') return event.repeated ? 'debug' : 'info';
  if (event.type === 'closed') return event.requested ? 'info' : 'warn';
  return warnings.has(event.type) ? 'warn' : details.has(event.type) ? 'debug' : 'info';
}

export function kernelSettings({ kernel }: Router): KernelSettings {
  return {
    install: kernel.install,
    table: kernel.table,
    protocol: kernel.protocol,
    metric: kernel.metric,
    source: [kernel.source.ipv4 ?? null, kernel.source.ipv6 ?? null],
    nexthopCompat: kernel.nexthopCompat,
  };
}

/** Whether routes of a peer with these filters (undefined: none are configured) may be judged otherwise now. */
function concerns(change: PolicyChange, filters: readonly string[] | undefined, external: boolean): boolean {
  if (change === 'all') return true;
  if (filters === undefined) return change.withoutFilters && external;
  return filters.some((name) => change.filters.has(name));
}

/** With `kernel.install: false` nothing is written. */
const onlyLooks = { setOverlay: () => {}, changeOverlay: () => {} };

/** A foreign route's identity: what the kernel tells routes apart by, and who owns it. */
function foreignKey({ prefix, metric, protocol }: ForeignRoute): string {
  return `${prefix.family} ${prefix.a} ${prefix.b} ${prefix.c} ${prefix.d} ${prefix.length} ${metric} ${protocol}`;
}

export class RoutingNode {
  readonly slices: Slices;
  readonly rib: Rib;
  readonly speaker: Speaker;
  readonly startedAt = new Date();
  readonly recording: Recording;
  readonly rpki: RpkiCaches;
  readonly validation: OriginValidation;
  private readonly fallOver = new FallOver();
  private readonly neighbours: Neighbours;
  readonly monitoring: Monitoring;
  links: readonly LinkState[] = [];
  addresses: readonly InterfaceAddress[] = [];
  private readonly policies: RouterPolicies;
  private readonly local: LocalRoutes;
  readonly overlay: Overlay;
  private readonly nat: NatKeeper;
  private readonly installer: FibInstaller | null;
  private readonly foreign = new Map<string, ForeignRoute>();
  private readonly parts = new ReloadParts();
  private stopping = false;
  private listening: Promise<void> = Promise.resolve();
  private listenFailures: readonly string[] = [];

  /** Has the kernel thread begin and waits for its first look at the machine, then brings everything up. */
  static async start(
    router: Router,
    restarted: boolean,
    listener: NodeListener,
    thread?: KernelThread,
  ): Promise<RoutingNode> {
    const slices = new Slices({
      onError: (error) => listener.fatal(`a bug: ${error instanceof Error ? error.stack : String(error)}`),
    });
    const rib = new Rib({
      maxPaths: router.maxPaths,
      medRules: router.med,
      slices,
      shrunk: () => listener.shrunk?.(),
      kernelMetric: router.kernel.metric,
    });
    const log: FibLog = (level, message, fields) => listener.event(level, 'kernel', { message, ...fields });
    const prefixes = [rib.families[0].prefixes.shared(), rib.families[1].prefixes.shared()] as const;
    const fib = await createFib({ prefixes, settings: kernelSettings(router), log }, thread);
    const ready = await new Promise<Extract<FibEvent, { type: 'ready' }>>((resolve, reject) => {
      let waiting = true;
      fib.on((event) => {
        if (!waiting) return;
        if (event.type === 'ready') resolve(event);
        else if (event.type === 'fatal') reject(new Error(event.message));
        else return;
        waiting = false;
      });
    });
    const adopted = ready.adopted[0] + ready.adopted[1];
    const node = new RoutingNode(router, rib, slices, fib, restarted || adopted > 0, listener);
    listener.event('info', 'kernelReady', {
      links: ready.links.length,
      adopted: { ipv4: ready.adopted[0], ipv6: ready.adopted[1] },
      foreign: ready.foreign.length,
    });
    // What the kernel thread says meanwhile waits, but for what tunnels need.
    let held: FibEvent[] | null = [];
    let machine: Machine = ready;
    fib.on((event) => {
      if (held === null || event.type === 'overlay') node.fibEvent(event);
      else if (event.type !== 'interfaces') held.push(event);
      else {
        machine = event;
        node.trackInterfaces(event.links, event.addresses);
        node.overlay.interfaces(event.links, event.addresses);
      }
    });
    // The addresses of nodes are next hops, and thousands: they resolve as they come, if the machine is known.
    node.fibEvent({ type: 'foreign', added: ready.foreign, removed: [] });
    node.trackInterfaces(ready.links, ready.addresses);
    await takeOverNodes(node.overlay, router, ready.links, ready.addresses);
    if (router.pools.length > 0 && router.kernel.install) node.nat.apply(natTable(router.pools));
    node.fibEvent({ type: 'interfaces', ...machine });
    for (const event of held) node.fibEvent(event);
    held = null;
    await setImmediate();
    await node.bringUp();
    // A table of an earlier run, that nothing asks for any more, goes; nobody waits for that.
    if (router.pools.length === 0 && router.kernel.install) node.nat.apply(null);
    keepYoungGenerationSmall();
    return node;
  }

  private constructor(
    private current: Router,
    rib: Rib,
    slices: Slices,
    readonly fib: Fib,
    readonly restarted: boolean,
    private readonly listener: NodeListener,
  ) {
    this.rib = rib;
    this.slices = slices;
    this.rpki = new RpkiCaches({
      changed: (prefixes) => this.speaker.revalidate(prefixes),
      event: (event) => {
        const { type, ...fields } = event;
        const repeated = event.type === 'state' && event.repeated;
        listener.event(type === 'failed' ? 'warn' : repeated ? 'debug' : 'info', `rpki.${type}`, fields);
      },
    });
    this.validation = new OriginValidation(rib, this.rpki, current.confederation?.id ?? current.asn);
    this.policies = new RouterPolicies(rib, current, this.rpki.table);
    this.overlay = new Overlay(
      {
        rib,
        fib: current.kernel.install ? fib : onlyLooks,
        event: (level, type, fields) => listener.event(level, type, fields),
        changed: (isAffected) => this.installer?.encapsulationChanged(isAffected),
      },
      current,
      current.preference.inventory,
    );
    this.nat = new NatKeeper({ event: (level, type, fields) => listener.event(level, type, fields) });
    this.installer = current.kernel.install
      ? new FibInstaller(rib, fib, current.linkBandwidth === 'use', this.overlay)
      : null;
    this.local = new LocalRoutes(rib, current.preference);
    const expected = current.peers.filter((peer) => !peer.shutdown).map((peer) => peer.name);
    this.speaker = new Speaker(
      {
        rib,
        slices,
        identity: {
          asn: current.asn,
          confederation: current.confederation,
          routerId: current.routerId,
          bgpPreference: current.preference.bgp,
        },
        policies: this.policies,
        restarting: restarted,
        deferralSeconds: current.gracefulRestart.deferralSeconds,
        absenceSeconds: current.gracefulRestart.absenceSeconds,
        readPassword,
        event: (peer, event) => this.peerEvent(peer, event),
        announces: (missing) => {
          listener.event(missing.length > 0 ? 'warn' : 'info', 'restartAnnounces', { missing });
        },
        rangeEvent: ({ name }, { type, ...fields }) =>
          this.listener.event('warn', type, { range: name, ...fields }),
        expectedRanges: restarted ? current.peerRanges.map(({ name }) => name) : [],
        converged: (pending) => void this.converged(pending),
      },
      restarted ? expected : [],
    );
    this.neighbours = new Neighbours({
      fib,
      speaker: this.speaker,
      failed: (device, error) =>
        listener.event('warn', 'routerAdvertisementFailed', { interface: device, error }),
    });
    this.recording = new Recording({ rib, speaker: this.speaker, startedAt: this.startedAt }, listener);
    this.monitoring = new Monitoring({
      rib,
      slices,
      speaker: this.speaker,
      description: `Tartan ${version()}`,
      name: current.name,
      event: (level, type, fields) => listener.event(level, type, fields),
    });
  }

  get router(): Router {
    return this.current;
  }

  get phase(): 'starting' | 'restarting' | 'running' | 'stopping' {
    if (this.stopping) return 'stopping';
    return this.speaker.awaited.length > 0 ? 'restarting' : 'running';
  }

  /** What is wrong with the last reload, tunnels, nodes and translation, a line each; many of one kind are one, unless `all` are asked for. */
  problems(all = false): string[] {
    return [
      ...this.parts.failures.map((failure) => `${failure}; reload again`),
      ...this.overlay.problems(all),
      ...(this.nat.problem === null ? [] : [this.nat.problem]),
    ];
  }

  device(ifindex: number): string {
    return this.links.find((link) => link.ifindex === ifindex)?.name ?? `interface ${ifindex}`;
  }

  desired(family: FamilyIndex, prefix: PrefixId): Forwarding | null {
    return this.installer?.desired(family, prefix) ?? null;
  }

  /** What `apply` would do; throws where that would. */
  plan(next: Router): ReloadPlan {
    const diff = this.diff(next);
    const isReset = new Set(diff.resets);
    const passwords = new Map(next.peers.map(({ name, password }) => [name, password]));
    const renewed = [...this.speaker.peers].flatMap(([name, { password }]) =>
      !isReset.has(name) && isOtherPassword(passwords.get(name), password) ? [name] : [],
    );
    return { changes: [...diff.lines, ...renewed.map(passwordLine)], resets: diff.resets };
  }

  /**
   * Applies another Router; throws where it takes a restart of the daemon, with nothing changed. A part that fails keeps no
   * other from being done: `failures` and `problems` name it, and the next reload does it again.
   */
  async apply(next: Router): Promise<ReloadPlan & { failures: readonly string[] }> {
    const diff = this.diff(next);
    const { current: former, parts } = this;
    this.current = next;
    parts.do('policy', () => {
      this.policies.setRouter(next);
      this.rib.setMaxPaths(next.maxPaths);
      this.installer?.setUsesBandwidth(next.linkBandwidth === 'use');
      this.rib.setMedRules(next.med);
    });
    parts.do('mrt', () => this.recording.apply(next.mrt));
    parts.do('bmp', () => this.monitoring.apply(next.bmp));
    parts.do('rpki', () => this.rpki.apply(next.rpki.caches));
    parts.do('kernel', () => {
      if (!diff.kernel) return;
      this.rib.nextHops.setKernelMetric(next.kernel.metric);
      this.fib.configure(kernelSettings(next));
    });
    parts.do('preference', () => {
      this.local.setPreference(next.preference);
      this.overlay.setPreference(next.preference.inventory);
      this.speaker.setPreference(next.preference.bgp);
    });
    parts.do('pools, nodes and tunnels', () => {
      if (!diff.overlay) return;
      this.overlay.apply(next);
      if (next.kernel.install) this.nat.apply(natTable(next.pools));
    });
    parts.do('confederation', () => this.speaker.setConfederation(next.confederation));
    parts.do('networks, static and learn', () => this.applyLocal());
    await parts.doing('peers', () => this.applyPeers(next, diff));
    parts.do('interfaces of peers', () => {
      if (!this.stopping) this.neighbours.apply(next);
    });
    let renewed: string[] = [];
    parts.do('passwords', () => {
      renewed = this.speaker.renewPasswords();
    });
    // Also what could not be opened before.
    if (!this.stopping) await parts.doing('listen', () => this.listen());
    parts.end(former);
    return {
      changes: [...diff.lines, ...renewed.map(passwordLine)],
      resets: diff.resets,
      failures: parts.failures,
    };
  }

  private diff(next: Router): RouterDiff & { resets: string[] } {
    if (this.stopping) throw new Error('the daemon is stopping');
    const diff = this.parts.diff(this.current, (from) => diffRouter(from, next));
    if (diff.restart.length > 0) {
      throw new Error(
        `${diff.restart.join(', ')} can't change while the daemon runs; restart it (routes stay)`,
      );
    }
    // Who is to be added is there already where a reload before failed on the way.
    const isThere = (name: string): boolean => this.speaker.peers.has(name);
    const added = diff.peers.added.filter((name) => !isThere(name));
    const again = diff.peers.added.filter(isThere);
    const changed = [
      ...diff.peers.changed.filter(({ name }) => !again.includes(name)),
      ...again.map((name) => ({ name, change: 'session' as const })),
    ];
    const resets = changed.flatMap(({ name, change }) => (change === 'session' ? [name] : []));
    return { ...diff, peers: { ...diff.peers, added, changed }, resets };
  }

  private async applyPeers(next: Router, { peers, ranges, policies }: RouterDiff): Promise<void> {
    const settingsOf = new Map(next.peers.map((peer) => [peer.name, peer]));
    await Promise.all(peers.removed.map((name) => this.speaker.removePeer(name)));
    if (this.stopping) return;
    const changes = peers.changed.flatMap(({ name, change }) => {
      const settings = settingsOf.get(name);
      return settings === undefined ? [] : [{ settings, change }];
    });
    // All in one go: nobody is judged by filters of the one document under the names of the other.
    const changed = this.speaker.changePeers(changes);
    const ranged = this.speaker.setRanges(next.peerRanges, ranges);
    if (policies !== null) this.speaker.policiesChanged((...of) => concerns(policies, ...of));
    await Promise.all([changed, ranged]);
    if (this.stopping) return;
    // Who is named from now on is of no range any more.
    const added = next.peers.filter(({ name }) => peers.added.includes(name));
    const gone = this.speaker.dynamicPeers.giveUp(added.map(({ address }) => address));
    const started = added.map((settings) => this.speaker.addPeer(settings));
    await gone;
    if (this.stopping) return;
    for (const peer of started) peer.start();
  }

  /** Ends sessions and the kernel thread; routes go or stay as the document says. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.rpki.close();
    this.neighbours.close();
    this.overlay.close();
    this.nat.close();
    const { sessions, routes } = this.current.onStop;
    // What stays must be out of our hands before sessions end and take their routes out of the RIB.
    if (routes === 'keep') await this.fib.close('keep');
    await this.endSessions(sessions === 'graceful');
    await this.recording.close();
    if (routes === 'remove') await this.removeForwarding();
    this.rib.close();
    this.slices.close();
  }

  /** Takes our routes out of the kernel, then tunnels, and the table of address translation. */
  private async removeForwarding(): Promise<void> {
    await this.fib.close('remove');
    if (!this.current.kernel.install || !this.current.pools.some(({ natOutgoing }) => natOutgoing)) return;
    try {
      await removeNatTable();
    } catch (error) {
      this.listener.event('warn', 'natProblem', { message: `natOutgoing: ${(error as Error).message}` });
    }
  }

  /** Ends everything after an error and leaves routes as they are: to peers and kernel as after a crash, but orderly. */
  async abandon(): Promise<void> {
    this.stopping = true;
    this.rpki.close();
    this.neighbours.close();
    this.overlay.close();
    this.nat.close();
    this.slices.close();
    await this.fib.close('keep');
    await this.endSessions(true);
    await this.recording.close();
    this.rib.close();
  }

  /** Collectors are told how sessions ended, and not that their routes went on the way. */
  private async endSessions(graceful: boolean): Promise<void> {
    const ended = this.speaker.stop(graceful);
    await Promise.all([ended, this.monitoring.close()]);
  }

  private async bringUp(): Promise<void> {
    this.recording.apply(this.current.mrt);
    this.monitoring.apply(this.current.bmp);
    this.rpki.apply(this.current.rpki.caches);
    for (const settings of this.current.peers) this.speaker.addPeer(settings);
    await this.speaker.setRanges(this.current.peerRanges, new Map());
    await this.listen();
    for (const peer of this.speaker.peers.values()) peer.start();
    this.neighbours.apply(this.current);
    this.speaker.startDeferral();
  }

  /** Listens as the document says; what can't be opened is tried again when addresses come. One attempt at a time. */
  private listen(): Promise<void> {
    this.listening = this.listening
      .catch(() => {})
      .then(async () => {
        if (this.stopping) return;
        const failures = await this.speaker.listen(this.current.listen);
        for (const message of failures) {
          if (!this.listenFailures.includes(message))
            this.listener.event('error', 'listenFailed', { message });
        }
        this.listenFailures = failures;
      });
    return this.listening;
  }

  private applyLocal(): void {
    const { networks, learn } = this.current;
    const blocks = localBlocks(this.overlay.ownNode?.podCidrs ?? [], networks);
    this.local.setNetworks([...networks, ...blocks]);
    this.local.setStatic(this.current.static, this.links);
    this.local.setConnected(learn, this.links, this.addresses);
    this.local.setKernel(learn, this.links, this.foreign.values());
  }

  /** Next hops resolve by what the machine is now; returns how many links are up. */
  private trackInterfaces(links: readonly LinkState[], addresses: readonly InterfaceAddress[]): number {
    this.links = links;
    this.addresses = addresses;
    const up = new Set(links.filter((link) => link.up).map((link) => link.ifindex));
    const down = new Set(links.filter((link) => !link.up).map((link) => link.ifindex));
    this.rib.nextHops.setInterfaces(
      addresses.filter(({ ifindex }) => up.has(ifindex)),
      down,
    );
    return up.size;
  }

  private fibEvent(event: FibEvent): void {
    switch (event.type) {
      case 'interfaces': {
        const up = this.trackInterfaces(event.links, event.addresses);
        this.fallOver.look(this.speaker.peers, event.links);
        this.speaker.setAddresses(event.addresses);
        this.neighbours.interfaces(event);
        this.overlay.interfaces(event.links, event.addresses);
        this.applyLocal();
        if (this.listenFailures.length > 0) void this.listen();
        this.listener.event('debug', 'interfaces', { up, addresses: event.addresses.length });
        return;
      }
      case 'overlay':
        this.overlay.setStatus(event.status);
        return;
      case 'routers':
        this.neighbours.routers(event.routers);
        return;
      case 'foreign': {
        for (const route of event.removed) this.foreign.delete(foreignKey(route));
        for (const route of event.added) this.foreign.set(foreignKey(route), route);
        this.rib.nextHops.changeKernelRoutes(event.added, event.removed);
        const { learn } = this.current;
        if (learn.kernel.length > 0) this.local.setKernel(learn, this.links, this.foreign.values());
        return;
      }
      case 'routeError': {
        const { prefix, state, error } = event.row;
        const family = event.family === IPV4 ? 'ipv4' : 'ipv6';
        this.listener.event('warn', 'routeError', {
          family,
          prefix,
          state,
          error: error?.message,
          code: error?.code,
        });
        return;
      }
      case 'fatal':
        if (!this.stopping) this.listener.fatal(event.message);
        return;
      case 'ready':
      case 'fence':
      case 'log':
        return;
    }
  }

  private peerEvent(peer: Peer, event: PeerEvent): void {
    const { type, ...fields } = event;
    this.listener.event(levelOf(event), `peer.${type}`, { peer: peer.settings.name, ...fields });
  }

  /** Every expected peer has delivered: what the kernel still holds from before and nobody desires goes. */
  private async converged(pending: readonly string[]): Promise<void> {
    await this.slices.idle();
    if (this.stopping) return;
    try {
      await this.fib.fence();
    } catch (error) {
      // The kernel thread ended while it was asked; why, it has said itself.
      this.listener.event('debug', 'sweepOmitted', { message: (error as Error).message });
      return;
    }
    this.fib.sweep();
    if (this.restarted) {
      this.listener.event(pending.length > 0 ? 'warn' : 'info', 'restartComplete', { missing: pending });
    }
  }
}
