/** Pools, tunnels and nodes → what a document says of them. */
import { formatAddress, formatPrefix } from '../address/index.js';
import type { IpipSettings } from '../ipip/index.js';
import type { Pool } from '../policy/pools.js';
import type { VxlanSettings } from '../vxlan/settings.js';
import { defaultOverlay } from './overlay-defaults.js';
import type { NodeConfig, OverlayConfig, Router, VtepConfig } from './router.js';

/** Tunnels are told of where there is anything that they could be for, or they are not as the default profile has them. */
export function renderOverlayParts({ pools, overlay, nodes }: Pick<Router, 'pools' | 'overlay' | 'nodes'>) {
  const written = renderOverlay(overlay);
  const isPlain = pools.length === 0 && nodes.length === 0 && JSON.stringify(written) === defaultTunnels;
  return {
    ...(pools.length === 0 ? {} : { pools: pools.map(renderPool) }),
    ...(isPlain ? {} : { overlay: written }),
    ...(nodes.length === 0 ? {} : { nodes: nodes.map(renderNode) }),
  };
}

export function renderPool({ cidr, backend, mode, exported, natOutgoing }: Pool) {
  return { cidr: formatPrefix(cidr), backend, mode, export: exported, natOutgoing };
}

export function renderOverlay({ profile, sameSubnet, mac, vxlan, ipip }: OverlayConfig) {
  return {
    profile,
    sameSubnet,
    mac,
    vxlan: { ipv4: renderVxlan(vxlan[0]), ipv6: renderVxlan(vxlan[1]) },
    ipip: renderTunnel(ipip),
  };
}

function renderVxlan(settings: VxlanSettings) {
  return { ...renderTunnel(settings), vni: settings.vni, port: settings.port };
}

function renderTunnel({ device, mtu, checksumOffload }: IpipSettings) {
  return { device, mtu: mtu ?? ('auto' as const), ...(checksumOffload === null ? {} : { checksumOffload }) };
}

export function renderNode(node: NodeConfig) {
  const [ipv4, ipv6] = node.vteps;
  return {
    name: node.name,
    addresses: node.addresses.map(
      ({ address, length }) => formatAddress(address) + (length === null ? '' : `/${length}`),
    ),
    podCIDRs: node.podCidrs.map(formatPrefix),
    ...(ipv4 === null && ipv6 === null
      ? {}
      : {
          vtep: {
            ...(ipv4 === null ? {} : { ipv4: renderVtep(ipv4) }),
            ...(ipv6 === null ? {} : { ipv6: renderVtep(ipv6) }),
          },
        }),
    ...(node.ipipAddress === null ? {} : { ipipAddress: formatAddress(node.ipipAddress) }),
    ...(node.receives === null ? {} : { receives: [...node.receives] }),
  };
}

const defaultTunnels = JSON.stringify(renderOverlay(defaultOverlay({})));

function renderVtep({ address, mac }: VtepConfig) {
  return { address: formatAddress(address), ...(mac === null ? {} : { mac }) };
}
