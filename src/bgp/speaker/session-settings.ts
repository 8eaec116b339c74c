import { type SessionSettings, securityTtl } from '../session/index.js';
import { asnTowards, type OwnAsns } from './confederation.js';
import type { PeerSettings } from './settings.js';

/** ASes that no external peer has: ours, by any of its names, and those of our confederation. */
function insideAsns({ localAs }: PeerSettings, { asn, confederation }: OwnAsns): readonly number[] {
  const confederate = confederation === null ? [] : [confederation.id, ...confederation.members];
  return [asn, ...(localAs === undefined ? [] : [localAs.asn]), ...confederate];
}

/** What a peer's session needs to know of its settings and of this router. */
export function sessionSettings(peer: PeerSettings, own: OwnAsns, routerId: number): SessionSettings {
  // RFC 5065 leaves it open; a peer of another member AS is reached like any other across the border of an AS.
  const external = peer.asn !== own.asn;
  return {
    name: peer.name,
    remoteAddress: peer.address,
    remotePort: peer.port,
    localAddress: peer.localAddress ?? null,
    ...(peer.device === undefined ? {} : { device: peer.device }),
    localAsn: peer.localAs?.asn ?? asnTowards(peer.asn, own),
    remoteAsn:
      peer.learnsAsn === true
        ? { not: insideAsns(peer, own), ...(peer.asns === undefined ? {} : { among: peer.asns }) }
        : peer.asn,
    routerId,
    holdTimeSeconds: peer.holdTimeSeconds,
    keepaliveSeconds: peer.keepaliveSeconds ?? null,
    ...(peer.minHoldSeconds === undefined ? {} : { minHoldSeconds: peer.minHoldSeconds }),
    sendHoldSeconds: peer.sendHoldSeconds ?? null,
    connectRetrySeconds: peer.connectRetrySeconds,
    delayOpenSeconds: peer.delayOpenSeconds,
    idleHoldSeconds: peer.idleHoldSeconds,
    passive: peer.passive,
    ...(peer.ttlSecurity === undefined
      ? { ttl: peer.multihop ?? (external ? 1 : null) }
      : { ttl: securityTtl, ttlSecurityHops: peer.ttlSecurity }),
    extendedMessages: peer.extendedMessages,
    families: peer.families,
    ...(peer.role === undefined ? {} : { role: peer.role, strictRole: peer.strictRole }),
  };
}
