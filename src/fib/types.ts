/**
 * What the main thread and the kernel thread say to each other. Routes themselves never pass in messages: they
 * lie in shared memory (see shared-fib). Messages carry what is few: forwarding entries, links, addresses,
 * errors.
 */
import type { Address, FamilyIndex, Prefix } from '../address/index.js';
import type { OverlayChange, OverlayState, OverlayStatus } from '../overlay/index.js';
import type { ForwardingId } from '../rib/ids.js';

/** One resolved hop. */
export interface Hop {
  /** null: directly on the link. May be of the other family than the route (RFC 8950). */
  readonly gateway: Address | null;
  readonly ifindex: number;
  /** 1 to 256 (kernel stores weight - 1). */
  readonly weight: number;
  readonly onlink: boolean;
}

/** How to forward; shared by all routes that forward alike, replaced in place when its next hop's resolution changes. */
export type Forwarding =
  | { readonly kind: 'unicast'; readonly hops: readonly Hop[] }
  | { readonly kind: 'blackhole' }
  /** There is no way, and why. What the kernel has for the route goes, or stays while the way is on its way. */
  | { readonly kind: 'unresolved'; readonly reason: string; readonly keeps: boolean };

export interface KernelSettings {
  readonly install: boolean;
  readonly table: number;
  /** Our rtm_protocol. */
  readonly protocol: number;
  readonly metric: number;
  readonly source: readonly [Address | null, Address | null];
  /** false: write 0 to net.ipv4.nexthop_compat_mode; null or true: leave it. */
  readonly nexthopCompat: boolean | null;
}

export interface LinkState {
  readonly ifindex: number;
  readonly name: string;
  /** Administratively up and with carrier (IFF_UP and IFF_LOWER_UP). */
  readonly up: boolean;
  readonly mtu: number;
  readonly mac: string | null;
}

export interface InterfaceAddress {
  readonly ifindex: number;
  /** The address with its prefix length; host bits set. */
  readonly address: Prefix;
  /** Point-to-point peer, where it has one. */
  readonly peer: Address | null;
  readonly scope: number;
  /** IPv6 duplicate address detection still running or failed. */
  readonly tentative: boolean;
}

/** A neighbour that has said on its link that it is a router (RFC 4861), by its link-local address. */
export interface LinkRouter {
  readonly ifindex: number;
  readonly address: Address;
  readonly mac: string | null;
  /** The kernel can send to it: known and not found to be gone. */
  readonly reachable: boolean;
}

/** A route that is not ours, in our table or the main table. */
export interface ForeignRoute {
  readonly prefix: Prefix;
  readonly protocol: number;
  readonly metric: number;
  readonly type: 'unicast' | 'blackhole' | 'unreachable' | 'prohibit' | 'other';
  readonly hops: readonly Hop[];
}

/** State of one route of ours, as `show fib` says it. */
export type FibRouteState =
  | 'pending'
  | 'installed'
  | 'conflict'
  | 'failed'
  | 'unresolved'
  | 'removing'
  | 'held';

export interface FibRouteRow {
  readonly prefix: Prefix;
  readonly state: FibRouteState;
  readonly forwarding: Forwarding | null;
  readonly metric: number;
  /** What the kernel said when it refused, or who holds the prefix. */
  readonly error?: {
    readonly errno: number;
    readonly code: string;
    readonly message: string;
    readonly attempts: number;
    readonly retryInMs: number;
  };
  /** Who holds the prefix and metric in state `conflict`. */
  readonly conflict?: ForeignRoute;
}

/** The kernel thread to the main thread. */
export type FibEvent =
  /** First dump done: what the machine looks like. `adopted` counts routes of ours that were there already. */
  | {
      readonly type: 'ready';
      readonly links: readonly LinkState[];
      readonly addresses: readonly InterfaceAddress[];
      readonly foreign: readonly ForeignRoute[];
      readonly adopted: readonly [number, number];
    }
  /** Links or addresses changed: the whole new state. */
  | {
      readonly type: 'interfaces';
      readonly links: readonly LinkState[];
      readonly addresses: readonly InterfaceAddress[];
    }
  /** With `watchRouters`: all routers on links, the one first seen last at the end. */
  | { readonly type: 'routers'; readonly routers: readonly LinkRouter[] }
  /** What became of the tunnel devices and entries that are desired: whenever it is another. */
  | { readonly type: 'overlay'; readonly status: OverlayStatus }
  /** Foreign routes that came, changed or went. */
  | {
      readonly type: 'foreign';
      readonly added: readonly ForeignRoute[];
      readonly removed: readonly ForeignRoute[];
    }
  /** All that was dirty when `fence(id)` was called has been answered by the kernel. */
  | { readonly type: 'fence'; readonly id: number }
  | { readonly type: 'routeError'; readonly family: FamilyIndex; readonly row: FibRouteRow }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  /** The thread can't go on (no netlink, no permission). */
  | { readonly type: 'fatal'; readonly message: string };

export interface FibStatistics {
  /** Per family: routes of ours that the kernel holds as desired, waiting, refused, held by someone else. */
  readonly families: readonly {
    readonly installed: number;
    readonly pending: number;
    readonly failed: number;
    readonly conflict: number;
    /** Without a way: see Forwarding. */
    readonly unresolved: number;
    readonly held: number;
  }[];
  readonly resyncs: number;
  readonly overflows: number;
}

/** The main thread's handle on the FIB. */
export interface Fib {
  /** Forwarding entries are few and interned by the caller. Defining an id again replaces its content in place under all its routes. */
  defineForwarding(id: ForwardingId, forwarding: Forwarding): void;
  /** Only after no prefix desires it any more. */
  releaseForwarding(id: ForwardingId): void;
  /** Desires `forwarding` for the prefix (0 = no route). Cheap: writes shared memory, wakes the kernel thread. Metric class 1 is the blackhole metric 4294967294. */
  setRoute(family: FamilyIndex, prefix: number, forwarding: ForwardingId, metricClass?: 0 | 1): void;
  /** Whether the kernel thread is done with the prefix, so that its id may be recycled. */
  isIdle(family: FamilyIndex, prefix: number): boolean;
  /** Resolves when all that is dirty now has been answered by the kernel. */
  fence(): Promise<void>;
  /** Ends the hold on adopted routes: what is ours in the kernel and not desired goes. */
  sweep(): void;
  rows(family: FamilyIndex, prefix: Prefix | null, limit: number): Promise<readonly FibRouteRow[]>;
  /** Every row of a family in pages and in no order, for tables too large to be held. */
  walk(family: FamilyIndex): AsyncIterable<readonly FibRouteRow[]>;
  statistics(): Promise<FibStatistics>;
  configure(settings: KernelSettings): void;
  /** Whether events `routers` tell who says on its link that it is a router. */
  watchRouters(on: boolean): void;
  /**
   * Desires these tunnel devices, neighbours, FDB entries and sysctls, and nothing else of ours. What is no longer
   * desired goes when no forwarding entry uses it any more, and not before `sweep`.
   */
  setOverlay(state: OverlayState): void;
  /** Desires a part of it otherwise; devices and sysctls as a whole where they are given. */
  changeOverlay(change: OverlayChange): void;
  /** Resolves when all that an overlay should have was written (or refused), and what may go is gone. */
  overlayFence(): Promise<void>;
  /** Full collections of the kernel thread, which V8 makes only where something is allocated. Resolves when they are done. */
  collect(): Promise<void>;
  on(listener: (event: FibEvent) => void): void;
  /** Stops the thread; routes stay, or are removed first. */
  close(routes: 'keep' | 'remove'): Promise<void>;
}
