/**
 * The RIB of one routing table: sources, prefixes, attribute sets, paths and next hops of both families, and the
 * decision process over them. An instance per routing table; it knows neither sockets nor the kernel.
 *
 * Work is done in slices: `decide` first decides dirty prefixes, then resolves next hops anew where something changed,
 * then goes on with sweeps (all paths of a source, all paths through a next hop), each of which may make prefixes
 * dirty again, until nothing is left. Ids that nobody needs any more are given back when there is nothing else to do.
 *
 * A prefix's id lives as long as the prefix has a path or a consumer claims it (`addClaim`): Adj-RIB-Out while it has an
 * entry, the FIB while the kernel thread is not done.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Address, FamilyIndex } from '../address/index.js';
import { AttrSets } from './attr-sets.js';
import { type DecisionStep, type MedRules, standardMedRules } from './decision.js';
import { type ChangeListener, FamilyRib, type FamilyRibContext } from './family-rib.js';
import { type AttrSetId, type NextHopId, NONE, type PathId, type PrefixId, type SourceId } from './ids.js';
import { type CoveringRoute, NextHopTable, RESOLUTION_CHANGED, SELF } from './next-hops.js';
import type { PathWatcher } from './path-watcher.js';
import type { Slices } from './slices.js';
import { NOT_INSTALLED, type SourceInfo, Sources } from './sources.js';

export interface RibOptions {
  /** Paths to forward by for one prefix at most; default 1. */
  readonly maxPaths?: number;
  readonly medRules?: MedRules;
  /** Does the work by itself when given; else the owner calls `decide`. */
  readonly slices?: Slices;
  /** Tables were cut after a mass withdrawal: what they held before is garbage. */
  readonly shrunk?: () => void;
  /** Metric of our own kernel routes; see NextHopTable. Default 1024. */
  readonly kernelMetric?: number;
}

/** Why a path stands where it stands. */
export interface PathVerdict {
  readonly path: PathId;
  readonly verdict: 'best' | 'multipath' | 'lost' | 'rejected' | 'unresolved';
  /** The step that decided against the path; null for the best. A multipath one says which step made it not the best. */
  readonly step: DecisionStep | null;
}

/** Whether a consumer still needs the id of a prefix that has no paths any more. */
export type Claim = (family: FamilyIndex, prefix: PrefixId) => boolean;

const RECLAIM_RETRY_MS = 250;
/** So many ids wait to be given back before that is more than something for idle turns. */
const MOST_UNUSED = 1 << 20;

export class Rib {
  readonly nextHops: NextHopTable;
  readonly sets: AttrSets;
  readonly sources = new Sources();
  readonly families: readonly [FamilyRib, FamilyRib];

  private readonly listeners: ChangeListener[] = [];
  private readonly claims: Claim[] = [];
  private readonly context: FamilyRibContext;
  /** null: whoever has work does it at once. */
  readonly slices: Slices | null;
  private readonly removing = new Set<SourceId>();
  /** The family to be decided first. */
  private first: FamilyIndex = 0;
  private retry: NodeJS.Timeout | null = null;
  /** Family that the reclaim under way has come to. */
  private reclaiming = 0;

  constructor(options: RibOptions = {}) {
    this.slices = options.slices ?? null;
    this.nextHops = new NextHopTable(options.kernelMetric);
    this.sets = new AttrSets(this.nextHops, () => this.slices?.addLater(this.reclaimSlice));
    this.context = {
      sets: this.sets,
      sources: this.sources,
      nextHops: this.nextHops,
      maxPaths: options.maxPaths ?? 1,
      watcher: null,
      wake: () => this.slices?.add(this.slice),
      changed: (family, prefix, change) => this.bestChanged(family, prefix, change),
      shrunk: options.shrunk ?? (() => {}),
      isClaimed: (family, prefix) => this.isClaimed(family, prefix),
    };
    this.families = [new FamilyRib(0, this.context), new FamilyRib(1, this.context)];
    for (const family of this.families) family.decision.medRules = options.medRules ?? standardMedRules;
    this.nextHops.setRouteLookup((address, maxLength) => this.covering(address, maxLength));
    this.nextHops.onWork(this.context.wake);
    this.nextHops.onChange((id, change) => {
      if ((change & RESOLUTION_CHANGED) !== 0) for (const family of this.families) family.nextHopChanged(id);
    });
  }

  addSource(info: SourceInfo): SourceId {
    return this.sources.add(info);
  }

  /** Replaces what is known of a source. Where anything about it changed, all its paths are decided again, by and by. */
  updateSource(source: SourceId, info: SourceInfo): void {
    const before = this.sources.get(source);
    this.sources.set(source, info);
    if (isDeepStrictEqual(before, info)) return;
    for (const family of this.families) family.redecideSource(source);
  }

  /** Removes the source's paths, by and by, and then the source. It must announce nothing any more. */
  removeSource(source: SourceId): void {
    this.removing.add(source);
    this.withdrawAll(source);
  }

  /** Removes all that the source has announced so far, by and by; what it announces from now on stays. */
  withdrawAll(source: SourceId): void {
    for (const family of this.families) family.withdrawAll(source);
  }

  get maxPaths(): number {
    return this.context.maxPaths;
  }

  setMaxPaths(maxPaths: number): void {
    if (maxPaths === this.context.maxPaths) return;
    this.context.maxPaths = maxPaths;
    this.redecideAll();
  }

  /** Paths to forward by count otherwise from now on: who hears of changes hears of every prefix, by and by. */
  redecideAll(): void {
    for (const family of this.families) family.redecideAll();
  }

  get medRules(): MedRules {
    return this.families[0].decision.medRules;
  }

  setMedRules(rules: MedRules): void {
    const { alwaysCompare, missingAsWorst } = this.medRules;
    if (rules.alwaysCompare === alwaysCompare && rules.missingAsWorst === missingAsWorst) return;
    for (const family of this.families) {
      family.decision.medRules = rules;
      family.redecideAll();
    }
  }

  /** Calls back for every prefix whose best path or paths to forward by changed, from within `decide`. */
  onBestChange(listener: ChangeListener): void {
    this.listeners.push(listener);
  }

  /** Who is told of every path that is announced, withdrawn or judged anew; null: nobody. */
  setPathWatcher(watcher: PathWatcher | null): void {
    this.context.watcher = watcher;
  }

  addClaim(claim: Claim): void {
    this.claims.push(claim);
  }

  /** Prefixes that wait for the decision process: the measure for pushing back on peers. */
  get dirtyCount(): number {
    return this.families[0].dirtyCount + this.families[1].dirtyCount;
  }

  get hasWork(): boolean {
    return this.families[0].hasWork || this.families[1].hasWork || this.nextHops.hasWork;
  }

  /** Works until `deadline` (performance.now() milliseconds; Infinity: until nothing is left). Returns whether more is left. */
  decide(deadline: number): boolean {
    const [ipv4, ipv6] = this.families;
    while (this.hasWork) {
      if (this.decideInTurns(deadline)) return true;
      if (this.nextHops.run(deadline)) return true;
      ipv4.sweep(deadline);
      ipv6.sweep(deadline);
      if (performance.now() >= deadline && this.hasWork) return true;
    }
    this.freeSources();
    if (this.slices === null) return this.reclaim(deadline) || this.hasWork;
    if (this.unusedCount > MOST_UNUSED) this.slices.add(this.reclaimSlice);
    else this.slices.addLater(this.reclaimSlice);
    return this.hasWork;
  }

  /** Gives back ids of prefixes and sets that nobody needs any more; tries again by itself where a consumer isn't done. Returns whether the deadline came first. */
  reclaim(deadline: number): boolean {
    for (; this.reclaiming < this.families.length; this.reclaiming++) {
      if (this.families[this.reclaiming].reclaim(deadline)) return true;
    }
    this.reclaiming = 0;
    if (this.sets.reclaim(deadline)) return true;
    if (this.sets.trim()) this.context.shrunk();
    if (this.unusedCount === 0 || this.slices === null || this.retry !== null) return false;
    this.retry = setTimeout(() => {
      this.retry = null;
      this.slices?.addLater(this.reclaimSlice);
    }, RECLAIM_RETRY_MS);
    this.retry.unref();
    return false;
  }

  /** Every path of the prefix and why it stands where it stands, the best first. */
  explain(family: FamilyIndex, prefix: PrefixId): PathVerdict[] {
    const rib = this.families[family];
    const best = rib.best(prefix);
    const first = rib.paths.firstOf(prefix);
    const multipath = rib.multipath(prefix);
    const verdicts = [...rib.chain(prefix)].map((path): PathVerdict => {
      const step = rib.decision.lostAt(path, best, first);
      if (path === best) return { path, verdict: 'best', step: null };
      if (step === 'rejected' || step === 'unresolved') return { path, verdict: step, step };
      return { path, verdict: multipath.includes(path) ? 'multipath' : 'lost', step };
    });
    const order = ['best', 'multipath', 'lost', 'unresolved', 'rejected'];
    return verdicts.sort((x, y) => order.indexOf(x.verdict) - order.indexOf(y.verdict));
  }

  /** Stops the timer; the tables go with the object. */
  close(): void {
    if (this.retry !== null) clearTimeout(this.retry);
    this.retry = null;
    this.nextHops.close();
  }

  /** Decides both families, until the deadline cuts one short: where one is never done, the other has its turn all the same. */
  private decideInTurns(deadline: number): boolean {
    const { first } = this;
    const second = first === 0 ? 1 : 0;
    if (!this.families[first].decide(deadline) && !this.families[second].decide(deadline)) return false;
    this.first = second;
    return true;
  }

  private readonly slice = (deadline: number): boolean => this.decide(deadline);

  private readonly reclaimSlice = (deadline: number): boolean => this.reclaim(deadline);

  private get unusedCount(): number {
    return this.families[0].unusedCount + this.families[1].unusedCount;
  }

  private bestChanged(family: FamilyIndex, prefix: PrefixId, change: number): void {
    const { prefixes } = this.families[family];
    if (family === 0) {
      if (this.nextHops.covers4(prefixes.words[prefix], prefixes.lengths[prefix])) {
        this.nextHops.routeChanged(prefixes.read(prefix));
      }
    } else {
      this.nextHops.routeChanged(prefixes.read(prefix));
    }
    // By index: this is done for every prefix, and an iterator is an object.
    const { listeners } = this;
    for (let i = 0; i < listeners.length; i++) listeners[i](family, prefix, change);
  }

  private isClaimed(family: FamilyIndex, prefix: PrefixId): boolean {
    const { claims } = this;
    for (let i = 0; i < claims.length; i++) if (claims[i](family, prefix)) return true;
    return false;
  }

  /** The longest installed best route for an address: what a next hop may resolve by. */
  private covering(address: Address, maxLength: number): CoveringRoute | null {
    const rib = this.families[address.family];
    const { flags } = this.sources;
    const prefix = rib.prefixes.longestMatch(
      address,
      (id) => {
        const best = rib.paths.bestOf(id);
        return best !== NONE && (flags[rib.paths.source[best]] & NOT_INSTALLED) === 0;
      },
      maxLength,
    );
    if (prefix === NONE) return null;
    const id = prefix as PrefixId;
    const { forwarding } = this.sources.get(rib.paths.source[rib.best(id)] as SourceId);
    return {
      prefix: rib.prefixes.read(id),
      forwarding:
        forwarding === 'nextHop' && this.nextHopOf(rib, rib.best(id) as PathId) !== SELF
          ? {
              kind: 'recursive',
              nextHops: rib.multipath(id).map((path) => this.nextHopOf(rib, path)),
              candidates: [...rib.chain(id)].map((path) => this.nextHopOf(rib, path)),
              aigp: rib.multipath(id).map((path) => this.aigpOf(rib, path)),
            }
          : typeof forwarding === 'object'
            ? { kind: 'onLink', ifindex: forwarding.ifindex }
            : { kind: 'unreachable' },
    };
  }

  private nextHopOf(rib: FamilyRib, path: PathId): NextHopId {
    return this.sets.nextHopId[rib.paths.accepted[path]] as NextHopId;
  }

  /** What the path adds to the distance of those who resolve through it (RFC 7311 §3.4.3 (6), (7)); a static route leads on and no more. */
  private aigpOf(rib: FamilyRib, path: PathId): number {
    const aigp = this.sets.aigp(rib.paths.accepted[path] as AttrSetId);
    if (aigp >= 0) return aigp;
    return this.sources.get(rib.paths.source[path] as SourceId).kind === 'bgp' ? Number.POSITIVE_INFINITY : 0;
  }

  private freeSources(): void {
    for (const source of this.removing) {
      if (this.families.some((family) => family.isSweeping(source))) continue;
      this.removing.delete(source);
      this.sources.delete(source);
    }
  }
}
