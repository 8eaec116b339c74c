/**
 * Fast fall-over: an external peer on a link of ours is gone with the link, and nobody waits for its hold timer. The
 * session ends as if TCP had failed, so that routes are kept where graceful restart has it so; those that lead over the
 * link are unresolved until it is back. Then the peer is dialed at once.
 */
import type { Peer } from './peer.js';

interface Link {
  readonly ifindex: number;
  readonly name: string;
  /** Administratively up and with carrier. */
  readonly up: boolean;
}

/** Whether packets of the session can take no other way: they do not get beyond the link. */
export function isBoundToLink({ relation, settings }: Pick<Peer, 'relation' | 'settings'>): boolean {
  const { multihop, ttlSecurity = 1 } = settings;
  return relation !== 'ibgp' && multihop === null && ttlSecurity === 1;
}

export class FallOver {
  /** Peers whose session went with its link and has not come back, with the index of that link. */
  private readonly lost = new Map<Peer, number>();
  /** Names of the links that were known last, by index: of those that are gone nobody else knows them. */
  private names = new Map<number, string>();

  /** Links or their addresses changed. To be called before peers learn their links' addresses anew. */
  look(peers: ReadonlyMap<string, Peer>, links: readonly Link[]): void {
    const known = new Map(links.map((link) => [link.ifindex, link]));
    for (const [peer, ifindex] of this.lost) {
      if (peer.negotiated !== null || peers.get(peer.settings.name) !== peer) this.lost.delete(peer);
      // Again when an address has turned out to be ours alone: before that it can't be dialed from.
      else if (known.get(ifindex)?.up === true) peer.session.retry();
    }
    for (const peer of peers.values()) {
      const ifindex = peer.link?.ifindex ?? 0;
      if (peer.negotiated === null || ifindex === 0 || !peer.settings.fastFallover) continue;
      const link = known.get(ifindex);
      if (link?.up === true || !isBoundToLink(peer)) continue;
      this.lost.set(peer, ifindex);
      const gone = `${this.names.get(ifindex) ?? "the session's link"} is gone`;
      peer.session.fail(link === undefined ? gone : `${link.name} is down`);
    }
    this.names = new Map(links.map(({ ifindex, name }) => [ifindex, name]));
  }
}
