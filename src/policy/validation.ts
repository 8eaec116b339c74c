/**
 * Origin validation (RFC 6811) as filters see it: the state of a route, from its prefix and the AS that originated it.
 * The data behind it is somebody else's; a policy that does not ask for it never comes here.
 */
import type { FamilyIndex } from '../address/index.js';
import { AttributeCode, CanonicalView, originAsn } from '../bgp/wire/index.js';
import type { AttrSets } from '../rib/attr-sets.js';
import type { AttrSetId, PrefixId } from '../rib/ids.js';
import { Validity, type ValidityName, validityNames } from '../rpki/types.js';
import type { CompiledPolicy, PrefixClass, PrefixKeys } from './filters.js';

export { Validity, type ValidityName, validityNames };

/** Judges a route to the prefix in `words[at…]`, host order. An origin below 1 is none (RFC 6811 §2). */
export interface OriginValidator {
  validate(family: FamilyIndex, words: Uint32Array, at: number, length: number, origin: number): Validity;
}

/** What a policy needs to know a route's state. */
export interface OriginFacts {
  readonly vrps: OriginValidator;
  /** Who originated what has an empty AS_PATH: our AS, in a confederation that of the confederation. */
  readonly ownAsn: number;
}

/** Without data, nothing is found. */
export const noOrigins: OriginFacts = { vrps: { validate: () => Validity.notFound }, ownAsn: 0 };

/** RFC 8097 §2: a non-transitive opaque extended community whose last octet is the state; in hex, as patterns are. */
export const validationStatePattern = '4300............';
export const validationStateOf = (validity: Validity): string => `430000000000000${validity}`;

const view = new CanonicalView();

/**
 * The AS that originated the route with the canonical set in `buffer[start, end)`; 0 or less: none. RFC 6811 §2: the last of a
 * trailing AS_SEQUENCE; our own number where AS_PATH is empty or has confederation segments alone; none where it ends
 * in a set.
 */
export function routeOriginAsn(buffer: Buffer, start: number, end: number, ownAsn: number): number {
  const found = view.reset(buffer, start, end).find(AttributeCode.asPath);
  const origin = found ? originAsn(buffer, view.valueStart, view.valueEnd) : 0;
  return origin === 0 ? ownAsn : origin;
}

/** What results are kept by: the class of the prefix, and the state where the policy asks for it. */
export function resultClass(prefixClass: PrefixClass, validity: Validity): number {
  return prefixClass * 4 + validity;
}

/** Null where the policy does not ask. */
export function routeValidity(
  policy: CompiledPolicy,
  family: FamilyIndex,
  origins: OriginFacts,
  sets: AttrSets,
): RouteValidity | null {
  return policy.looksAtValidity ? new RouteValidity(family, origins, sets) : null;
}

/** The states of routes of one family. Routes that follow each other mostly share their attribute set: its origin is kept. */
export class RouteValidity {
  private lastSet = -1;
  private lastGeneration = -1;
  private lastOrigin = 0;

  constructor(
    private readonly family: FamilyIndex,
    private readonly origins: OriginFacts,
    private readonly sets: AttrSets,
  ) {}

  of(keys: PrefixKeys, prefix: PrefixId, set: AttrSetId): Validity {
    const { sets, family } = this;
    if (set !== this.lastSet || sets.generation[set] !== this.lastGeneration) {
      this.lastSet = set;
      this.lastGeneration = sets.generation[set];
      this.lastOrigin = routeOriginAsn(sets.buffer(set), sets.start(set), sets.end(set), this.origins.ownAsn);
    }
    const at = family === 0 ? prefix : prefix * 4;
    return this.origins.vrps.validate(family, keys.words, at, keys.lengths[prefix], this.lastOrigin);
  }
}
