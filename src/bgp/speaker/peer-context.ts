/** What a peer needs of the speaker around it, and what it tells. */
import type { FamilyIndex } from '../../address/index.js';
import type { LongLivedMark } from '../../rib/family-rib.js';
import type { AttrSetId, PrefixId } from '../../rib/ids.js';
import type { Rib } from '../../rib/rib.js';
import type { ClosedInfo, Negotiated } from '../session/index.js';
import type { UpdateDecoder } from '../wire/index.js';
import type { OwnAsns } from './confederation.js';
import type { OwnAddress } from './local-addresses.js';
import type { Peer } from './peer.js';
import type { LimitEvent } from './prefix-guard.js';
import type { PeerMonitor, PeerRecorder } from './recorder.js';
import type { RetentionEvent } from './retention.js';
import type { RefreshEvent } from './route-refresh.js';
import type { PasswordSource } from './settings.js';

/** What an import filter makes of a received route; 0 = rejected. */
export interface ImportPolicy {
  /** The accepted set, with a reference that is the caller's. */
  accept(family: FamilyIndex, prefix: PrefixId, received: AttrSetId): AttrSetId;
  /** Why: the rule or check that decided, for people. */
  explain(family: FamilyIndex, prefix: PrefixId, received: AttrSetId): string;
  /** What it accepts depends on the state of origin validation. */
  asksValidity?(family: FamilyIndex): boolean;
}

/** A thing that happened to a peer, for the log and for those who listen. */
export type PeerEvent =
  /** `repeated`: the same was told before since the session is down. */
  | { readonly type: 'state'; readonly state: string; readonly reason: string; readonly repeated?: true }
  /** An attempt at a session failed; told once for each cause while the session is down. */
  | { readonly type: 'failed'; readonly error: string }
  | { readonly type: 'established'; readonly families: readonly string[]; readonly holdTimeSeconds: number }
  /** The session ended; `requested`: by a person or a document of ours. */
  | {
      readonly type: 'closed';
      readonly error: string | null;
      readonly requested: boolean;
      readonly keepsRoutes: boolean;
    }
  | { readonly type: 'endOfRib'; readonly family: string }
  | { readonly type: 'endOfRibSent'; readonly family: string }
  | RetentionEvent
  | {
      readonly type: 'malformed';
      readonly error: string;
      readonly attribute: number | null;
      readonly offset: number;
      readonly severity: string;
    }
  | { readonly type: 'noNextHop'; readonly family: string }
  /** So many prefixes were withdrawn instead, as their attributes leave no room for them in a message. */
  | { readonly type: 'tooLong'; readonly family: string; readonly prefixes: number }
  /** So many prefixes that a limit is near (`prefixWarning`), or that the session ends (`prefixLimit`). */
  | ({ readonly type: 'prefixWarning' } & LimitEvent)
  | ({ readonly type: 'prefixLimit'; readonly reason: string } & LimitEvent)
  /** A prefix had more than `limit` paths (RFC 7911); told once per session. */
  | { readonly type: 'pathLimit'; readonly family: string; readonly limit: number }
  /** A peer by interface was found, or nobody is known there; `ambiguousNeighbour`: there are several. */
  | { readonly type: 'neighbour'; readonly interface: string; readonly address: string }
  | { readonly type: 'noNeighbour'; readonly interface: string; readonly reason: string }
  | { readonly type: 'ambiguousNeighbour'; readonly interface: string; readonly warning: string }
  | { readonly type: 'password'; readonly error: string }
  | RefreshEvent;

/** The speaker, as a peer sees it. */
export interface PeerContext {
  readonly rib: Rib;
  readonly decoder: UpdateDecoder;
  readonly ownAsns: OwnAsns;
  readonly routerId: number;
  readonly bgpPreference: number;
  /** Makes the long-lived stale form of a set (RFC 9494 §4.2). */
  readonly markLongLived: LongLivedMark;
  /** Null: nobody wants to know what peers say. */
  readonly recorder: PeerRecorder | null;
  readonly monitor: PeerMonitor | null;
  /** RFC 4724 §4.1: this speaker comes back from a restart and has not delivered its End-of-RIB yet. */
  restarting(): boolean;
  /** Whether kernel state outlived our restart (the forwarding bit). */
  forwardingPreserved(): boolean;
  addresses(): readonly OwnAddress[];
  /** Throws an Error that says what is wrong with the place; it never holds the password. */
  readPassword(source: PasswordSource): Buffer;
  importPolicy(peer: Peer): ImportPolicy;
  /** The session is up: announce to it when its turn has come. */
  established(peer: Peer, negotiated: Negotiated): void;
  endOfRib(peer: Peer, family: FamilyIndex): void;
  closed(peer: Peer, info: ClosedInfo): void;
  /** A connection is gone that was no session yet, whatever state that leaves the peer in. */
  attemptFailed(peer: Peer): void;
  /** Nobody waits for the peer any more: it is shut down. */
  notExpected(peer: Peer): void;
  writable(peer: Peer): void;
  refresh(peer: Peer, family: FamilyIndex): void;
  event(peer: Peer, event: PeerEvent): void;
  /** Prefixes that are announced to the peer. */
  announcedCount(peer: Peer, family: FamilyIndex): number;
}
