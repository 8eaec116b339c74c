/**
 * The stage of a benchmark: one namespace for the daemon under test, one for its testers, joined by a veth pair
 * (ordinary directly connected eBGP), and the processes in them. Everything goes when the stage is closed.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const daemonAddresses = { 4: '10.91.0.1', 6: 'fd91::1' } as const;
export const daemonAddress = daemonAddresses[4];
export const daemonRouterId = '10.91.0.1';
/** Not in any real AS_PATH, so that no daemon takes a real route for a loop. */
export const daemonAsn = 4200000001;
/** Addresses of testers on the link's /16 or /64: feeders in the 1st, sinks from the 16th block of 250. */
export function feederAddress(index: number, family: 4 | 6 = 4): string {
  return testerAddress(1, index, family);
}
export function sinkAddress(index: number, family: 4 | 6 = 4): string {
  return testerAddress(16, index, family);
}
function testerAddress(block: number, index: number, family: 4 | 6): string {
  const [high, low] = [block + Math.floor(index / 250), 1 + (index % 250)];
  return family === 4 ? `10.91.${high}.${low}` : `fd91::${high.toString(16)}:${low.toString(16)}`;
}

export interface TesterEvent {
  readonly event: string;
  readonly at: number;
  readonly [field: string]: unknown;
}

/** A tester process, which tells of events in lines of JSON. */
export class Tester {
  private readonly seen: TesterEvent[] = [];
  private waiting: {
    event: string;
    resolve: (event: TesterEvent) => void;
    reject: (error: Error) => void;
  }[] = [];

  constructor(
    readonly name: string,
    readonly process: ChildProcess,
  ) {
    if (!process.stdout) throw new Error('a tester needs its standard output');
    createInterface({ input: process.stdout }).on('line', (line) =>
      this.arrived(JSON.parse(line) as TesterEvent),
    );
    process.once('exit', (code) => {
      for (const w of this.waiting) w.reject(new Error(`tester ${name} ended (${code}) before "${w.event}"`));
    });
  }

  private arrived(event: TesterEvent): void {
    const waiter = this.waiting.find((w) => w.event === event.event);
    if (waiter) {
      this.waiting = this.waiting.filter((w) => w !== waiter);
      waiter.resolve(event);
    } else this.seen.push(event);
  }

  /** The next event of this name that nobody has taken yet. */
  next(event: string): Promise<TesterEvent> {
    const index = this.seen.findIndex((e) => e.event === event);
    if (index >= 0) return Promise.resolve(this.seen.splice(index, 1)[0]);
    return new Promise((resolve, reject) => this.waiting.push({ event, resolve, reject }));
  }

  send(command: string): void {
    this.process.stdin?.write(`${command}\n`);
  }

  async ask(command: string, answer: string): Promise<TesterEvent> {
    const answered = this.next(answer);
    this.send(command);
    return answered;
  }
}

export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'tartan-bench-'));
  readonly daemonNamespace: string;
  readonly testerNamespace: string;
  private readonly children: ChildProcess[] = [];
  private static readonly open = new Set<Stage>();

  /** Takes down what stands when this process is told to end. */
  private static readonly interrupted = (signal: NodeJS.Signals): void => {
    for (const stage of Stage.open) {
      for (const child of stage.children) child.kill('SIGKILL');
      stage.remove();
    }
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };

  constructor(label = `${process.pid}`) {
    this.daemonNamespace = `tb-${label}-dut`;
    this.testerNamespace = `tb-${label}-net`;
    if (Stage.open.size === 0) {
      process.on('SIGINT', Stage.interrupted);
      process.on('SIGTERM', Stage.interrupted);
    }
    Stage.open.add(this);
    this.ip('netns', 'add', this.daemonNamespace);
    this.ip('netns', 'add', this.testerNamespace);
    this.ip(
      '-n',
      this.daemonNamespace,
      'link',
      'add',
      'eth0',
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      this.testerNamespace,
    );
    for (const namespace of [this.daemonNamespace, this.testerNamespace]) {
      // Without duplicate address detection: a link-local address that comes late is news for every IPv6 peer.
      for (const name of ['accept_dad', 'dad_transmits'])
        this.ip('netns', 'exec', namespace, 'sysctl', '-qw', `net.ipv6.conf.eth0.${name}=0`);
      this.ip('-n', namespace, 'link', 'set', 'lo', 'up');
      this.ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    }
    this.addAddresses(this.daemonNamespace, Object.values(daemonAddresses));
  }

  ip(...args: string[]): string {
    return execFileSync('ip', args, { encoding: 'utf8', maxBuffer: 1 << 30 });
  }

  /** Adds addresses to the link of a namespace, for use at once. */
  addAddresses(namespace: string, addresses: readonly string[]): void {
    const lines = addresses.map((address) =>
      address.includes(':')
        ? `address add ${address}/64 dev eth0 nodad`
        : `address add ${address}/16 dev eth0`,
    );
    execFileSync('ip', ['-n', namespace, '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  write(name: string, data: string | Uint8Array, mode = 0o644): string {
    const path = join(this.folder, name);
    writeFileSync(path, data, { mode });
    return path;
  }

  /** Starts a daemon's commands in its namespace, in this order; their output goes to a file in the stage's folder. */
  startDaemon(name: string, ...commands: (readonly string[])[]): RunningDaemon {
    const log = openSync(join(this.folder, `${name}.log`), 'a');
    const children = commands.map((command) =>
      spawn('ip', ['netns', 'exec', this.daemonNamespace, ...command], { stdio: ['ignore', log, log] }),
    );
    closeSync(log);
    this.children.push(...children);
    return new RunningDaemon(name, children);
  }

  /** Starts a command in the testers' namespace, with pipes for its input and output. */
  startTester(...command: string[]): ChildProcess {
    return this.startPiped(this.testerNamespace, command);
  }

  /** Starts a command in the daemon's namespace, with pipes for its input and output. */
  startBeside(...command: string[]): ChildProcess {
    return this.startPiped(this.daemonNamespace, command);
  }

  private startPiped(namespace: string, command: readonly string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', namespace, ...command], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.children.push(child);
    return child;
  }

  log(name: string): string {
    const path = join(this.folder, `${name}.log`);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** Ends what was started and removes the namespaces and the folder. */
  async close(): Promise<void> {
    await Promise.all(
      this.children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await ended;
      }),
    );
    this.remove();
  }

  private remove(): void {
    Stage.open.delete(this);
    if (Stage.open.size === 0) {
      process.off('SIGINT', Stage.interrupted);
      process.off('SIGTERM', Stage.interrupted);
    }
    for (const namespace of [this.daemonNamespace, this.testerNamespace]) {
      try {
        this.ip('netns', 'delete', namespace);
      } catch {
        // Already gone, or never made.
      }
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What /proc tells of a process; '' where it has ended: a daemon may have children that live for a moment. */
function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

/** A daemon under test with all its processes. */
export class RunningDaemon {
  constructor(
    readonly name: string,
    /** What was started: one process, but for daemons of several. */
    readonly children: readonly ChildProcess[],
  ) {}

  get ended(): boolean {
    return this.children.some((child) => child.exitCode !== null || child.signalCode !== null);
  }

  /** Its processes and theirs. */
  pids(): number[] {
    const pids = this.children.flatMap((child) => child.pid ?? []);
    for (const pid of pids) {
      const children = procFile(pid, `task/${pid}/children`);
      pids.push(...(children.match(/\d+/g) ?? []).map(Number));
    }
    return pids;
  }

  /** Resident memory in bytes, now and at most so far (VmRSS, VmHWM), summed over its processes. */
  memory(): { now: number; peak: number } {
    const sum = { now: 0, peak: 0 };
    for (const pid of this.pids()) {
      const status = procFile(pid, 'status');
      sum.now += Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
      sum.peak += Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
    }
    return sum;
  }

  /** Seconds of CPU used so far, summed over its processes, those that have ended among them. */
  cpuSeconds(): number {
    let ticks = 0;
    for (const pid of this.pids()) {
      // utime, stime, cutime and cstime.
      const fields = procFile(pid, 'stat').split(') ')[1]?.split(' ').slice(11, 15) ?? [];
      for (const field of fields) ticks += Number(field);
    }
    return ticks / 100;
  }

  /** Asks it to end in good order and waits until it has. */
  async stop(): Promise<void> {
    for (const child of this.children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    }
  }
}
