/**
 * A network namespace with one or more veth pairs, and FIB processes run in it: what the tests of the FIB stand on.
 * Everything goes with `Symbol.asyncDispose`, also when a test fails.
 */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Address, parseAddress } from '../../../src/address/index.js';
import type {
  FibEvent,
  FibRouteRow,
  FibStatistics,
  Forwarding,
  KernelSettings,
} from '../../../src/fib/types.js';

const run = promisify(execFile);
const driver = fileURLToPath(new URL('../fib-driver.mjs', import.meta.url));
let serial = 0;

/** Calls `probe` until it is true; says what it saw last when it never is. */
export async function until(what: string, probe: () => Promise<boolean>, seconds = 60): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await probe())) {
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`no address: ${text}`);
  return parsed;
}

export function via(...hops: readonly (readonly [gateway: string | null, ifindex: number])[]): Forwarding {
  return {
    kind: 'unicast',
    hops: hops.map(([gateway, ifindex]) => ({
      gateway: gateway === null ? null : address(gateway),
      ifindex,
      weight: 1,
      onlink: false,
    })),
  };
}

export const blackhole: Forwarding = { kind: 'blackhole' };

/** A namespace with devices a0, b0 (with addresses) and their other ends a1, b1. */
export class FibLab {
  readonly fibs: FibProcess[] = [];
  private readonly helpers: ChildProcessWithoutNullStreams[] = [];
  private constructor(readonly name: string) {}

  static async up(): Promise<FibLab> {
    const lab = new FibLab(`tfib-${process.pid}-${++serial}`);
    await run('ip', ['netns', 'add', lab.name]);
    try {
      await lab.ip('link set lo up');
      await lab.ip('link add a0 index 10 type veth peer name a1 index 11');
      await lab.ip('link add b0 index 20 type veth peer name b1 index 21');
      for (const device of ['a0', 'a1', 'b0', 'b1']) await lab.ip(`link set ${device} up`);
      await lab.ip('addr add 192.0.2.1/24 dev a0');
      await lab.ip('addr add 198.51.100.1/24 dev b0');
      await lab.ip('-6 addr add 2001:db8:a::1/64 dev a0 nodad');
      await lab.ip('-6 addr add 2001:db8:b::1/64 dev b0 nodad');
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
    return lab;
  }

  async ip(command: string): Promise<string> {
    const { stdout } = await run('ip', ['-n', this.name, ...command.split(' ')], { maxBuffer: 1 << 28 });
    return stdout;
  }

  /** Many commands at once, one per line. */
  async batch(commands: readonly string[]): Promise<void> {
    const child = spawn('ip', ['-n', this.name, '-batch', '-']);
    child.stdin.end(`${commands.join('\n')}\n`);
    let errors = '';
    child.stderr.on('data', (text) => {
      errors += text;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    if (code !== 0) throw new Error(errors);
  }

  /** `ip route show …`, a line per route, spaces trimmed. */
  async routes(selector: string, family: 4 | 6 = 4): Promise<string[]> {
    const text = await this.ip(`-o -${family} route show ${selector}`).catch((error: Error) => {
      if (error.message.includes('table does not exist')) return '';
      throw error;
    });
    return text
      .split('\n')
      .map((line) => line.trim().replace(/\s+/g, ' '))
      .filter((line) => line !== '');
  }

  /** How many of our routes the kernel has. */
  async count(family: 4 | 6 = 4): Promise<number> {
    return (await this.routes('proto 84', family)).length;
  }

  async start(
    settings: Partial<KernelSettings> & { listenerBufferBytes?: number } = {},
  ): Promise<FibProcess> {
    const fib = new FibProcess(this.name, settings);
    this.fibs.push(fib);
    await fib.event('ready');
    return fib;
  }

  /** What `ip monitor` tells of our routes from now on, line by line. */
  async monitor(): Promise<string[]> {
    const child = spawn('ip', ['-n', this.name, '-o', 'monitor', 'route']);
    this.helpers.push(child);
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.includes('proto 84')) lines.push(line.trim());
    });
    // It listens when it tells of a route made for that, and told all when it tells of its end.
    const probe = 'blackhole 203.0.113.255 table 9 proto 84';
    await until('ip monitor listens', async () => {
      await this.ip(`route add ${probe}`);
      await this.ip(`route del ${probe}`);
      return lines.length > 0;
    });
    await until('ip monitor told all', async () => lines.at(-1)?.startsWith('Deleted') === true);
    lines.length = 0;
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const fib of this.fibs) await fib.kill();
    for (const child of this.helpers) child.kill('SIGKILL');
    await run('ip', ['netns', 'del', this.name]);
  }
}

/** A FIB in its own process; see fib-driver.mjs. */
export class FibProcess {
  readonly events: FibEvent[] = [];
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  private nextRequest = 1;
  private errors = '';

  constructor(namespace: string, settings: object) {
    this.child = spawn('ip', [
      'netns',
      'exec',
      namespace,
      process.execPath,
      driver,
      JSON.stringify(settings),
    ]);
    this.child.stderr.on('data', (text) => {
      this.errors += text;
    });
    this.child.stdin.on('error', () => {});
    this.child.on('close', () => {
      for (const { reject } of this.waiting.values()) reject(new Error(`the FIB ended: ${this.errors}`));
    });
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      const { event, request, result, error } = JSON.parse(line);
      if (event !== undefined) {
        this.events.push(event);
        return;
      }
      const waiting = this.waiting.get(request);
      this.waiting.delete(request);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error));
    });
  }

  ask<T = null>(command: string, rest: object = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      const request = this.nextRequest++;
      this.waiting.set(request, { resolve: resolve as (value: unknown) => void, reject });
      this.child.stdin.write(`${JSON.stringify({ request, command, ...rest })}\n`);
    });
  }

  async event<T extends FibEvent['type']>(
    type: T,
    matches: (event: FibEvent & { type: T }) => boolean = () => true,
  ): Promise<FibEvent & { type: T }> {
    let found: FibEvent | undefined;
    await until(`event ${type}`, async () => {
      if (this.errors !== '') throw new Error(this.errors);
      found = this.events.find((e) => e.type === type && matches(e as FibEvent & { type: T }));
      return found !== undefined;
    });
    return found as FibEvent & { type: T };
  }

  define(id: number, forwarding: Forwarding): Promise<null> {
    return this.ask('define', { id, forwarding });
  }

  route(prefix: string, forwarding: number, metricClass: 0 | 1 = 0): Promise<null> {
    return this.ask('route', { prefix, forwarding, metricClass });
  }

  fence(): Promise<null> {
    return this.ask('fence');
  }

  sweep(): Promise<null> {
    return this.ask('sweep');
  }

  async row(prefix: string): Promise<FibRouteRow | undefined> {
    const rows = await this.ask<FibRouteRow[]>('rows', { prefix });
    return rows[0];
  }

  async state(prefix: string): Promise<string> {
    return (await this.row(prefix))?.state ?? 'absent';
  }

  statistics(): Promise<FibStatistics> {
    return this.ask('statistics');
  }

  bulk(count: number, forwarding: number): Promise<{ setMs: number; totalMs: number }> {
    return this.ask('bulk', { count, forwarding });
  }

  async close(routes: 'keep' | 'remove'): Promise<void> {
    const ended = new Promise((resolve) => this.child.on('close', resolve));
    await this.ask('close', { routes });
    await ended;
  }

  /** SIGKILL, as `kill -9`. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.on('close', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }
}
