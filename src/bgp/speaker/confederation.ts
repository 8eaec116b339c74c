/**
 * Who a peer is to us, by its AS number: in our own AS, in another member AS of our confederation (RFC 5065), or outside;
 * and which AS we are to it.
 */

/** A confederation as its members know it. */
export interface Confederation {
  /** The AS number that the outside knows. */
  readonly id: number;
  /** Member ASes; our own may be among them. */
  readonly members: readonly number[];
}

/** This router's AS numbers. In a confederation, `asn` is its member AS. */
export interface OwnAsns {
  readonly asn: number;
  readonly confederation: Confederation | null;
}

export type Relation = 'ibgp' | 'confed' | 'ebgp';

export function relationTo(peerAsn: number, { asn, confederation }: OwnAsns): Relation {
  if (peerAsn === asn) return 'ibgp';
  return confederation?.members.includes(peerAsn) ? 'confed' : 'ebgp';
}

/** RFC 5065 §4: the AS in our OPEN, unless `localAs` says otherwise: outside the confederation, its number. */
export function asnTowards(peerAsn: number, own: OwnAsns): number {
  const { asn, confederation } = own;
  return confederation !== null && relationTo(peerAsn, own) === 'ebgp' ? confederation.id : asn;
}
