/** Import policy of one peer in one family: the protocol's own checks, then filters, once per attribute set where prefixes don't matter. */
import type { FamilyIndex } from '../address/index.js';
import { type AttrSetId, type PrefixId, REJECTED } from '../rib/ids.js';
import type { Rib } from '../rib/rib.js';
import { withoutAigp } from './aigp.js';
import type { RouteEdits } from './edits.js';
import type { PolicyExplanation } from './exporter.js';
import type { CompiledPolicy, PrefixClass } from './filters.js';
import { findFault, type ImportFacts, importReasons, treatImport } from './import-treatment.js';
import { SetRewriter } from './rewrite.js';
import type { RouteSource } from './route-view.js';
import { MISS, SetCache } from './set-cache.js';
import {
  noOrigins,
  type OriginFacts,
  type RouteValidity,
  resultClass,
  routeValidity,
  Validity,
} from './validation.js';

/** One scratch for all: a rewrite is interned before the next one begins. */
const out = new SetRewriter();

export class Importer {
  private readonly rib: Rib;
  private readonly family: FamilyIndex;
  private readonly facts: ImportFacts;
  private readonly policy: CompiledPolicy;
  private readonly cache: SetCache;
  private readonly source: RouteSource;
  private readonly validity: RouteValidity | null;
  /** The last question and its answer; as in the cache, without references. */
  private lastSet = REJECTED;
  private lastKey = 0;
  private lastGeneration = 0;
  private lastAccepted = REJECTED;
  private lastAcceptedGeneration = 0;

  /** `policy` is compiled for the same family; `peer` is the peer's name. */
  constructor(
    rib: Rib,
    family: FamilyIndex,
    facts: ImportFacts,
    policy: CompiledPolicy,
    peer: string,
    origins: OriginFacts = noOrigins,
  ) {
    this.validity = routeValidity(policy, family, origins, rib.sets);
    this.source = { kind: 'bgp', name: peer };
    this.rib = rib;
    this.family = family;
    this.facts = facts;
    this.policy = policy;
    this.cache = new SetCache(rib.sets);
  }

  /** Results depend on the state of origin validation. */
  get asksValidity(): boolean {
    return this.validity !== null;
  }

  /** What the peer's route becomes, with one more reference, which is the caller's; REJECTED: it takes no part. */
  readonly import = (prefix: PrefixId, received: AttrSetId): AttrSetId => {
    const { prefixes } = this.rib.families[this.family];
    const prefixClass = this.policy.classify(prefixes, prefix);
    const validity = this.validity?.of(prefixes, prefix, received) ?? Validity.notFound;
    const key = resultClass(prefixClass, validity);
    const { sets } = this.rib;
    // The prefixes of an UPDATE come one after the other.
    if (
      received === this.lastSet &&
      key === this.lastKey &&
      sets.generation[received] === this.lastGeneration &&
      sets.generation[this.lastAccepted] === this.lastAcceptedGeneration
    ) {
      sets.retain(this.lastAccepted);
      return this.lastAccepted;
    }
    let accepted = this.cache.find(received, 0, key);
    if (accepted !== MISS) {
      sets.retain(accepted);
    } else {
      accepted = this.treat(received, prefixClass, validity);
      this.cache.store(received, 0, key, accepted);
    }
    this.lastSet = received;
    this.lastKey = key;
    this.lastGeneration = sets.generation[received];
    this.lastAccepted = accepted;
    this.lastAcceptedGeneration = sets.generation[accepted];
    return accepted;
  };

  /** Whether the route is accepted, and what decides that. */
  explain(prefix: PrefixId, received: AttrSetId): PolicyExplanation {
    const { buffer, start, end } = this.rib.sets.bytes(received);
    const fault = findFault(buffer, start, end, this.facts);
    if (fault !== null) return { accepted: false, reason: importReasons[fault] };
    const { prefixes } = this.rib.families[this.family];
    const validity = this.validity?.of(prefixes, prefix, received);
    const prefixClass = this.policy.classify(prefixes, prefix);
    const verdict = this.policy.decide(prefixClass, buffer, start, end, this.source, validity);
    if (!verdict.accepted) return { accepted: false, reason: verdict.reason };
    const outcome = treatImport(buffer, start, end, this.facts, this.editsOf(verdict, received), out);
    return outcome === 'tooLong'
      ? { accepted: false, reason: importReasons.tooLong }
      : { accepted: true, reason: verdict.reason };
  }

  /** RFC 7311 §3.3: on a session without AIGP, the attribute is as good as not there. */
  private editsOf({ edits }: { readonly edits: RouteEdits }, received: AttrSetId): RouteEdits {
    return this.facts.aigp !== true && this.rib.sets.hasAigp(received) ? withoutAigp(edits) : edits;
  }

  private treat(received: AttrSetId, prefixClass: PrefixClass, validity: Validity): AttrSetId {
    const { sets } = this.rib;
    const buffer = sets.buffer(received);
    const start = sets.start(received);
    const end = sets.end(received);
    if (findFault(buffer, start, end, this.facts) !== null) return REJECTED;
    const verdict = this.policy.decide(prefixClass, buffer, start, end, this.source, validity);
    if (!verdict.accepted) return REJECTED;
    const outcome = treatImport(buffer, start, end, this.facts, this.editsOf(verdict, received), out);
    if (outcome === 'tooLong') return REJECTED;
    if (outcome === 'rewritten') return sets.intern(out.buffer, 0, out.end, sets.scope[received]);
    sets.retain(received);
    return received;
  }
}
