/** What the speaker is told about itself and its peers. The configuration layer produces these, normalised. */
import type { Address, Family } from '../../address/index.js';
import type { RemovePrivateAs } from '../../policy/index.js';
import type { RoleName } from '../wire/index.js';

export interface LocalAsSettings {
  readonly asn: number;
  /** Not put in front of what the peer announces. */
  readonly noPrepend: boolean;
  /** The router's own AS is not shown to the peer. */
  readonly replaceAs: boolean;
}

/** How many prefixes of one family a session may carry; at least one of the two limits is there. */
export interface PrefixLimit {
  /** From the peer, accepted or not. */
  readonly received?: number;
  /** To the peer. */
  readonly sent?: number;
  /** Of either limit. */
  readonly warnAtPercent: number;
  readonly action: 'restart' | 'discard' | 'shutdown';
  readonly restartAfterSeconds: number;
}

/** Absent: no limit for the family. */
export type PrefixLimits = { readonly [K in Family]?: PrefixLimit };

/** Several paths per prefix in one family (RFC 7911), where the peer agrees. */
export interface FamilyAddPath {
  readonly receive: boolean;
  /** So many of the best paths, or all that there are. */
  readonly send: false | 'all' | number;
  /** Paths per prefix that are taken from the peer. */
  readonly maxReceived: number;
}

/** Absent: one path, both ways. */
export type AddPathSettings = { readonly [K in Family]?: FamilyAddPath };

export interface GracefulRestartSettings {
  readonly enabled: boolean;
  /** Seconds that peers shall keep our routes after our session dropped (RFC 4724 Restart Time, 12 bits). */
  readonly restartTimeSeconds: number;
  /** A NOTIFICATION is a restart too, where the peer says the same (RFC 8538). */
  readonly notification: boolean;
  /** Longest that a peer which came back may take to deliver its End-of-RIB before what is stale goes. */
  readonly stalePathTimeSeconds: number;
  /** At start: longest wait for every expected peer's End-of-RIB before held kernel routes are swept. */
  readonly deferralSeconds: number;
  /** At start: so long are peers waited for that have not come up, before announcements go out without them. */
  readonly absenceSeconds: number;
  readonly longLived: LongLivedSettings;
}

/** RFC 9494. */
export interface LongLivedSettings {
  readonly enabled: boolean;
  /** Seconds that peers shall keep our routes after the restart time; 0: the family is left out. */
  readonly staleTimeSeconds: Readonly<Record<Family, number>>;
  /** Most that we keep theirs, whatever they ask for. */
  readonly maxStaleTimeSeconds: number;
  /** To internal peers without the capability such routes go as everybody's last choice (§4.6). */
  readonly announceToOthers: boolean;
}

/** Where the password of a session is read at start and at each reload; it is not kept in settings. */
export type PasswordSource = { readonly file: string } | { readonly env: string };

export interface PeerSettings {
  readonly name: string;
  readonly description?: string;
  /** Of a peer by `interface`: `::` until it is learnt. */
  readonly address: Address;
  /** The peer is who is on this interface, which is `device`, too. */
  readonly interface?: string;
  /** Of a peer by `interface`: seconds between our router advertisements, 0: none. */
  readonly raIntervalSeconds?: number;
  readonly port: number;
  readonly asn: number;
  /** `asn` is what the peer's last OPEN said, 0 before that; any but our own. */
  readonly learnsAsn?: boolean;
  /** With `learnsAsn`: it is one of these. */
  readonly asns?: readonly number[];
  /** The range (`dynamic-peers`) that the peer is of; absent: the document names the peer. */
  readonly range?: string;
  readonly localAddress?: Address;
  /** The session runs over this interface alone; the zone of a link-local `address`, which needs it. */
  readonly device?: string;
  /** TCP-MD5 (RFC 2385). */
  readonly password?: PasswordSource;
  readonly passive: boolean;
  /** Administratively shut down in the document. */
  readonly shutdown: boolean;
  /** What the peer's operator is told when we shut the session down (RFC 9003); at most 255 octets of UTF-8. */
  readonly shutdownMessage?: string;
  /** null: not multihop (eBGP: TTL 1, peer on a connected subnet). A number: TTL of outgoing packets. */
  readonly multihop: number | null;
  /** GTSM (RFC 5082): how many hops away the peer may be, 1 being the same link. Never together with multihop. */
  readonly ttlSecurity?: number;
  readonly families: readonly Family[];
  readonly holdTimeSeconds: number;
  /** Absent: a third of the negotiated hold time. */
  readonly keepaliveSeconds?: number;
  /** An external peer on a link of ours goes with the link. */
  readonly fastFallover: boolean;
  /** Shortest hold time that the peer may offer; absent: any. */
  readonly minHoldSeconds?: number;
  /** RFC 9687; absent: twice the negotiated hold time, 0: never. */
  readonly sendHoldSeconds?: number;
  readonly connectRetrySeconds: number;
  readonly delayOpenSeconds: number;
  readonly idleHoldSeconds: number;
  /** Offer messages of up to 65535 octets (RFC 8654). */
  readonly extendedMessages: boolean;
  readonly nextHop: 'auto' | 'self' | 'unchanged';
  /** Offer IPv6 next hops for IPv4 routes (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** Names of filters, all of which must accept, in order; undefined: none configured (RFC 8212 applies). */
  readonly import?: readonly string[];
  readonly export?: readonly string[];
  readonly gracefulRestart: GracefulRestartSettings;
  /** RFC 4456: the peer is a client of ours (iBGP only). */
  readonly routeReflectorClient: boolean;
  /** The cluster that the peer is in (RFC 4456), u32; absent: that of the router. */
  readonly clusterId?: number;
  /** RFC 7311 §3.3; absent: as it is between such peers, see `takesAigp`. */
  readonly aigp?: boolean;
  readonly maxPrefixes: PrefixLimits;
  readonly addPath?: AddPathSettings;
  /** From an external peer: AS_PATH must begin with the peer's AS. */
  readonly enforceFirstAs: boolean;
  /** 0: any. */
  readonly maxAsPathLength: number;
  /** So often our own AS may stand in the AS_PATH of what the peer announces. */
  readonly allowOwnAs: number;
  /** RFC 8326: an external peer's GRACEFUL_SHUTDOWN is obeyed. */
  readonly gracefulShutdown: boolean;
  /** RFC 7999: the peer's BLACKHOLE is obeyed. */
  readonly acceptBlackhole: boolean;
  /** To an external peer: our AS takes the place of the peer's in AS_PATH. */
  readonly asOverride: boolean;
  readonly removePrivateAs: RemovePrivateAs;
  /** RFC 9234 §4.1: what we are to this external peer; absent: no procedures of that RFC. */
  readonly role?: RoleName;
  /** The peer must claim the role that goes with ours. */
  readonly strictRole: boolean;
  /** RFC 7705: we are another AS to this external peer. */
  readonly localAs?: LocalAsSettings;
}
