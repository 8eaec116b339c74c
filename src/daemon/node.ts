/**
 * A routing node: RIB, kernel thread, speaker and the node's own routes, wired together and run from a Router.
 * `apply` takes a new Router and touches what differs.
 */
import { type FamilyIndex, IPV4 } from '../address/index.js';
import { type Peer, type PeerEvent, Speaker } from '../bgp/speaker/index.js';
import { diffRouter, type RouterDiff } from '../config/index.js';
import type { Router } from '../config/router.js';
import { version } from '../control/index.js';
import { createFib, type FibLog } from '../fib/index.js';
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
import type { PrefixId } from '../rib/ids.js';
import { LocalRoutes } from '../rib/local-routes.js';
import { Rib } from '../rib/rib.js';
import { Slices } from '../rib/slices.js';
import { RpkiCaches } from '../rpki/index.js';
import { Monitoring } from './bmp/index.js';
import { Neighbours } from './neighbours.js';
import { OriginValidation } from './origin-validation.js';
import { isOtherPassword, readPassword } from './passwords.js';
import { RouterPolicies } from './policies.js';
import { Recording } from './recording/index.js';

export interface NodeListener {
  /** Something happened: `type` and fields, for the log and for subscribers. */
  event(level: 'debug' | 'info' | 'warn' | 'error', type: string, fields: Record<string, unknown>): void;
  /** The node can't go on. */
  fatal(message: string): void;
}

/** One line per change, and the peers whose sessions end for it. */
export interface ReloadPlan {
  readonly changes: string[];
  readonly resets: string[];
}

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

function kernelSettings({ kernel }: Router): KernelSettings {
  return {
    install: kernel.install,
    table: kernel.table,
    protocol: kernel.protocol,
    metric: kernel.metric,
    source: [kernel.source.ipv4 ?? null, kernel.source.ipv6 ?? null],
    nexthopCompat: kernel.nexthopCompat,
  };
}

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
  private readonly neighbours: Neighbours;
  readonly monitoring: Monitoring;
  links: readonly LinkState[] = [];
  addresses: readonly InterfaceAddress[] = [];
  private readonly policies: RouterPolicies;
  private readonly local: LocalRoutes;
  private readonly installer: FibInstaller | null;
  private readonly foreign = new Map<string, ForeignRoute>();
  private stopping = false;
  private listening: Promise<void> = Promise.resolve();
  private listenFailures: readonly string[] = [];

  /** Starts the kernel thread and waits for its first look at the machine, then brings everything up. */
  static async start(router: Router, restarted: boolean, listener: NodeListener): Promise<RoutingNode> {
    const slices = new Slices({
      onError: (error) => listener.fatal(`a bug: ${error instanceof Error ? error.stack : String(error)}`),
    });
    const rib = new Rib({
      maxPaths: router.maxPaths,
      medRules: router.med,
      slices,
      kernelMetric: router.kernel.metric,
    });
    const log: FibLog = (level, message, fields) => listener.event(level, 'kernel', { message, ...fields });
    const fib = await createFib({
      prefixes: [rib.families[0].prefixes.shared(), rib.families[1].prefixes.shared()],
      settings: kernelSettings(router),
      log,
    });
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
    node.fibEvent({ type: 'foreign', added: ready.foreign, removed: [] });
    node.fibEvent({ type: 'interfaces', links: ready.links, addresses: ready.addresses });
    fib.on((event) => node.fibEvent(event));
    await node.bringUp();
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
      event: ({ type, ...fields }) => {
        listener.event(type === 'failed' ? 'warn' : 'info', `rpki.${type}`, fields);
      },
    });
    this.validation = new OriginValidation(rib, this.rpki, current.confederation?.id ?? current.asn);
    this.policies = new RouterPolicies(rib, current, this.rpki.table);
    this.installer = current.kernel.install
      ? new FibInstaller(rib, fib, current.linkBandwidth === 'use')
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

  /** Applies another Router; throws where it takes a restart of the daemon. */
  async apply(next: Router): Promise<ReloadPlan> {
    const diff = this.diff(next);
    this.current = next;
    this.policies.setRouter(next);
    this.rib.setMaxPaths(next.maxPaths);
    this.installer?.setUsesBandwidth(next.linkBandwidth === 'use');
    this.rib.setMedRules(next.med);
    this.recording.apply(next.mrt);
    this.monitoring.apply(next.bmp);
    this.rpki.apply(next.rpki.caches);
    if (diff.kernel) {
      this.rib.nextHops.setKernelMetric(next.kernel.metric);
      this.fib.configure(kernelSettings(next));
    }
    this.local.setPreference(next.preference);
    this.speaker.setPreference(next.preference.bgp);
    this.speaker.setConfederation(next.confederation);
    this.applyLocal();
    await this.applyPeers(next, diff);
    if (!this.stopping) this.neighbours.apply(next);
    const renewed = this.speaker.renewPasswords();
    // Also what could not be opened before.
    if (!this.stopping) await this.listen();
    return { changes: [...diff.lines, ...renewed.map(passwordLine)], resets: diff.resets };
  }

  private diff(next: Router): RouterDiff & { resets: string[] } {
    if (this.stopping) throw new Error('the daemon is stopping');
    const diff = diffRouter(this.current, next);
    if (diff.restart.length > 0) {
      throw new Error(
        `${diff.restart.join(', ')} can't change while the daemon runs; restart it (routes stay)`,
      );
    }
    const resets = diff.peers.changed.flatMap(({ name, change }) => (change === 'session' ? [name] : []));
    return { ...diff, resets };
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
    if (policies) this.speaker.policiesChanged();
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
    const { sessions, routes } = this.current.onStop;
    // What stays must be out of our hands before sessions end and take their routes out of the RIB.
    if (routes === 'keep') await this.fib.close('keep');
    const told = this.monitoring.close();
    await this.speaker.stop(sessions === 'graceful');
    await told;
    await this.recording.close();
    if (routes === 'remove') await this.fib.close('remove');
    this.rib.close();
    this.slices.close();
  }

  /** Ends everything after an error and leaves routes as they are: to peers and kernel as after a crash, but orderly. */
  async abandon(): Promise<void> {
    this.stopping = true;
    this.rpki.close();
    this.neighbours.close();
    this.slices.close();
    await this.fib.close('keep');
    const told = this.monitoring.close();
    await this.speaker.stop(true);
    await told;
    await this.recording.close();
    this.rib.close();
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
    this.listening = this.listening.then(async () => {
      if (this.stopping) return;
      const failures = await this.speaker.listen(this.current.listen);
      for (const message of failures) {
        if (!this.listenFailures.includes(message)) this.listener.event('error', 'listenFailed', { message });
      }
      this.listenFailures = failures;
    });
    return this.listening;
  }

  private applyLocal(): void {
    const { networks, learn } = this.current;
    this.local.setNetworks(networks);
    this.local.setStatic(this.current.static, this.links);
    this.local.setConnected(learn, this.links, this.addresses);
    this.local.setKernel(learn, this.links, this.foreign.values());
  }

  private fibEvent(event: FibEvent): void {
    switch (event.type) {
      case 'interfaces': {
        this.links = event.links;
        this.addresses = event.addresses;
        const up = new Set(event.links.filter((link) => link.up).map((link) => link.ifindex));
        const down = new Set(event.links.filter((link) => !link.up).map((link) => link.ifindex));
        this.rib.nextHops.setInterfaces(
          event.addresses.filter(({ ifindex }) => up.has(ifindex)),
          down,
        );
        this.speaker.setAddresses(event.addresses);
        this.neighbours.interfaces(event);
        this.applyLocal();
        if (this.listenFailures.length > 0) void this.listen();
        this.listener.event('debug', 'interfaces', { up: up.size, addresses: event.addresses.length });
        return;
      }
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
