/**
 * Where paths come from: a BGP peer, or one of the node's own route sources. What the decision process compares about a
 * source lies in columns by SourceId.
 */
import type { Address } from '../address/index.js';
import type { SourceId } from './ids.js';

/** `bgp` is a peer; `inventory` the other nodes' addresses and blocks; `kernel` other people's routes. */
export type RouteSourceKind = 'originated' | 'connected' | 'static' | 'inventory' | 'bgp' | 'kernel';

export interface SourceInfo {
  readonly kind: RouteSourceKind;
  /** Peer name, or the name of a local source. */
  readonly name: string;
  /** The highest one's paths win before anything else is compared. */
  readonly preference: number;
  readonly ibgp: boolean;
  /** A peer in another member AS of our confederation (RFC 5065); `ibgp` is then false. Absent: it is not. */
  readonly confed?: boolean;
  /** RFC 4456: a route-reflector client of ours. */
  readonly client: boolean;
  /** The cluster that the peer is in (RFC 4456); absent: that of this router. */
  readonly clusterId?: number | undefined;
  /** The peer's BGP Identifier (u32); 0 for local sources. */
  readonly routerId: number;
  readonly peerAddress: Address | null;
  readonly remoteAsn: number;
  /**
   * `nextHop`: through the path's next hop, which must resolve. `none`: announced, never installed. `blackhole`. An
   * interface: directly on that link.
   */
  readonly forwarding: Forwarding;
}

export type Forwarding = 'nextHop' | 'none' | 'blackhole' | { readonly ifindex: number };

/** Routes held from one source in one family. */
export interface SourceCounts {
  received: number;
  /** Of those, announced since the session, or the refresh that is under way, began. */
  upToDate: number;
  /** Of those received, let through by the import filter. */
  accepted: number;
}

const MAX_SOURCES = 65535;
/** Of them, those that nobody may take unasked. */
const RESERVED = 1024;

/** Bits of `Sources.flags`. */
/** Internal to the decision process: of our AS, or of our confederation (RFC 5065 §5.3). */
export const IBGP = 1;
/** Its paths need a next hop that resolves. */
export const BY_NEXT_HOP = 2;
/** Its paths are announced but never installed, so they resolve no next hop. */
export const NOT_INSTALLED = 4;

export class Sources {
  preference = new Float64Array(64);
  routerId = new Uint32Array(64);
  flags = new Uint8Array(64);
  /** The peer's address: 0 = none, 1 = IPv4, 2 = IPv6, and its four words. */
  peerFamily = new Uint8Array(64);
  peerWords = new Uint32Array(256);
  private readonly infos: (SourceInfo | null)[] = [];
  private readonly countsById: [SourceCounts, SourceCounts][] = [];
  private readonly freeIds: SourceId[] = [];

  add(info: SourceInfo): SourceId {
    const id = this.freeIds.pop() ?? (this.infos.length as SourceId);
    if (id >= MAX_SOURCES) throw new RangeError(`more than ${MAX_SOURCES} route sources`);
    if (id >= this.flags.length) this.grow();
    this.countsById[id] = [
      { received: 0, upToDate: 0, accepted: 0 },
      { received: 0, upToDate: 0, accepted: 0 },
    ];
    this.set(id, info);
    return id;
  }

  /** Whether what comes unasked had better be refused: ids are left for what a document names. */
  get isFull(): boolean {
    return this.infos.length - this.freeIds.length >= MAX_SOURCES - RESERVED;
  }

  /** Replaces what is known of a source, e.g. the BGP Identifier once a session is up. Its paths must be decided again. */
  set(id: SourceId, info: SourceInfo): void {
    this.infos[id] = info;
    this.preference[id] = info.preference;
    this.routerId[id] = info.routerId;
    this.flags[id] =
      (info.ibgp || info.confed ? IBGP : 0) |
      (info.forwarding === 'nextHop' ? BY_NEXT_HOP : 0) |
      (info.forwarding === 'none' ? NOT_INSTALLED : 0);
    const { peerAddress } = info;
    this.peerFamily[id] = peerAddress === null ? 0 : peerAddress.family + 1;
    this.peerWords.set(
      peerAddress === null ? [0, 0, 0, 0] : [peerAddress.a, peerAddress.b, peerAddress.c, peerAddress.d],
      id * 4,
    );
  }

  /** Frees the id; only when it has no paths left. */
  delete(id: SourceId): void {
    this.infos[id] = null;
    this.freeIds.push(id);
  }

  has(id: SourceId): boolean {
    return (this.infos[id] ?? null) !== null;
  }

  get(id: SourceId): SourceInfo {
    const info = this.infos[id];
    if (!info) throw new RangeError(`no route source has id ${id}`);
    return info;
  }

  /** Kept incrementally, by family. */
  counts(id: SourceId): [SourceCounts, SourceCounts] {
    return this.countsById[id];
  }

  *ids(): Generator<SourceId> {
    for (let id = 0; id < this.infos.length; id++) if (this.infos[id]) yield id as SourceId;
  }

  private grow(): void {
    const size = this.flags.length * 2;
    const copy = <T extends { set(from: T): void }>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.preference = copy(new Float64Array(size), this.preference);
    this.routerId = copy(new Uint32Array(size), this.routerId);
    this.flags = copy(new Uint8Array(size), this.flags);
    this.peerFamily = copy(new Uint8Array(size), this.peerFamily);
    this.peerWords = copy(new Uint32Array(size * 4), this.peerWords);
  }
}
