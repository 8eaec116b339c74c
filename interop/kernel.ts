import { until, type WaitOptions } from './command.js';
import { LabError } from './errors.js';
import type { LabNode } from './node.js';

/** A route as `ip -j route show` prints it (the fields that tests look at). */
export interface KernelRoute {
  type?: string;
  dst: string;
  gateway?: string;
  via?: { family: string; host: string };
  dev?: string;
  protocol?: string;
  metric?: number;
  flags?: string[];
  prefsrc?: string;
  nhid?: number;
  nexthops?: {
    gateway?: string;
    via?: { family: string; host: string };
    dev: string;
    weight: number;
    flags: string[];
  }[];
}

export interface RouteFilter {
  /** Routes to exactly this prefix; its family also picks the table. */
  prefix?: string;
  family?: 4 | 6;
  protocol?: string | number;
  table?: string | number;
}

/** The kernel's routes of a node. `ip route` prints 0.0.0.0/0 and ::/0 as `default`. */
export async function kernelRoutes(node: LabNode, filter: RouteFilter = {}): Promise<KernelRoute[]> {
  const family = filter.family ?? (filter.prefix?.includes(':') ? 6 : 4);
  const words = ['ip', `-${family}`, '-j', 'route', 'show', 'table', String(filter.table ?? 'main')];
  if (filter.prefix !== undefined) words.push('exact', filter.prefix);
  if (filter.protocol !== undefined) words.push('proto', String(filter.protocol));
  const { stdout } = await node.exec(words);
  return stdout.trim() === '' ? [] : (JSON.parse(stdout) as KernelRoute[]);
}

/** Waits until a node's kernel has a route to exactly this prefix (and it satisfies `accept`). */
export function untilKernelRoute(
  node: LabNode,
  prefix: string,
  accept: (route: KernelRoute) => boolean = () => true,
  options: WaitOptions & Omit<RouteFilter, 'prefix'> = {},
): Promise<KernelRoute> {
  return until(
    `the kernel of ${node.name} has the expected route to ${prefix}`,
    async () => {
      const routes = await kernelRoutes(node, { ...options, prefix });
      const found = routes.find(accept);
      if (!found) throw new LabError(`it has ${JSON.stringify(routes)}`);
      return found;
    },
    options,
  );
}

/** Waits until a node's kernel has no route to exactly this prefix. */
export async function untilNoKernelRoute(
  node: LabNode,
  prefix: string,
  options: WaitOptions & Omit<RouteFilter, 'prefix'> = {},
): Promise<void> {
  await until(
    `the kernel of ${node.name} has no route to ${prefix}`,
    async () => (await kernelRoutes(node, { ...options, prefix })).length === 0,
    options,
  );
}

/** Whether one ping to an address is answered within a second. */
export async function pings(node: LabNode, address: string, source?: string): Promise<boolean> {
  const from = source === undefined ? [] : ['-I', source];
  const result = await node.exec(['ping', '-n', '-c', '1', '-W', '1', ...from, address], {
    allowFailure: true,
  });
  return result.status === 0;
}

/** Waits until a node reaches an address. */
export async function untilPings(node: LabNode, address: string, options?: WaitOptions): Promise<void> {
  await until(`${node.name} reaches ${address}`, () => pings(node, address), options);
}
