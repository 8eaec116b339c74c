/**
 * From best paths to forwarding: what the RIB chose becomes what the FIB desires.
 *
 * Routes that leave by the same next hops share one forwarding entry. The entry is known by its next hops as the RIB
 * names them, not by where those lead now: when a next hop resolves otherwise, the entry is defined again in place,
 * and no route is touched.
 *
 * Where all paths of a prefix tell their link's bandwidth (draft-ietf-idr-link-bandwidth), traffic is shared in
 * proportion; the bandwidths are then part of what an entry is known by.
 *
 * Where routes go through tunnels, a next hop alone does not say how they leave: an `Encapsulator` names the treatment
 * of a prefix, which is part of what an entry is known by too, and says where a next hop leads under it. A flip from
 * direct to tunnel and back is the entry defined again.
 */
import { type FamilyIndex, sameAddress } from '../address/index.js';
import {
  type AttrSetId,
  type ForwardingId,
  type NextHopId,
  NONE,
  type PathId,
  type PrefixId,
  type SourceId,
} from '../rib/ids.js';
import { proportionalWeights } from '../rib/link-bandwidth.js';
import { HOPS_CHANGED, SELF } from '../rib/next-hops.js';
import type { Rib } from '../rib/rib.js';
import type { SourceInfo } from '../rib/sources.js';
import { WorkList } from '../rib/work-list.js';
import type { Fib, Forwarding, Hop } from './types.js';

const NO_ROUTE = 0 as ForwardingId;

/** How routes so treated are encapsulated; small, dense. */
export type Treatment = number & { readonly brand: 'Treatment' };
/** By the next hop as it is. */
export const PLAIN = 0 as Treatment;

/** Where a next hop leads. */
export type Way =
  | { readonly hops: readonly Pick<Hop, 'gateway' | 'ifindex' | 'onlink'>[] }
  /** Nowhere, or (`keeps`) not yet: what the kernel has stays. */
  | { readonly unresolved: string; readonly keeps: boolean };

/** Decides what routes go through on their way to a next hop (see policy/encapsulation). */
export interface Encapsulator {
  treatment(family: FamilyIndex, prefix: PrefixId, source: SourceInfo): Treatment;
  /** For a treatment other than PLAIN. No hops: the next hop does not resolve. */
  way(treatment: Treatment, nextHop: NextHopId): Way;
}

interface SharedForwarding {
  readonly treatment: Treatment;
  /** What the FIB was told last; null: nothing yet. */
  told: Forwarding | null;
  readonly id: ForwardingId;
  readonly key: string;
  /** Empty for blackholes and routes straight onto a link. */
  readonly nextHops: readonly NextHopId[];
  /** Octets per second of each of them; null: all alike. */
  readonly bandwidths: readonly number[] | null;
  /** Prefixes that desire it. */
  references: number;
}

/** What the installer needs of a Fib. */
export type InstallerFib = Pick<Fib, 'defineForwarding' | 'releaseForwarding' | 'setRoute' | 'isIdle'>;

export class FibInstaller {
  private readonly byKey = new Map<string, SharedForwarding>();
  private readonly byId = new Map<number, SharedForwarding>();
  /** Never used twice: the kernel thread may see a route that desires an id before it hears what the id means. */
  private nextId = 1;
  /** By NextHopId, the entry that leaves by it alone: the common case, found without a key. */
  private readonly single: (SharedForwarding | undefined)[] = [];
  /** Entries that an encapsulator has a say in. */
  private readonly treated = new Set<SharedForwarding>();
  private readonly byNextHop = new Map<NextHopId, Set<SharedForwarding>>();
  /** Entries that may lead elsewhere by what the encapsulator says now. */
  private readonly retold: WorkList<SharedForwarding>;
  /** By family and PrefixId: the entry it desires. */
  private readonly current: [Uint32Array, Uint32Array] = [new Uint32Array(1024), new Uint32Array(1024)];

  /** `usesBandwidth`: traffic is shared as the paths' link bandwidths say. Without an encapsulator every treatment is PLAIN. */
  constructor(
    private readonly rib: Rib,
    private readonly fib: InstallerFib,
    private usesBandwidth = true,
    private readonly encapsulator: Encapsulator | null = null,
  ) {
    this.retold = new WorkList((shared) => this.tell(shared), rib.slices);
    rib.onBestChange((family, prefix) => this.bestChanged(family, prefix));
    rib.nextHops.onChange((id, change) => {
      if ((change & HOPS_CHANGED) !== 0) this.hopsChanged(id);
    });
    rib.addClaim((family, prefix) => !fib.isIdle(family, prefix));
  }

  setUsesBandwidth(uses: boolean): void {
    if (uses === this.usesBandwidth) return;
    this.usesBandwidth = uses;
    this.rib.redecideAll();
  }

  /** What the encapsulator says of next hops changed: of those, or (null) of all. Treatments of prefixes are the same. */
  encapsulationChanged(isAffected: ((nextHop: NextHopId) => boolean) | null): void {
    if (isAffected === null) {
      this.retold.add(this.treated);
      return;
    }
    const affected: SharedForwarding[] = [];
    for (const [nextHop, users] of this.byNextHop) {
      if (!isAffected(nextHop)) continue;
      for (const shared of users) if (shared.treatment !== PLAIN) affected.push(shared);
    }
    this.retold.add(affected);
  }

  /** The forwarding entry that the prefix desires, as the FIB was told; null: no route. */
  desired(family: FamilyIndex, prefix: PrefixId): Forwarding | null {
    const current = this.current[family];
    const shared = prefix < current.length ? this.byId.get(current[prefix]) : undefined;
    return shared ? this.contentOf(shared) : null;
  }

  private bestChanged(family: FamilyIndex, prefix: PrefixId): void {
    const rib = this.rib.families[family];
    const best = rib.best(prefix);
    let wanted: SharedForwarding | null = null;
    let metricClass: 0 | 1 = 0;
    if (best !== NONE) {
      const source = rib.paths.source[best] as SourceId;
      const info = this.rib.sources.get(source);
      const { forwarding, kind } = info;
      if (forwarding === 'nextHop' && this.endsHere(family, best as PathId))
        wanted = this.shared('blackhole 0', []);
      else if (forwarding === 'nextHop')
        wanted = this.throughNextHops(family, prefix, best as PathId, this.treatmentOf(family, prefix, info));
      else if (forwarding === 'blackhole') {
        // So that a connected route of a local bridge always wins over the blackhole of its block.
        if (kind === 'originated') metricClass = 1;
        // An entry of its own per metric class: one that takes the other's place is another desire.
        wanted = this.shared(`blackhole ${metricClass}`, []);
      } else if (forwarding !== 'none') wanted = this.shared(`dev ${forwarding.ifindex}`, []);
    }
    this.desire(family, prefix, wanted, metricClass);
  }

  /** RFC 7999: the import policy took the next hop away from what is to be dropped. */
  private endsHere(family: FamilyIndex, path: PathId): boolean {
    return this.rib.sets.nextHopId[this.rib.families[family].paths.accepted[path]] === SELF;
  }

  private treatmentOf(family: FamilyIndex, prefix: PrefixId, info: SourceInfo): Treatment {
    return this.encapsulator?.treatment(family, prefix, info) ?? PLAIN;
  }

  private throughNextHops(
    family: FamilyIndex,
    prefix: PrefixId,
    best: PathId,
    treatment: Treatment,
  ): SharedForwarding | null {
    const rib = this.rib.families[family];
    const nextHopOf = (path: PathId): NextHopId =>
      this.rib.sets.nextHopId[rib.paths.accepted[path]] as NextHopId;
    if (this.rib.maxPaths === 1) return this.throughOne(nextHopOf(best), treatment);
    const nextHops = [...new Set(rib.multipath(prefix).map(nextHopOf))]
      .filter((nextHop) => nextHop !== SELF)
      .sort((x, y) => x - y);
    if (nextHops.length === 1) return this.throughOne(nextHops[0], treatment);
    const bandwidths = this.usesBandwidth ? this.bandwidthsOf(family, prefix, nextHops) : null;
    const key = bandwidths === null ? nextHops.join(',') : `${nextHops.join(',')} by ${bandwidths.join(',')}`;
    return this.shared(key, nextHops, bandwidths, treatment);
  }

  /** What the path through each next hop says of its link; null where one says nothing, or all say the same. */
  private bandwidthsOf(
    family: FamilyIndex,
    prefix: PrefixId,
    nextHops: readonly NextHopId[],
  ): number[] | null {
    const { sets, families } = this.rib;
    const { accepted } = families[family].paths;
    const byNextHop = new Map<number, number>();
    for (const path of families[family].multipath(prefix)) {
      const set = accepted[path] as AttrSetId;
      const bandwidth = sets.linkBandwidth(set);
      if (bandwidth === 0) return null;
      byNextHop.set(sets.nextHopId[set], bandwidth);
    }
    const bandwidths = nextHops.map((nextHop) => byNextHop.get(nextHop) ?? 0);
    return bandwidths.every((each) => each === bandwidths[0]) ? null : bandwidths;
  }

  private throughOne(nextHop: NextHopId, treatment: Treatment): SharedForwarding {
    if (treatment !== PLAIN) return this.shared(String(nextHop), [nextHop], null, treatment);
    return this.single[nextHop] ?? this.shared(String(nextHop), [nextHop]);
  }

  /** The entry with this key, made if there is none. */
  private shared(
    ways: string,
    nextHops: readonly NextHopId[],
    bandwidths: readonly number[] | null = null,
    treatment = PLAIN,
  ): SharedForwarding {
    const key = treatment === PLAIN ? ways : `${ways} as ${treatment}`;
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    const id = this.nextId++ as ForwardingId;
    const made: SharedForwarding = { id, key, nextHops, bandwidths, treatment, told: null, references: 0 };
    this.byKey.set(key, made);
    this.byId.set(id, made);
    if (treatment !== PLAIN) this.treated.add(made);
    else if (nextHops.length === 1) this.single[nextHops[0]] = made;
    for (const nextHop of nextHops) {
      this.rib.nextHops.retain(nextHop);
      const users = this.byNextHop.get(nextHop) ?? new Set();
      this.byNextHop.set(nextHop, users.add(made));
    }
    this.tell(made);
    return made;
  }

  private desire(
    family: FamilyIndex,
    prefix: PrefixId,
    wanted: SharedForwarding | null,
    metricClass: 0 | 1,
  ): void {
    let current = this.current[family];
    if (prefix >= current.length) {
      const grown = new Uint32Array(Math.max(prefix + 1, current.length * 2));
      grown.set(current);
      this.current[family] = current = grown;
    }
    const before = current[prefix];
    const now = wanted?.id ?? NO_ROUTE;
    if (before === now) return;
    if (wanted !== null) wanted.references++;
    current[prefix] = now;
    this.fib.setRoute(family, prefix, now, metricClass);
    const former = before === NO_ROUTE ? undefined : this.byId.get(before);
    if (former && --former.references === 0) this.free(former);
  }

  private free(shared: SharedForwarding): void {
    this.byKey.delete(shared.key);
    this.byId.delete(shared.id);
    this.retold.delete(shared);
    if (shared.treatment !== PLAIN) this.treated.delete(shared);
    else if (shared.nextHops.length === 1) delete this.single[shared.nextHops[0]];
    for (const nextHop of shared.nextHops) {
      const users = this.byNextHop.get(nextHop);
      users?.delete(shared);
      if (users?.size === 0) this.byNextHop.delete(nextHop);
      this.rib.nextHops.release(nextHop);
    }
    this.fib.releaseForwarding(shared.id);
  }

  /**
   * A next hop resolves otherwise. Where nothing is left of an entry, its routes are about to be decided anew, and the
   * kernel keeps the old way until then.
   */
  private hopsChanged(nextHop: NextHopId): void {
    for (const shared of this.byNextHop.get(nextHop) ?? []) this.tell(shared);
  }

  private tell(shared: SharedForwarding): void {
    const content = this.contentOf(shared);
    const { told } = shared;
    if (told !== null) {
      if (content.kind === 'unicast' && content.hops.length === 0) return;
      if (shared.treatment !== PLAIN && isSame(content, told)) return;
    }
    shared.told = content;
    this.fib.defineForwarding(shared.id, content);
  }

  private contentOf(shared: SharedForwarding): Forwarding {
    if (shared.key.startsWith('blackhole')) return { kind: 'blackhole' };
    if (shared.nextHops.length === 0) {
      const ifindex = Number(shared.key.slice('dev '.length));
      return { kind: 'unicast', hops: [{ gateway: null, ifindex, weight: 1, onlink: false }] };
    }
    const hops = new Map<string, Hop>();
    const shares = new Map<string, number>();
    let nowhere: Forwarding | null = null;
    for (const [i, nextHop] of shared.nextHops.entries()) {
      const way = this.wayTo(nextHop, shared.treatment);
      if ('unresolved' in way) {
        nowhere = { kind: 'unresolved', reason: way.unresolved, keeps: way.keeps };
        continue;
      }
      const resolved = way.hops;
      for (const { gateway, ifindex, onlink } of resolved) {
        const key =
          gateway === null ? `${ifindex}` : `${ifindex} ${gateway.a} ${gateway.b} ${gateway.c} ${gateway.d}`;
        hops.set(key, { gateway, ifindex, weight: 1, onlink });
        // A next hop that several ways lead to has its bandwidth once, however many they are.
        const share = (shared.bandwidths?.[i] ?? 0) / resolved.length;
        shares.set(key, (shares.get(key) ?? 0) + share);
      }
    }
    const all = [...hops.values()];
    if (all.length === 0 && nowhere !== null) return nowhere;
    if (shared.bandwidths === null || all.length < 2) return { kind: 'unicast', hops: all };
    const weights = proportionalWeights([...shares.values()]);
    return { kind: 'unicast', hops: all.map((hop, i) => ({ ...hop, weight: weights[i] })) };
  }

  private wayTo(nextHop: NextHopId, treatment: Treatment): Way {
    if (treatment !== PLAIN && this.encapsulator !== null) return this.encapsulator.way(treatment, nextHop);
    return { hops: this.rib.nextHops.hops(nextHop).map((hop) => ({ ...hop, onlink: false })) };
  }
}

/** Whether two entries forward alike, as they are made here: hops in one order. */
function isSame(x: Forwarding, y: Forwarding): boolean {
  if (x.kind === 'unresolved' && y.kind === 'unresolved') return x.reason === y.reason && x.keeps === y.keeps;
  if (x.kind !== 'unicast' || y.kind !== 'unicast' || x.hops.length !== y.hops.length) return false;
  return x.hops.every((hop, i) => {
    const other = y.hops[i];
    const sameGateway =
      hop.gateway === null || other.gateway === null
        ? hop.gateway === other.gateway
        : sameAddress(hop.gateway, other.gateway);
    return (
      sameGateway &&
      hop.ifindex === other.ifindex &&
      hop.weight === other.weight &&
      hop.onlink === other.onlink
    );
  });
}
