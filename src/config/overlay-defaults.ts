/** `overlay` of a document, filled up with what its profile stands for. */
import { type FamilyIndex, familyNames, IPV4, IPV6 } from '../address/index.js';
import type { IpipSettings } from '../ipip/index.js';
import type { VxlanSettings } from '../vxlan/settings.js';
import type { OverlayDocument, TunnelDocument } from './document.js';
import type { OverlayConfig } from './router.js';
import { profiles } from './schema-overlay.js';

export function defaultOverlay(document: OverlayDocument): OverlayConfig {
  const profileName = document.profile ?? 'calico';
  const profile = profiles[profileName];
  const tunnel = ({ device, mtu, checksumOffload }: TunnelDocument, name: string): IpipSettings => ({
    device: device ?? name,
    mtu: mtu === undefined || mtu === 'auto' ? null : mtu,
    checksumOffload: checksumOffload ?? null,
  });
  const vxlan = (family: FamilyIndex): VxlanSettings => {
    const own = document.vxlan?.[familyNames[family]] ?? {};
    const vni = own.vni ?? profile.vni;
    return { ...tunnel(own, profile.device(vni, family)), vni, port: own.port ?? profile.port };
  };
  return {
    profile: profileName,
    sameSubnet: document.sameSubnet ?? profile.sameSubnet,
    mac: document.mac ?? profile.mac,
    vxlan: [vxlan(IPV4), vxlan(IPV6)],
    ipip: tunnel(document.ipip ?? {}, profile.ipip),
  };
}
