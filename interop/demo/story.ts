/** The demo's acts, from the first session to the withdrawal of a node. */
import { Bird } from '../bird.js';
import { until } from '../command.js';
import { LabError } from '../errors.js';
import { Frr } from '../frr.js';
import { kernelRoutes, untilNoKernelRoute, untilPings } from '../kernel.js';
import type { Lab } from '../lab.js';
import { Tartan } from '../tartan.js';
import { splitWords } from '../words.js';
import { Feeder, loadFullTable } from './full-table.js';
import type { Screen } from './screen.js';

const nodes = ['node1', 'node2', 'node3'] as const;
/** What every node is to learn; one of the first three is its own. */
const podNetworks = ['10.244.1.0/24', '10.244.2.0/24', '10.244.3.0/24'];
const webNetwork = '203.0.113.0/24';
const addresses: Readonly<Record<string, string>> = {
  pod1: '10.244.1.10',
  pod2: '10.244.2.10',
  pod3: '10.244.3.10',
  web: '203.0.113.10',
};
/** Addresses that frr knows the nodes by. */
const nodeAddresses = ['192.168.1.11', '192.168.1.12', '192.168.2.13'];

const quick = { intervalMilliseconds: 20 };

export const picture = [
  'pod1 ─── node1 ──┐                              nodes   Tartan, AS 64512, iBGP among them',
  'pod2 ─── node2 ──┼── frr ─── node3 ─── pod3     frr     FRR,    AS 64498',
  ' web ─── bird ───┘                              bird    BIRD,   AS 64497',
  '   192.168.1.0/24      192.168.2.0/24',
];

export class Story {
  readonly #lab: Lab;
  readonly #screen: Screen;
  readonly #table: string;

  constructor(lab: Lab, screen: Screen, table: string) {
    this.#lab = lab;
    this.#screen = screen;
    this.#table = table;
  }

  async tell(): Promise<void> {
    const screen = this.#screen;
    screen.act('Sessions come up');
    await this.#sessions();
    // Reads its table while the next acts play.
    const feeder = await Feeder.start(this.#lab, this.#table);
    screen.act('Routes are learnt and installed');
    await this.#routes();
    screen.act('Why does a packet go where it goes?');
    await this.#tartan('node3', 'tartan explain 203.0.113.10');
    screen.act('Pings, by plain forwarding');
    for (const [from, to] of [
      ['pod1', 'pod2'],
      ['pod1', 'pod3'],
      ['pod3', 'pod2'],
      ['pod1', 'web'],
      ['pod3', 'web'],
      ['web', 'pod2'],
    ])
      await this.#ping(from as string, to as string);
    screen.act('node3 is stopped, and comes back');
    await this.#stopAndStart();
    screen.act('A full table for node1');
    await loadFullTable(this.#lab, screen, feeder);
  }

  /** Runs a command in a node and shows it with its answer. */
  async #tartan(node: string, command: string): Promise<void> {
    const { stdout } = await this.#lab.exec(node, splitWords(command));
    this.#screen.command(node, command, stdout);
  }

  async #sessions(): Promise<void> {
    const start = Date.now();
    const session = async (node: string, peer: string): Promise<void> => {
      const up = await new Tartan(this.#lab.node(node)).untilEstablished(peer, quick);
      const kind = peer.startsWith('node') ? 'iBGP' : 'eBGP';
      const hold = `hold time ${up.holdTimeSeconds} s`;
      this.#screen.done(
        `${node} ⇄ ${peer}`,
        `${kind}  ${up.localAddress} - ${up.address}`.padEnd(38) + hold,
        Date.now() - start,
      );
    };
    const pairs = nodes.flatMap((node, i) =>
      [...nodes.slice(i + 1), 'frr', 'bird'].map((peer) => [node, peer] as const),
    );
    await Promise.all(pairs.map(([node, peer]) => session(node, peer)));
    const frr = new Frr(this.#lab.node('frr'));
    const bird = new Bird(this.#lab.node('bird'));
    await Promise.all([
      ...nodeAddresses.map((address) => frr.untilEstablished(address, quick)),
      ...nodes.map((node) => bird.untilEstablished(node, quick)),
    ]);
    this.#screen.line();
    this.#screen.line(`${pairs.length} sessions; FRR and BIRD say the same of their ends.`);
    this.#screen.line();
    await this.#tartan('node1', 'tartan show peers');
  }

  async #routes(): Promise<void> {
    const start = Date.now();
    for (const [i, name] of nodes.entries()) {
      const learnt = [...podNetworks.filter((_, pod) => pod !== i), webNetwork];
      const tartan = new Tartan(this.#lab.node(name));
      await Promise.all(learnt.map((prefix) => tartan.untilInstalled(prefix, quick)));
      this.#screen.done(name, learnt.join('  '), Date.now() - start);
    }
    const bird = this.#lab.node('bird');
    const held = async (): Promise<string[]> =>
      (await kernelRoutes(bird, { protocol: 'bird' })).map((route) => route.dst);
    const all = async (): Promise<boolean> => {
      const routes = await held();
      return podNetworks.every((prefix) => routes.includes(prefix));
    };
    await until("bird has every pod's network", all, quick);
    this.#screen.done('bird', podNetworks.join('  '), Date.now() - start);
    // The second way to the web server, which `explain` compares with the first.
    const ways = async (): Promise<boolean> =>
      (await new Tartan(this.#lab.node('node3')).routes({ prefix: webNetwork, view: 'all' })).length > 1;
    await until('node3 knows two ways to the web server', ways, quick);
    this.#screen.line();
    await this.#tartan('node1', 'tartan show routes');
    await this.#tartan('node1', 'tartan show fib');
    await this.#tartan('node1', 'ip route show proto 84');
  }

  async #ping(from: string, to: string): Promise<void> {
    const address = addresses[to] as string;
    const node = this.#lab.node(from);
    await untilPings(node, address);
    const { stdout } = await node.exec(['ping', '-n', '-c', '5', '-i', '0.02', '-W', '1', address]);
    const routers = 64 - Number(/ttl=(\d+)/.exec(stdout)?.[1]);
    const answered = /(\d+) packets transmitted, (\d+) received/.exec(stdout);
    const average = Number(/= [\d.]+\/([\d.]+)\//.exec(stdout)?.[1]);
    const about = `${addresses[from]} → ${address}`.padEnd(29);
    this.#screen.done(
      `${from} → ${to}`,
      `${about}${answered?.[2]} of ${answered?.[1]}  ${routers} routers`,
      average,
    );
  }

  async #stopAndStart(): Promise<void> {
    const gone = '10.244.3.0/24';
    const node3 = this.#lab.node('node3').process;
    const start = Date.now();
    node3.signal('SIGTERM');
    const names = ['node1', 'node2', 'frr', 'bird'];
    await Promise.all([
      ...names.map(async (name) => {
        await untilNoKernelRoute(this.#lab.node(name), gone, quick);
        this.#screen.done(name, `${gone} is out of its kernel`, Date.now() - start);
      }),
      node3.exited,
    ]);
    const { code, signal } = await node3.exited;
    if (code !== 0) throw new LabError(`node3 did not stop cleanly: exit ${signal ?? code}`);
    const lost = await this.#lab.exec(
      'pod1',
      ['ping', '-n', '-c', '1', '-W', '1', addresses.pod3 as string],
      {
        allowFailure: true,
      },
    );
    if (lost.status === 0) throw new LabError('pod1 still reaches pod3, though node3 is stopped');
    const said = /From (\S+) .*?(Destination .*)/.exec(lost.stdout);
    this.#screen.done('pod1 → pod3', said ? `"${said[2]}", says ${said[1]}` : 'no answer');
    this.#screen.line();
    await this.#tartan('node1', 'tartan show routes');

    const again = Date.now();
    await node3.start();
    this.#screen.done('node3', 'runs again', Date.now() - again);
    await untilPings(this.#lab.node('pod1'), addresses.pod3 as string, quick);
    this.#screen.done('pod1 → pod3', 'answers again', Date.now() - again);
  }
}
