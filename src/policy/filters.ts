/**
 * Filters, compiled for one family. What a filter decides depends on the prefix and on the attribute set, and the two
 * are looked at apart: `classify` says which of the rules' prefix conditions hold, as a small number that many
 * prefixes share; `decide` goes through the rules for one such class and one attribute set. So a result can be kept
 * per (class, attribute set, source of the route), and where no rule looks at prefixes there is one class and
 * `classify` does nothing. The state of origin validation, which prefix and set decide together, is handed in where a
 * rule asks for it (`looksAtValidity`), and is then part of what results are kept by. Where no rule looks at attributes or source either, there is one verdict per class.
 *
 * Classes are the leaves of a binary tree over the rules' prefix conditions, which grows as prefixes are classified.
 * A branch ends as soon as no later condition can matter.
 */
import { type FamilyIndex, familyIndex, IPV4 } from '../address/index.js';
import type { PrefixId } from '../rib/ids.js';
import { asksValidity, type Condition, compileConditions, isRelative } from './conditions.js';
import { noEdits, type RouteEdits, withSet } from './edits.js';
import { allOf, anyOf, type PrefixCondition, prefixList } from './prefix-list.js';
import { type RouteSource, RouteView } from './route-view.js';
import type { Filter, FilterRule, PrefixSets } from './types.js';
import { Validity } from './validation.js';

/** Prefix keys by id, as the RIB's table has them. */
export interface PrefixKeys {
  readonly words: Uint32Array;
  readonly lengths: Uint8Array;
}

/** Which of a policy's prefix conditions hold; small, dense, of that policy alone. */
export type PrefixClass = number & { readonly brand: 'PrefixClass' };
/** What a policy says of a route. */
export interface Verdict {
  readonly accepted: boolean;
  readonly edits: RouteEdits;
  /** For people: which rule of which filter decided. */
  readonly reason: string;
}

/** What filters refer to. */
export interface PolicyContext {
  readonly prefixSets: PrefixSets;
  /** Our own AS number, which `prepend` means where it names none. */
  readonly localAsn: number;
}

interface Step {
  readonly filter: number;
  /** null: every prefix matches. */
  readonly prefixes: PrefixCondition | null;
  /** Of attributes and source. */
  readonly conditions: readonly Condition[];
  readonly rule: FilterRule;
  /** The rule's `set` is not empty. */
  readonly changes: boolean;
  /** `filter "NAME" rule N`, counted from 1. */
  readonly name: string;
}

/** A child of a node that no prefix has reached yet. Leaves are `~class`, so below zero. */
const UNBUILT = 0x7fffffff;

/** All of a peer's filters in one direction and family; every one of them must accept. */
export class CompiledPolicy {
  readonly looksAtPrefix: boolean;
  /** Verdicts depend on attributes or source. */
  readonly looksAtRoute: boolean;
  /** Verdicts depend on the state of origin validation. */
  readonly looksAtValidity: boolean;
  private readonly family: FamilyIndex;
  private readonly filters: readonly Filter[];
  private readonly steps: Step[] = [];
  /** Per filter its first step, and the end of all. */
  private readonly firsts: number[] = [];
  /** Nodes: the step whose prefixes are asked for, where its answers lead, and the steps known to match before it. */
  private readonly nodeStep: number[] = [];
  private readonly nodeYes: number[] = [];
  private readonly nodeNo: number[] = [];
  private readonly nodeMatched: (readonly number[])[] = [];
  private readonly root: number;
  /** Per class: the steps whose prefixes match. */
  private readonly matched: ReadonlySet<number>[] = [];
  /** Per class, where attributes and source don't matter. */
  private readonly verdicts: (Verdict | undefined)[] = [];
  /** Set: nothing is accepted, for this reason. */
  private readonly refusal: Verdict | null;
  private readonly route: RouteView;

  /** No filters at all: accepts everything. Throws where a rule refers to what `context` doesn't have. */
  constructor(
    filters: readonly Filter[],
    family: FamilyIndex,
    refusal: string | null = null,
    context: PolicyContext = noContext,
  ) {
    this.route = new RouteView(context.localAsn);
    this.family = family;
    this.filters = filters;
    this.refusal = refusal === null ? null : { accepted: false, edits: noEdits, reason: refusal };
    filters.forEach((filter, index) => {
      this.firsts.push(this.steps.length);
      filter.rules.forEach((rule, n) => {
        const step = compileRule(rule, family, context, index, `filter ${filter.name} rule ${n + 1}`);
        if (step !== null) this.steps.push(step);
      });
    });
    this.firsts.push(this.steps.length);
    this.looksAtPrefix = this.steps.some((step) => step.prefixes !== null);
    this.looksAtRoute = this.steps.some((step) => step.conditions.length > 0 || isRelative(step.rule.set));
    this.looksAtValidity = this.steps.some(({ rule }) => asksValidity(rule.match, rule.set));
    this.root = this.build(0, []);
  }

  /** The class of a prefix. */
  classify(keys: PrefixKeys, prefix: PrefixId): PrefixClass {
    let node = this.root;
    if (node < 0) return ~node as PrefixClass;
    const { words } = keys;
    const length = keys.lengths[prefix];
    const at = this.family === IPV4 ? prefix : prefix * 4;
    while (node >= 0) {
      // Only steps that ask for prefixes are nodes.
      const asked = this.steps[this.nodeStep[node]].prefixes as PrefixCondition;
      const matches = asked.matches(words, at, length);
      const next = matches ? this.nodeYes[node] : this.nodeNo[node];
      node = next === UNBUILT ? this.buildChild(node, matches) : next;
    }
    return ~node as PrefixClass;
  }

  /**
   * Goes through the rules for a route of this class and source with the canonical attribute set in `buffer[start, end)`.
   * `validity` counts where the policy looks at it.
   */
  decide(
    prefixClass: PrefixClass,
    buffer: Buffer,
    start: number,
    end: number,
    source: RouteSource,
    validity: Validity = Validity.notFound,
  ): Verdict {
    if (this.refusal !== null) return this.refusal;
    if (this.looksAtRoute) {
      return this.evaluate(prefixClass, this.route.reset(buffer, start, end, source, validity));
    }
    let verdict = this.verdicts[prefixClass];
    if (verdict === undefined) {
      verdict = this.evaluate(prefixClass, this.route.reset(buffer, start, end, source, validity));
      this.verdicts[prefixClass] = verdict;
    }
    return verdict;
  }

  private evaluate(prefixClass: PrefixClass, route: RouteView): Verdict {
    const matched = this.matched[prefixClass];
    let reason = 'no filter is configured: everything is accepted';
    for (let f = 0; f < this.filters.length; f++) {
      let accepted = false;
      for (let i = this.firsts[f]; i < this.firsts[f + 1] && !accepted; i++) {
        if (!matched.has(i)) continue;
        const { rule, conditions, changes, name } = this.steps[i];
        // A rule sees what the rules before it made of the route.
        if (!conditions.every((holds) => holds(route))) continue;
        if (rule.action === 'reject')
          return { accepted: false, edits: noEdits, reason: `${name} rejects it` };
        if (changes) route.edits = withSet(route.edits, rule.set, route);
        if (rule.action === 'accept') {
          accepted = true;
          reason = `${name} accepts it`;
        }
      }
      if (!accepted) {
        const { name } = this.filters[f];
        return { accepted: false, edits: noEdits, reason: `filter ${name} has no rule that accepts it` };
      }
    }
    return { accepted: true, edits: route.edits, reason };
  }

  /** The node or leaf for those who come to step `from` having matched `matched`, which is this call's own. */
  private build(from: number, matched: number[]): number {
    for (let i = from; i < this.steps.length; i = this.afterMatch(i)) {
      if (this.steps[i].prefixes !== null) {
        this.nodeMatched.push(matched);
        this.nodeYes.push(UNBUILT);
        this.nodeNo.push(UNBUILT);
        return this.nodeStep.push(i) - 1;
      }
      matched.push(i);
    }
    return ~(this.matched.push(new Set(matched)) - 1);
  }

  private buildChild(node: number, matches: boolean): number {
    const step = this.nodeStep[node];
    const matched = this.nodeMatched[node];
    if (matches) {
      this.nodeYes[node] = this.build(this.afterMatch(step), [...matched, step]);
      return this.nodeYes[node];
    }
    this.nodeNo[node] = this.build(step + 1, [...matched]);
    return this.nodeNo[node];
  }

  /** The next step that can matter for a prefix that matches step `i`. */
  private afterMatch(i: number): number {
    const { rule, conditions, filter } = this.steps[i];
    if (rule.action === undefined || conditions.length > 0) return i + 1;
    if (rule.action === 'reject' && !this.looksAtRoute) return this.steps.length;
    return this.firsts[filter + 1];
  }
}

/** Filters for the routes of one family. None: everything is accepted. */
export function compileFilters(
  filters: readonly Filter[],
  family: FamilyIndex,
  context?: PolicyContext,
): CompiledPolicy {
  return new CompiledPolicy(filters, family, null, context);
}

/** What holds for an external peer without a filter, unless `ebgpRequiresPolicy` is off (RFC 8212 §2). */
export function policyMissing(direction: 'import' | 'export', family: FamilyIndex): CompiledPolicy {
  return nothingPasses(`no ${direction} filter is configured for this external peer (RFC 8212)`, family);
}

/** Everything is rejected, for that reason. */
export function nothingPasses(reason: string, family: FamilyIndex): CompiledPolicy {
  return new CompiledPolicy([], family, reason);
}

/** null: the rule can never match in this family. */
function compileRule(
  rule: FilterRule,
  family: FamilyIndex,
  context: PolicyContext,
  filter: number,
  name: string,
): Step | null {
  const { match, set } = rule;
  if (match.family !== undefined && familyIndex(match.family) !== family) return null;
  if (set.prepend?.asn === null && context.localAsn === 0) {
    throw new RangeError(`${name} prepends our own AS number, which is not known`);
  }
  const prefixes: PrefixCondition[] = [];
  if (match.prefixes !== undefined) prefixes.push(prefixList(family, match.prefixes));
  if (match.prefixSets !== undefined) {
    const lists = match.prefixSets.map((set) => {
      if (!Object.hasOwn(context.prefixSets, set))
        throw new RangeError(`${name}: there is no prefix set ${set}`);
      return prefixList(family, context.prefixSets[set]);
    });
    prefixes.push(anyOf(lists));
  }
  if (prefixes.some((condition) => condition.isEmpty)) return null;
  return {
    filter,
    prefixes: prefixes.length === 0 ? null : allOf(prefixes),
    conditions: compileConditions(match),
    rule,
    changes: Object.keys(set).length > 0,
    name,
  };
}

const noContext: PolicyContext = { prefixSets: {}, localAsn: 0 };
