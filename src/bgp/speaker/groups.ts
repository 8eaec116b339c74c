/**
 * Which peers share an update group: those with the same outgoing treatment in every respect. The key says all that
 * the encoded bytes depend on; two peers whose keys are equal get the same bytes.
 */
import {
  type Address,
  type FamilyIndex,
  formatAddress,
  formatPrefix,
  type Prefix,
} from '../../address/index.js';

import type { AsPathTreatment, LongLivedStale, OtcFacts, PeerKind } from '../../policy/index.js';

export interface GroupFacts {
  readonly family: FamilyIndex;
  readonly kind: PeerKind;
  readonly fourOctetAs: boolean;
  readonly maxLength: number;
  /** Paths per prefix, with path identifiers (RFC 7911; Infinity: all); 0: the best one, without. */
  readonly paths: number;
  readonly nextHopMode: 'auto' | 'self' | 'unchanged';
  /** "Self" towards these peers. */
  readonly nextHop: Address | null;
  /** Our link-local address that goes along with an IPv6 one (RFC 2545 §3). */
  readonly linkLocal: Address | null;
  /** IPv4 routes may have IPv6 next hops (RFC 8950, agreed on). */
  readonly extendedNextHop: boolean;
  /** Networks that we share with these peers, where a third party's next hop may be announced; none where that can't be. */
  readonly sharedSubnets: readonly Prefix[];
  /** What becomes of long-lived stale routes (RFC 9494); `announce`: what becomes of any. */
  readonly longLivedStale: LongLivedStale | 'announce';
  /** Names of export filters; null: none configured. */
  readonly filters: readonly string[] | null;
  /** What external peers see in AS_PATH; null: our number in front of what is there. */
  readonly asPath: AsPathTreatment | null;
  /** The cluster that these internal peers are in, where it is not that of the router (RFC 4456). */
  readonly clusterId: number | null;
  /** RFC 7311: AIGP goes out. */
  readonly aigp: boolean;
  /** RFC 9234: what we are to these external peers, and by which AS number they know us; null: no role. */
  readonly otc: OtcFacts | null;
}

export function groupKey(facts: GroupFacts): string {
  return [
    facts.family,
    facts.kind,
    facts.fourOctetAs,
    facts.maxLength,
    facts.paths,
    facts.nextHopMode,
    facts.nextHop === null ? '-' : formatAddress(facts.nextHop),
    facts.linkLocal === null ? '-' : formatAddress(facts.linkLocal),
    facts.extendedNextHop,
    facts.sharedSubnets.map(formatPrefix).sort().join(' '),
    // Names may hold any character.
    JSON.stringify(facts.filters),
    JSON.stringify(facts.asPath),
    facts.clusterId ?? '-',
    facts.aigp,
    facts.longLivedStale,
    facts.otc === null ? '-' : `${facts.otc.role} ${facts.otc.asn}`,
  ].join('|');
}
