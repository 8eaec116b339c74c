/** What the AS options of a peer's settings ask of AS_PATH on its way out. */
import type { AsPathTreatment } from '../../policy/index.js';
import { asnTowards, type OwnAsns } from './confederation.js';
import type { PeerSettings } from './settings.js';

/** What this external peer sees in AS_PATH beyond the usual; null: nothing, so that it shares its group with others. */
export function asPathTreatment(
  { asn, localAs, asOverride, removePrivateAs }: PeerSettings,
  ownAsns: OwnAsns,
): AsPathTreatment | null {
  if (localAs === undefined && !asOverride && removePrivateAs === false) return null;
  const own = asnTowards(asn, ownAsns);
  return {
    asn: localAs?.asn ?? own,
    behind: localAs === undefined || localAs.replaceAs ? null : own,
    override: asOverride ? asn : null,
    removePrivate: removePrivateAs,
    peerAsn: removePrivateAs === false ? null : asn,
  };
}
