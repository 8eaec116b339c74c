/**
 * Route refresh with one peer (RFC 2918), and its beginning and end where both sides tell them (RFC 7313).
 *
 * What the peer announces again after its BoRR takes the place of what it said before; at its EoRR, or when that does
 * not come, the rest goes. Until then the old routes are used as ever: they are no stale ones of a restart. Towards the
 * peer, a BoRR goes out before our table does again and an EoRR behind it. In both directions a refresh comes after the
 * End-of-RIB of the session, so that the two are never taken for each other (§4).
 */
import { type FamilyIndex, familyNames } from '../../address/index.js';
import type { FamilyRib } from '../../rib/family-rib.js';
import type { SourceId } from '../../rib/ids.js';
import type { Negotiated } from '../session/index.js';
import { afiOf, encodeRouteRefresh, familyOf, RefreshSubtype, Safi } from '../wire/index.js';

/** A step of a refresh, for the log. `reason`: why something was passed over. */
export type RefreshEvent =
  | { readonly type: 'refreshAsked' | 'refreshBegun' | 'refreshEnded'; readonly family: string }
  | { readonly type: 'refreshRequested' | 'refreshSent' | 'refreshExpired'; readonly family: string }
  | { readonly type: 'refreshIgnored'; readonly family: string | null; readonly reason: string };

/** The peer whose refreshes these are. */
export interface RefreshHost {
  readonly peer: { readonly source: SourceId; readonly negotiated: Negotiated | null };
  table(family: FamilyIndex): FamilyRib;
  send(message: Buffer): void;
  /** Our table goes to the peer again. */
  announceAgain(family: FamilyIndex): void;
  event(event: RefreshEvent): void;
}

/** §4: how long the old routes wait for an EoRR. */
const REFRESH_SECONDS = 360;

interface FamilyState {
  /** The peer's End-of-RIB of this session came. */
  delivered: boolean;
  /** Our BoRR went out, and no EoRR yet. */
  sending: boolean;
  expiry: NodeJS.Timeout | null;
}

export class RouteRefreshes {
  private readonly states: readonly [FamilyState, FamilyState] = [idle(), idle()];

  constructor(private readonly host: RefreshHost) {}

  /** The session is up, or over. */
  reset(): void {
    for (const state of this.states) {
      if (state.expiry !== null) clearTimeout(state.expiry);
      Object.assign(state, idle());
    }
  }

  /** The peer's End-of-RIB (RFC 4724 §2) came. */
  endOfRib(family: FamilyIndex): void {
    this.states[family].delivered = true;
  }

  /** Asks the peer for its routes again. False: it can't be asked. */
  request(family: FamilyIndex): boolean {
    if (!this.negotiated?.routeRefresh) return false;
    this.sendMessage(family, RefreshSubtype.request);
    this.host.event({ type: 'refreshRequested', family: familyNames[family] });
    return true;
  }

  /**
   * Our table is about to go to the peer again: tells it so, if it listens. `tableDue`: the last pass over the table,
   * if it is the first one or one that was begun here, is not over yet. Returns whether `tableSent` is to be called
   * at the end of this one.
   */
  begin(family: FamilyIndex, tableDue: boolean): boolean {
    const state = this.states[family];
    // §4: not before our End-of-RIB, which is still due at the end of this pass.
    if (tableDue && !state.sending) return true;
    if (!this.negotiated?.enhancedRefresh) return false;
    this.sendMessage(family, RefreshSubtype.begin);
    state.sending = true;
    return true;
  }

  /** Our table has gone out. False: not for the sake of a refresh that must be ended. */
  tableSent(family: FamilyIndex): boolean {
    const state = this.states[family];
    if (!state.sending) return false;
    state.sending = false;
    this.sendMessage(family, RefreshSubtype.end);
    this.host.event({ type: 'refreshSent', family: familyNames[family] });
    return true;
  }

  /** A ROUTE-REFRESH of the peer's. */
  received(afi: number, safi: number, subtype: number): void {
    const family = familyOf(afi, safi);
    if (family === -1 || !this.negotiated?.families.includes(family)) {
      // RFC 2918 §4.
      this.ignore(null, `AFI ${afi} with SAFI ${safi} was not negotiated`);
      return;
    }
    switch (subtype) {
      case RefreshSubtype.request:
        this.host.event({ type: 'refreshAsked', family: familyNames[family] });
        this.host.announceAgain(family);
        return;
      case RefreshSubtype.begin:
        this.begun(family);
        return;
      case RefreshSubtype.end:
        this.ended(family, 'refreshEnded');
        return;
      default: // §5
        this.ignore(family, `a subtype of ${subtype} means nothing`);
    }
  }

  private get negotiated(): Negotiated | null {
    return this.host.peer.negotiated;
  }

  private begun(family: FamilyIndex): void {
    const { host } = this;
    const state = this.states[family];
    if (this.negotiated?.peerGracefulRestart && !state.delivered) {
      this.ignore(family, 'a refresh begins before the End-of-RIB (RFC 7313 §4)');
      return;
    }
    if (!host.table(family).beginRefresh(host.peer.source)) {
      this.ignore(family, 'refreshes begin faster than old routes can be removed');
      return;
    }
    if (state.expiry !== null) clearTimeout(state.expiry);
    state.expiry = setTimeout(() => this.ended(family, 'refreshExpired'), REFRESH_SECONDS * 1000);
    host.event({ type: 'refreshBegun', family: familyNames[family] });
  }

  private ended(family: FamilyIndex, type: 'refreshEnded' | 'refreshExpired'): void {
    const { host } = this;
    const state = this.states[family];
    if (state.expiry !== null) clearTimeout(state.expiry);
    state.expiry = null;
    if (host.table(family).endRefresh(host.peer.source)) host.event({ type, family: familyNames[family] });
    else this.ignore(family, 'a refresh ends that had not begun');
  }

  private ignore(family: FamilyIndex | null, reason: string): void {
    this.host.event({ type: 'refreshIgnored', family: family === null ? null : familyNames[family], reason });
  }

  private sendMessage(family: FamilyIndex, subtype: number): void {
    this.host.send(encodeRouteRefresh({ afi: afiOf(family), safi: Safi.unicast, subtype }));
  }
}

function idle(): FamilyState {
  return { delivered: false, sending: false, expiry: null };
}
