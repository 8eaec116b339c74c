/**
 * What BGP itself demands of a route on its way out, whatever the filters say: who may hear of it, and with which
 * AS_PATH, next hop, LOCAL_PREF, MED and reflection attributes. A pure function of the canonical set, where the route
 * came from, the update group's facts, and what the export filter set.
 *
 * The filter sees the route as it is in the Loc-RIB. What it sets wins over the defaults here, but not over what the
 * protocol forbids: LOCAL_PREF never goes to an external peer.
 */
import {
  type Address,
  contains,
  IPV4,
  IPV6,
  isLinkLocal,
  type Prefix,
  readAddress,
  sameAddress,
  writeAddress,
} from '../address/index.js';
import { AttributeCode, asPathContains, CanonicalView } from '../bgp/wire/index.js';
import type { SourceInfo } from '../rib/sources.js';
import { treatAigp } from './aigp.js';
import { applyEdits } from './apply-edits.js';
import { type AsPathTreatment, editsAsPath } from './as-path-edits.js';
import type { RouteEdits } from './edits.js';
import { keepStale, LLGR_STALE_COMMUNITY, type LongLivedStale } from './long-lived.js';
import { keepsMarked, marksOnExport, type OtcFacts } from './only-to-customer.js';
import { DROP, type SetRewriter } from './rewrite.js';
import { DEFAULT_LOCAL_PREF } from './route-view.js';

/** Who the group's members are to us. `confed`: in another member AS of our confederation (RFC 5065). `ibgpClient`: RFC 4456 clients of ours. */
export type PeerKind = 'ebgp' | 'confed' | 'ibgp' | 'ibgpClient';

/** Where a route came from; `local`: originated, static, connected, learnt from the kernel or the inventory. */
export interface RouteOrigin {
  readonly kind: 'local' | PeerKind;
  /** The peer's BGP Identifier and address; 0 and null for local ones. */
  readonly routerId: number;
  readonly address: Address | null;
  /** The cluster that the peer is in (RFC 4456); absent: that of this router. */
  readonly clusterId?: number | undefined;
}

/** Our own address towards the members. `linkLocal` beside an IPv6 one where they share its link (RFC 2545 §3). */
export interface OwnNextHop {
  readonly address: Address;
  readonly linkLocal: Address | null;
}

/** What is the same for all members of an update group. */
export interface ExportFacts {
  readonly kind: PeerKind;
  /** Who we are to the members: to those outside a confederation, its number; else our own, which is our member AS there. */
  readonly localAsn: number;
  /** We are in a confederation (RFC 5065), whose segments nobody outside sees. Absent: we are not. */
  readonly confederation?: boolean;
  /** Members' AS number, to spare them routes that they would drop as loops; null: they get them. */
  readonly peerAsn: number | null;
  readonly routerId: number;
  /** The cluster of this router, and that of the members if it is another one. */
  readonly clusterId: number;
  readonly memberClusterId?: number | null;
  /** External peers: what they see in AS_PATH. Absent: our number in front of what is there. */
  readonly asPath?: AsPathTreatment | null;
  /** RFC 9234: our role towards the members, and the AS that they know us by. Absent or null: none. */
  readonly otc?: OtcFacts | null;
  /** RFC 7311 §3.3: AIGP goes out. Absent: it does not. */
  readonly aigp?: boolean;
  readonly nextHop: 'auto' | 'self' | 'unchanged';
  /** By family of the routes; null: we have no address that fits. */
  readonly self: readonly [OwnNextHop | null, OwnNextHop | null];
  /** The subnets that we share with the members, by family of address; null: none (multihop). */
  readonly sharedSubnet: readonly [Prefix | null, Prefix | null];
  /** IPv4 routes may have IPv6 next hops (RFC 8950, negotiated). */
  readonly extendedNextHop: boolean;
  /** What becomes of long-lived stale routes; absent: they are announced like others. */
  readonly longLivedStale?: LongLivedStale;
  /** Whether an address is that of a peer of ours: such a peer can't be told to send traffic through itself. */
  readonly isPeer?: (address: Address) => boolean;
}

/** Why a route goes out or not. */
export type ExportOutcome =
  | 'announced'
  | 'noAdvertise'
  | 'noExport'
  | 'noExportSubconfed'
  | 'notReflected'
  | 'asLoop'
  | 'onlyToCustomer'
  | 'longLivedStale'
  | 'noNextHop'
  | 'tooLong';

export const exportReasons: Readonly<Record<ExportOutcome, string>> = {
  announced: 'announced',
  noAdvertise: 'it carries NO_ADVERTISE (RFC 1997)',
  noExport: 'it carries NO_EXPORT and the peer is external (RFC 1997)',
  noExportSubconfed: 'it carries NO_EXPORT_SUBCONFED and the peer is in another AS or member AS (RFC 1997)',
  notReflected:
    'it was learnt from an internal peer, and neither that peer nor this one is a client (RFC 4456)',
  asLoop: "the peer's own AS is in its AS_PATH",
  onlyToCustomer: 'it carries OTC, and the peer is no customer of ours (RFC 9234 §5)',
  longLivedStale:
    'it is long-lived stale, and the peer did not say that it can tell such routes from others (RFC 9494 §4.3)',
  noNextHop: 'there is no next hop of ours for this family towards the peer',
  tooLong: 'an attribute would get too long',
};

const NO_EXPORT = 0xffffff01;
const NO_ADVERTISE = 0xffffff02;
const NO_EXPORT_SUBCONFED = 0xffffff03;

/** A route source as export sees it. */
export function routeOrigin(info: SourceInfo): RouteOrigin {
  const { routerId, peerAddress: address, clusterId } = info;
  return { kind: originKind(info), routerId, address, clusterId };
}

function originKind({ kind, ibgp, confed, client }: SourceInfo): RouteOrigin['kind'] {
  if (kind !== 'bgp') return 'local';
  if (confed) return 'confed';
  if (!ibgp) return 'ebgp';
  return client ? 'ibgpClient' : 'ibgp';
}

const view = new CanonicalView();

/**
 * States, in `out`, how the outgoing set is made from the canonical set in `buffer[start, end)`. Anything but `announced`
 * means that the route does not go out, and `out` holds nothing of use. `distance`: to the route's next hop, for AIGP
 * (RFC 7311).
 */
export function stateExport(
  buffer: Buffer,
  start: number,
  end: number,
  origin: RouteOrigin,
  facts: ExportFacts,
  edits: RouteEdits,
  out: SetRewriter,
  distance = Number.POSITIVE_INFINITY,
): Exclude<ExportOutcome, 'tooLong'> {
  const toExternal = facts.kind === 'ebgp';
  const toConfed = facts.kind === 'confed';
  const learnt = origin.kind !== 'local';
  const reflects = origin.kind === 'ibgp' || origin.kind === 'ibgpClient';
  if (origin.kind === 'ibgp' && facts.kind === 'ibgp') return 'notReflected';
  view.reset(buffer, start, end);
  if (facts.peerAsn !== null && view.find(AttributeCode.asPath)) {
    if (asPathContains(buffer, view.valueStart, view.valueEnd, facts.peerAsn)) return 'asLoop';
  }
  let isStale = false;
  // RFC 1997 speaks of routes received. On our own, these communities are for the peers to obey.
  if (learnt && view.find(AttributeCode.communities)) {
    for (let at = view.valueStart; at < view.valueEnd; at += 4) {
      if (buffer[at] !== 0xff) continue;
      const community = buffer.readUInt32BE(at);
      if (community === LLGR_STALE_COMMUNITY) isStale = true;
      if (community === NO_ADVERTISE) return 'noAdvertise';
      if (toExternal && community === NO_EXPORT) return 'noExport';
      if ((toExternal || toConfed) && community === NO_EXPORT_SUBCONFED) return 'noExportSubconfed';
    }
  }
  if (isStale && facts.longLivedStale === 'withhold') return 'longLivedStale';
  const { otc = null } = facts;
  const marked = otc !== null && view.find(AttributeCode.onlyToCustomer);
  if (marked && keepsMarked(otc.role)) return 'onlyToCustomer';
  out.reset();
  out.completes = true;
  if (otc !== null && !marked && marksOnExport(otc.role)) out.onlyToCustomer = otc.asn;
  if (!setNextHop(buffer, start, origin, facts, edits.nextHop, out)) return 'noNextHop';
  // RFC 4271 §5.1.4: another AS's MED is not for a third one.
  if (toExternal && learnt) out.med = DROP;
  applyEdits(buffer, start, end, edits, out);
  treatAigp(facts.aigp === true, learnt, distance, out);
  if (toExternal) {
    const { asPath = null } = facts;
    if (asPath === null) out.prepend = facts.localAsn;
    else {
      // RFC 7705 §3: the peer finds the AS that it knows in front, and behind it, unless told otherwise, the real one.
      out.prepend = asPath.behind ?? asPath.asn;
      if (asPath.behind !== null) out.prependOuter = asPath.asn;
      if (editsAsPath(asPath)) out.asPath = asPath;
    }
    if (facts.confederation === true) out.leavesConfederation = true;
    // RFC 4271 §5.1.5, RFC 4456 §8: within the AS only.
    out.localPref = DROP;
    out.originatorId = DROP;
    out.clusterId = DROP;
    out.leavesAs = true;
  } else {
    if (edits.localPref !== null) out.localPref = edits.localPref;
    else out.defaultLocalPref = DEFAULT_LOCAL_PREF;
    if (toConfed) {
      // RFC 5065 §4.1. What reflection leaves behind means something within its member AS alone (RFC 4456 §8).
      out.memberAs = facts.localAsn;
      out.originatorId = DROP;
      out.clusterId = DROP;
    } else if (reflects) {
      out.originatorId = origin.routerId;
      // RFC 4456 §7: one router may stand in several clusters. The route came through one and goes into the other.
      out.clusterId = origin.clusterId ?? facts.clusterId;
      const into = facts.memberClusterId ?? facts.clusterId;
      if (into !== out.clusterId) out.clusterIdOuter = into;
    }
  }
  if (isStale) keepStale(buffer, start, end, facts, out);
  return 'announced';
}

/** Does as `stateExport` says and makes the outgoing set, in `out`, too. */
export function treatExport(
  buffer: Buffer,
  start: number,
  end: number,
  origin: RouteOrigin,
  facts: ExportFacts,
  edits: RouteEdits,
  out: SetRewriter,
  distance = Number.POSITIVE_INFINITY,
): ExportOutcome {
  const outcome = stateExport(buffer, start, end, origin, facts, edits, out, distance);
  if (outcome !== 'announced') return outcome;
  return out.rewrite(buffer, start, end) ? 'announced' : 'tooLong';
}

/** RFC 4271 §5.1.3, RFC 2545 §3. Returns false where there is no next hop to be had. */
function setNextHop(
  buffer: Buffer,
  start: number,
  origin: RouteOrigin,
  facts: ExportFacts,
  wanted: RouteEdits['nextHop'],
  out: SetRewriter,
): boolean {
  const choice = wanted ?? facts.nextHop;
  const family = buffer[start] === 1 ? IPV6 : IPV4;
  if (typeof choice === 'object') {
    if (family === IPV6 && choice.family === IPV4) return false;
    if (family === IPV4 && choice.family === IPV6 && !facts.extendedNextHop) return false;
    out.nextHopLength = writeAddress(out.nextHop, 0, choice);
    return true;
  }
  if (choice !== 'self' && keepsNextHop(buffer, start, origin, facts, choice, out)) return true;
  const self = facts.self[family];
  if (self === null) return false;
  out.nextHopLength = writeAddress(out.nextHop, 0, self.address);
  if (self.linkLocal !== null)
    out.nextHopLength = writeAddress(out.nextHop, out.nextHopLength, self.linkLocal);
  return true;
}

/** Whether the route goes on with the next hop that it has. */
function keepsNextHop(
  buffer: Buffer,
  start: number,
  origin: RouteOrigin,
  facts: ExportFacts,
  choice: 'auto' | 'unchanged',
  out: SetRewriter,
): boolean {
  const length = buffer[start + 1];
  if (length === 0) return false;
  if (buffer[start] === 0 && length !== 4 && !facts.extendedNextHop) return false;
  const address = readAddress(buffer, start + 2, length === 4 ? IPV4 : IPV6);
  const subnet = facts.sharedSubnet[address.family];
  const isShared = subnet !== null && contains(subnet, address);
  if (choice === 'auto') {
    // Own routes lead through us. An external peer is told of a third party only on a subnet that all three share.
    if (origin.kind === 'local') return false;
    if (facts.kind === 'ebgp' && !(isShared && !isOtherPeer(address, origin, facts))) return false;
  }
  // A link-local address means nothing to those who are not on its link.
  if (address.family === IPV6 && isLinkLocal(address)) return false;
  out.keptNextHop = isShared ? 32 : 16;
  return true;
}

/** Members never get a route back from its source, but may get one that leads through themselves (RFC 4271 §5.1.3). */
function isOtherPeer(address: Address, origin: RouteOrigin, facts: ExportFacts): boolean {
  if (origin.address !== null && sameAddress(address, origin.address)) return false;
  return facts.isPeer?.(address) ?? false;
}
