/** Export policy of one update group: filters and built-in treatment, once per attribute set where prefixes don't matter. */
import type { FamilyIndex } from '../address/index.js';
import type { FamilyRib } from '../rib/family-rib.js';
import {
  type AttrSetId,
  NONE,
  type OutgoingId,
  type PathId,
  type PrefixId,
  REJECTED,
  type SourceId,
} from '../rib/ids.js';
import { NO_RECIPE, type OutgoingSets, setOf } from '../rib/outgoing-sets.js';
import type { Rib } from '../rib/rib.js';
import type { SourceInfo } from '../rib/sources.js';
import type { RouteExporter } from '../rib/update-group.js';
import {
  type ExportFacts,
  exportReasons,
  type RouteOrigin,
  routeOrigin,
  stateExport,
  treatExport,
} from './export-treatment.js';
import type { CompiledPolicy, PrefixClass } from './filters.js';
import { SetRewriter } from './rewrite.js';
import { MISS, SetCache } from './set-cache.js';
import {
  noOrigins,
  type OriginFacts,
  type RouteValidity,
  resultClass,
  routeValidity,
  Validity,
} from './validation.js';

/** One scratch for all: what is stated in it is copied or interned before the next one begins. */
const out = new SetRewriter();
/** Octets of a set that has room for whatever a recipe adds to it. */
const SURE_TO_FIT = 1 << 14;

export interface PolicyExplanation {
  readonly accepted: boolean;
  /** Which rule or which demand of the protocol decided. */
  readonly reason: string;
}

export class Exporter implements RouteExporter {
  private readonly rib: Rib;
  private readonly table: FamilyRib;
  private readonly policy: CompiledPolicy;
  private readonly facts: ExportFacts;
  private cache: SetCache<OutgoingId>;
  /** Whose recipes the results are made by, and its generation then. */
  private outgoing: OutgoingSets | null = null;
  private outgoingGeneration = 0;
  /** Of sets with AIGP, what depends on the distance to their next hops: forgotten when any of these changes. */
  private aigpCache: SetCache<OutgoingId> | null = null;
  private aigpCachedAt = 0;
  /** By SourceId: as known when `keys` was given. */
  private readonly infos: (SourceInfo | undefined)[] = [];
  private readonly origins: RouteOrigin[] = [];
  /** What stands for the source in the cache; a new one when its facts change. */
  private readonly keys: number[] = [];
  private nextKey = 0;
  /** What `export` was asked last, and its answer: prefixes of one set mostly come one after the other. */
  private lastSet = REJECTED;
  private lastSource: SourceId | typeof NONE = NONE;
  private lastClass = 0;
  private lastResult: OutgoingId = REJECTED;
  /** Generations of both sets then; see SetCache. */
  private lastGeneration = 0;
  private lastResultGeneration = 0;
  private readonly validity: RouteValidity | null;

  /** `policy` is compiled for the same family. */
  constructor(
    rib: Rib,
    family: FamilyIndex,
    facts: ExportFacts,
    policy: CompiledPolicy,
    origins: OriginFacts = noOrigins,
  ) {
    this.validity = routeValidity(policy, family, origins, rib.sets);
    this.rib = rib;
    this.table = rib.families[family];
    this.facts = facts;
    this.policy = policy;
    this.cache = new SetCache<OutgoingId>(rib.sets);
  }

  /** Results depend on the state of origin validation. */
  get asksValidity(): boolean {
    return this.validity !== null;
  }

  /** See RouteExporter. */
  export(prefix: PrefixId, path: PathId, outgoing: OutgoingSets): OutgoingId {
    if (outgoing !== this.outgoing || outgoing.generation !== this.outgoingGeneration) this.forget(outgoing);
    const { paths, prefixes } = this.table;
    const { sets } = this.rib;
    const set = paths.accepted[path] as AttrSetId;
    const source = paths.source[path] as SourceId;
    if (this.rib.sources.get(source) !== this.infos[source]) this.learn(source);
    const prefixClass = this.policy.classify(prefixes, prefix);
    const validity = this.validity?.of(prefixes, prefix, set) ?? Validity.notFound;
    const key = resultClass(prefixClass, validity);
    const { generation } = sets;
    if (
      set === this.lastSet &&
      source === this.lastSource &&
      key === this.lastClass &&
      generation[set] === this.lastGeneration &&
      generation[setOf(this.lastResult)] === this.lastResultGeneration
    ) {
      outgoing.retain(this.lastResult);
      return this.lastResult;
    }
    const byDistance = this.facts.aigp === true && sets.hasAigp(set);
    const cache = byDistance ? this.cacheByDistance() : this.cache;
    let result = cache.find(set, this.keys[source], key);
    if (result !== MISS) {
      outgoing.retain(result);
    } else {
      result = this.treat(set, source, prefixClass, validity, outgoing);
      cache.store(set, this.keys[source], key, result);
    }
    this.lastSet = set;
    this.lastSource = byDistance ? NONE : source;
    this.lastClass = key;
    this.lastResult = result;
    this.lastGeneration = generation[set];
    this.lastResultGeneration = generation[setOf(result)];
    return result;
  }

  /** Whether a path would be announced, and what decides that. */
  explain(prefix: PrefixId, path: PathId): PolicyExplanation {
    const { paths, prefixes } = this.table;
    const set = paths.accepted[path] as AttrSetId;
    const { buffer, start, end } = this.rib.sets.bytes(set);
    const info = this.rib.sources.get(paths.source[path] as SourceId);
    const validity = this.validity?.of(prefixes, prefix, set);
    const prefixClass = this.policy.classify(prefixes, prefix);
    const verdict = this.policy.decide(prefixClass, buffer, start, end, info, validity);
    if (!verdict.accepted) return { accepted: false, reason: verdict.reason };
    const origin = routeOrigin(info);
    const outcome = treatExport(
      buffer,
      start,
      end,
      origin,
      this.facts,
      verdict.edits,
      out,
      this.distanceOf(set),
    );
    return outcome === 'announced'
      ? { accepted: true, reason: verdict.reason }
      : { accepted: false, reason: exportReasons[outcome] };
  }

  private treat(
    set: AttrSetId,
    source: SourceId,
    prefixClass: PrefixClass,
    validity: Validity,
    outgoing: OutgoingSets,
  ): OutgoingId {
    const { sets } = this.rib;
    const buffer = sets.buffer(set);
    const start = sets.start(set);
    const end = sets.end(set);
    const info = this.rib.sources.get(source);
    const verdict = this.policy.decide(prefixClass, buffer, start, end, info, validity);
    if (!verdict.accepted) return REJECTED;
    const outcome = stateExport(
      buffer,
      start,
      end,
      this.origins[source],
      this.facts,
      verdict.edits,
      out,
      this.distanceOf(set),
    );
    if (outcome !== 'announced') return REJECTED;
    if (out.isGeneral && end - start <= SURE_TO_FIT) {
      const recipe = outgoing.intern(out);
      if (recipe !== NO_RECIPE) {
        const result = outgoing.idOf(set, recipe);
        outgoing.retain(result);
        return result;
      }
    }
    return out.rewrite(buffer, start, end) ? sets.intern(out.buffer, 0, out.end) : REJECTED;
  }

  private distanceOf(set: AttrSetId): number {
    return this.rib.nextHops.distance[this.rib.sets.nextHopId[set]];
  }

  private cacheByDistance(): SetCache<OutgoingId> {
    const { distanceChanges } = this.rib.nextHops;
    if (this.aigpCache === null || this.aigpCachedAt !== distanceChanges) {
      this.aigpCache = new SetCache<OutgoingId>(this.rib.sets);
      this.aigpCachedAt = distanceChanges;
    }
    return this.aigpCache;
  }

  /** Numbers of recipes may mean something else than before. */
  private forget(outgoing: OutgoingSets): void {
    this.cache = new SetCache<OutgoingId>(this.rib.sets);
    this.aigpCache = null;
    this.lastSource = NONE;
    this.outgoing = outgoing;
    this.outgoingGeneration = outgoing.generation;
  }

  private learn(source: SourceId): void {
    const info = this.rib.sources.get(source);
    this.infos[source] = info;
    this.origins[source] = routeOrigin(info);
    this.keys[source] = this.nextKey++;
    this.lastSource = NONE;
  }
}
