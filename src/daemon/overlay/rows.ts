/** The overlay as the control socket shows it. */
import { familyNames, formatAddress, formatPrefix } from '../../address/index.js';
import type { NodeConfig, Router } from '../../config/router.js';
import type { NodeBlock, NodeRow, OverlayReport, PoolRow } from '../../control/api.js';
import { type Encapsulation, PoolTable } from '../../policy/index.js';
import type { InventoryBlock, Overlay } from './index.js';
import { describeUnderlay } from './underlay.js';

type By = 'direct' | 'ipip' | 'vxlan' | 'unresolved';

function byOf(encapsulation: Encapsulation): By {
  return encapsulation.kind === 'tunnel' ? encapsulation.backend : encapsulation.kind;
}

export function poolRows({ pools }: Router, overlay: Overlay): PoolRow[] {
  const table = new PoolTable(pools);
  const counts = new Map(pools.map((pool) => [pool, { direct: 0, ipip: 0, vxlan: 0, unresolved: 0 }]));
  for (const { blocks } of overlay.rows()) {
    for (const { prefix, encapsulation } of blocks) {
      const pool = table.of(prefix);
      const count = pool === null ? undefined : counts.get(pool);
      if (count !== undefined) count[byOf(encapsulation)]++;
    }
  }
  return [...counts].map(([{ cidr, backend, mode, exported, natOutgoing }, blocks]) => ({
    cidr: formatPrefix(cidr),
    backend,
    mode,
    export: exported,
    natOutgoing,
    blocks,
  }));
}

export function* nodeRows(overlay: Overlay): Generator<NodeRow> {
  const own = overlay.ownNode;
  if (own !== null) {
    const blocks = own.podCidrs.map((prefix) => ({
      prefix: formatPrefix(prefix),
      by: 'local' as const,
      why: 'this node itself',
      reachable: true,
    }));
    yield { ...nodeRow(own), own: true, blocks };
  }
  for (const { config, blocks } of overlay.rows()) {
    yield {
      ...nodeRow(config),
      blocks: blocks.map((block) => blockRow(overlay, block)),
    };
  }
}

function blockRow(overlay: Overlay, block: InventoryBlock): NodeBlock {
  const { prefix, route, encapsulation } = block;
  const reachable = route !== null && route.ways.length > 0;
  const why = overlay.describe(block);
  const isCutOff = !reachable && route !== null && encapsulation.kind !== 'unresolved';
  return {
    prefix: formatPrefix(prefix),
    by: byOf(encapsulation),
    why: isCutOff ? `${why}; but no route leads to ${formatAddress(route.nextHop)}` : why,
    reachable,
  };
}

function nodeRow({ name, addresses, receives, vteps }: NodeConfig): NodeRow {
  return {
    name,
    own: false,
    addresses: addresses.map(
      ({ address, length }) => formatAddress(address) + (length === null ? '' : `/${length}`),
    ),
    receives: receives === null ? null : [...receives],
    vteps: vteps.flatMap((vtep) =>
      vtep === null ? [] : [{ address: formatAddress(vtep.address), mac: vtep.mac }],
    ),
    blocks: [],
  };
}

export function overlayReport(
  { overlay: { profile } }: Router,
  overlay: Overlay,
): Omit<OverlayReport, 'problems'> {
  const of = (family: 0 | 1) => {
    const underlay = overlay.underlay(family);
    return underlay === null ? null : describeUnderlay(underlay);
  };
  return {
    profile,
    underlay: { [familyNames[0]]: of(0), [familyNames[1]]: of(1) } as OverlayReport['underlay'],
    devices: overlay.status.devices.map((device) => ({ ...device })),
    entries: { ...overlay.status.entries },
  };
}
