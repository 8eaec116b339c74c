/**
 * What the daemon answers on its control socket, as types. The server knows this interface and nothing of BGP.
 * Field names are part of the contract that others script against.
 */

type RoleName = 'provider' | 'customer' | 'peer' | 'routeServer' | 'routeServerClient';

export interface PeerRow {
  name: string;
  /** null: of a peer by interface, not learnt yet. */
  address: string | null;
  /** null: any external one will do, and no OPEN has said it yet. */
  asn: number | null;
  /** Who it is to us: `confed` is in another member AS of our confederation (RFC 5065). */
  relation: 'ibgp' | 'confed' | 'ebgp';
  /** RFC 4456: it is a client of ours. */
  routeReflectorClient?: true;
  /** The cluster that the peer is in, where the document says so. */
  clusterId?: string;
  /** RFC 7311 §3.3: AIGP counts on the session. */
  aigp?: true;
  /** RFC 4271 §8.2.2 state in lower case, or 'shutdown'. */
  state: 'idle' | 'connect' | 'active' | 'openSent' | 'openConfirm' | 'established' | 'shutdown';
  /** ISO 8601, when this state began. While a session is down, it goes from one to another; see `down`. */
  since: string;
  /** Since when there is no session, and why the last one ended (null: there was none); absent while established. */
  down?: { since: string; reason: string | null };
  /** When the next attempt begins by itself; absent: one is under way, or none is planned. */
  retryAt?: string;
  /** `agreed` is false where the session is up without that family. */
  families: Record<string, { received: number; accepted: number; announced: number; agreed?: false }>;
  lastError: string | null;
  /** The range (`peerRanges`) that the peer is of; absent: the document names it. */
  range?: string;
  /** The interface that the session is bound to. */
  device?: string;
  /** How the peer's segments are authenticated; absent: not at all. */
  authentication?: 'tcp-md5';
  /** GTSM (RFC 5082): how many hops away the peer may be; absent: anywhere. */
  ttlSecurity?: number;
  /** RFC 9234: what we are to the peer, and what it claims to be to us; null: nothing, or it is not known yet. */
  role?: { local: RoleName; remote: RoleName | null };
  description?: string;
  /** Negotiated; absent unless established. */
  holdTimeSeconds?: number;
  /** Octets of the longest message on the session (RFC 8654). */
  maxMessageLength?: number;
  /** Whether and how routes are sent again when asked for (RFC 2918; `enhanced`: RFC 7313). */
  routeRefresh?: 'none' | 'plain' | 'enhanced';
  localAddress?: string;
  /** The peer is who is on this interface; `address` is what was learnt there. */
  interface?: string;
  /** Why a peer by interface has no address. */
  waitsFor?: string;
  /** IPv4 routes may have IPv6 next hops, as both sides said (RFC 8950). */
  extendedNextHop?: boolean;
  routerId?: string;
  messages?: { received: number; sent: number };
  /** By family, where there are limits (`maxPrefixes`). `discarded`: announcements not taken in. */
  maxPrefixes?: Record<string, { received?: number; sent?: number; discarded: number }>;
  /**
   * By family, what was negotiated of ADD-PATH (RFC 7911); absent: nothing. `receive`: paths per prefix that are taken
   * from the peer at most, `discarded` announcements beyond that; `send`: paths per prefix that the peer is told.
   */
  addPath?: Record<string, { receive: false | number; discarded: number; send: false | 'all' | number }>;
  /** Limits that are nearly reached, for people; absent: none. */
  warnings?: string[];
  /** Malformed UPDATEs since the daemon started (RFC 7606), the most frequent first; absent: none. */
  malformed?: MalformedRow[];
  /** A limit keeps the session down, until that time (ISO 8601) or, null, until it is enabled. */
  held?: { until: string | null };
  /** Routes are kept for the peer, which is down or has not announced all anew (RFC 4724 §4.2). */
  stale?: boolean;
  /** By family, what is kept, and until when at most (ISO 8601); `longLived`: as the last choice (RFC 9494). */
  retained?: Record<string, { longLived: boolean; until: string }>;
  /**
   * What the peer asks for when it goes away, as agreed on (RFC 4724); absent: nothing is kept for it. `notification`: also
   * after a NOTIFICATION (RFC 8538). `longLived`: stale time by family (RFC 9494), where the peer offers that.
   */
  gracefulRestart?: {
    restartTimeSeconds: number;
    notification: boolean;
    families: string[];
    longLived?: Record<string, number>;
  };
}

export interface MalformedRow {
  /** By name; null: the fault lay outside path attributes. */
  attribute: string | null;
  severity: 'discard' | 'treatAsWithdraw' | 'reset';
  count: number;
  /** Of the last one; the offset in octets from the start of the message's body. */
  last: { error: string; offset: number; at: string };
}

export interface RouteQuery {
  /** Text of a prefix or an address (longest match); absent: all. */
  prefix?: string;
  family?: 'ipv4' | 'ipv6';
  peer?: string;
  view?: 'best' | 'all' | 'received' | 'accepted' | 'advertised';
}

export interface RouteRow {
  prefix: string;
  best: boolean;
  /** One of the paths that go to the FIB together. */
  multipath: boolean;
  source: string;
  /** Peer name, or the name of a local source. */
  peer: string;
  nextHop: string | null;
  asPath: string;
  origin: 'igp' | 'egp' | 'incomplete';
  localPref: number | null;
  med: number | null;
  communities: string[];
  /** Origin validation (RFC 6811) of the route as it came; absent: there are no caches. */
  validity?: ValidityState;
  /** Path identifier (RFC 7911): as received, with the view `advertised` as sent; absent: the path has none. */
  pathId?: number;
  stale?: boolean;
}

export interface FibRow {
  prefix: string;
  state: 'pending' | 'installed' | 'conflict' | 'failed' | 'unresolved' | 'removing' | 'held';
  kind: 'unicast' | 'blackhole' | 'unresolved' | null;
  /** `node`: the one whose tunnel it is; absent: no tunnel, or to nobody known. */
  nextHops: { gateway: string | null; device: string; weight: number; node?: string }[];
  metric: number;
  error: string | null;
}

export interface PoolRow {
  cidr: string;
  backend: 'none' | 'ipip' | 'vxlan';
  mode: 'always' | 'crossSubnet';
  export: boolean;
  natOutgoing: boolean;
  /** Blocks of other nodes in it, by how they are reached. */
  blocks: { direct: number; ipip: number; vxlan: number; unresolved: number };
}

export interface NodeRow {
  name: string;
  /** This node itself. */
  own: boolean;
  addresses: string[];
  receives: ('none' | 'ipip' | 'vxlan')[] | null;
  vteps: { address: string; mac: string | null }[];
  blocks: NodeBlock[];
}

export interface NodeBlock {
  prefix: string;
  by: 'local' | 'direct' | 'ipip' | 'vxlan' | 'unresolved';
  why: string;
  /** A route leads to the node's own address: without one the block's route is not installed, whatever it goes by. */
  reachable: boolean;
}

export interface TunnelRow {
  name: string;
  kind: 'vxlan' | 'ipip';
  state: 'ready' | 'pending' | 'failed' | 'unsupported' | 'conflict';
  ifindex: number | null;
  mac: string | null;
  mtu: number | null;
  problem: string | null;
}

export interface OverlayReport {
  profile: string;
  /** Where our tunnels begin, by family: `192.0.2.1/24 on eth0`. */
  underlay: { ipv4: string | null; ipv6: string | null };
  devices: TunnelRow[];
  /** Neighbours and FDB entries: desired, and of those in the kernel. */
  entries: { desired: number; installed: number };
  /** What is wrong, a line each. */
  problems: string[];
}

/** A cache of the RPKI to Router protocol (RFC 8210). */
export interface CacheRow {
  name: string;
  address: string;
  port: number;
  preference: number;
  /** `standby`: a cache before it serves; `synced`: its data is whole. */
  state: 'standby' | 'down' | 'connecting' | 'querying' | 'loading' | 'synced' | 'noData';
  /** ISO 8601, when this state began. */
  since: string;
  /** Its VRPs decide. */
  inForce: boolean;
  /** Of the protocol; null: not agreed on yet. */
  version: number | null;
  session: number | null;
  serial: number | null;
  /** VRPs. */
  records: number;
  /** ISO 8601, when its data was whole last, and when that expires unless it is refreshed. */
  updatedAt: string | null;
  expiresAt: string | null;
  refreshSeconds: number;
  retrySeconds: number;
  expireSeconds: number;
  lastError: string | null;
  /** When the next attempt to connect begins; while `down`. */
  retryAt?: string;
}

export interface VrpRow {
  prefix: string;
  maxLength: number;
  asn: number;
}

export type ValidityState = 'valid' | 'invalid' | 'notFound';

export interface ExplainedValidity {
  state: ValidityState;
  /** The AS that originated the route; null: a set. */
  originAsn: number | null;
  /** Those that decide. */
  vrps: readonly VrpRow[];
  /** For people. */
  reason: string;
}

export interface ExplainedPath {
  peer: string;
  source: string;
  nextHop: string | null;
  asPath: string;
  attributes: Record<string, unknown>;
  /** Path identifier as received (RFC 7911); absent: the path has none. */
  pathId?: number;
  /** Peers that are told several paths, and get this one, with its identifier there (RFC 7911); absent: none. */
  announcedTo?: { peer: string; pathId: number }[];
  /** It is kept for a peer that is away or has not announced it anew, until then at most (RFC 4724, RFC 9494); null: for now. */
  stale?: { until: string | null; longLived: boolean };
  verdict: 'best' | 'multipath' | 'lost' | 'rejected' | 'unresolved';
  /** Why: the step of the decision process that decided against it (RFC 4271 §9.1.2.2), or the filter that rejected it. */
  reason: string;
  nextHopResolution: string;
  /** Origin validation (RFC 6811); absent: there are no caches. */
  validity?: ExplainedValidity;
  /** Direct or through which tunnel, and why; absent: neither pools nor the inventory have a say. */
  encapsulation?: string;
  /** With a tunnel: the kernel objects that it leans on, as they are desired. */
  objects?: string[];
}

export interface Explanation {
  query: string;
  prefix: string | null;
  paths: ExplainedPath[];
  /** One line per peer: announced or not, and why. */
  advertised: { peer: string; announced: boolean; reason: string }[];
  kernel: { told: string; said: string } | null;
  /** The whole story in a few sentences. */
  summary: string;
}

/** A collector that is told by BMP (RFC 7854). */
export interface CollectorRow {
  name: string;
  address: string;
  port: number;
  /** `dumping`: connected, and not yet told all that there is. `waiting`: for the next attempt to connect. */
  state: 'connecting' | 'dumping' | 'connected' | 'waiting' | 'stopped';
  /** ISO 8601, when this state, or the connection, began. */
  since: string;
  /** Of which tables it is told. */
  routes: { received: boolean; accepted: boolean; locRib: boolean };
  mirror: boolean;
  /** Peers whose session it knows to be up. */
  peersUp: number;
  /** How often a connection came about. */
  connections: number;
  /** Over all connections. */
  sent: { messages: number; octets: number };
  /** What it is yet to be told: prefixes, counted for each table, and octets that TCP has not taken. */
  pending: { prefixes: number; octets: number };
  /** With `mirror`: messages that were not mirrored because the collector had no room. */
  mirroringLost?: number;
  lastError: string | null;
  /** When the next attempt to connect begins; while `waiting`. */
  retryAt?: string;
}

export interface ReloadResult {
  applied: boolean;
  /** The document is in force but for the parts that `errors` name, which the next reload does again; `applied` is false. */
  incomplete?: boolean;
  /** `file:line:col: message`, when the document was not accepted; the last good one stays in force. */
  errors: string[];
  /** One line per change. */
  changes: string[];
  /** Peers whose sessions end for it and begin again. */
  resets: string[];
  /** Milliseconds from when it was asked for until the documents were read and checked. */
  readMs: number;
  /** Nothing was done: this is what a reload would do. */
  dryRun?: true;
}

export type PeerAction = 'shutdown' | 'enable' | 'reset';

export type RefreshDirection = 'in' | 'out';

/** What a refresh of a peer's routes led to; a direction that was not asked for is absent. */
export interface RefreshReport {
  peer: string;
  /** `requested`: the peer sends its routes again; `reevaluated`: it can't be asked, what it sent went through the filters again. */
  in?: 'requested' | 'reevaluated';
  out?: 'announced';
}

/** How late the main thread's event loop was, in milliseconds: for so long does a keepalive or a request wait. */
export interface LoopDelayReport {
  /** ISO 8601: when measuring began, or was cleared. */
  since: string;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

export interface StatusReport {
  name: string;
  version: string;
  /** In a confederation, our member AS. */
  asn: number;
  /** RFC 5065: the AS number that the outside knows, and the other member ASes. */
  confederation?: { id: number; members: readonly number[] };
  /** RFC 4456; absent: the same as `routerId`. */
  clusterId?: string;
  routerId: string;
  startedAt: string;
  /** Memory in bytes. */
  rss: number;
  /** What keeps the main thread's event loop alive, by Node's names (`Timeout`, `TCPSocketWrap` …) and number. */
  resources: Record<string, number>;
  loopDelay: LoopDelayReport;
  phase: 'starting' | 'restarting' | 'running' | 'stopping';
  /**
   * While `restarting`: who is waited for, and what of it is missing. Announcements begin when all whose session is up
   * have delivered and the others had until `absenceEnds`; what the kernel holds and nobody announces goes at `ends`.
   */
  restart?: {
    announcing: boolean;
    absenceEnds: string;
    ends: string;
    waitingFor: { peer: string; missing: 'session' | string[] }[];
  };
  routes: Record<string, { prefixes: number; paths: number }>;
  fib: Record<
    string,
    {
      installed: number;
      pending: number;
      failed: number;
      conflict: number;
      unresolved: number;
      held: number;
    }
  >;
  /**
   * Prefixes from which peers may dial without being named; absent: none. `refused`: connections, for the limit or the
   * password; `lastError`: what is wrong with the password, or the address that failed last, and why.
   */
  peerRanges?: {
    name: string;
    prefix: string;
    peers: number;
    limit: number;
    refused: number;
    lastError?: string;
  }[];
  /** What is wrong with tunnels and nodes, a line each; absent: nothing. */
  problems?: string[];
}

/** A thing that happened, as `tartan events` streams it: one JSON object per line. */
export interface DaemonEvent {
  time: string;
  type: string;
  [field: string]: unknown;
}

export class ControlError extends Error {
  constructor(
    readonly status: 400 | 404 | 409,
    message: string,
  ) {
    super(message);
  }
}

/** Implemented by the daemon. Errors of the caller are thrown as ControlError. */
export interface ControlTarget {
  status(): Promise<StatusReport>;
  /** Measures the event loop's delay anew; returns what was measured until now. */
  clearLoopDelay(): LoopDelayReport;
  peers(): PeerRow[];
  /** Lazily, so that a million rows stream without being held. */
  routes(query: RouteQuery): Iterable<RouteRow>;
  countRoutes(query: RouteQuery): number;
  fib(query: { prefix?: string; family?: 'ipv4' | 'ipv6'; state?: FibRow['state'] }): AsyncIterable<FibRow>;
  explain(prefix: string): Promise<Explanation>;
  collectors(): CollectorRow[];
  /** The table as the octets of an MRT file (RFC 6396), made as they are read. */
  mrtTable(): AsyncIterable<Uint8Array>;
  /** `dryRun`: does nothing, and tells what it would do. */
  reload(dryRun?: boolean): Promise<ReloadResult>;
  /** Caches, in the order in which they are asked. */
  pools(): PoolRow[];
  nodes(): Iterable<NodeRow>;
  overlay(): OverlayReport;
  rpki(): CacheRow[];
  /** VRPs in force: all, or those that cover a prefix or address. */
  vrps(prefix?: string): Iterable<VrpRow>;
  /** `message`: for the peer's operator (RFC 9003), with `shutdown` and `reset`. */
  peerAction(name: string, action: PeerAction, message?: string): void;
  /** Routes of an established session once more, without ending it; no direction: both. */
  refreshPeer(name: string, direction?: RefreshDirection): RefreshReport;
  /** Calls back for every event from now on; returns the unsubscribe function. */
  events(listener: (event: DaemonEvent) => void): () => void;
}
