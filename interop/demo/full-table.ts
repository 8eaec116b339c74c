/** The demo's last act: a full table announced to one node through BGP, into its kernel and out again. */
import { existsSync, readFileSync } from 'node:fs';
import { until } from '../command.js';
import { LabError } from '../errors.js';
import { checkout } from '../images.js';
import { kernelRoutes } from '../kernel.js';
import type { Lab } from '../lab.js';
import type { NodeProcess } from '../process.js';
import { Tartan } from '../tartan.js';
import { duration, grouped, megabytes, type Screen } from './screen.js';

const realTable = `${checkout}/../shared/data/rib.ipv4.20140530.jinx.mrt.bz2`;

/** The real table where it is at hand, else a generated one. */
export function defaultTable(): string {
  return existsSync(realTable) ? `mrt:${realTable}` : 'generated:500000';
}

const document = '/etc/tartan/router.yaml';

/** Longest wait for the whole table to be in the kernel. */
const loadSeconds = 90;

interface FeederEvent {
  event: string;
  /** Milliseconds since the epoch. */
  at: number;
  prefixes?: number;
}

/** A BGP speaker that is no router: it announces a ready table as fast as the session takes it. */
export class Feeder {
  readonly #process: NodeProcess;
  readonly table: string;

  private constructor(process: NodeProcess, table: string) {
    this.#process = process;
    this.table = table;
  }

  /** Starts reading (or generating) the table in `transit`; it then listens for node1. */
  static async start(lab: Lab, table: string): Promise<Feeder> {
    const tester = `${checkout}/dist/bench/tester.js`;
    const options = {
      asn: '64496',
      'router-id': '198.51.100.0',
      listen: '198.51.100.0',
      'next-hop': '198.51.100.0',
      table,
    };
    const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    const script = ['--script', 'established:announce', '--script', 'sent:endOfRib'];
    const process = await lab.spawn('transit', [globalThis.process.execPath, tester, ...words, ...script], {
      name: 'feeder',
    });
    return new Feeder(process, table);
  }

  get about(): string {
    const [kind, argument = ''] = this.table.split(/:(.*)/s);
    return kind === 'mrt' ? `from ${argument.split('/').at(-1)}` : 'generated';
  }

  /** Waits until the feeder says that this has happened. */
  async event(name: string): Promise<FeederEvent> {
    const { found } = await until(
      `transit says "${name}"`,
      () => {
        const said = this.#process.output();
        const line = said.split('\n').find((text) => text.startsWith(`{"event":"${name}"`));
        if (line !== undefined) return { found: JSON.parse(line) as FeederEvent };
        // What went wrong is told here, since a probe that throws is asked again.
        return this.#process.running ? null : { found: null };
      },
      { timeoutSeconds: 60 },
    );
    if (found === null) {
      const said = this.#process.output();
      const why = /^\w*Error: (.*)/m.exec(said)?.[1] ?? said.trim().split('\n').at(-1);
      throw new LabError(`the feeder of the full table ended before "${name}": ${why}`);
    }
    return found;
  }

  end(): Promise<unknown> {
    return this.#process.kill('SIGKILL');
  }
}

/** Memory of a process in bytes, now and at its peak. */
function memory(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = (field: string): number =>
    Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0);
  return { now: kilobytes('VmRSS') * 1024, peak: kilobytes('VmHWM') * 1024 };
}

export async function loadFullTable(lab: Lab, screen: Screen, feeder: Feeder): Promise<void> {
  const node = lab.node('node1');
  const tartan = new Tartan(node);
  const { pid } = node.process;
  const fib = async (): Promise<{ installed: number; pending: number }> =>
    (await tartan.client.status()).fib.ipv4 ?? { installed: 0, pending: 0 };
  const inKernel = async (): Promise<number> =>
    Number((await node.exec(['sh', '-c', 'ip -4 route show proto 84 | wc -l'])).stdout);

  const { prefixes = 0 } = await feeder.event('ready');
  screen.line(`${grouped(prefixes)} prefixes, ${feeder.about}, wait in transit (AS 64496).`);
  screen.line();
  const before = memory(pid).now;
  const own = (await fib()).installed;
  const pinging = await lab.spawn('pod1', ['ping', '-n', '-i', '0.01', '10.244.3.10']);
  node.write(document, node.read(document).replace('shutdown: true', 'shutdown: false'));
  screen.line("In node1's document, transit's `shutdown: true` becomes false:");
  screen.line();
  const { stdout } = await node.exec(['tartan', 'reload']);
  screen.command('node1', 'tartan reload', stdout);
  const start = (await feeder.event('established')).at;

  const follow = async (what: string, progress: () => Promise<[have: number, of: number]>): Promise<void> => {
    const from = Date.now();
    await until(
      what,
      async () => {
        const [have, of] = await progress();
        screen.progress(have, of, what, Date.now() - from);
        return have === of;
      },
      { timeoutSeconds: loadSeconds, intervalMilliseconds: 50 },
    );
    screen.progressEnds();
  };
  const fromTransit = async (): Promise<{ received: number; accepted: number }> =>
    (await tartan.peer('transit'))?.families.ipv4 ?? { received: 0, accepted: 0 };
  await follow('in the kernel', async () => {
    const { received, accepted } = await fromTransit();
    // How many are accepted is known once all are there.
    return [(await fib()).installed - own, received === prefixes ? accepted : prefixes];
  });
  const took = Date.now() - start;
  const { now, peak } = memory(pid);
  await pinging.kill('SIGINT');

  const { received, accepted } = await fromTransit();
  const counted = (await inKernel()) - own;
  if (counted !== accepted)
    throw new LabError(
      `node1 accepted ${grouped(accepted)} prefixes, but its kernel shows ${grouped(counted)} routes`,
    );
  const pings = /(\d+) packets transmitted, (\d+) received/.exec(pinging.output());
  screen.line();
  const fact = (name: string, value: string, about: string): void =>
    screen.line(`${name.padEnd(14)}${screen.colour.bold(value.padStart(13))}  ${about}`);
  fact('received', grouped(received), 'prefixes through BGP, each with its path');
  if (received > accepted)
    fact('refused', grouped(received - accepted), 'private networks, or our own AS number in the path');
  fact('in the kernel', grouped(counted), '`ip route` counts the same');
  fact('time', duration(took), 'from the session to the last route in the kernel');
  fact('rate', `${grouped(Math.round((accepted / took) * 1000))}`, 'routes a second');
  fact('memory', megabytes(now), `at most ${megabytes(peak)}; before the table ${megabytes(before)}`);
  if (pings !== null) fact('traffic', `${pings[2]}/${pings[1]}`, 'pings pod1 → pod3 answered meanwhile');
  screen.line();

  const ended = Date.now();
  await feeder.end();
  await follow('gone again', async () => {
    const { installed, pending } = await fib();
    // Routes on their way out count as pending.
    return [accepted + own - installed - pending, accepted];
  });
  await until('the kernel of node1 is rid of the table', async () => (await inKernel()) === own);
  const left = (await kernelRoutes(node, { protocol: 84 })).map((route) => route.dst).sort();
  screen.line();
  screen.line(`transit ended; ${duration(Date.now() - ended)} later node1 holds ${left.join(', ')}.`);
}
