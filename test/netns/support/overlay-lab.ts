/**
 * Six nodes on three subnets, with a router for each and BGP between the routers; behind each node a pod in a namespace
 * of its own. See overlay-topology.ts.
 */
import { Lab, Tartan, until } from '../../../interop/index.js';
import { pingsOf } from './overlay-capture.js';
import {
  addressOf,
  blockOf,
  type Family,
  families,
  numbers,
  podOf,
  type Scenario,
  subnetOf,
  type Way,
  type WirePacket,
  wayOf,
} from './overlay-scenario.js';
import { documentOf, gatewayOf, partsOf, type Shape } from './overlay-topology.js';

const dual: Shape = { families, routers: 'frr' };

export class OverlayLab {
  private readonly byLinkLocal = new Map<string, string>();

  private constructor(
    readonly lab: Lab,
    readonly families: readonly Family[],
    private readonly nodes: readonly Tartan[],
  ) {}

  static async up(name: string, scenario: Scenario, shape: Shape = dual): Promise<OverlayLab> {
    const { topology, files } = partsOf(scenario, shape);
    // Where the machine is busy, six nodes and three routers take their time to serve.
    const lab = await Lab.up({ name, topology }, { files, timeoutSeconds: 300 });
    const all = new OverlayLab(
      lab,
      shape.families,
      numbers.map((n) => new Tartan(lab.node(`n${n}`))),
    );
    try {
      await all.untilUnderlay();
    } catch (error) {
      await lab.down();
      throw error;
    }
    return all;
  }

  tartan(n: number): Tartan {
    return this.nodes[n - 1];
  }

  /** Hands node n another document. */
  async change(n: number, scenario: Scenario): Promise<void> {
    const { node, client } = this.tartan(n);
    node.write('/etc/tartan/router.yaml', documentOf(n, scenario, this.families));
    const { applied, errors } = await client.reload();
    if (!applied) throw new Error(errors.join('\n'));
  }

  async changeAll(scenario: Scenario): Promise<void> {
    await Promise.all(numbers.map((n) => this.change(n, scenario)));
  }

  /** The device and gateway that node `from` sends by to the pods of each other node, as its kernel has them; null: no route. */
  private async waysFrom(from: number, family: Family): Promise<Map<number, Way>> {
    const words = ['ip', family === 'ipv4' ? '-4' : '-6', '-j', 'route', 'show'];
    const { stdout } = await this.lab.exec(`n${from}`, words);
    const routes = JSON.parse(stdout.trim() || '[]') as { dst: string; gateway?: string; dev?: string }[];
    const ways = new Map<number, Way>();
    for (const to of numbers.filter((each) => each !== from)) {
      const route = routes.find(({ dst }) => dst === blockOf(to, family));
      const { gateway = '', dev: device = '' } = route ?? {};
      // BGP says both addresses of a next hop on a shared link, and the link-local one is used.
      const known = gateway.startsWith('fe80:') ? await this.global(from, gateway) : gateway;
      ways.set(to, route === undefined ? null : { gateway: known, device });
    }
    return ways;
  }

  /** Whose link-local address it is on the subnet of `from`, by its other one. */
  private async global(from: number, linkLocal: string): Promise<string> {
    const known = this.byLinkLocal.get(linkLocal);
    if (known !== undefined) return known;
    for (const n of numbers.filter((each) => subnetOf(each) === subnetOf(from))) {
      const { stdout } = await this.lab.exec(`n${n}`, ['ip', '-6', '-j', 'addr', 'show', 'dev', 'eth1']);
      const [{ addr_info: all }] = JSON.parse(stdout) as { addr_info: { local: string; scope: string }[] }[];
      const local = all.find(({ scope }) => scope === 'link')?.local;
      if (local !== undefined) this.byLinkLocal.set(local, addressOf(n, 'ipv6'));
    }
    return this.byLinkLocal.get(linkLocal) ?? linkLocal;
  }

  /** Waits until every node sends to every other as the scenario says. */
  async untilRoutes(family: Family, scenario: Scenario): Promise<void> {
    for (const from of numbers) await this.untilSendsLike(from, scenario, [family]);
  }

  /** Waits until node `from` sends to every other as the scenario says. */
  async untilSendsLike(from: number, scenario: Scenario, spoken = this.families): Promise<void> {
    await until(
      `n${from} sends as ${scenario.backend} ${scenario.mode} says`,
      async () => {
        for (const family of spoken) {
          for (const [to, way] of await this.waysFrom(from, family)) {
            const wanted = JSON.stringify(wayOf(scenario, from, to, family));
            if (JSON.stringify(way) !== wanted)
              throw new Error(`to n${to}: ${JSON.stringify(way)}, expected ${wanted}`);
          }
        }
        return true;
      },
      { timeoutSeconds: 60 },
    );
  }

  /** Pairs of pods of which the first hears nothing of the second for three seconds, though it asks five times a second. */
  async silentPairs(family: Family, pairs?: readonly (readonly [number, number])[]): Promise<string[]> {
    const all = numbers.flatMap((from) =>
      numbers.filter((to) => to !== from).map((to) => [from, to] as const),
    );
    const silent: string[] = [];
    await Promise.all(
      numbers.map(async (from) => {
        const targets = (pairs ?? all).filter(([each]) => each === from).map(([, to]) => podOf(to, family));
        if (targets.length === 0) return;
        // One process asks all of them: labs may be in a machine where each takes its time.
        const words = ['fping', '-u', '-t', '200', '-B', '1', '-r', '14', ...targets];
        const { stdout, stderr, status } = await this.lab.exec(`p${from}`, words, { allowFailure: true });
        // 0: all answered; 1: some did not.
        if (status !== 0 && status !== 1) throw new Error(`p${from} cannot ask: ${stderr}`);
        for (const target of stdout.split('\n').filter((line) => line !== ''))
          silent.push(`p${from} to ${target}`);
      }),
    );
    return silent;
  }

  /** Pings and their answers that node n's link to its subnet carries while `work` is done. */
  async pingsOnTheWire(n: number, work: () => Promise<unknown>): Promise<WirePacket[]> {
    const words = ['tcpdump', '-n', '-l', '-tt', '-i', 'eth1', '--immediate-mode'];
    const dump = await this.lab.spawn(`n${n}`, [...words, 'icmp or icmp6 or ip proto 4 or udp port 4789']);
    try {
      await dump.untilOutput(/listening on/);
      await work();
      // What was captured last: tcpdump leaves unread what is under way when it is told to end.
      const router = gatewayOf(subnetOf(n), 'ipv4');
      await this.lab.exec(`n${n}`, ['ping', '-n', '-c', '1', '-w', '10', router]);
      await dump.untilOutput(new RegExp(`IP ${router} > ${addressOf(n, 'ipv4')}: ICMP echo reply`));
      return pingsOf(dump.output());
    } finally {
      await dump.kill('SIGKILL');
    }
  }

  private async untilUnderlay(): Promise<void> {
    await until(
      'every node reaches every other on the underlay',
      async () => {
        for (const to of numbers.slice(1)) {
          for (const family of this.families) {
            const words = ['ping', '-n', '-c', '1', '-W', '1', addressOf(to, family)];
            const { status } = await this.lab.exec('n1', words, { allowFailure: true });
            if (status !== 0) throw new Error(`n1 does not reach ${addressOf(to, family)}`);
          }
        }
        return true;
      },
      { timeoutSeconds: 60 },
    );
  }
}
