/** FRRouting in a lab: writing its configuration, and asking it for sessions and routes. */
import { until, type WaitOptions } from './command.js';
import type { LabNode } from './node.js';

export interface FrrNeighbor {
  /** Or an interface: whoever is on it (`neighbor eth1 interface`), in the families that are given. */
  address: string;
  remoteAsn: number | 'internal' | 'external';
  /** Families that are activated; the address's own if left out. */
  families?: ('ipv4' | 'ipv6')[];
  passive?: boolean;
  /** Lines of the neighbour's own, without `neighbor ADDRESS`: `timers 3 9`, `ebgp-multihop 2`. */
  settings?: string[];
  /** As `settings`, within each activated family: `route-reflector-client`, `next-hop-self`. */
  familySettings?: string[];
}

export interface FrrBgp {
  asn: number;
  routerId: string;
  neighbors: FrrNeighbor[];
  /** Announced whether or not the kernel has a route to them. */
  networks?: string[];
  /** More lines within `router bgp`: `bgp graceful-restart`. */
  settings?: string[];
  /** More lines of the file: route maps, prefix lists, static routes. */
  lines?: string[];
}

/** An frr.conf with one BGP instance that accepts and announces without a policy. */
export function frrConfig(bgp: FrrBgp): string {
  const family = (prefix: string): 'ipv4' | 'ipv6' => (prefix.includes(':') ? 'ipv6' : 'ipv4');
  const lines = [
    'frr defaults datacenter',
    'service integrated-vtysh-config',
    ...(bgp.lines ?? []),
    `router bgp ${bgp.asn}`,
    ` bgp router-id ${bgp.routerId}`,
    ' no bgp ebgp-requires-policy',
    ' no bgp network import-check',
    ' no bgp default ipv4-unicast',
    ...(bgp.settings ?? []).map((line) => ` ${line}`),
  ];
  for (const neighbor of bgp.neighbors) {
    const settings = [...(neighbor.passive ? ['passive'] : []), ...(neighbor.settings ?? [])];
    const byInterface = /[.:]/.test(neighbor.address) ? '' : ' interface';
    lines.push(` neighbor ${neighbor.address}${byInterface} remote-as ${neighbor.remoteAsn}`);
    for (const line of settings) lines.push(` neighbor ${neighbor.address} ${line}`);
  }
  for (const name of ['ipv4', 'ipv6'] as const) {
    const neighbors = bgp.neighbors.filter((n) => (n.families ?? [family(n.address)]).includes(name));
    const networks = (bgp.networks ?? []).filter((prefix) => family(prefix) === name);
    if (neighbors.length === 0 && networks.length === 0) continue;
    lines.push(` address-family ${name} unicast`);
    for (const prefix of networks) lines.push(`  network ${prefix}`);
    for (const neighbor of neighbors) {
      lines.push(`  neighbor ${neighbor.address} activate`);
      for (const line of neighbor.familySettings ?? []) lines.push(`  neighbor ${neighbor.address} ${line}`);
    }
    lines.push(' exit-address-family');
  }
  return `${lines.join('\n')}\nexit\n`;
}

/** A neighbour as `show bgp neighbors json` shows it (the fields that tests look at). */
export interface FrrNeighborState {
  remoteAs: number;
  bgpState: string;
  bgpTimerUpMsec?: number;
  lastResetDueTo?: string;
  lastNotificationReason?: string;
  addressFamilyInfo?: Record<string, { acceptedPrefixCounter?: number; sentPrefixCounter?: number }>;
  neighborCapabilities?: { gracefulRestart?: string };
  /** By `ipv4Unicast` and `ipv6Unicast`, among other things. */
  gracefulRestartInfo?: Record<string, { endOfRibStatus?: { endOfRibSend: boolean } } | undefined>;
}

/** A path of `show bgp … json`. */
export interface FrrPath {
  valid?: boolean;
  bestpath?: { overall?: boolean } | boolean;
  aspath?: { string: string };
  origin?: string;
  locPrf?: number;
  metric?: number;
  stale?: boolean;
  nexthops: { ip: string; afi: string; scope?: string; used?: boolean }[];
  community?: { string: string };
  largeCommunity?: { string: string };
  extendedCommunity?: { string: string };
}

/** Asks and steers the FRR daemons of a node. */
export class Frr {
  readonly node: LabNode;

  constructor(node: LabNode) {
    this.node = node;
  }

  /** Runs vtysh commands, one after the other in one session. */
  async vtysh(...commands: string[]): Promise<string> {
    return (await this.node.exec(['vtysh', ...commands.flatMap((line) => ['-c', line])])).stdout;
  }

  async json<T>(command: string): Promise<T> {
    return JSON.parse((await this.vtysh(`${command} json`)) || '{}') as T;
  }

  /**
   * Enters configuration lines. Networks are taken away only when the neighbours have the first table: FRR 8.4 never sends a
   * withdrawal that comes up between its first UPDATE and its End-of-RIB, and shows the route as advertised for good.
   */
  async configure(...lines: string[]): Promise<void> {
    if (lines.some((line) => line.startsWith('no network'))) await this.untilTableSent();
    await this.vtysh('configure terminal', ...lines);
  }

  /** Waits until each established neighbour has had the End-of-RIB of its families, as far as FRR shows it: with graceful restart. */
  private untilTableSent(): Promise<true> {
    return until(`${this.node.name} has sent End-of-RIB to its neighbours`, async () => {
      const states = Object.values(await this.json<Record<string, FrrNeighborState>>('show bgp neighbors'));
      return states.every(({ bgpState, neighborCapabilities, gracefulRestartInfo = {} }) => {
        if (bgpState !== 'Established' || neighborCapabilities?.gracefulRestart !== 'advertisedAndReceived')
          return true;
        return Object.values(gracefulRestartInfo).every(
          (info) => info?.endOfRibStatus === undefined || info.endOfRibStatus.endOfRibSend,
        );
      });
    });
  }

  async neighbor(address: string): Promise<FrrNeighborState | undefined> {
    return (await this.json<Record<string, FrrNeighborState>>(`show bgp neighbors ${address}`))[address];
  }

  /** Waits until the session is established (both families' first tables may still be under way). */
  untilEstablished(address: string, options?: WaitOptions): Promise<FrrNeighborState> {
    return this.untilNeighbor(address, 'Established', (state) => state.bgpState === 'Established', options);
  }

  untilNotEstablished(address: string, options?: WaitOptions): Promise<FrrNeighborState> {
    return this.untilNeighbor(
      address,
      'not Established',
      (state) => state.bgpState !== 'Established',
      options,
    );
  }

  untilNeighbor(
    address: string,
    what: string,
    accept: (state: FrrNeighborState) => boolean,
    options?: WaitOptions,
  ): Promise<FrrNeighborState> {
    return until(
      `${this.node.name} sees ${address} ${what}`,
      async () => {
        const state = await this.neighbor(address);
        return state !== undefined && accept(state) && state;
      },
      options,
    );
  }

  /** All paths to exactly this prefix; empty when there is none. */
  async paths(prefix: string): Promise<FrrPath[]> {
    const family = prefix.includes(':') ? 'ipv6' : 'ipv4';
    const found = await this.json<{ prefix?: string; paths?: FrrPath[] }>(
      `show bgp ${family} unicast ${prefix}`,
    );
    return found.prefix === prefix || found.prefix === undefined ? (found.paths ?? []) : [];
  }

  /** Waits for a path to this prefix (that satisfies `accept`), and hands it back. */
  untilPath(
    prefix: string,
    accept: (path: FrrPath) => boolean = () => true,
    options?: WaitOptions,
  ): Promise<FrrPath> {
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

  /** How many prefixes of a family its BGP table holds. */
  async prefixCount(family: 'ipv4' | 'ipv6' = 'ipv4'): Promise<number> {
    const table = await this.json<{ routes?: Record<string, unknown> }>(`show bgp ${family} unicast`);
    return Object.keys(table.routes ?? {}).length;
  }
}
