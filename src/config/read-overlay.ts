/** `pools`, `overlay` and `nodes` of a document → settings, with the defaults of the profile. */
import {
  type Address,
  type FamilyIndex,
  familyNames,
  formatAddress,
  formatPrefix,
  IPV4,
  IPV6,
  type Prefix,
  parsePrefix,
} from '../address/index.js';
import { type Backend, type Pool, PoolTable } from '../policy/pools.js';
import { macOfNode, parseMac } from '../vxlan/index.js';
import type { NodeDocument, OverlayDocument, PoolDocument, SpecDocument } from './document.js';
import { formatPath, type Path, showValue } from './issues.js';
import { defaultOverlay } from './overlay-defaults.js';
import type { NodeConfig, OverlayConfig, Router, VtepConfig } from './router.js';
import { poolDefaults } from './schema-overlay.js';
import { familyLabel, isUnicast, type Reader } from './values.js';

export interface OverlayParts {
  readonly pools: readonly Pool[];
  readonly overlay: OverlayConfig;
  readonly nodes: readonly NodeConfig[];
}

export function readOverlay(spec: SpecDocument, name: string | undefined, reader: Reader): OverlayParts {
  const pools = readPools(spec.pools ?? [], reader);
  const overlay = readTunnels(spec.overlay ?? {}, reader);
  const nodes = readNodes(spec.nodes ?? [], overlay, reader);
  const parts = { pools: pools.map(({ pool }) => pool), overlay, nodes: nodes.map(({ node }) => node) };
  if (name !== undefined) checkOwn(name, pools, nodes, overlay, reader);
  checkOthers(name, parts, nodes, reader);
  return parts;
}

/** Nodes beside those of `router`, as they would be read with them; what is wrong among them alone lies in the reader. */
export function readMoreNodes(
  documents: readonly NodeDocument[],
  { name, pools, overlay }: Router,
  reader: Reader,
): readonly NodeConfig[] {
  const placed = readNodes(documents, overlay, reader);
  const nodes = placed.map(({ node }) => node);
  checkOthers(name, { pools, overlay, nodes }, placed, reader);
  return nodes;
}

interface PlacedPool {
  readonly pool: Pool;
  readonly path: Path;
}

interface PlacedNode {
  readonly node: NodeConfig;
  readonly path: Path;
}

function readPools(documents: readonly (PoolDocument | undefined)[], reader: Reader): PlacedPool[] {
  const pools: PlacedPool[] = [];
  const seen = new Map<string, Path>();
  for (const [i, document] of documents.entries()) {
    if (document === undefined) continue;
    const path = ['spec', 'pools', i];
    const cidr = reader.prefix(document.cidr, [...path, 'cidr']);
    if (cidr === undefined) continue;
    const text = formatPrefix(cidr);
    if (reader.duplicate(seen, text, [...path, 'cidr'], `pool ${text}`)) continue;
    const backend = document.backend ?? poolDefaults.backend;
    if (backend === 'ipip' && cidr.family === IPV6) {
      const at = [...path, 'backend'];
      reader.error(
        at,
        `\`${formatPath(at)}\` is ipip, which carries IPv4 alone, but ${text} is IPv6; expected \`vxlan\` or \`none\``,
      );
    }
    const mode = document.mode ?? poolDefaults.mode;
    const exported = document.export ?? poolDefaults.exported;
    const natOutgoing = document.natOutgoing ?? poolDefaults.natOutgoing;
    pools.push({ pool: { cidr, backend, mode, exported, natOutgoing }, path });
  }
  return pools;
}

function readTunnels(document: OverlayDocument, reader: Reader): OverlayConfig {
  const settings = defaultOverlay(document);
  const devices: [string, Path][] = [
    [settings.vxlan[0].device, ['spec', 'overlay', 'vxlan', 'ipv4', 'device']],
    [settings.vxlan[1].device, ['spec', 'overlay', 'vxlan', 'ipv6', 'device']],
    [settings.ipip.device, ['spec', 'overlay', 'ipip', 'device']],
  ];
  for (const [i, [device, path]] of devices.entries()) {
    if (Buffer.byteLength(device) > 15) {
      reader.error(path, `\`${formatPath(path)}\` is ${device}; expected a name of at most 15 bytes`);
    }
    const twin = devices.find(([name], j) => name === device && j !== i);
    if (twin === undefined || !reader.isGiven(path)) continue;
    reader.error(
      path,
      `\`${formatPath(path)}\` is ${device}, which is \`${formatPath(twin[1])}\` too; expected a name for each device`,
    );
  }
  return settings;
}

/** What may not stand twice, and where it stood first. */
interface Taken {
  readonly names: Map<string, Path>;
  readonly addresses: Map<string, Path>;
  readonly cidrs: Map<string, Path>;
  readonly vteps: Map<string, Path>;
  readonly macs: Map<string, Path>;
}

function readNodes(
  documents: readonly (NodeDocument | undefined)[],
  overlay: OverlayConfig,
  reader: Reader,
): PlacedNode[] {
  const taken: Taken = {
    names: new Map(),
    addresses: new Map(),
    cidrs: new Map(),
    vteps: new Map(),
    macs: new Map(),
  };
  const nodes: PlacedNode[] = [];
  for (const [i, document] of documents.entries()) {
    if (document?.name === undefined) continue;
    const path = ['spec', 'nodes', i];
    const { name } = document;
    if (reader.duplicate(taken.names, name, [...path, 'name'], `node \`${name}\``)) continue;
    nodes.push({ node: readNode(name, document, overlay, taken, reader, path), path });
  }
  return nodes;
}

function readNode(
  name: string,
  document: NodeDocument,
  overlay: OverlayConfig,
  taken: Taken,
  reader: Reader,
  path: Path,
): NodeConfig {
  const addresses: { address: Address; length: number | null }[] = [];
  for (const [i, text] of (document.addresses ?? []).entries()) {
    const at = [...path, 'addresses', i];
    const read = text === undefined ? undefined : readNodeAddress(text, reader, at);
    if (read === undefined) continue;
    const shown = formatAddress(read.address);
    if (!reader.duplicate(taken.addresses, shown, at, `address ${shown} of a node`)) addresses.push(read);
  }
  const podCidrs: Prefix[] = [];
  for (const [i, text] of (document.podCIDRs ?? []).entries()) {
    const at = [...path, 'podCIDRs', i];
    const prefix = reader.prefix(text, at);
    if (prefix === undefined) continue;
    const shown = formatPrefix(prefix);
    if (!isUnicast(prefix)) {
      reader.error(
        at,
        `\`${formatPath(at)}\` is ${shown}, whose first address no single host can have; expected a prefix of unicast addresses`,
      );
      continue;
    }
    if (!reader.duplicate(taken.cidrs, shown, at, `pod CIDR ${shown}`)) podCidrs.push(prefix);
  }
  const first = (family: FamilyIndex): Address | null => {
    const cidr = podCidrs.find((each) => each.family === family);
    return cidr === undefined ? null : { family, a: cidr.a, b: cidr.b, c: cidr.c, d: cidr.d };
  };
  const vtep = (family: FamilyIndex): VtepConfig | null => {
    const own = document.vtep?.[familyNames[family]];
    const at = [...path, 'vtep', familyNames[family]];
    const mac = own?.mac === undefined ? undefined : readMac(own.mac, reader, [...at, 'mac']);
    const address = reader.unicast(own?.address, [...at, 'address'], family) ?? first(family);
    if (address === null || !addresses.some((each) => each.address.family === family)) return null;
    const shown = formatAddress(address);
    reader.duplicate(
      taken.vteps,
      shown,
      own?.address === undefined ? path : [...at, 'address'],
      `VTEP ${shown}`,
    );
    if (mac !== undefined) {
      reader.duplicate(taken.macs, `${family} ${mac}`, [...at, 'mac'], `MAC ${mac} of a VTEP`);
    }
    return { address, mac: mac ?? (overlay.mac === 'name' ? macOfNode(name, family) : null) };
  };
  const ipipAddress = reader.unicast(document.ipipAddress, [...path, 'ipipAddress'], IPV4) ?? first(IPV4);
  const receives = document.receives?.filter((each) => each !== undefined);
  return {
    name,
    addresses,
    podCidrs,
    vteps: [vtep(IPV4), vtep(IPV6)],
    ipipAddress,
    receives: receives === undefined || receives.length === 0 ? null : receives,
  };
}

/** An address that may carry its subnet's prefix length. */
function readNodeAddress(
  text: string,
  reader: Reader,
  path: Path,
): { address: Address; length: number | null } | undefined {
  const slash = text.indexOf('/');
  const address = reader.unicast(slash < 0 ? text : text.slice(0, slash), path);
  if (address === undefined) return undefined;
  if (slash < 0) return { address, length: null };
  const prefix = parsePrefix(text);
  if (prefix === null) {
    return reader.error(
      path,
      `\`${formatPath(path)}\` is ${showValue(text)}, whose length is none of ${familyLabel(address.family)}; expected /0 to /${address.family === IPV4 ? 32 : 128}`,
    );
  }
  return { address, length: prefix.length };
}

function readMac(text: string, reader: Reader, path: Path): string | undefined {
  return (
    parseMac(text) ??
    reader.error(
      path,
      `\`${formatPath(path)}\` is ${showValue(text)}, which is no MAC that a device can have; expected one such as \`66:48:f6:56:dc:f1\``,
    )
  );
}

/** What this node needs to know of itself for the tunnels that it is to have. */
function checkOwn(
  name: string,
  pools: readonly PlacedPool[],
  nodes: readonly PlacedNode[],
  overlay: OverlayConfig,
  reader: Reader,
): void {
  const own = nodes.find(({ node }) => node.name === name);
  for (const { pool, path } of pools) {
    const { family } = pool.cidr;
    if (pool.backend === 'none') continue;
    const at = [...path, 'backend'];
    const subject = `\`${formatPath(at)}\` is ${pool.backend}`;
    const address = own?.node.addresses.find((each) => each.address.family === family);
    const label = familyLabel(family);
    if (own === undefined || address === undefined) {
      const of = own === undefined ? `a node \`${name}\` in \`spec.nodes\`` : `\`${formatPath(own.path)}\``;
      reader.error(
        at,
        `${subject}, whose tunnel begins at our own ${label} address; expected ${of} with one`,
      );
      continue;
    }
    if (pool.backend === 'vxlan' && own.node.vteps[family] === null) {
      reader.error(
        at,
        `${subject}, whose device needs an address; expected \`${formatPath([...own.path, 'vtep', familyNames[family], 'address'])}\` or a pod CIDR of ${label}`,
      );
    }
    if (
      pool.mode === 'crossSubnet' &&
      overlay.sameSubnet === 'address' &&
      address.length === (family === IPV4 ? 32 : 128)
    ) {
      reader.warn(
        [...own.path, 'addresses', own.node.addresses.indexOf(address)],
        `our own address ${formatAddress(address.address)}/${address.length} has no subnet: under \`crossSubnet\` everything to ${formatPrefix(pool.cidr)} is encapsulated; expected the prefix length of the subnet`,
      );
    }
  }
}

/** What is allowed, but leaves other nodes out of reach. */
function checkOthers(
  name: string | undefined,
  { pools, overlay }: OverlayParts,
  nodes: readonly PlacedNode[],
  reader: Reader,
): void {
  if (pools.length === 0) return;
  const table = new PoolTable(pools);
  for (const { node, path } of nodes) {
    for (const [i, cidr] of node.podCidrs.entries()) {
      const pool = table.of(cidr);
      const at = [...path, 'podCIDRs', i];
      if (pool === null) {
        reader.warn(at, `${formatPrefix(cidr)} is in no pool: packets to it go as they are`);
      } else if (node.name !== name && pool.backend === 'vxlan' && lacksMac(node, cidr.family)) {
        reader.warn(
          at,
          `${formatPrefix(cidr)} is out of reach by VXLAN: the MAC of node \`${node.name}\` is not known; expected \`${formatPath([...path, 'vtep', familyNames[cidr.family], 'mac'])}\`, or \`overlay.mac: name\` instead of ${overlay.mac}`,
        );
      }
    }
  }
}

function lacksMac({ vteps, receives }: NodeConfig, family: FamilyIndex): boolean {
  const takes: readonly Backend[] = receives ?? ['vxlan'];
  return takes.includes('vxlan') && vteps[family]?.mac === null;
}
