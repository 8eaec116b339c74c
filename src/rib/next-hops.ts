/**
 * Next-hop tracking: every next hop that some attribute set names, how it resolves now, and who must know when that
 * changes (RFC 4271 §9.1.2.1).
 *
 * A next hop resolves by the longest match over three tables: connected networks, the kernel's routes of other daemons,
 * and our own best routes, those recursively, never through a route that itself depends on the next hop. A link-local
 * next hop resolves on the interface that is its scope and nowhere else.
 *
 * Best routes depend on how next hops resolve, and that on best routes, so there are tables that never come to rest
 * (a path that is best only while it is not). A next hop that keeps changing to and fro is held unresolved for a while,
 * longer each time.
 *
 * Changes come from outside (interfaces, kernel routes) and from the RIB (`routeChanged`). A changed prefix is looked up
 * in a trie of the tracked addresses; what lies in it is queued, `run` resolves it again, and listeners hear of those
 * that came out differently.
 */
import {
  type Address,
  formatAddress,
  IPV4,
  isLinkLocal,
  type Prefix,
  sameAddress,
} from '../address/index.js';
import { type NextHopId, NONE } from './ids.js';
import { filled } from './memory.js';
import {
  connectedNetwork,
  hostPrefix,
  keyOf,
  type ResolutionStep,
  sameConnected,
  sameHop,
  sameHops,
  sameIndexes,
} from './next-hop-keys.js';
import { PrefixTrie } from './prefix-trie.js';

/** One way out. */
export interface ResolvedHop {
  /** null: the destination itself is on the link. */
  readonly gateway: Address | null;
  readonly ifindex: number;
}

/** An address of ours on an interface that is up. */
export interface ConnectedAddress {
  readonly ifindex: number;
  /** With its prefix length, host bits as they are. */
  readonly address: Prefix;
  /** The other end of a point-to-point link; the connected network is then this peer's address with that length. */
  readonly peer: Address | null;
}

/** A route of somebody else in the kernel. */
export interface KernelRoute {
  readonly prefix: Prefix;
  readonly protocol: number;
  readonly metric: number;
  /** `other` is ignored; what isn't `unicast` makes the next hops it covers unreachable. */
  readonly type: 'unicast' | 'blackhole' | 'unreachable' | 'prohibit' | 'other';
  readonly hops: readonly ResolvedHop[];
}

/** A best route of the RIB, as far as it resolves next hops. */
export interface CoveringRoute {
  readonly prefix: Prefix;
  readonly forwarding:
    | {
        readonly kind: 'recursive';
        /** Of the paths to forward by. */
        readonly nextHops: readonly NextHopId[];
        /** Of all accepted paths of the prefix, chosen or not: none of these resolves through it. */
        readonly candidates: readonly NextHopId[];
        /** For each of `nextHops`, what the path's AIGP adds to the distance; absent: nothing. Infinity: a BGP path without. */
        readonly aigp?: readonly number[];
      }
    | { readonly kind: 'onLink'; readonly ifindex: number }
    | { readonly kind: 'unreachable' };
}

/** The RIB as next-hop tracking sees it: the longest best route for the address, no longer than `maxLength` bits. */
export type RouteLookup = (address: Address, maxLength: number) => CoveringRoute | null;

/** The decision process may come out differently: resolvable or not, or another metric. */
export const RESOLUTION_CHANGED = 1;
/** Forwarding changed: other gateways or interfaces. */
export const HOPS_CHANGED = 2;

/** The next hop of a set that carries none: routes that we originate. Always resolved, with no hops. */
export const SELF = 0 as NextHopId;

const MAX_DEPTH = 8;
const MAX_LOOKUPS = 256;
const MAX_HOPS = 64;

/** As many changes of resolution, each within the window after the one before, and a next hop is held unresolved. */
const UNSTABLE_CHANGES = 8;
const UNSTABLE_WINDOW_MS = 10_000;
/** For so long, doubled each time up to the maximum. */
const HOLD_MS = 1_000;
const MAX_HOLD_MS = 60_000;

interface TrackedNextHop {
  readonly address: Address;
  readonly scope: number;
  readonly global: Address | null;
  references: number;
  queued: boolean;
  hops: readonly ResolvedHop[];
  /** The next hops of the routes that it resolves through. */
  through: readonly NextHopId[];
  /** Changes of resolution in a row, and when the last one was. */
  changes: number;
  changedAt: number;
  /** Unresolved until then, whatever the tables say; performance.now() milliseconds. */
  heldUntil: number;
  holdMs: number;
}

interface OutsideRoute {
  readonly prefix: Prefix;
  connected: number[];
  kernel: KernelRoute[];
}

interface Resolution {
  readonly hops: ResolvedHop[];
  metric: number;
  distance: number;
}

const noHops: readonly ResolvedHop[] = [];
const noInterfaces: ReadonlySet<number> = new Set();
const self: TrackedNextHop = {
  address: { family: IPV4, a: 0, b: 0, c: 0, d: 0 },
  scope: 0,
  global: null,
  references: 1,
  queued: false,
  hops: noHops,
  through: [],
  changes: 0,
  changedAt: 0,
  heldUntil: 0,
  holdMs: HOLD_MS,
};

export class NextHopTable {
  /** By NextHopId: 1 = resolved. Made anew when it grows. */
  resolved = new Uint8Array(64);
  /** By NextHopId: cost of getting there, as RFC 4271 §9.1.2.2 (e) compares it. */
  metric = new Uint32Array(64);
  /**
   * By NextHopId: how far it is for AIGP (RFC 7311 §3.4.3). The metric, but never 0, which would be no step at all; through
   * BGP routes what their own AIGP says is added, and through one without it, it is Infinity.
   */
  distance = new Float64Array(64);
  /** Goes up whenever a distance changes. */
  distanceChanges = 0;

  private readonly entries: (TrackedNextHop | null)[] = [self];
  private readonly freeIds: NextHopId[] = [];
  private readonly ids = new Map<string | number, NextHopId>();
  /** What `intern4` last answered, for which address; NONE: that next hop is gone. */
  private recentWord: number = NONE;
  private recent = SELF;
  private readonly tracked = [new PrefixTrie(0), new PrefixTrie(1)] as const;
  private readonly outside = [new PrefixTrie(0), new PrefixTrie(1)] as const;
  private readonly outsideRoutes: (OutsideRoute | null)[] = [];
  private readonly freeOutside: number[] = [];
  private connected: readonly ConnectedAddress[] = [];
  private down: ReadonlySet<number> = noInterfaces;
  private queue: NextHopId[] = [];
  private readonly listeners: ((id: NextHopId, change: number) => void)[] = [];
  private wakers: (() => void)[] = [];
  private lookup: RouteLookup = () => null;
  private lookups = 0;
  /** By next hop, those that resolve through it. */
  private readonly dependents = new Map<NextHopId, Set<NextHopId>>();
  /** Next hops of routes looked at in the resolution under way. */
  private visited: NextHopId[] = [];
  private readonly holds = new Set<NodeJS.Timeout>();

  /** `kernelMetric`: the metric of our own kernel routes; a kernel route of the same prefix wins up to it. */
  constructor(private kernelMetric = 1024) {
    this.resolved[SELF] = 1;
  }

  /** Where our own best routes are looked up. */
  setRouteLookup(lookup: RouteLookup): void {
    this.lookup = lookup;
    this.queueAll();
  }

  setKernelMetric(metric: number): void {
    this.kernelMetric = metric;
    this.queueAll();
  }

  /** The same for an IPv4 address in host order. */
  intern4(a: number): NextHopId {
    if (a === this.recentWord) {
      (this.entries[this.recent] as TrackedNextHop).references++;
      return this.recent;
    }
    const id = this.intern({ family: IPV4, a, b: 0, c: 0, d: 0 }, 0);
    this.recentWord = a;
    this.recent = id;
    return id;
  }

  /**
   * The id of a next hop with one more reference, resolved at once if new. `scope`: interface of a link-local address, else
   * 0. `global`: the address beside it (RFC 2545 §3), by which the same router is known elsewhere.
   */
  intern(address: Address, scope: number, global: Address | null = null): NextHopId {
    if (scope !== 0 && !isLinkLocal(address)) scope = 0;
    const key = keyOf(address, scope, global);
    const known = this.ids.get(key);
    if (known !== undefined) {
      (this.entries[known] as TrackedNextHop).references++;
      return known;
    }
    const id = this.freeIds.pop() ?? (this.entries.length as NextHopId);
    this.entries[id] = { ...self, address, scope, global };
    if (id >= this.resolved.length) {
      const room = this.resolved.length * 2;
      this.resolved = filled(new Uint8Array(room), this.resolved);
      this.metric = filled(new Uint32Array(room), this.metric);
      this.distance = filled(new Float64Array(room), this.distance);
    }
    this.ids.set(key, id);
    if (scope === 0) this.tracked[address.family].set(hostPrefix(address), id);
    this.resolve(id);
    return id;
  }

  retain(id: NextHopId): void {
    const entry = this.entries[id];
    if (id !== SELF && entry) entry.references++;
  }

  /** One reference less; after the last the id may name another next hop. */
  release(id: NextHopId): void {
    const entry = this.entries[id];
    if (id === SELF || !entry || --entry.references > 0) return;
    const { address, scope, global } = entry;
    this.ids.delete(keyOf(address, scope, global));
    if (scope === 0) this.tracked[address.family].delete(hostPrefix(address));
    this.setThrough(id, entry, []);
    if (id === this.recent) this.recentWord = NONE;
    this.entries[id] = null;
    this.resolved[id] = 0;
    this.metric[id] = 0;
    this.distance[id] = 0;
    this.freeIds.push(id);
  }

  /** null for SELF. */
  address(id: NextHopId): Address | null {
    return id === SELF ? null : (this.entries[id]?.address ?? null);
  }

  /** The address by which it is known beyond its link; null for SELF. */
  global(id: NextHopId): Address | null {
    return this.entries[id]?.global ?? this.address(id);
  }

  /** Interface of a link-local next hop, else 0. */
  scope(id: NextHopId): number {
    return this.entries[id]?.scope ?? 0;
  }

  /** How to get there now; empty while unresolved. Another array once it changed, so identity tells. */
  hops(id: NextHopId): readonly ResolvedHop[] {
    return this.entries[id]?.hops ?? noHops;
  }

  /** Next hops tracked now. */
  get count(): number {
    return this.ids.size;
  }

  /** Calls back with RESOLUTION_CHANGED and HOPS_CHANGED as bits, from within `run`. */
  onChange(listener: (id: NextHopId, change: number) => void): void {
    this.listeners.push(listener);
  }

  /** Calls back when there is something to `run`. */
  onWork(waker: () => void): void {
    this.wakers.push(waker);
  }

  /**
   * All addresses of ours on interfaces that are up, and the interfaces that are down or without carrier; replaces the
   * former ones.
   */
  setInterfaces(connected: readonly ConnectedAddress[], down: ReadonlySet<number> = noInterfaces): void {
    if (sameConnected(connected, this.connected) && sameIndexes(down, this.down)) return;
    this.down = down;
    for (const each of this.connected) {
      this.editOutside(connectedNetwork(each), (route) => {
        route.connected = [];
      });
    }
    this.connected = connected;
    for (const each of connected) {
      this.editOutside(connectedNetwork(each), (route) => {
        if (!route.connected.includes(each.ifindex)) route.connected.push(each.ifindex);
      });
    }
    this.queueAll();
  }

  /** Kernel routes of others that came or changed, and that went. A route is known by prefix, metric and protocol. */
  changeKernelRoutes(added: readonly KernelRoute[], removed: readonly KernelRoute[]): void {
    const isSame = (x: KernelRoute, y: KernelRoute) => x.metric === y.metric && x.protocol === y.protocol;
    for (const gone of removed) {
      this.editOutside(gone.prefix, (route) => {
        route.kernel = route.kernel.filter((each) => !isSame(each, gone));
      });
      this.routeChanged(gone.prefix);
    }
    for (const route of added) {
      if (route.type === 'other') continue;
      this.editOutside(route.prefix, (at) => {
        at.kernel = [...at.kernel.filter((each) => !isSame(each, route)), route].sort(
          (x, y) => x.metric - y.metric,
        );
      });
      this.routeChanged(route.prefix);
    }
  }

  /** Whether a tracked next hop lies in an IPv4 prefix; the cheap question before `routeChanged`. */
  covers4(a: number, length: number): boolean {
    return this.tracked[0].anyWithin4(a, length);
  }

  /** A route for the prefix came, changed or went: next hops in it are resolved again by the next `run`. */
  routeChanged(prefix: Prefix): void {
    this.tracked[prefix.family].within(prefix, (id) => this.enqueue(id as NextHopId));
  }

  get hasWork(): boolean {
    return this.queue.length > 0;
  }

  /** Resolves what is queued until `deadline` (performance.now() milliseconds). Returns whether more is left. */
  run(deadline: number): boolean {
    let n = 0;
    for (let id = this.queue.pop(); id !== undefined; id = this.queue.pop()) {
      const entry = this.entries[id];
      if (entry?.queued) {
        entry.queued = false;
        const change = this.resolve(id) | this.damp(id, entry);
        if (change !== 0) {
          for (const listener of this.listeners) listener(id, change);
          for (const dependent of this.dependents.get(id) ?? []) this.enqueue(dependent);
        }
      }
      if ((++n & 15) === 0 && performance.now() >= deadline) break;
    }
    return this.queue.length > 0;
  }

  /** The whole chain of a resolution as it stands now, for people. */
  trace(id: NextHopId): ResolutionStep[] {
    const entry = this.entries[id];
    const steps: ResolutionStep[] = [];
    if (id === SELF || !entry) return steps;
    this.lookups = 0;
    if (entry.heldUntil > performance.now()) {
      steps.push({ address: entry.address, by: 'unstable', prefix: null, hops: noHops });
    } else if (entry.scope !== 0) this.resolveScoped(entry, steps);
    else this.follow(entry.address, [id], steps);
    return steps;
  }

  /** Stops the timers. */
  close(): void {
    for (const timer of this.holds) clearTimeout(timer);
    this.holds.clear();
  }

  private queueAll(): void {
    for (let id = 1; id < this.entries.length; id++) if (this.entries[id]) this.enqueue(id as NextHopId);
  }

  private enqueue(id: NextHopId): void {
    const entry = this.entries[id];
    if (!entry || entry.queued) return;
    entry.queued = true;
    this.queue.push(id);
    if (this.queue.length === 1) for (const wake of this.wakers) wake();
  }

  private editOutside(prefix: Prefix, edit: (route: OutsideRoute) => void): void {
    const trie = this.outside[prefix.family];
    const known = trie.get(prefix);
    const route = this.outsideRoutes[known] ?? { prefix, connected: [], kernel: [] };
    edit(route);
    if (route.connected.length > 0 || route.kernel.length > 0) {
      if (known !== NONE) return;
      const slot = this.freeOutside.pop() ?? this.outsideRoutes.length;
      this.outsideRoutes[slot] = route;
      trie.set(prefix, slot);
    } else if (known !== NONE) {
      trie.delete(prefix);
      this.outsideRoutes[known] = null;
      this.freeOutside.push(known);
    }
  }

  /** Resolves one next hop and stores the outcome; returns what changed. */
  private resolve(id: NextHopId): number {
    const entry = this.entries[id] as TrackedNextHop;
    this.lookups = 0;
    this.visited = [];
    const held = entry.heldUntil > 0 && entry.heldUntil > performance.now();
    const outcome = held
      ? null
      : entry.scope !== 0
        ? this.resolveScoped(entry, null)
        : this.follow(entry.address, [id], null);
    this.setThrough(id, entry, this.visited);
    const resolved = outcome === null ? 0 : 1;
    const metric = outcome?.metric ?? 0;
    const distance = outcome?.distance ?? 0;
    const hops = outcome?.hops ?? noHops;
    let change = 0;
    if (resolved !== this.resolved[id] || metric !== this.metric[id]) change |= RESOLUTION_CHANGED;
    if (distance !== this.distance[id]) {
      change |= RESOLUTION_CHANGED;
      this.distance[id] = distance;
      this.distanceChanges++;
    }
    if (!sameHops(hops, entry.hops)) {
      change |= HOPS_CHANGED;
      entry.hops = hops;
    }
    this.resolved[id] = resolved;
    this.metric[id] = metric;
    if ((change & RESOLUTION_CHANGED) !== 0 && !held) {
      const now = performance.now();
      entry.changes = now - entry.changedAt < UNSTABLE_WINDOW_MS ? entry.changes + 1 : 1;
      entry.changedAt = now;
    }
    return change;
  }

  private setThrough(id: NextHopId, entry: TrackedNextHop, through: readonly NextHopId[]): void {
    if (through.length === 0 && entry.through.length === 0) return;
    for (const before of entry.through) {
      const dependents = this.dependents.get(before);
      dependents?.delete(id);
      if (dependents?.size === 0) this.dependents.delete(before);
    }
    for (const now of through) {
      const dependents = this.dependents.get(now);
      if (dependents === undefined) this.dependents.set(now, new Set([id]));
      else dependents.add(id);
    }
    entry.through = through;
  }

  /** Holds a next hop unresolved that changed too often in a row; returns what that changed. */
  private damp(id: NextHopId, entry: TrackedNextHop): number {
    if (entry.changes < UNSTABLE_CHANGES) return 0;
    const now = performance.now();
    const again = now - entry.heldUntil < MAX_HOLD_MS && entry.heldUntil > 0;
    entry.holdMs = again ? Math.min(entry.holdMs * 2, MAX_HOLD_MS) : HOLD_MS;
    entry.heldUntil = now + entry.holdMs;
    entry.changes = 0;
    const timer = setTimeout(() => {
      this.holds.delete(timer);
      if (this.entries[id] === entry) this.enqueue(id);
    }, entry.holdMs + 1);
    timer.unref();
    this.holds.add(timer);
    return this.resolve(id);
  }

  private resolveScoped(entry: TrackedNextHop, steps: ResolutionStep[] | null): Resolution | null {
    const up = this.connected.some(
      (each) => each.ifindex === entry.scope && each.address.family === entry.address.family,
    );
    const hops = up ? [{ gateway: entry.address, ifindex: entry.scope }] : [];
    steps?.push({ address: entry.address, by: up ? 'interface' : 'nothing', prefix: null, hops });
    return up ? { hops, metric: 0, distance: 1 } : null;
  }

  /** Follows one address to the ways out. `within`: the next hops on whose behalf, which no route may lead through again. */
  private follow(
    address: Address,
    within: readonly NextHopId[],
    steps: ResolutionStep[] | null,
  ): Resolution | null {
    const note = (by: ResolutionStep['by'], prefix: Prefix | null, hops: readonly ResolvedHop[]) =>
      steps?.push({ address, by, prefix, hops });
    // Link-local without an interface: of a link that is not ours, whatever routes to fe80::/10 we have.
    const isOffLink = address.family !== IPV4 && isLinkLocal(address);
    if (isOffLink || this.connected.some((each) => sameAddress(each.address, address))) {
      note(isOffLink ? 'off link' : 'own address', null, noHops);
      return null;
    }
    const outside = this.outside[address.family].matches(address);
    let maxLength = address.family === IPV4 ? 32 : 128;
    while (this.lookups++ < MAX_LOOKUPS) {
      const route = this.lookup(address, maxLength);
      const match = outside.at(-1);
      const other = match && (this.outsideRoutes[match.value] as OutsideRoute);
      if (match && other && (route === null || this.precedes(other, match.length, route.prefix.length))) {
        if (other.connected.length > 0) {
          const hops = other.connected.map((ifindex) => ({ gateway: address, ifindex }));
          note('connected', other.prefix, hops);
          return { hops: hops.slice(0, 1), metric: 0, distance: 1 };
        }
        // The kernel keeps routes, the connected one too, on a link that lost its carrier; nothing gets through there.
        const isUp = ({ ifindex }: ResolvedHop): boolean => !this.down.has(ifindex);
        const leads = ({ type, hops }: KernelRoute): boolean => type !== 'unicast' || hops.some(isUp);
        const best = other.kernel.find(leads) ?? other.kernel[0];
        const ways = best.hops.filter(isUp);
        if (best.type !== 'unicast' || ways.length === 0) {
          note('kernel', other.prefix, noHops);
          return null;
        }
        const hops = ways.map((hop) => ({ gateway: hop.gateway ?? address, ifindex: hop.ifindex }));
        note('kernel', other.prefix, hops);
        return { hops, metric: best.metric, distance: Math.max(1, best.metric) };
      }
      if (route === null) break;
      const { forwarding } = route;
      if (forwarding.kind === 'onLink') {
        const hops = [{ gateway: address, ifindex: forwarding.ifindex }];
        note('route', route.prefix, hops);
        return { hops, metric: 0, distance: 1 };
      }
      if (forwarding.kind === 'unreachable') {
        note('route', route.prefix, noHops);
        return null;
      }
      if (!forwarding.candidates.some((id) => within.includes(id))) {
        const outcome = this.recurse(forwarding, within, steps, () => note('route', route.prefix, noHops));
        if (outcome !== null) return outcome;
      }
      maxLength = route.prefix.length - 1;
      if (maxLength < 0 && outside.length === 0) break;
    }
    note('nothing', null, noHops);
    return null;
  }

  /** The ways out of all next hops of a route together, or null if none resolves. */
  private recurse(
    { nextHops, aigp }: Extract<CoveringRoute['forwarding'], { kind: 'recursive' }>,
    within: readonly NextHopId[],
    steps: ResolutionStep[] | null,
    note: () => void,
  ): Resolution | null {
    if (within.length >= MAX_DEPTH) return null;
    note();
    const all: ResolvedHop[] = [];
    let metric = Number.POSITIVE_INFINITY;
    let distance = Number.POSITIVE_INFINITY;
    for (const [i, id] of nextHops.entries()) {
      const entry = this.entries[id];
      if (!entry) continue;
      this.visited.push(id);
      const outcome =
        entry.scope !== 0
          ? this.resolveScoped(entry, steps)
          : this.follow(entry.address, [...within, id], steps);
      if (outcome === null) continue;
      metric = Math.min(metric, outcome.metric);
      distance = Math.min(distance, outcome.distance + (aigp?.[i] ?? 0));
      for (const hop of outcome.hops) {
        if (all.length < MAX_HOPS && !all.some((each) => sameHop(each, hop))) all.push(hop);
      }
    }
    return all.length === 0 ? null : { hops: all, metric, distance };
  }

  /** Whether a route outside the RIB is the one the kernel takes, against a best route of that length. */
  private precedes(other: OutsideRoute, length: number, routeLength: number): boolean {
    if (length !== routeLength) return length > routeLength;
    return other.connected.length > 0 || other.kernel[0].metric <= this.kernelMetric;
  }
}

/** `192.0.2.1 dev 3`, for messages. */
export function formatHop(hop: ResolvedHop): string {
  return hop.gateway === null ? `dev ${hop.ifindex}` : `${formatAddress(hop.gateway)} dev ${hop.ifindex}`;
}
