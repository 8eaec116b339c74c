/** The kernel's routes as a load sees them (native/route-watch.c), and how fast a mere loop writes them (native/netlink-loop.c). */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { nativeProgram } from './native.js';
import { daemonAddress, type Stage } from './stage.js';

/** IPv4 prefixes out of UPDATEs that withdraw them, five octets each (address, length), in their order. */
export function prefixRecords(withdrawals: Buffer, count: number): Buffer {
  const records = Buffer.alloc(5 * count);
  let n = 0;
  for (let message = 0; message < withdrawals.length; message += withdrawals.readUInt16BE(message + 16)) {
    const end = message + 21 + withdrawals.readUInt16BE(message + 19);
    for (let at = message + 21; at < end; n++) {
      const next = at + 1 + ((withdrawals[at] + 7) >> 3);
      withdrawals.copy(records, 5 * n, at + 1, next);
      records[5 * n + 4] = withdrawals[at];
      at = next;
    }
  }
  if (n !== count) throw new Error(`${n} prefixes are withdrawn, not ${count}`);
  return records;
}

interface WatchEvent {
  /** Seconds, CLOCK_MONOTONIC. */
  readonly at: number;
}

export interface Comparison {
  /** Routes to prefixes of the file, once per prefix. */
  readonly ours: number;
  /** Other routes, those of the kernel's own protocol aside. */
  readonly others: number;
  readonly missing: number;
  /** Next hops of all of them. */
  readonly paths: number;
}

export class KernelRoutes {
  private readonly lines: AsyncIterator<string>;

  private constructor(private readonly child: ChildProcess) {
    if (!child.stdout) throw new Error('the watcher needs its standard output');
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Watches the routes of the daemon's namespace to the prefixes in `file`. */
  static async open(stage: Stage, file: string): Promise<KernelRoutes> {
    const routes = new KernelRoutes(stage.startBeside(nativeProgram('route-watch'), file));
    await routes.next();
    return routes;
  }

  private async next(): Promise<unknown> {
    const line = await this.lines.next();
    if (line.done) throw new Error('the watcher of the kernel routes ended');
    return JSON.parse(line.value);
  }

  private ask(order: string): Promise<unknown> {
    this.child.stdin?.write(`${order}\n`);
    return this.next();
  }

  /** When every prefix had a route. */
  async present(): Promise<number> {
    return ((await this.ask('present')) as WatchEvent).at;
  }

  /** When none had one any more. */
  async absent(): Promise<number> {
    return ((await this.ask('absent')) as WatchEvent).at;
  }

  async compare(): Promise<Comparison & WatchEvent> {
    return (await this.ask('compare')) as Comparison & WatchEvent;
  }

  /** Throws unless there is a route to every prefix, and no other. */
  async check(): Promise<void> {
    const { ours, others, missing } = await this.compare();
    if (others > 0 || missing > 0)
      throw new Error(`the kernel has ${ours} of the routes, ${missing} are missing, ${others} are others`);
  }
}

/** Seconds that a loop in C took for the routes in a file. */
export interface LoopSeconds {
  readonly add: number;
  readonly delete: number;
}

/** Runs the loop in a namespace of its own, with routes by one nexthop group of these gateways. */
export function netlinkLoop(file: string, gateways: readonly string[]): LoopSeconds {
  const namespace = `tb-${process.pid}-loop`;
  const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });
  ip('netns', 'add', namespace);
  try {
    ip('-n', namespace, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth1');
    for (const link of ['lo', 'eth0', 'eth1']) ip('-n', namespace, 'link', 'set', link, 'up');
    ip('-n', namespace, 'address', 'add', `${daemonAddress}/16`, 'dev', 'eth0');
    const loop = [nativeProgram('netlink-loop'), 'eth0', gateways.join(','), file];
    return JSON.parse(ip('netns', 'exec', namespace, ...loop)) as LoopSeconds;
  } finally {
    ip('netns', 'delete', namespace);
  }
}
