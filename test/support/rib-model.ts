/**
 * A RIB as one would write it first: Maps and objects, everything computed anew each time it is asked for. The real
 * one must agree with it.
 */

export interface ModelAttributes {
  readonly localPref: number;
  readonly asPath: readonly number[];
  /** Member ASes of a confederation, in front of it; they count nothing (RFC 5065 §5.3). */
  readonly members: readonly number[];
  readonly origin: number;
  /** null: absent. */
  readonly med: number | null;
  readonly nextHop: number;
  readonly originatorId: number;
  readonly clusterListLength: number;
  /** null: absent. */
  readonly aigp: number | null;
}

export interface ModelSource {
  readonly name: string;
  readonly preference: number;
  readonly ibgp: boolean;
  /** In another member AS of the confederation: internal, too (RFC 5065 §5.3). */
  readonly confed: boolean;
  readonly routerId: number;
  /** Last octet of its address. */
  readonly address: number;
}

export interface ModelPath {
  readonly source: ModelSource;
  readonly pathId: number;
  received: ModelAttributes;
  accepted: ModelAttributes | null;
  stale: boolean;
  /** Announced before the refresh that is under way (RFC 7313). */
  old?: boolean;
}

/** Metric of each next hop, null = unresolved. */
export type ModelMetrics = readonly (number | null)[];

const min = <T>(items: readonly T[], key: (item: T) => number): T[] => {
  const lowest = Math.min(...items.map(key));
  return items.filter((item) => key(item) === lowest);
};

export interface ModelMedRules {
  readonly alwaysCompare: boolean;
  readonly missingAsWorst: boolean;
}

function attributes(path: ModelPath): ModelAttributes {
  if (path.accepted === null) throw new Error('rejected path in the decision process');
  return path.accepted;
}

/** RFC 4271 §9.1.2.2, one step after the other, each over all that is left: those that tie for forwarding. */
function survivors(
  paths: readonly ModelPath[],
  metrics: ModelMetrics,
  { alwaysCompare, missingAsWorst }: ModelMedRules,
): ModelPath[] {
  const med = (path: ModelPath) => attributes(path).med ?? (missingAsWorst ? 0xffffffff : 0);
  let left = paths.filter((path) => path.accepted !== null && metrics[path.accepted.nextHop] !== null);
  left = min(left, (path) => -path.source.preference);
  left = min(left, (path) => -attributes(path).localPref);
  // RFC 7311 §4.1: a step to the next hop is never for nothing.
  left = min(left, (path) => {
    const { aigp, nextHop } = attributes(path);
    return aigp === null ? Number.POSITIVE_INFINITY : aigp + Math.max(1, metrics[nextHop] ?? 0);
  });
  left = min(left, (path) => attributes(path).asPath.length);
  left = min(left, (path) => attributes(path).origin);
  left = left.filter(
    (path) =>
      !left.some(
        (other) =>
          (alwaysCompare || (attributes(other).asPath[0] ?? 0) === (attributes(path).asPath[0] ?? 0)) &&
          med(other) < med(path),
      ),
  );
  left = min(left, (path) => (path.source.ibgp || path.source.confed ? 1 : 0));
  return min(left, (path) => metrics[attributes(path).nextHop] ?? 0);
}

function lowestIdentity(paths: readonly ModelPath[]): ModelPath | null {
  let left = min(paths, (path) => attributes(path).originatorId || path.source.routerId);
  left = min(left, (path) => attributes(path).clusterListLength);
  left = min(left, (path) => path.source.address);
  left = min(left, (path) => path.pathId);
  return left[0] ?? null;
}

export function modelBest(
  paths: readonly ModelPath[],
  metrics: ModelMetrics,
  rules: ModelMedRules,
): ModelPath | null {
  return lowestIdentity(survivors(paths, metrics, rules));
}

/** The best path and the others that tie, in the order of identity, one for each next hop. */
export function modelMultipath(
  paths: readonly ModelPath[],
  metrics: ModelMetrics,
  maxPaths: number,
  rules: ModelMedRules,
): ModelPath[] {
  let left = survivors(paths, metrics, rules);
  const chosen: ModelPath[] = [];
  while (left.length > 0 && chosen.length < maxPaths) {
    const best = lowestIdentity(left);
    if (best === null) break;
    chosen.push(best);
    left = left.filter((path) => attributes(path).nextHop !== attributes(best).nextHop);
  }
  return chosen;
}
