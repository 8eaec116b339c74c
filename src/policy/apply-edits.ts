/** What filters want of attributes that BGP itself makes no demands on, handed to the rewriter. */
import { AttributeCode } from '../bgp/wire/index.js';
import { editCommunities, editWide, type RouteEdits } from './edits.js';
import { DROP, type SetRewriter } from './rewrite.js';
import { readCommunities, readWide } from './route-view.js';

/** States in `out` the edits of ORIGIN, AS_PATH, MED, AIGP and all communities of the set in `buffer[start, end)`. */
export function applyEdits(
  buffer: Buffer,
  start: number,
  end: number,
  edits: RouteEdits,
  out: SetRewriter,
): void {
  if (edits.origin !== null) out.origin = edits.origin;
  if (edits.prepend !== null) out.prependMore = edits.prepend;
  if (edits.med === 'remove') out.med = DROP;
  else if (edits.med !== null) out.med = edits.med;
  if (edits.aigp === 'remove') out.aigp = DROP;
  else if (edits.aigp !== null) out.aigp = edits.aigp;
  if (edits.communities !== null) {
    out.communities = editCommunities(readCommunities(buffer, start, end), edits.communities);
  }
  if (edits.extendedCommunities !== null) {
    const present = readWide(buffer, start, end, AttributeCode.extendedCommunities);
    out.extendedCommunities = octets(editWide(present, edits.extendedCommunities));
  }
  if (edits.largeCommunities !== null) {
    const present = readWide(buffer, start, end, AttributeCode.largeCommunities);
    out.largeCommunities = octets(editWide(present, edits.largeCommunities));
  }
}

const octets = (communities: readonly string[]) => Buffer.from(communities.join(''), 'hex');
