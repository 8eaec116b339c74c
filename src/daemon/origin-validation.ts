/** Origin validation as people see it: caches, VRPs, and what they say of a route. */
import type { FamilyIndex } from '../address/index.js';
import type { CacheRow, ExplainedValidity } from '../control/api.js';
import { routeOriginAsn } from '../policy/index.js';
import type { AttrSetId, PrefixId } from '../rib/ids.js';
import type { Rib } from '../rib/rib.js';
import { type RpkiCaches, Validity, type ValidityName, type Vrp, validityNames } from '../rpki/index.js';

export class OriginValidation {
  constructor(
    private readonly rib: Rib,
    private readonly caches: RpkiCaches,
    private readonly ownAsn: number,
  ) {}

  /** Caches are configured; where there are none, no route is said to be anything. */
  get isUsed(): boolean {
    return this.caches.isUsed;
  }

  /** By the set as it came from the peer. */
  stateOf(family: FamilyIndex, prefix: PrefixId, set: AttrSetId): ValidityName {
    return validityNames[this.validate(family, prefix, this.originOf(set))];
  }

  explain(family: FamilyIndex, prefix: PrefixId, set: AttrSetId): ExplainedValidity {
    const origin = this.originOf(set);
    const state = this.validate(family, prefix, origin);
    const route = this.rib.families[family].prefixes.read(prefix);
    const covering = this.caches.table.covering(route);
    const fits = (vrp: Vrp) => vrp.asn === origin && origin > 0 && route.length <= vrp.maxLength;
    // Those that decide: of a valid route the ones that it fits, of an invalid one all that it does not fit.
    const vrps = state === Validity.valid ? covering.filter(fits) : covering;
    return {
      state: validityNames[state],
      originAsn: origin > 0 ? origin : null,
      vrps,
      reason: reasonOf(state, origin, route.length, vrps),
    };
  }

  rows(): CacheRow[] {
    return this.caches.reports().map(({ since, updatedAt, expiresAt, intervals, retryAt, ...report }) => ({
      ...report,
      since: since.toISOString(),
      updatedAt: updatedAt?.toISOString() ?? null,
      expiresAt: expiresAt?.toISOString() ?? null,
      ...(retryAt === null ? {} : { retryAt: retryAt.toISOString() }),
      ...intervals,
    }));
  }

  private validate(family: FamilyIndex, prefix: PrefixId, origin: number): Validity {
    const { words, lengths, stride } = this.rib.families[family].prefixes;
    return this.caches.table.validate(family, words, prefix * stride, lengths[prefix], origin);
  }

  private originOf(set: AttrSetId): number {
    const { buffer, start, end } = this.rib.sets.bytes(set);
    return routeOriginAsn(buffer, start, end, this.ownAsn);
  }
}

function reasonOf(state: Validity, origin: number, length: number, vrps: readonly Vrp[]): string {
  const text = vrps
    .map(({ prefix, maxLength, asn }) => `${prefix} up to /${maxLength} by AS ${asn}`)
    .join(', ');
  if (state === Validity.notFound) return 'no VRP covers it';
  if (state === Validity.valid) return `allowed: ${text}`;
  if (origin <= 0) return `it ends in an AS_SET, which no VRP allows (RFC 6811 §2); there are ${text}`;
  const isTooLong = vrps.some((vrp) => vrp.asn === origin && length > vrp.maxLength);
  const why = isTooLong ? `/${length} is too long` : `AS ${origin} may not originate it`;
  return `${why}; allowed: ${text}`;
}
