/**
 * A Router: everything that one node does, normalised. Text has become integers, templates are merged into their
 * peers, defaults are filled in. This is what the daemon runs on, and the only thing it runs on.
 */
import type { Address, Prefix } from '../address/index.js';
import type { Confederation } from '../bgp/speaker/confederation.js';
import type { PeerRange } from '../bgp/speaker/dynamic-peers.js';
import type { GracefulRestartSettings, PeerSettings } from '../bgp/speaker/settings.js';
import type { IpipSettings } from '../ipip/index.js';
import type { Backend, Pool } from '../policy/pools.js';
import type { Filter, PrefixSets } from '../policy/types.js';
import type { MedRules } from '../rib/decision.js';
import type { LearnPatterns, LocalNetwork, LocalStatic } from '../rib/local-routes.js';
import type { RouteSourceKind } from '../rib/sources.js';
import type { CacheSettings } from '../rpki/types.js';
import type { VxlanSettings } from '../vxlan/settings.js';

export type NetworkConfig = LocalNetwork;
export type StaticConfig = LocalStatic;
export type LearnConfig = LearnPatterns;
export type PeerConfig = PeerSettings;
export type PeerRangeConfig = PeerRange;
export type GracefulRestartConfig = GracefulRestartSettings;

export interface Router {
  /** metadata.name: the node's name. */
  readonly name: string;
  /** In a confederation, that of our member AS. */
  readonly asn: number;
  /** RFC 5065; null: we are in none. */
  readonly confederation: Confederation | null;
  /** BGP Identifier, u32. */
  readonly routerId: number;
  /** RFC 4456, u32; null: the same as `routerId`. */
  readonly clusterId: number | null;
  readonly listen: readonly ListenAddress[];
  /** Equal-cost paths that the FIB gets for one prefix at most; 1 = no ECMP. */
  readonly maxPaths: number;
  /** Whether these share traffic as their link bandwidth communities say. */
  readonly linkBandwidth: 'use' | 'ignore';
  readonly med: MedRules;
  readonly ebgpRequiresPolicy: boolean;
  readonly onStop: { readonly routes: 'keep' | 'remove'; readonly sessions: 'graceful' | 'cease' };
  readonly gracefulRestart: GracefulRestartConfig;
  readonly preference: Readonly<Record<RouteSourceKind, number>>;
  readonly peers: readonly PeerConfig[];
  readonly peerRanges: readonly PeerRangeConfig[];
  /** Prefix lists that filters refer to. */
  readonly prefixSets: PrefixSets;
  readonly filters: Readonly<Record<string, Filter>>;
  readonly networks: readonly NetworkConfig[];
  readonly static: readonly StaticConfig[];
  readonly learn: LearnConfig;
  /** CIDRs are unique. */
  readonly pools: readonly Pool[];
  readonly overlay: OverlayConfig;
  /** Names and addresses are unique; this node's own is among them where it is known. */
  readonly nodes: readonly NodeConfig[];
  readonly kernel: KernelConfig;
  readonly mrt: MrtConfig;
  readonly rpki: RpkiConfig;
  readonly bmp: readonly CollectorConfig[];
}

export type { RouteSourceKind };

export interface ListenAddress {
  readonly address: Address;
  readonly port: number;
}

export interface OverlayConfig {
  readonly profile: 'calico' | 'flannel';
  readonly sameSubnet: 'address' | 'route';
  readonly mac: 'name' | 'given';
  /** By family. */
  readonly vxlan: readonly [VxlanSettings, VxlanSettings];
  readonly ipip: IpipSettings;
}

export interface NodeConfig {
  readonly name: string;
  /** Host bits set; `length` is null where the document gives none. The first of a family is where tunnels end. */
  readonly addresses: readonly { readonly address: Address; readonly length: number | null }[];
  readonly podCidrs: readonly Prefix[];
  /** By family; null: no VTEP. A null `mac` is not known. */
  readonly vteps: readonly [VtepConfig | null, VtepConfig | null];
  readonly ipipAddress: Address | null;
  readonly receives: readonly Backend[] | null;
}

export interface VtepConfig {
  readonly address: Address;
  readonly mac: string | null;
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

export interface RpkiConfig {
  /** Names are unique; in the document's order. */
  readonly caches: readonly CacheSettings[];
}

/** Recordings; null: none. Paths are absolute, with fields of strftime(3). */
export interface MrtConfig {
  readonly table: { readonly path: string; readonly everySeconds: number } | null;
  readonly updates: { readonly path: string; readonly rotateSeconds: number } | null;
}

/** A collector that is told by BMP (RFC 7854). */
export interface CollectorConfig {
  readonly name: string;
  readonly address: Address;
  readonly port: number;
  readonly localAddress?: Address;
  /** Of which tables it is told. */
  readonly routes: { readonly received: boolean; readonly accepted: boolean; readonly locRib: boolean };
  /** Messages of peers are copied to it. */
  readonly mirror: boolean;
  /** 0: no statistics. */
  readonly statisticsSeconds: number;
  /** Longest wait between two attempts to connect. */
  readonly connectRetrySeconds: number;
  /** One that takes nothing for so long is given up. */
  readonly stallSeconds: number;
}
