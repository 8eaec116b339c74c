/**
 * What BGP itself demands of a route that comes in: routes that have been here before are not used. Then what the
 * import filter set is applied. A pure function of the canonical set as received, the peer's facts and the edits.
 */
import { type Address, writeAddress } from '../address/index.js';
import { AttributeCode, asPathContains, CanonicalView } from '../bgp/wire/index.js';
import { editCommunities, noEdits, type RouteEdits } from './edits.js';
import { readCommunities } from './filters.js';
import { DROP, type SetRewriter } from './rewrite.js';

export interface ImportFacts {
  readonly ebgp: boolean;
  readonly localAsn: number;
  readonly routerId: number;
  readonly clusterId: number;
  /** The peer: what `nextHop: self` means in an import filter, the speaker that sends the route. */
  readonly peerAddress: Address;
}

/** `unchanged`: accepted as received. `rewritten`: accepted as `out` has it. */
export type ImportOutcome =
  | 'unchanged'
  | 'rewritten'
  | 'asLoop'
  | 'originatorLoop'
  | 'clusterLoop'
  | 'tooLong';

export const importReasons: Readonly<Record<ImportOutcome, string>> = {
  unchanged: 'accepted',
  rewritten: 'accepted',
  asLoop: 'our own AS is in its AS_PATH (RFC 4271 §9.1.2)',
  originatorLoop: 'we are its ORIGINATOR_ID (RFC 4456 §8)',
  clusterLoop: 'our own cluster is in its CLUSTER_LIST (RFC 4456 §8)',
  tooLong: 'an attribute would get too long',
};

const view = new CanonicalView();

/** Whether the set in `buffer[start, end)` has been here before, and by which mark. */
export function findLoop(
  buffer: Buffer,
  start: number,
  end: number,
  facts: ImportFacts,
): 'asLoop' | 'originatorLoop' | 'clusterLoop' | null {
  view.reset(buffer, start, end);
  if (view.find(AttributeCode.asPath)) {
    if (asPathContains(buffer, view.valueStart, view.valueEnd, facts.localAsn)) return 'asLoop';
  }
  if (facts.ebgp) return null;
  if (view.find(AttributeCode.originatorId) && buffer.readUInt32BE(view.valueStart) === facts.routerId) {
    return 'originatorLoop';
  }
  if (view.find(AttributeCode.clusterList)) {
    for (let at = view.valueStart; at < view.valueEnd; at += 4) {
      if (buffer.readUInt32BE(at) === facts.clusterId) return 'clusterLoop';
    }
  }
  return null;
}

/** Applies what the filter set to a route without loops; the result, if it differs, lies in `out`. */
export function treatImport(
  buffer: Buffer,
  start: number,
  end: number,
  facts: ImportFacts,
  edits: RouteEdits,
  out: SetRewriter,
): 'unchanged' | 'rewritten' | 'tooLong' {
  if (edits === noEdits) return 'unchanged';
  out.reset();
  const { nextHop } = edits;
  if (nextHop !== null && nextHop !== 'unchanged') {
    out.nextHopLength = writeAddress(out.nextHop, 0, nextHop === 'self' ? facts.peerAddress : nextHop);
  }
  if (edits.localPref !== null) out.localPref = edits.localPref;
  if (edits.med === 'remove') out.med = DROP;
  else if (edits.med !== null) out.med = edits.med;
  if (edits.communities !== null) {
    out.communities = editCommunities(readCommunities(buffer, start, end), edits.communities);
  }
  return out.rewrite(buffer, start, end) ? 'rewritten' : 'tooLong';
}
