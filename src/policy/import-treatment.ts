/**
 * What BGP itself demands of a route that comes in, whatever the filters say: it has not been here before, it comes
 * from who says so, and it leads to a place that a packet can go to. Then what the import filter set is applied, and what
 * well-known communities ask for. A pure function of the canonical set as received, the peer's facts and the edits.
 */
import { type Address, writeAddress } from '../address/index.js';
import {
  AttributeCode,
  asPathCount,
  asPathLength,
  CanonicalView,
  firstAsn,
  firstMemberAsn,
} from '../bgp/wire/index.js';
import { applyEdits } from './apply-edits.js';
import { noEdits, type RouteEdits } from './edits.js';
import { findLeak, type Leak, marksOnImport, type OtcFacts } from './only-to-customer.js';
import type { SetRewriter } from './rewrite.js';
import { readCommunities } from './route-view.js';

export interface ImportFacts {
  readonly ebgp: boolean;
  /** The peer is in another member AS of our confederation (RFC 5065); `ebgp` is then false. Absent: it is not. */
  readonly confed?: boolean;
  readonly localAsn: number;
  /** The number by which the outside knows our confederation; absent or null: we are in none. */
  readonly confederationId?: number | null;
  readonly routerId: number;
  /** All clusters that we are a reflector of. */
  readonly clusterIds: readonly number[];
  /** The peer: what `nextHop: self` means in an import filter, the speaker that sends the route. */
  readonly peerAddress: Address;
  /** The peer's AS number if AS_PATH must begin with it; null: it need not. */
  readonly firstAs: number | null;
  /** Longest AS_PATH that is taken, as RFC 4271 §9.1.2.2 (a) counts; 0: any. */
  readonly maxAsPathLength: number;
  /** So often our own AS may stand in AS_PATH. */
  readonly allowOwnAs: number;
  /** RFC 7705: the number that the peer knows us by, and whether it is put in front of AS_PATH; null: it knows `localAsn`. */
  readonly localAs: { readonly asn: number; readonly prepends: boolean } | null;
  /** RFC 8326: what an external peer is about to take away goes behind everything else. */
  readonly gracefulShutdown: boolean;
  /** RFC 7999: what the peer marks so is dropped here. */
  readonly acceptsBlackhole: boolean;
  /** RFC 7311 §3.3: AIGP counts on the session. Absent: it does not. */
  readonly aigp?: boolean;
  /** RFC 9234: our role on the session, and the peer's AS. Absent or null: none, and OTC means nothing here. */
  readonly otc?: OtcFacts | null;
}

/** Why a route takes no part, whatever the filters say. */
export type ImportFault =
  | 'asLoop'
  | 'confederationLoop'
  | 'originatorLoop'
  | 'clusterLoop'
  | 'firstAs'
  | 'asPathLength'
  | 'martianNextHop'
  | Leak;

/** `unchanged`: accepted as received. `rewritten`: accepted as `out` has it. */
export type ImportOutcome = 'unchanged' | 'rewritten' | ImportFault | 'tooLong';

export const importReasons: Readonly<Record<ImportOutcome, string>> = {
  unchanged: 'accepted',
  rewritten: 'accepted',
  asLoop: 'our own AS is in its AS_PATH (RFC 4271 §9.1.2)',
  confederationLoop: "our confederation's AS is in its AS_PATH (RFC 5065 §4)",
  originatorLoop: 'we are its ORIGINATOR_ID (RFC 4456 §8)',
  clusterLoop: 'a cluster of ours is in its CLUSTER_LIST (RFC 4456 §8)',
  firstAs: "its AS_PATH does not begin with the peer's AS (enforceFirstAs, RFC 4271 §6.3)",
  asPathLength: 'its AS_PATH is longer than maxAsPathLength',
  martianNextHop: 'its next hop is an IPv4-mapped address, which no packet goes to (RFC 4291 §2.5.5.2)',
  leakedByCustomer:
    'it is a route leak: it carries OTC, which customers and clients of a route server never pass on (RFC 9234 §5)',
  leakedByPeer: "it is a route leak: its OTC names another AS than the peer's (RFC 9234 §5)",
  tooLong: 'an attribute would get too long',
};

const view = new CanonicalView();

/**
 * What is wrong with the set in `buffer[start, end)`; null: nothing.
 *
 * Next hops that are no unicast addresses at all the decoder treats as withdrawn (RFC 7606), and those that are this
 * router's own do not resolve (RFC 4271 §6.3), as addresses come and go.
 */
export function findFault(
  buffer: Buffer,
  start: number,
  end: number,
  facts: ImportFacts,
): ImportFault | null {
  if (isMappedNextHop(buffer, start)) return 'martianNextHop';
  view.reset(buffer, start, end);
  if (view.find(AttributeCode.asPath)) {
    const { localAsn, localAs, allowOwnAs, confederationId = null } = facts;
    if (asPathCount(buffer, view.valueStart, view.valueEnd, localAsn) > allowOwnAs) return 'asLoop';
    if (localAs !== null && asPathCount(buffer, view.valueStart, view.valueEnd, localAs.asn) > allowOwnAs) {
      return 'asLoop';
    }
    // Outside the confederation's segments: within them, the number could be that of one of its members.
    if (
      confederationId !== null &&
      asPathCount(buffer, view.valueStart, view.valueEnd, confederationId, true) > allowOwnAs
    ) {
      return 'confederationLoop';
    }
    if (facts.firstAs !== null) {
      const first = facts.confed ? firstMemberAsn : firstAsn;
      if (first(buffer, view.valueStart, view.valueEnd) !== facts.firstAs) return 'firstAs';
    }
    if (
      facts.maxAsPathLength > 0 &&
      asPathLength(buffer, view.valueStart, view.valueEnd, 4) > facts.maxAsPathLength
    ) {
      return 'asPathLength';
    }
  }
  if (facts.otc) {
    const leak = findLeak(view, buffer, facts.otc);
    if (leak !== null) return leak;
  }
  if (facts.ebgp) return null;
  if (view.find(AttributeCode.originatorId) && buffer.readUInt32BE(view.valueStart) === facts.routerId) {
    return 'originatorLoop';
  }
  if (view.find(AttributeCode.clusterList)) {
    for (let at = view.valueStart; at < view.valueEnd; at += 4) {
      if (facts.clusterIds.includes(buffer.readUInt32BE(at))) return 'clusterLoop';
    }
  }
  return null;
}

const GRACEFUL_SHUTDOWN = 0xffff0000;
const BLACKHOLE = 0xffff029a;
const NO_EXPORT = 0xffffff01;
const NO_ADVERTISE = 0xffffff02;

/** ::ffff:0:0/96, in a next hop of 16 or 32 octets. */
function isMappedNextHop(buffer: Buffer, start: number): boolean {
  if (buffer[start + 1] < 16) return false;
  const at = start + 2;
  for (let i = at; i < at + 10; i++) if (buffer[i] !== 0) return false;
  return buffer[at + 10] === 0xff && buffer[at + 11] === 0xff;
}

/** Applies what the filter set to a route without faults; the result, if it differs, lies in `out`. */
export function treatImport(
  buffer: Buffer,
  start: number,
  end: number,
  facts: ImportFacts,
  edits: RouteEdits,
  out: SetRewriter,
): 'unchanged' | 'rewritten' | 'tooLong' {
  const prepends = facts.localAs?.prepends === true;
  const obeys =
    ((facts.ebgp && facts.gracefulShutdown) || facts.acceptsBlackhole) &&
    (edits.communities !== null || mayAsk(buffer, start, end));
  const marks = facts.otc
    ? marksOnImport(facts.otc.role) && !has(buffer, start, end, AttributeCode.onlyToCustomer)
    : false;
  const rewrites = edits !== noEdits || prepends || marks;
  if (!rewrites && !obeys) return 'unchanged';
  out.reset();
  // RFC 7705 §3.1: inside this AS, the path leads through the one that the peer knows.
  if (prepends && facts.localAs !== null) out.prepend = facts.localAs.asn;
  if (marks && facts.otc) out.onlyToCustomer = facts.otc.asn;
  const { nextHop } = edits;
  if (nextHop !== null && nextHop !== 'unchanged') {
    out.nextHopLength = writeAddress(out.nextHop, 0, nextHop === 'self' ? facts.peerAddress : nextHop);
  }
  if (edits.localPref !== null) out.localPref = edits.localPref;
  applyEdits(buffer, start, end, edits, out);
  const obeyed = obeys && obeyCommunities(out.communities ?? readCommunities(buffer, start, end), facts, out);
  if (!rewrites && !obeyed) return 'unchanged';
  return out.rewrite(buffer, start, end) ? 'rewritten' : 'tooLong';
}

function has(buffer: Buffer, start: number, end: number, code: number): boolean {
  view.reset(buffer, start, end);
  return view.find(code);
}

/** Whether some community of the set is a well-known one: nearly none has any, and no list need be made of those. */
function mayAsk(buffer: Buffer, start: number, end: number): boolean {
  if (!has(buffer, start, end, AttributeCode.communities)) return false;
  for (let at = view.valueStart; at < view.valueEnd; at += 4) {
    if (buffer[at] === 0xff && buffer[at + 1] === 0xff) return true;
  }
  return false;
}

/** What well-known communities ask of who receives them, as the filters have left them. Returns whether they asked anything. */
function obeyCommunities(communities: readonly number[], facts: ImportFacts, out: SetRewriter): boolean {
  // RFC 8326 §4.1: the lowest LOCAL_PREF, whatever a filter prefers the peer by.
  const isLeaving = facts.ebgp && facts.gracefulShutdown && communities.includes(GRACEFUL_SHUTDOWN);
  if (isLeaving) out.localPref = 0;
  if (!facts.acceptsBlackhole || !communities.includes(BLACKHOLE)) return isLeaving;
  // RFC 7999 §3.2: it goes no further than this AS, or as little far as it says. A route that leads nowhere has no next hop.
  if (!communities.includes(NO_EXPORT) && !communities.includes(NO_ADVERTISE)) {
    out.communities = [...communities, NO_EXPORT];
  }
  out.nextHopLength = 0;
  return true;
}
