/**
 * AIGP on its way through (RFC 7311): on a session without it, the attribute is not there; where the next hop changes,
 * what lies between this router and the former next hop is added.
 */
import type { RouteEdits } from './edits.js';
import { DROP, KEEP, type SetRewriter } from './rewrite.js';

/** RFC 7311 §3.3: what the filter makes of a route whose AIGP nobody is to see. */
export function withoutAigp(edits: RouteEdits): RouteEdits {
  return edits.aigp === null ? { ...edits, aigp: 'remove' } : edits;
}

/**
 * States in `out` what goes out of AIGP, after the next hop and the edits are there. `distance` is that from us to the
 * route's next hop, Infinity where nobody knows it.
 */
export function treatAigp(isEnabled: boolean, isLearnt: boolean, distance: number, out: SetRewriter): void {
  if (!isEnabled) out.aigp = DROP;
  else if (out.nextHopLength === KEEP) {
    // RFC 7311 §3.4.1, §3.4.3: who isn't the next hop neither adds nor changes one.
    if (out.aigp >= 0) out.aigp = KEEP;
  } else if (isLearnt && out.aigp === KEEP) {
    // RFC 7311 §3.4.3 (6): through a BGP route without AIGP, the sum would be wrong.
    if (distance === Number.POSITIVE_INFINITY) out.aigp = DROP;
    else out.aigpIncrease = distance;
  }
}
