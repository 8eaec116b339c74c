/** Which kinds of network device a topology needs, and which of them this kernel has. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { runCommand } from './command.js';
import type { NodeDefinition, Topology } from './topology.js';

/** What `ip link add probe type KIND` needs beside the kind. */
const details: Readonly<Record<string, readonly string[]>> = {
  ipip: ['local', '127.0.0.1'],
  gre: ['local', '127.0.0.1'],
  sit: ['local', '127.0.0.1'],
  vxlan: ['id', '1', 'dstport', '4789'],
  geneve: ['id', '1', 'remote', '127.0.0.1'],
  vrf: ['table', '1'],
};

const known = new Map<string, Promise<boolean>>();

/** Whether this kernel can make a device of this kind. */
export function hasDeviceKind(kind: string): Promise<boolean> {
  const argv = ['unshare', '--net', 'ip', 'link', 'add', 'probe', 'type', kind, ...(details[kind] ?? [])];
  const answer = known.get(kind) ?? runCommand(argv).then((result) => result.status === 0);
  known.set(kind, answer);
  return answer;
}

/** The label of a node that names kinds of device which it needs, with blanks between them. */
export const kindsLabel = 'tartan.dev/device-kinds';

/**
 * The kinds of device that a topology is seen to need: those of its links, of `ip link add … type KIND` among its
 * commands, of Tartan's tunnels by IP-in-IP, and those that the label `tartan.dev/device-kinds` names. `dummy` is not
 * among them, since a bridge stands in for it.
 */
export function neededKinds(topology: Topology): string[] {
  const kinds = topology.links.flatMap((link) => (link.type === 'host' ? ['veth'] : [link.type as string]));
  for (const node of topology.nodes) {
    kinds.push(...(node.labels[kindsLabel] ?? '').split(/[\s,]+/).filter((kind) => kind !== ''));
    for (const command of node.exec) {
      const type = command.indexOf('type');
      if (command[0] === 'ip' && command.includes('add') && type > 0) kinds.push(command[type + 1] ?? '');
    }
    if (configuresIpip(node)) kinds.push('ipip');
  }
  return [...new Set(kinds)].filter((kind) => /^[a-z0-9_]+$/.test(kind) && kind !== 'dummy').sort();
}

function configuresIpip(node: NodeDefinition): boolean {
  const sources = node.binds
    .filter((bind) => bind.target.startsWith('/etc/tartan'))
    .map((bind) => bind.source);
  if (node.startupConfig !== null) sources.push(node.startupConfig);
  return sources.some((source) => /\bbackend["']?:\s*["']?ipip\b/.test(textBelow(source)));
}

function textBelow(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return '';
  if (!stat.isDirectory()) return readFileSync(path, 'utf8');
  return readdirSync(path)
    .map((name) => textBelow(`${path}/${name}`))
    .join('\n');
}

/** Those of a topology's kinds that this kernel lacks. */
export async function lackingKinds(topology: Topology): Promise<string[]> {
  const needed = neededKinds(topology);
  const has = await Promise.all(needed.map(hasDeviceKind));
  return needed.filter((_, index) => !has[index]);
}
