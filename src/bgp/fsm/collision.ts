/** Who dialed a connection. */
export type Direction = 'outgoing' | 'incoming';

/** One of two connections with the same peer. */
export interface CollidingConnection {
  readonly direction: Direction;
  readonly established: boolean;
}

export interface CollisionParties {
  /** BGP Identifiers, u32. */
  readonly localId: number;
  readonly remoteId: number;
  readonly localAsn: number;
  readonly remoteAsn: number;
  /** The peer announced graceful restart on the older connection (RFC 4724 §5). */
  readonly gracefulRestart: boolean;
}

/**
 * Which of two connections goes, asked when a valid OPEN came in on `newer` while `older` is in OpenSent,
 * OpenConfirm or Established.
 *
 * - `older` Established: the newer one goes (RFC 4271 §6.8), unless the peer does graceful restart, when its new
 *   connection may say that it lost the old one (RFC 4724 §5): `older` then goes as soon as `newer` is established.
 * - Both dialed by one side: the older one goes. A speaker dials again only when it gave its last connection up.
 * - Otherwise the connection stays that the side with the higher BGP Identifier dialed (RFC 4271 §6.8); with equal
 *   identifiers the higher AS number decides (RFC 6286 §2.3).
 */
export function resolveCollision(
  older: CollidingConnection,
  newer: CollidingConnection,
  parties: CollisionParties,
): 'dropOlder' | 'dropNewer' {
  if (older.established) {
    return parties.gracefulRestart && newer.direction === 'incoming' ? 'dropOlder' : 'dropNewer';
  }
  if (older.direction === newer.direction) return 'dropOlder';
  const localIsHigher =
    parties.localId === parties.remoteId
      ? parties.localAsn > parties.remoteAsn
      : parties.localId > parties.remoteId;
  const stays: Direction = localIsHigher ? 'outgoing' : 'incoming';
  return older.direction === stays ? 'dropNewer' : 'dropOlder';
}
