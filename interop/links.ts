import { mustRun } from './command.js';
import { hasDeviceKind } from './device-kinds.js';
import type { LinkDefinition, Topology } from './topology.js';

/** A node's network namespace by the node's name. */
export type NetnsOf = (node: string) => string;

/** The interfaces that a lab puts into the machine's own namespace. */
export function hostInterfaces(links: readonly LinkDefinition[]): string[] {
  return links.flatMap((link) => (link.type === 'host' ? [link.hostInterface] : []));
}

/** The bridge device of a bridge node, named as the node is (an interface name has at most 15 characters). */
export function bridgeDevice(node: string): string {
  return node.slice(0, 15);
}

/**
 * Makes all links of a lab and sets them up, the loopback devices, too: one `ip` for all devices, then one per namespace.
 * The ends that lie in bridge nodes become ports of their bridge.
 */
export async function createLinks(topology: Topology, netnsOf: NetnsOf): Promise<void> {
  const bridges = new Set(topology.nodes.filter((node) => node.kind === 'bridge').map((node) => node.name));
  const inside = new Map<string, string[]>();
  const add = (node: string, line: string): void => {
    const netns = netnsOf(node);
    const lines = inside.get(netns) ?? [];
    lines.push(`${line}\n`);
    inside.set(netns, lines);
  };
  for (const { name } of topology.nodes) add(name, 'link set dev lo up');
  for (const bridge of bridges) {
    add(bridge, `link add ${bridgeDevice(bridge)} type bridge`);
    add(bridge, `link set dev ${bridgeDevice(bridge)} up`);
  }
  const create: string[] = [];
  const dummy = (await hasDummy()) ? 'dummy' : 'bridge';
  for (const link of topology.links) {
    create.push(...deviceLines(link, netnsOf, dummy));
    for (const end of link.type === 'veth' ? link.ends : [link.end]) {
      if (bridges.has(end.node))
        add(end.node, `link set dev ${end.interface} master ${bridgeDevice(end.node)}`);
      add(end.node, `link set dev ${end.interface} up`);
    }
  }
  if (create.length > 0) await mustRun(['ip', '-batch', '-'], { input: `${create.join('\n')}\n` });
  await Promise.all(
    [...inside].map(([netns, lines]) =>
      mustRun(['ip', '-n', netns, '-batch', '-'], { input: lines.join('') }),
    ),
  );
}

/** The lines for `ip -batch`, run in the machine's namespace, that make a link's devices where they belong. */
function deviceLines(link: LinkDefinition, netnsOf: NetnsOf, dummy: string): string[] {
  const mtu = link.mtu === null ? '' : ` mtu ${link.mtu}`;
  if (link.type === 'veth') {
    const [a, b] = link.ends;
    const end = (e: typeof a): string =>
      `name ${e.interface} netns ${netnsOf(e.node)}${e.mac ? ` address ${e.mac}` : ''}${mtu}`;
    return [`link add ${end(a)} type veth peer ${end(b)}`];
  }
  const { end } = link;
  const mac = end.mac ? ` address ${end.mac}` : '';
  const place = `name ${end.interface} netns ${netnsOf(end.node)}${mac}${mtu}`;
  switch (link.type) {
    case 'host':
      return [
        `link add name ${link.hostInterface}${mtu} type veth peer ${place}`,
        `link set dev ${link.hostInterface} up`,
      ];
    case 'macvlan':
      return [`link add link ${link.hostInterface} ${place} type macvlan mode ${link.mode}`];
    case 'dummy':
      return [`link add ${place} type ${dummy}`];
    case 'vxlan':
      return [`link add ${place} type vxlan id ${link.vni} remote ${link.remote} dstport ${link.port}`];
  }
}

/** Whether this kernel has the dummy device; where it has not, a bridge without ports serves as one. */
export function hasDummy(): Promise<boolean> {
  return hasDeviceKind('dummy');
}

/** `ip link add … type dummy` as this kernel can do it. */
export async function playableCommand(argv: readonly string[]): Promise<string[]> {
  const isDummy =
    argv[0] === 'ip' && argv.includes('add') && argv.at(-1) === 'dummy' && argv.at(-2) === 'type';
  return isDummy && !(await hasDummy()) ? [...argv.slice(0, -1), 'bridge'] : [...argv];
}
