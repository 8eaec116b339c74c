/**
 * A Router document as people write it, after the schema accepted its shapes. Everything is optional here, also
 * what the schema requires: a value that the schema refused has been taken out, so that the loader can go on to
 * find the other mistakes.
 */
export interface RouterDocument {
  metadata?: { name?: string };
  spec?: SpecDocument;
}

export interface SpecDocument {
  asn?: number;
  confederation?: { id?: number; members?: (number | undefined)[] };
  clusterId?: string;
  routerId?: string;
  listen?: (ListenDocument | undefined)[];
  maxPaths?: number;
  linkBandwidth?: 'use' | 'ignore';
  med?: { alwaysCompare?: boolean; missingAsWorst?: boolean };
  ebgpRequiresPolicy?: boolean;
  onStop?: { routes?: 'keep' | 'remove'; sessions?: 'graceful' | 'cease' };
  gracefulRestart?: GracefulRestartDocument;
  preference?: Partial<
    Record<'originated' | 'connected' | 'static' | 'inventory' | 'bgp' | 'kernel', number>
  >;
  peers?: (PeerDocument | undefined)[];
  peerRanges?: (PeerRangeDocument | undefined)[];
  peerTemplates?: Record<string, PeerSettingsDocument | undefined>;
  prefixSets?: Record<string, (PrefixMatchDocument | undefined)[] | undefined>;
  filters?: Record<string, (FilterRuleDocument | undefined)[] | undefined>;
  networks?: (string | NetworkDocument | undefined)[];
  static?: (StaticDocument | undefined)[];
  learn?: { connected?: (string | undefined)[]; kernel?: (LearnKernelDocument | undefined)[] };
  pools?: (PoolDocument | undefined)[];
  overlay?: OverlayDocument;
  nodes?: (NodeDocument | undefined)[];
  kernel?: KernelDocument;
  mrt?: MrtDocument;
  rpki?: RpkiDocument;
  bmp?: (CollectorDocument | undefined)[];
}

export interface ListenDocument {
  address?: string;
  port?: number;
}

export interface GracefulRestartDocument {
  enabled?: boolean;
  restartTime?: number;
  notification?: boolean;
  stalePathTime?: number;
  deferral?: number;
  absence?: number;
  longLived?: {
    enabled?: boolean;
    staleTime?: number | { ipv4?: number; ipv6?: number };
    maxStaleTime?: number;
    announceToOthers?: boolean;
  };
}

export interface PeerSettingsDocument {
  description?: string;
  port?: number;
  asn?: number | 'external' | 'internal';
  localAddress?: string;
  device?: string;
  passwordFile?: string;
  passwordEnv?: string;
  passive?: boolean;
  shutdown?: boolean;
  shutdownMessage?: string;
  multihop?: boolean | number;
  ttlSecurity?: boolean | number;
  families?: ('ipv4' | 'ipv6' | undefined)[];
  holdTime?: number;
  keepalive?: number;
  sendHoldTime?: number;
  minHoldTime?: number;
  fastFallover?: boolean;
  connectRetry?: number;
  delayOpen?: number;
  idleHold?: number;
  extendedMessages?: boolean;
  raInterval?: number;
  nextHop?: 'auto' | 'self' | 'unchanged';
  extendedNextHop?: boolean;
  import?: string | (string | undefined)[];
  export?: string | (string | undefined)[];
  gracefulRestart?: GracefulRestartDocument;
  routeReflectorClient?: boolean;
  clusterId?: string;
  aigp?: boolean;
  maxPrefixes?: MaxPrefixesDocument;
  addPath?: AddPathDocument;
  enforceFirstAs?: boolean;
  maxAsPathLength?: number;
  allowOwnAs?: number;
  gracefulShutdown?: boolean;
  acceptBlackhole?: boolean;
  asOverride?: boolean;
  removePrivateAs?: boolean | 'all' | 'replace';
  role?: 'provider' | 'customer' | 'peer' | 'routeServer' | 'routeServerClient';
  strictRole?: boolean;
  localAs?: { asn?: number; noPrepend?: boolean; replaceAs?: boolean };
}

export interface PrefixLimitDocument {
  received?: number;
  sent?: number;
  warnAt?: number;
  action?: 'restart' | 'discard' | 'shutdown';
  restartAfter?: number;
}

export interface MaxPrefixesDocument extends PrefixLimitDocument {
  ipv4?: PrefixLimitDocument;
  ipv6?: PrefixLimitDocument;
}

export interface FamilyAddPathDocument {
  receive?: boolean;
  maxReceived?: number;
  send?: boolean | number | 'all';
}

export interface AddPathDocument extends FamilyAddPathDocument {
  ipv4?: FamilyAddPathDocument;
  ipv6?: FamilyAddPathDocument;
}

export interface PeerDocument extends PeerSettingsDocument {
  name?: string;
  template?: string;
  address?: string;
  interface?: string;
}

export interface PeerRangeDocument extends PeerSettingsDocument {
  name?: string;
  template?: string;
  prefix?: string;
  limit?: number;
  asns?: (number | undefined)[];
}

export type PrefixMatchDocument = string | { prefix?: string; ge?: number; le?: number };

export type Texts = string | (string | undefined)[];
export type Numbers = number | (number | undefined)[];
export type RangeDocument = number | { ge?: number; le?: number };
export type CommunityMatchDocument =
  | (string | undefined)[]
  | { all?: (string | undefined)[]; any?: (string | undefined)[] };
export type CommunityChangeDocument = Partial<Record<'set' | 'add' | 'remove', (string | undefined)[]>>;

export interface AsPathDocument {
  contains?: Numbers;
  startsWith?: Numbers;
  endsWith?: Numbers;
  length?: RangeDocument;
  regex?: Texts;
}

export interface MatchDocument {
  prefix?: PrefixMatchDocument | (PrefixMatchDocument | undefined)[];
  prefixSet?: Texts;
  family?: 'ipv4' | 'ipv6';
  source?: Texts;
  peer?: Texts;
  nextHop?: Texts;
  asPath?: AsPathDocument;
  communities?: CommunityMatchDocument;
  largeCommunities?: CommunityMatchDocument;
  extendedCommunities?: CommunityMatchDocument;
  localPref?: RangeDocument;
  med?: RangeDocument;
  origin?: Texts;
  rpki?: Texts;
}

export interface SetDocument {
  nextHop?: string;
  /** `+10` and `-10` as text, what is below zero also as a number. */
  localPref?: number | string;
  med?: number | string;
  aigp?: number | 'remove';
  origin?: 'igp' | 'egp' | 'incomplete';
  prepend?: number | { asn?: number; times?: number };
  communities?: CommunityChangeDocument;
  largeCommunities?: CommunityChangeDocument;
  extendedCommunities?: CommunityChangeDocument;
  validationState?: boolean;
}

export interface FilterRuleDocument {
  match?: MatchDocument;
  set?: SetDocument;
  action?: 'accept' | 'reject';
}

export interface NetworkDocument {
  prefix?: string;
  blackhole?: boolean;
  communities?: (string | undefined)[];
  aigp?: number;
}

export interface StaticDocument {
  prefix?: string;
  via?: string | (string | undefined)[];
  device?: string;
  blackhole?: boolean;
  aigp?: number;
}

export interface LearnKernelDocument {
  protocols?: (number | string | undefined)[];
  interfaces?: (string | undefined)[];
}

export interface PoolDocument {
  cidr?: string;
  backend?: 'none' | 'ipip' | 'vxlan';
  mode?: 'always' | 'crossSubnet';
  export?: boolean;
  natOutgoing?: boolean;
}

export interface TunnelDocument {
  device?: string;
  mtu?: number | 'auto';
  checksumOffload?: boolean;
}

export interface VxlanDocument extends TunnelDocument {
  vni?: number;
  port?: number;
}

export interface OverlayDocument {
  profile?: 'calico' | 'flannel';
  sameSubnet?: 'address' | 'route';
  mac?: 'name' | 'given';
  vxlan?: { ipv4?: VxlanDocument; ipv6?: VxlanDocument };
  ipip?: TunnelDocument;
}

export interface VtepDocument {
  address?: string;
  mac?: string;
}

export interface NodeDocument {
  name?: string;
  addresses?: (string | undefined)[];
  podCIDRs?: (string | undefined)[];
  vtep?: { ipv4?: VtepDocument; ipv6?: VtepDocument };
  ipipAddress?: string;
  receives?: ('none' | 'ipip' | 'vxlan' | undefined)[];
}

export interface KernelDocument {
  install?: boolean;
  table?: number | 'main';
  protocol?: number;
  metric?: number;
  source?: { ipv4?: string; ipv6?: string };
  nexthopCompat?: boolean;
}

export interface CacheDocument {
  name?: string;
  address?: string;
  port?: number;
  preference?: number;
  refresh?: number;
  retry?: number;
  expire?: number;
}

export interface RpkiDocument {
  caches?: (CacheDocument | undefined)[];
}

export interface CollectorDocument {
  name?: string;
  address?: string;
  port?: number;
  localAddress?: string;
  routes?: { received?: boolean; accepted?: boolean; locRib?: boolean };
  mirror?: boolean;
  statistics?: number;
  connectRetry?: number;
  stallTime?: number;
}

export interface MrtDocument {
  table?: { path?: string; every?: number };
  updates?: { path?: string; rotate?: number };
}
