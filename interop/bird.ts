/** BIRD 2 in a lab: writing its configuration, and asking it for sessions and routes. */
import { until, type WaitOptions } from './command.js';
import { LabError } from './errors.js';
import type { LabNode } from './node.js';

export interface BirdNeighbor {
  /** The protocol's name in BIRD. */
  name: string;
  address: string;
  remoteAsn: number;
  /** Families with a channel; the address's own if left out. */
  families?: ('ipv4' | 'ipv6')[];
  passive?: boolean;
  /** More lines within the protocol: `hold time 9;`, `graceful restart on;`. */
  settings?: string[];
  /** More lines within each channel, in place of `import all; export all;`. */
  channel?: string[];
}

export interface BirdBgp {
  asn: number;
  routerId: string;
  neighbors: BirdNeighbor[];
  /** Originated as static routes that lead nowhere. */
  networks?: string[];
  /** Whether routes go into the node's kernel (default true). */
  kernel?: boolean;
  /** More lines within the protocols that do that: `persist;`. */
  kernelSettings?: string[];
  /** More lines of the file. */
  lines?: string[];
}

/** A bird.conf with one BGP protocol per neighbour. */
export function birdConfig(bgp: BirdBgp): string {
  const familyOf = (text: string): 'ipv4' | 'ipv6' => (text.includes(':') ? 'ipv6' : 'ipv4');
  const lines = [`router id ${bgp.routerId};`, 'log stderr all;', 'protocol device {}', ...(bgp.lines ?? [])];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const networks = (bgp.networks ?? []).filter((prefix) => familyOf(prefix) === family);
    if (networks.length > 0)
      lines.push(
        `protocol static originated_${family} {`,
        `  ${family};`,
        ...networks.map((prefix) => `  route ${prefix} unreachable;`),
        '}',
      );
    if (bgp.kernel ?? true)
      lines.push(
        `protocol kernel kernel_${family} {`,
        ...(bgp.kernelSettings ?? []).map((line) => `  ${line}`),
        `  ${family} { import none; export where source = RTS_BGP; };`,
        '}',
        `protocol direct direct_${family} { ${family}; }`,
      );
  }
  for (const neighbor of bgp.neighbors) {
    lines.push(
      `protocol bgp ${neighbor.name} {`,
      `  local as ${bgp.asn};`,
      `  neighbor ${neighbor.address} as ${neighbor.remoteAsn};`,
      ...(neighbor.passive ? ['  passive on;'] : []),
      ...(neighbor.settings ?? []).map((line) => `  ${line}`),
    );
    for (const family of neighbor.families ?? [familyOf(neighbor.address)]) {
      const channel = neighbor.channel ?? ['import all;', 'export where source ~ [ RTS_STATIC, RTS_BGP ];'];
      lines.push(`  ${family} { ${channel.join(' ')} };`);
    }
    lines.push('}');
  }
  return `${lines.join('\n')}\n`;
}

/** Asks and steers the BIRD of a node. */
export class Bird {
  readonly node: LabNode;

  constructor(node: LabNode) {
    this.node = node;
  }

  /** Runs a birdc command. @throws LabError when BIRD refuses it. */
  async birdc(command: string): Promise<string> {
    const { stdout } = await this.node.exec(['birdc', ...command.split(' ')]);
    if (/^(syntax error|Access denied)/m.test(stdout))
      throw new LabError(`${this.node.name}: ${command}: ${stdout.trim()}`);
    return stdout;
  }

  /** The state that a BGP protocol shows: `Established`, `Active`, `Idle` …; null for an unknown protocol. */
  async bgpState(protocol: string): Promise<string | null> {
    return /^\s*BGP state:\s+(\S+)/m.exec(await this.birdc(`show protocols all ${protocol}`))?.[1] ?? null;
  }

  async untilEstablished(protocol: string, options?: WaitOptions): Promise<void> {
    const established = async (): Promise<boolean> => (await this.bgpState(protocol)) === 'Established';
    await until(`${this.node.name} sees ${protocol} Established`, established, options);
  }

  async untilNotEstablished(protocol: string, options?: WaitOptions): Promise<void> {
    const gone = async (): Promise<boolean> => (await this.bgpState(protocol)) !== 'Established';
    await until(`${this.node.name} sees ${protocol} not Established`, gone, options);
  }

  /** What BIRD shows for exactly this prefix with all attributes; empty when it has no route. */
  async route(prefix: string): Promise<string> {
    const shown = await this.node.exec(['birdc', 'show', 'route', 'for', prefix, 'all'], {
      allowFailure: true,
    });
    return shown.stdout.includes(`\n${prefix} `) ? shown.stdout : '';
  }

  /** Waits for a route to this prefix whose text matches, and hands its text back. */
  untilRoute(prefix: string, pattern = /(?:)/, options?: WaitOptions): Promise<string> {
    return until(
      `${this.node.name} has the expected route to ${prefix}`,
      async () => {
        const text = await this.route(prefix);
        return text !== '' && pattern.test(text) && text;
      },
      options,
    );
  }

  async untilNoRoute(prefix: string, options?: WaitOptions): Promise<void> {
    await until(
      `${this.node.name} has no route to ${prefix}`,
      async () => (await this.route(prefix)) === '',
      options,
    );
  }

  /** How many routes of how many networks its tables hold, over both families. */
  async routeCount(): Promise<{ routes: number; networks: number }> {
    const shown = await this.birdc('show route count');
    const total =
      /^Total: (\d+) of \d+ routes for (\d+) networks/m.exec(shown) ??
      /(\d+) of \d+ routes for (\d+) networks/.exec(shown);
    return { routes: Number(total?.[1] ?? 0), networks: Number(total?.[2] ?? 0) };
  }

  /** Makes BIRD read its configuration again. @throws LabError with its complaint. */
  async configure(): Promise<void> {
    const said = await this.birdc('configure');
    if (!/Reconfigured|Reconfiguration in progress/.test(said))
      throw new LabError(`${this.node.name}: ${said.trim()}`);
  }
}
