/**
 * Only-to-Customer (RFC 9234 §5): a route that came from a provider, a peer or a route server, or went to a customer, a
 * peer or a route server client, carries OTC and from there on goes to customers alone. Roles are ours on the session;
 * the peer's is the counterpart. Filters have no say in any of it.
 */
import { AttributeCode, type CanonicalView, type RoleName } from '../bgp/wire/index.js';

export interface OtcFacts {
  /** What we are to the peer. */
  readonly role: RoleName;
  /** The AS that OTC names where it is added: the peer's on import, on export the one that the peer knows us by. */
  readonly asn: number;
}

export type Leak = 'leakedByCustomer' | 'leakedByPeer';

/** §5, ingress 1 and 2: what makes the route in `view` a leak; null: nothing. */
export function findLeak(view: CanonicalView, buffer: Buffer, { role, asn }: OtcFacts): Leak | null {
  switch (role) {
    case 'provider':
    case 'routeServer':
      return view.find(AttributeCode.onlyToCustomer) ? 'leakedByCustomer' : null;
    case 'peer':
      if (!view.find(AttributeCode.onlyToCustomer)) return null;
      return buffer.readUInt32BE(view.valueStart) === asn ? null : 'leakedByPeer';
    case 'customer':
    case 'routeServerClient':
      return null;
  }
}

/** §5, ingress 3: from a provider, a peer or a route server, OTC is added where it is missing. */
export function marksOnImport(role: RoleName): boolean {
  return role === 'customer' || role === 'peer' || role === 'routeServerClient';
}

/** §5, egress 1: to a customer, a peer or a route server client, OTC is added where it is missing. */
export function marksOnExport(role: RoleName): boolean {
  return role === 'provider' || role === 'peer' || role === 'routeServer';
}

/** §5, egress 2: what carries OTC does not go to a provider, a peer or a route server. */
export function keepsMarked(role: RoleName): boolean {
  return role === 'customer' || role === 'peer' || role === 'routeServerClient';
}
