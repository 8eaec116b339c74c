/**
 * The node's own routes in the RIB: originated networks, static routes, connected networks and routes of other
 * daemons that the document asks to learn. Each application states the whole set that shall be there; what differs is
 * announced or withdrawn, what doesn't is not touched.
 */
import { type Address, formatPrefix, IPV4, isLinkLocal, networkOf, type Prefix } from '../address/index.js';
import { buildCanonical, Origin } from '../bgp/wire/index.js';
import type { PrefixId, SourceId } from './ids.js';
import type { Rib } from './rib.js';
import type { Forwarding, RouteSourceKind } from './sources.js';

export interface LocalNetwork {
  readonly prefix: Prefix;
  readonly blackhole: boolean;
  /** RFC 1997 communities, u32 each. */
  readonly communities: readonly number[];
  /** RFC 7311 §3.4.1: the metric that it is announced with; absent: without AIGP. */
  readonly aigp?: number;
}

export interface LocalStatic {
  readonly prefix: Prefix;
  readonly via: readonly Address[];
  readonly device?: string;
  readonly blackhole: boolean;
  /** As of a network. */
  readonly aigp?: number;
}

export interface LearnPatterns {
  /** Interface name patterns, `*` for any run of characters. */
  readonly connected: readonly string[];
  readonly kernel: readonly {
    readonly protocols: readonly number[];
    readonly interfaces: readonly string[];
  }[];
}

export interface LocalInterface {
  readonly ifindex: number;
  readonly name: string;
  readonly up: boolean;
}

export interface LocalAddress {
  readonly ifindex: number;
  readonly address: Prefix;
  /** The other end of a point-to-point link; the connected network is then its address with that length. */
  readonly peer?: Address | null;
}

export interface OtherRoute {
  readonly prefix: Prefix;
  readonly protocol: number;
  readonly metric: number;
  readonly type: string;
  readonly hops: readonly { readonly gateway: Address | null; readonly ifindex: number }[];
}

export type LocalKind = Exclude<RouteSourceKind, 'bgp' | 'inventory'>;

interface WantedPath {
  readonly source: SourceId;
  readonly prefix: Prefix;
  readonly canonical: Buffer;
  /** Tells apart paths of one source to one prefix (a static route with several next hops). */
  readonly pathId: number;
  /** Interface of a link-local next hop. */
  readonly scope?: number;
}

interface HeldPath extends WantedPath {
  readonly id: PrefixId;
}

/** Whether a name matches one of the patterns; `*` stands for any run of characters. */
export function matchesPattern(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const expression = pattern
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*');
    return new RegExp(`^${expression}$`).test(name);
  });
}

/**
 * Networks that mean nothing beyond this node or its link: loopback, multicast, IPv6 link-local. 169.254.0.0/16 numbers
 * links between routers, which others may have to resolve next hops by.
 */
function isLocal({ family, a, b, c, d, length }: Prefix): boolean {
  if (length === 0) return false;
  const top = a >>> 24;
  if (family === IPV4) return top === 127 || top >>> 4 === 14;
  const isLoopback = length === 128 && a === 0 && b === 0 && c === 0 && d === 1;
  return top === 0xff || isLoopback || isLinkLocal({ family, a, b, c, d });
}

export class LocalRoutes {
  private readonly sources = new Map<string, SourceId>();
  /** What was announced last, by kind, then by source, prefix and path id. */
  private readonly held = new Map<LocalKind, Map<string, HeldPath>>();

  constructor(
    private readonly rib: Rib,
    private preference: Readonly<Record<RouteSourceKind, number>>,
  ) {}

  /** Preferences from now on; what has another one than before is decided again. */
  setPreference(preference: Readonly<Record<RouteSourceKind, number>>): void {
    this.preference = preference;
    for (const source of this.sources.values()) {
      const info = this.rib.sources.get(source);
      this.rib.updateSource(source, { ...info, preference: preference[info.kind] });
    }
  }

  setNetworks(networks: readonly LocalNetwork[]): void {
    this.state(
      'originated',
      networks.map(({ prefix, blackhole, communities, aigp }) => ({
        source: blackhole
          ? this.source('originated', 'networks (blackhole)', 'blackhole')
          : this.source('originated', 'networks', 'none'),
        prefix,
        pathId: 0,
        canonical: buildCanonical({
          ...{ family: prefix.family, origin: Origin.igp, asPath: [], communities },
          ...(aigp === undefined ? {} : { aigp }),
        }),
      })),
    );
  }

  /** A static route out of a device, or through a link-local next hop on it, is there while the device is up. */
  setStatic(routes: readonly LocalStatic[], interfaces: readonly LocalInterface[]): void {
    const wanted: WantedPath[] = [];
    for (const { prefix, via, device, blackhole, aigp } of routes) {
      const link = interfaces.find(({ name, up }) => name === device && up);
      const attributes = {
        ...{ family: prefix.family, origin: Origin.incomplete, asPath: [] },
        ...(aigp === undefined ? {} : { aigp }),
      };
      if (blackhole) {
        const source = this.source('static', 'static (blackhole)', 'blackhole');
        wanted.push({ source, prefix, pathId: 0, canonical: buildCanonical(attributes) });
      } else if (via.length > 0) {
        const source = this.source('static', 'static', 'nextHop');
        via.forEach((nextHop, i) => {
          const canonical = buildCanonical({ ...attributes, nextHop });
          if (nextHop.family === IPV4 || !isLinkLocal(nextHop))
            wanted.push({ source, prefix, pathId: i, canonical });
          else if (link) wanted.push({ source, prefix, pathId: i, canonical, scope: link.ifindex });
        });
      } else {
        if (link === undefined) continue;
        const source = this.source('static', `static (${link.name})`, { ifindex: link.ifindex });
        wanted.push({ source, prefix, pathId: 0, canonical: buildCanonical(attributes) });
      }
    }
    this.state('static', wanted);
  }

  setConnected(
    patterns: LearnPatterns,
    interfaces: readonly LocalInterface[],
    addresses: readonly LocalAddress[],
  ): void {
    const source = this.source('connected', 'connected', 'none');
    const wanted = new Map<string, WantedPath>();
    for (const { ifindex, address, peer } of addresses) {
      const link = interfaces.find((each) => each.ifindex === ifindex);
      if (!link?.up || !matchesPattern(link.name, patterns.connected)) continue;
      const prefix = networkOf(peer ?? address, address.length);
      if (isLocal(prefix)) continue;
      wanted.set(formatPrefix(prefix), {
        source,
        prefix,
        pathId: 0,
        canonical: buildCanonical({ family: prefix.family, origin: Origin.incomplete, asPath: [] }),
      });
    }
    this.state('connected', [...wanted.values()]);
  }

  /** Routes that other daemons put into the kernel; of several to one prefix, the one with the lowest metric. */
  setKernel(
    patterns: LearnPatterns,
    interfaces: readonly LocalInterface[],
    routes: Iterable<OtherRoute>,
  ): void {
    const source = this.source('kernel', 'kernel', 'none');
    const nameOf = new Map(interfaces.map(({ ifindex, name }) => [ifindex, name]));
    const wanted = new Map<string, WantedPath & { metric: number }>();
    for (const route of routes) {
      const { prefix, protocol, hops, metric } = route;
      const asked = patterns.kernel.some(
        (pattern) =>
          pattern.protocols.includes(protocol) &&
          (hops.length === 0 ||
            hops.some(({ ifindex }) => matchesPattern(nameOf.get(ifindex) ?? '', pattern.interfaces))),
      );
      if (!asked || route.type === 'other' || isLocal(prefix)) continue;
      const key = formatPrefix(prefix);
      if ((wanted.get(key)?.metric ?? Number.POSITIVE_INFINITY) <= metric) continue;
      const nextHop = hops[0]?.gateway ?? null;
      const canonical = buildCanonical({
        family: prefix.family,
        origin: Origin.incomplete,
        asPath: [],
        ...(nextHop === null ? {} : { nextHop }),
      });
      wanted.set(key, { source, prefix, pathId: 0, canonical, metric });
    }
    this.state('kernel', [...wanted.values()]);
  }

  /** What of a kind is announced to the RIB now, as text, for logs and tests. */
  list(kind: LocalKind): string[] {
    return [...(this.held.get(kind)?.values() ?? [])].map(({ prefix }) => formatPrefix(prefix));
  }

  private source(kind: LocalKind, name: string, forwarding: Forwarding): SourceId {
    const key = typeof forwarding === 'object' ? `${name} ${forwarding.ifindex}` : name;
    const known = this.sources.get(key);
    if (known !== undefined) return known;
    const made = this.rib.addSource({
      kind,
      name,
      preference: this.preference[kind],
      ibgp: false,
      client: false,
      routerId: 0,
      peerAddress: null,
      remoteAsn: 0,
      forwarding,
    });
    this.sources.set(key, made);
    return made;
  }

  private state(kind: LocalKind, wanted: readonly WantedPath[]): void {
    const before = this.held.get(kind) ?? new Map<string, HeldPath>();
    const now = new Map<string, HeldPath>();
    for (const path of wanted) {
      const { source, prefix, canonical, pathId, scope = 0 } = path;
      const key = `${source} ${formatPrefix(prefix)} ${pathId}`;
      const same = before.get(key);
      if (same?.canonical.equals(canonical) && (same.scope ?? 0) === scope) {
        now.set(key, same);
        continue;
      }
      const rib = this.rib.families[prefix.family];
      const id = rib.prefixes.intern(prefix);
      const set = this.rib.sets.intern(canonical, 0, canonical.length, scope);
      rib.announce(source, id, set, set, pathId);
      this.rib.sets.release(set);
      now.set(key, { ...path, id });
    }
    for (const [key, { source, prefix, id, pathId }] of before) {
      if (!now.has(key)) this.rib.families[prefix.family].withdraw(source, id, pathId);
    }
    this.held.set(kind, now);
  }
}
