/** OpenBGPD in a lab: writing its configuration, asking it for sessions and routes, and having it announce. */
import { until, type WaitOptions } from './command.js';
import type { LabNode } from './node.js';

export interface OpenbgpdNeighbor {
  address: string;
  remoteAsn: number;
  /** Families that are announced; the address's own if left out. */
  families?: ('ipv4' | 'ipv6')[];
  passive?: boolean;
  /** More lines of the neighbour: `ttl-security yes`, `announce add-path recv yes`. */
  settings?: string[];
}

export interface OpenbgpdBgp {
  asn: number;
  routerId: string;
  neighbors: OpenbgpdNeighbor[];
  /** Announced from the start: a prefix, or with attributes: `10.1.0.0/24 set { med 5 }`. */
  networks?: string[];
  /** More lines at the top: sets, `rtr`, `rde evaluate all`. */
  lines?: string[];
  /** Filter rules in place of `allow from any` and `allow to any`. */
  filters?: string[];
}

/** A bgpd.conf that accepts and announces everything. */
export function openbgpdConfig(bgp: OpenbgpdBgp): string {
  const lines = [
    `AS ${bgp.asn}`,
    `router-id ${bgp.routerId}`,
    'fib-update no',
    // Its default waits two minutes.
    'connect-retry 1',
    ...(bgp.lines ?? []),
    ...(bgp.networks ?? []).map((network) => `network ${network}`),
  ];
  for (const neighbor of bgp.neighbors) {
    const own = neighbor.address.includes(':') ? 'ipv6' : 'ipv4';
    const families = neighbor.families ?? [own];
    lines.push(
      `neighbor ${neighbor.address} {`,
      `  remote-as ${neighbor.remoteAsn}`,
      `  announce IPv4 ${families.includes('ipv4') ? 'unicast' : 'none'}`,
      `  announce IPv6 ${families.includes('ipv6') ? 'unicast' : 'none'}`,
      ...(neighbor.passive ? ['  passive'] : []),
      ...(neighbor.settings ?? []).map((line) => `  ${line}`),
      '}',
    );
  }
  lines.push(...(bgp.filters ?? ['allow from any', 'allow to any']));
  return `${lines.join('\n')}\n`;
}

/** A neighbour as `bgpctl -j show neighbor` shows it (the fields that tests look at). */
export interface OpenbgpdNeighborState {
  remote_addr: string;
  remote_as: string;
  state: string;
  last_shutdown_reason?: string;
  last_error_sent?: string;
  last_error_received?: string;
  config: { capabilities?: Record<string, unknown> };
  /** What the OPEN messages had; there while a session is up. */
  session?: {
    holdtime?: number;
    capabilities?: Record<'local' | 'remote' | 'negotiated', Record<string, unknown>>;
  };
  stats: {
    prefixes: Record<'sent' | 'received', number>;
    message: Record<'sent' | 'received', Record<string, number>>;
    update: Record<'sent' | 'received', { updates: number; withdraws: number; eor: number }>;
    'route-refresh': Record<'sent' | 'received', { request: number; borr: number; eorr: number }>;
  };
}

/** A path of `bgpctl -j show rib detail`. */
export interface OpenbgpdPath {
  prefix: string;
  aspath: string;
  exit_nexthop: string;
  true_nexthop: string;
  neighbor: { remote_addr: string; bgp_id: string; description?: string };
  valid: boolean;
  best?: boolean;
  source: 'internal' | 'external';
  /** RPKI validity. */
  ovs?: string;
  origin: string;
  /** MULTI_EXIT_DISC. */
  metric?: number;
  localpref?: number;
  path_id?: number;
  communities?: string[];
  large_communities?: string[];
  extended_communities?: string[];
  originator?: string;
  cluster?: string[];
  attributes?: { type: string; flags?: string[]; [field: string]: unknown }[];
}

/** Asks and steers the OpenBGPD of a node. */
export class Openbgpd {
  readonly node: LabNode;

  constructor(node: LabNode) {
    this.node = node;
  }

  /** Runs bgpctl. @throws LabError with its complaint. */
  async bgpctl(...words: string[]): Promise<string> {
    return (await this.node.exec(['bgpctl', ...words])).stdout;
  }

  async json<T>(...words: string[]): Promise<T> {
    return JSON.parse(await this.bgpctl('-j', ...words)) as T;
  }

  async neighbor(address: string): Promise<OpenbgpdNeighborState | undefined> {
    const { neighbors } = await this.json<{ neighbors: OpenbgpdNeighborState[] }>('show', 'neighbor');
    return neighbors.find(({ remote_addr }) => remote_addr === address);
  }

  untilNeighbor(
    address: string,
    what: string,
    accept: (state: OpenbgpdNeighborState) => boolean,
    options?: WaitOptions,
  ): Promise<OpenbgpdNeighborState> {
    return until(
      `${this.node.name} sees ${address} ${what}`,
      async () => {
        const state = await this.neighbor(address);
        return state !== undefined && accept(state) && state;
      },
      options,
    );
  }

  untilEstablished(address: string, options?: WaitOptions): Promise<OpenbgpdNeighborState> {
    return this.untilNeighbor(address, 'Established', ({ state }) => state === 'Established', options);
  }

  untilNotEstablished(address: string, options?: WaitOptions): Promise<OpenbgpdNeighborState> {
    return this.untilNeighbor(address, 'not Established', ({ state }) => state !== 'Established', options);
  }

  /** All paths to exactly this prefix; empty when there is none. `words` come before it: `in`, `out`, `neighbor`. */
  async paths(prefix: string, ...words: string[]): Promise<OpenbgpdPath[]> {
    const { rib } = await this.json<{ rib?: OpenbgpdPath[] }>('show', 'rib', 'detail', ...words, prefix);
    return (rib ?? []).filter((path) => path.prefix === prefix);
  }

  /** Waits for a path to this prefix (that satisfies `accept`), and hands it back. */
  untilPath(
    prefix: string,
    accept: (path: OpenbgpdPath) => boolean = () => true,
    options?: WaitOptions,
  ): Promise<OpenbgpdPath> {
    return until(
      `${this.node.name} has the expected path to ${prefix}`,
      async () => (await this.paths(prefix)).find(accept),
      options,
    );
  }

  async untilNoPath(prefix: string, options?: WaitOptions): Promise<void> {
    const gone = async (): Promise<boolean> => (await this.paths(prefix)).length === 0;
    await until(`${this.node.name} has no path to ${prefix}`, gone, options);
  }

  /** Announces a route; `words` as of `bgpctl network add`: `community 65000:1`, `metric 5`, `nexthop 10.0.0.9`. */
  async announce(prefix: string, words = ''): Promise<void> {
    await this.bgpctl('network', 'add', ...`${prefix} ${words}`.trim().split(/\s+/));
  }

  async withdraw(prefix: string): Promise<void> {
    await this.bgpctl('network', 'delete', prefix);
  }

  /** Makes it read its configuration again. @throws LabError with its complaint. */
  async reload(): Promise<void> {
    await this.bgpctl('reload');
  }
}
