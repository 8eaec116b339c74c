/**
 * The decision process (RFC 4271 §9.1.2, RFC 4456 §9): which of a prefix's paths is the best, and which others may
 * carry traffic beside it. It reads the tables and changes nothing; the outcome depends on the paths alone, not on the
 * order in which they came.
 *
 *      a path is a candidate if the import filter accepted it and its next hop resolves    RFC 4271 §9.1.2
 *   1  the highest preference among sources (a node's own routes, BGP, learnt ones)
 *   2  no long-lived stale path where there is another                                    RFC 9494 §4.3
 *   3  the highest LOCAL_PREF                                                              RFC 4271 §9.1.1
 *   4  a path with AIGP before one without, and the lowest sum of it and the distance      RFC 7311 §4.1
 *      to the next hop; sums are exact up to 2^53
 *   5  the shortest AS_PATH                                                                RFC 4271 §9.1.2.2 (a)
 *   6  the lowest ORIGIN                                                                   (b)
 *   7  no path of the same neighbouring AS with a lower MULTI_EXIT_DISC                    (c)
 *      (`MedRules`: of any AS; without one, it counts as the highest, not the lowest)
 *   8  eBGP before iBGP and what comes from the own confederation                          (d), RFC 5065 §5.3
 *   9  the lowest metric to the next hop                                                   (e)
 *      --- those left are multipath candidates ---
 *  10  the lowest BGP Identifier, or ORIGINATOR_ID where there is one                      (f), RFC 4456 §9
 *  11  the shortest CLUSTER_LIST                                                           RFC 4456 §9
 *  12  the lowest peer address                                                             (g)
 *  13  the lowest path identifier, then the lowest source number, so that something decides
 *
 * Steps 1 to 6 and 8 to 13 order any two paths, so one pass each suffices. Step 7 does not: it compares only within a
 * neighbouring AS, and must look at all paths that are left before any of the later steps does.
 */
import { type AttrSets, LLGR_STALE } from './attr-sets.js';
import { type AttrSetId, NONE, type PathId } from './ids.js';
import type { NextHopTable } from './next-hops.js';
import type { Paths } from './paths.js';
import { BY_NEXT_HOP, IBGP, type Sources } from './sources.js';

/** Why a path is not the best one. The first two are no candidates; the others are the steps above. */
export type DecisionStep =
  | 'rejected'
  | 'unresolved'
  | 'preference'
  | 'longLivedStale'
  | 'localPref'
  | 'aigp'
  | 'asPathLength'
  | 'origin'
  | 'med'
  | 'ebgp'
  | 'metric'
  | 'routerId'
  | 'clusterListLength'
  | 'peerAddress'
  | 'pathId';

/** What to tell a person about a path that lost at the step. */
export const decisionStepText: Readonly<Record<DecisionStep, string>> = {
  rejected: 'rejected by the import filter',
  unresolved: 'next hop does not resolve (RFC 4271 §9.1.2)',
  preference: 'step 1: source has a lower preference',
  longLivedStale: 'step 2: long-lived stale, the last choice (RFC 9494 §4.3)',
  localPref: 'step 3: lower LOCAL_PREF (RFC 4271 §9.1.1)',
  aigp: 'step 4: no AIGP, or a higher sum of AIGP and the distance to the next hop (RFC 7311 §4.1)',
  asPathLength: 'step 5: longer AS_PATH (RFC 4271 §9.1.2.2 a)',
  origin: 'step 6: higher ORIGIN (RFC 4271 §9.1.2.2 b)',
  med: 'step 7: higher MULTI_EXIT_DISC from the same neighbouring AS (RFC 4271 §9.1.2.2 c)',
  ebgp: 'step 8: iBGP or from our confederation, and the best path is eBGP (RFC 4271 §9.1.2.2 d)',
  metric: 'step 9: higher metric to the next hop (RFC 4271 §9.1.2.2 e)',
  routerId: 'step 10: higher BGP Identifier (RFC 4271 §9.1.2.2 f, RFC 4456 §9)',
  clusterListLength: 'step 11: longer CLUSTER_LIST (RFC 4456 §9)',
  peerAddress: 'step 12: higher peer address (RFC 4271 §9.1.2.2 g)',
  pathId: 'step 13: higher path identifier or source number',
};

/** How step 7 takes MULTI_EXIT_DISC, other than RFC 4271 §9.1.2.2 (c) has it. */
export interface MedRules {
  /** Compared between all paths, whichever AS they come from. */
  readonly alwaysCompare: boolean;
  /** A path without one is behind all that have one; else it counts as 0. */
  readonly missingAsWorst: boolean;
}

export const standardMedRules: MedRules = { alwaysCompare: false, missingAsWorst: false };
const WORST_MED = 0xffffffff;
/** Above any sum; finite, so that two of it are equal in a subtraction. */
const NO_AIGP = Number.MAX_VALUE;

export class Decision {
  medRules = standardMedRules;
  /** Paths that nothing decided between yet. */
  private tied = new Int32Array(64);
  /** The candidates of a chain; those of `rank` that were handed out stand in front. */
  private candidates = new Int32Array(64);
  private candidateCount = 0;
  private handedOut = 0;
  private readonly lowestMed = new Map<number, number>();
  /**
   * After `best` and `challenge`: step 7 removed nothing, as all that came so far have one MED. The steps then order any two
   * paths, so that one more is compared with the best alone.
   */
  isLevel = true;

  constructor(
    private readonly sets: AttrSets,
    private readonly sources: Sources,
    private readonly nextHops: NextHopTable,
    private readonly paths: Paths,
  ) {}

  /** Whether the path takes part at all. */
  isCandidate(path: PathId): boolean {
    const set = this.paths.accepted[path];
    if (set === 0) return false;
    const byNextHop = (this.sources.flags[this.paths.source[path]] & BY_NEXT_HOP) !== 0;
    return !byNextHop || this.nextHops.resolved[this.sets.nextHopId[set]] === 1;
  }

  /** The best path of the chain that begins at `first`, or NONE. */
  best(first: PathId | typeof NONE): PathId | typeof NONE {
    this.isLevel = true;
    if (first === NONE) return NONE;
    // Most prefixes have one path, and nothing is to be compared.
    if (this.paths.next[first] === NONE) return this.isCandidate(first) ? first : NONE;
    const n = this.gather(first);
    if (n < 2) return (n === 0 ? NONE : this.candidates[0]) as PathId;
    return this.lowestLate(this.keepWithLowestMed(this.keepHighestRank(0)));
  }

  /**
   * The better one of the best path, chosen when `isLevel` was as given, and of a path that came since. NONE: only a look at
   * all of them tells.
   */
  challenge(best: PathId, path: PathId, isLevel: boolean): PathId | typeof NONE {
    if (!this.isCandidate(best)) return NONE;
    this.isLevel = isLevel;
    if (!this.isCandidate(path)) return best;
    const ahead = this.compareRank(path, best);
    if (ahead > 0) this.isLevel = true;
    if (ahead !== 0) return ahead > 0 ? path : best;
    if (!isLevel || this.medOf(path) !== this.medOf(best)) return NONE;
    return this.compareLate(path, best) < 0 ? path : best;
  }

  /** The best path and those that tie with it up to step 9, by the later steps, one per next hop, at most `max`. */
  multipath(first: PathId | typeof NONE, max: number): PathId[] {
    const best = this.best(first);
    if (best === NONE) return [];
    if (this.paths.next[first] === NONE) return [best as PathId];
    if ((this.sources.flags[this.paths.source[best]] & BY_NEXT_HOP) === 0) return [best as PathId];
    const n = this.keepWithLowestMed(this.keepHighestRank(0));
    const equal = [...this.tied.subarray(0, n)]
      .filter(
        (path) =>
          (this.sources.flags[this.paths.source[path]] & BY_NEXT_HOP) !== 0 &&
          this.compareExit(path, best) === 0,
      )
      .sort((x, y) => this.compareLate(x, y));
    const chosen: PathId[] = [];
    const seen = new Set<number>();
    for (const path of equal) {
      const nextHop = this.nextHopOf(path);
      if (chosen.length === max || seen.has(nextHop)) continue;
      seen.add(nextHop);
      chosen.push(path as PathId);
    }
    return chosen;
  }

  /**
   * Begins to rank the candidates of the chain that begins at `first`, for `nextRanked`, until the next call of any
   * method here. Returns how many there are.
   */
  rank(first: PathId | typeof NONE): number {
    this.handedOut = 0;
    return this.gather(first);
  }

  /** The best of the candidates that were not handed out yet, each decided among those that are left; NONE: all were. */
  nextRanked(): PathId | typeof NONE {
    const { candidates, handedOut } = this;
    const left = this.candidateCount - handedOut;
    if (left === 0) return NONE;
    if (left > 1) {
      const best = this.lowestLate(this.keepWithLowestMed(this.keepHighestRank(handedOut)));
      candidates[candidates.indexOf(best, handedOut)] = candidates[handedOut];
      candidates[handedOut] = best;
    }
    return candidates[this.handedOut++] as PathId;
  }

  /** The next candidate that was not handed out yet, in no particular order; NONE: all were. */
  nextUnranked(): PathId | typeof NONE {
    return (this.handedOut < this.candidateCount ? this.candidates[this.handedOut++] : NONE) as PathId;
  }

  /** The step at which `path` fell behind `best`, both of the chain that begins at `first`; null for the best itself. */
  lostAt(path: PathId, best: PathId | typeof NONE, first: PathId | typeof NONE): DecisionStep | null {
    if (path === best) return null;
    const { paths, sets, sources, nextHops } = this;
    const set = paths.accepted[path];
    if (set === 0) return 'rejected';
    if (!this.isCandidate(path)) return 'unresolved';
    if (best === NONE) return null;
    const other = paths.accepted[best];
    const source = paths.source[path];
    const otherSource = paths.source[best];
    if (sources.preference[source] !== sources.preference[otherSource]) return 'preference';
    if (((sets.communityFlags[set] ^ sets.communityFlags[other]) & LLGR_STALE) !== 0) return 'longLivedStale';
    if (sets.localPref[set] !== sets.localPref[other]) return 'localPref';
    if (this.aigpOf(set, source) !== this.aigpOf(other, otherSource)) return 'aigp';
    if (sets.asPathLength[set] !== sets.asPathLength[other]) return 'asPathLength';
    if (sets.origin[set] !== sets.origin[other]) return 'origin';
    this.gather(first);
    const left = this.keepWithLowestMed(this.keepHighestRank(0));
    if (!this.tied.subarray(0, left).includes(path)) return 'med';
    if (((sources.flags[source] ^ sources.flags[otherSource]) & IBGP) !== 0) return 'ebgp';
    if (nextHops.metric[this.nextHopOf(path)] !== nextHops.metric[this.nextHopOf(best)]) return 'metric';
    if (this.identifier(path) !== this.identifier(best)) return 'routerId';
    if (sets.clusterListLength[set] !== sets.clusterListLength[other]) return 'clusterListLength';
    return this.comparePeerAddress(source, otherSource) !== 0 ? 'peerAddress' : 'pathId';
  }

  /** Puts the candidates of a chain into `candidates` and returns their number. */
  private gather(first: number): number {
    const { next, accepted, source } = this.paths;
    const { flags } = this.sources;
    const { nextHopId } = this.sets;
    const { resolved } = this.nextHops;
    let n = 0;
    for (let path = first; path !== NONE; path = next[path]) {
      const set = accepted[path];
      if (set === 0) continue;
      if ((flags[source[path]] & BY_NEXT_HOP) !== 0 && resolved[nextHopId[set]] === 0) continue;
      if (n === this.candidates.length) {
        const candidates = new Int32Array(n * 2);
        candidates.set(this.candidates);
        this.candidates = candidates;
        this.tied = new Int32Array(n * 2);
      }
      this.candidates[n++] = path;
    }
    this.candidateCount = n;
    return n;
  }

  /** Steps 1 to 6 on the candidates from `from` on: leaves those that tie in `tied` and returns their number. */
  private keepHighestRank(from: number): number {
    const { candidates, candidateCount, tied } = this;
    const { accepted, source: sourceOf } = this.paths;
    const { preference } = this.sources;
    const { localPref, asPathLength, origin, communityFlags, aigpCount } = this.sets;
    const comparesAigp = aigpCount > 0;
    let n = 0;
    let topPreference = 0;
    let topStale = 0;
    let topLocalPref = 0;
    let topAigp = 0;
    let topLength = 0;
    let topOrigin = 0;
    for (let i = from; i < candidateCount; i++) {
      const path = candidates[i];
      const set = accepted[path];
      const source = sourceOf[path];
      if (n > 0) {
        let ahead = preference[source] - topPreference;
        if (ahead === 0) ahead = topStale - (communityFlags[set] & LLGR_STALE);
        if (ahead === 0) ahead = localPref[set] - topLocalPref;
        if (ahead === 0 && comparesAigp) ahead = topAigp - this.aigpOf(set, source);
        if (ahead === 0) ahead = topLength - asPathLength[set];
        if (ahead === 0) ahead = topOrigin - origin[set];
        if (ahead < 0) continue;
        if (ahead > 0) n = 0;
      }
      if (n === 0) {
        topPreference = preference[source];
        topStale = communityFlags[set] & LLGR_STALE;
        topLocalPref = localPref[set];
        if (comparesAigp) topAigp = this.aigpOf(set, source);
        topLength = asPathLength[set];
        topOrigin = origin[set];
      }
      tied[n++] = path;
    }
    return n;
  }

  /** Steps 8 to 13 on the first `n` of `tied`, at least one. */
  private lowestLate(n: number): PathId {
    const { tied } = this;
    let best = tied[0];
    for (let i = 1; i < n; i++) if (this.compareLate(tied[i], best) < 0) best = tied[i];
    return best as PathId;
  }

  /** Step 7 on the first `n` of `tied`: removes what has a higher MED than another path of its neighbouring AS. */
  private keepWithLowestMed(n: number): number {
    const { tied } = this;
    const { accepted } = this.paths;
    const { firstAs } = this.sets;
    const { alwaysCompare } = this.medRules;
    let differ = false;
    for (let i = 1; i < n && !differ; i++) differ = this.medOf(tied[i]) !== this.medOf(tied[0]);
    if (!differ) return n;
    this.isLevel = false;
    const { lowestMed } = this;
    lowestMed.clear();
    for (let i = 0; i < n; i++) {
      const comparedWithin = alwaysCompare ? 0 : firstAs[accepted[tied[i]]];
      const med = this.medOf(tied[i]);
      const lowest = lowestMed.get(comparedWithin);
      if (lowest === undefined || med < lowest) lowestMed.set(comparedWithin, med);
    }
    let left = 0;
    for (let i = 0; i < n; i++) {
      const comparedWithin = alwaysCompare ? 0 : firstAs[accepted[tied[i]]];
      if (this.medOf(tied[i]) === lowestMed.get(comparedWithin)) tied[left++] = tied[i];
    }
    return left;
  }

  /** Steps 1 to 6; above 0: `x` is better. */
  private compareRank(x: number, y: number): number {
    const { accepted, source } = this.paths;
    const { preference } = this.sources;
    const { localPref, asPathLength, origin, communityFlags, aigpCount } = this.sets;
    const set = accepted[x];
    const other = accepted[y];
    let ahead = preference[source[x]] - preference[source[y]];
    if (ahead === 0) ahead = (communityFlags[other] & LLGR_STALE) - (communityFlags[set] & LLGR_STALE);
    if (ahead === 0) ahead = localPref[set] - localPref[other];
    if (ahead === 0 && aigpCount > 0) ahead = this.aigpOf(other, source[y]) - this.aigpOf(set, source[x]);
    if (ahead === 0) ahead = asPathLength[other] - asPathLength[set];
    return ahead !== 0 ? ahead : origin[other] - origin[set];
  }

  private medOf(path: number): number {
    const { accepted } = this.paths;
    const set = accepted[path] as AttrSetId;
    return this.medRules.missingAsWorst && !this.sets.hasMed(set) ? WORST_MED : this.sets.med[set];
  }

  /** Steps 8 and 9; below 0: `x` is better. */
  private compareExit(x: number, y: number): number {
    const { flags } = this.sources;
    const { source } = this.paths;
    const internal = (flags[source[x]] & IBGP) - (flags[source[y]] & IBGP);
    if (internal !== 0) return internal;
    return this.nextHops.metric[this.nextHopOf(x)] - this.nextHops.metric[this.nextHopOf(y)];
  }

  /** Steps 8 to 13; below 0: `x` is better. Never 0 for two paths of a prefix. */
  private compareLate(x: number, y: number): number {
    const exit = this.compareExit(x, y);
    if (exit !== 0) return exit;
    const identifier = this.identifier(x) - this.identifier(y);
    if (identifier !== 0) return identifier;
    const { accepted, source } = this.paths;
    const { clusterListLength } = this.sets;
    const clusters = clusterListLength[accepted[x]] - clusterListLength[accepted[y]];
    if (clusters !== 0) return clusters;
    const address = this.comparePeerAddress(source[x], source[y]);
    if (address !== 0) return address;
    const pathId = this.paths.receivedPathId(x as PathId) - this.paths.receivedPathId(y as PathId);
    return pathId !== 0 ? pathId : source[x] - source[y];
  }

  /** What step 4 compares. A path whose next hop is reached through a BGP route without AIGP is like one without. */
  private aigpOf(set: number, source: number): number {
    const aigp = this.sets.aigp(set as AttrSetId);
    if (aigp < 0) return NO_AIGP;
    const byNextHop = (this.sources.flags[source] & BY_NEXT_HOP) !== 0;
    return Math.min(NO_AIGP, aigp + (byNextHop ? this.nextHops.distance[this.sets.nextHopId[set]] : 0));
  }

  private identifier(path: number): number {
    const originator = this.sets.originatorId[this.paths.accepted[path]];
    return originator !== 0 ? originator : this.sources.routerId[this.paths.source[path]];
  }

  private nextHopOf(path: number): number {
    return this.sets.nextHopId[this.paths.accepted[path]];
  }

  private comparePeerAddress(x: number, y: number): number {
    const { peerFamily, peerWords } = this.sources;
    if (peerFamily[x] !== peerFamily[y]) return peerFamily[x] - peerFamily[y];
    for (let i = 0; i < 4; i++) {
      const difference = peerWords[4 * x + i] - peerWords[4 * y + i];
      if (difference !== 0) return difference;
    }
    return 0;
  }
}
