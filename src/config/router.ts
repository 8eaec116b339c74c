/**
 * A Router: everything that one node does, normalised. Text has become integers, templates are merged into their
 * peers, defaults are filled in. This is what the daemon runs on, and the only thing it runs on.
 */
import type { Address, Family, Prefix } from '../address/index.js';
import type { Filter } from '../policy/types.js';

export interface Router {
  /** metadata.name: the node's name. */
  readonly name: string;
  readonly asn: number;
  /** BGP Identifier, u32. */
  readonly routerId: number;
  readonly listen: readonly ListenAddress[];
  /** Equal-cost paths that the FIB gets for one prefix at most; 1 = no ECMP. */
  readonly maxPaths: number;
  readonly ebgpRequiresPolicy: boolean;
  readonly onStop: { readonly routes: 'keep' | 'remove'; readonly sessions: 'graceful' | 'cease' };
  readonly gracefulRestart: GracefulRestartConfig;
  readonly preference: Readonly<Record<RouteSourceKind, number>>;
  readonly peers: readonly PeerConfig[];
  readonly filters: Readonly<Record<string, Filter>>;
  readonly networks: readonly NetworkConfig[];
  readonly static: readonly StaticConfig[];
  readonly learn: LearnConfig;
  readonly kernel: KernelConfig;
}

export type RouteSourceKind = 'originated' | 'connected' | 'static' | 'inventory' | 'bgp' | 'kernel';

export interface ListenAddress {
  readonly address: Address;
  readonly port: number;
}

export interface GracefulRestartConfig {
  readonly enabled: boolean;
  /** Seconds that peers shall keep our routes after our session dropped (RFC 4724 Restart Time, 12 bits). */
  readonly restartTimeSeconds: number;
  /** At start: longest wait for every expected peer's End-of-RIB before held kernel routes are swept. */
  readonly deferralSeconds: number;
}

export interface PeerConfig {
  readonly name: string;
  readonly description?: string;
  readonly address: Address;
  readonly port: number;
  readonly asn: number;
  readonly localAddress?: Address;
  readonly passive: boolean;
  /** Administratively shut down in the document. */
  readonly shutdown: boolean;
  /** null: not multihop (eBGP: TTL 1, peer on a connected subnet). A number: TTL of outgoing packets. */
  readonly multihop: number | null;
  readonly families: readonly Family[];
  readonly holdTimeSeconds: number;
  /** Absent: a third of the negotiated hold time. */
  readonly keepaliveSeconds?: number;
  readonly connectRetrySeconds: number;
  readonly delayOpenSeconds: number;
  readonly idleHoldSeconds: number;
  readonly nextHop: 'auto' | 'self' | 'unchanged';
  /** Names of filters, all of which must accept, in order; undefined: none configured (RFC 8212 applies). */
  readonly import?: readonly string[];
  readonly export?: readonly string[];
  readonly gracefulRestart: GracefulRestartConfig;
  /** RFC 4456: the peer is a client of ours (iBGP only). */
  readonly routeReflectorClient: boolean;
}

export interface NetworkConfig {
  readonly prefix: Prefix;
  readonly blackhole: boolean;
  /** RFC 1997 communities attached at origination. */
  readonly communities: readonly number[];
}

export interface StaticConfig {
  readonly prefix: Prefix;
  readonly via: readonly Address[];
  readonly device?: string;
  readonly blackhole: boolean;
}

export interface LearnConfig {
  /** Interface name patterns (`*` matches any run) whose connected prefixes enter the RIB. */
  readonly connected: readonly string[];
  /** Foreign kernel routes: by rtm_protocol number and by interface pattern. */
  readonly kernel: readonly {
    readonly protocols: readonly number[];
    readonly interfaces: readonly string[];
  }[];
}

export interface KernelConfig {
  readonly install: boolean;
  readonly table: number;
  readonly protocol: number;
  readonly metric: number;
  /** Preferred source per family. */
  readonly source: { readonly ipv4?: Address; readonly ipv6?: Address };
  readonly nexthopCompat: boolean | null;
}
