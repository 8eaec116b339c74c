/**
 * The stage of a benchmark: one namespace for the daemon under test, one for its testers, joined by a veth pair
 * (ordinary directly connected eBGP), and the processes in them. Everything goes when the stage is closed.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const daemonAddress = '10.91.0.1';
/** Not in any real AS_PATH, so that no daemon takes a real route for a loop. */
export const daemonAsn = 4200000001;
/** Addresses of testers: feeders from .11, sinks from .101. */
export const feederAddress = (index: number): string => `10.91.0.${11 + index}`;
export const sinkAddress = (index: number): string => `10.91.0.${101 + index}`;

export interface TesterEvent {
  readonly event: string;
  readonly at: number;
  readonly [field: string]: unknown;
}

/** A tester process; see tester.ts for its commands and events. */
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

  /** Stops waiting for an event that will not be asked for again. */
  forget(event: string): void {
    this.waiting = this.waiting.filter((w) => w.event !== event);
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

  constructor(label = `${process.pid}`) {
    this.daemonNamespace = `tb-${label}-dut`;
    this.testerNamespace = `tb-${label}-net`;
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
      this.ip('-n', namespace, 'link', 'set', 'lo', 'up');
      this.ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    }
    this.ip('-n', this.daemonNamespace, 'address', 'add', `${daemonAddress}/24`, 'dev', 'eth0');
  }

  ip(...args: string[]): string {
    return execFileSync('ip', args, { encoding: 'utf8', maxBuffer: 1 << 30 });
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** Starts a command in the daemon's namespace; its output goes to a file in the stage's folder. */
  startDaemon(name: string, command: string, ...args: string[]): ChildProcess {
    const log = openSync(join(this.folder, `${name}.log`), 'a');
    const child = spawn('ip', ['netns', 'exec', this.daemonNamespace, command, ...args], {
      stdio: ['ignore', log, log],
    });
    this.children.push(child);
    return child;
  }

  log(name: string): string {
    const path = join(this.folder, `${name}.log`);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** Starts a tester at `address` (added to the testers' link) with these further arguments. */
  async tester(name: string, address: string, args: readonly string[]): Promise<Tester> {
    this.ip('-n', this.testerNamespace, 'address', 'add', `${address}/24`, 'dev', 'eth0');
    const script = fileURLToPath(new URL('./tester.js', import.meta.url));
    const own = [
      '--router-id',
      address,
      '--source',
      address,
      '--connect',
      daemonAddress,
      '--next-hop',
      address,
    ];
    const child = spawn(
      'ip',
      ['netns', 'exec', this.testerNamespace, process.execPath, script, ...own, ...args],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    this.children.push(child);
    const tester = new Tester(name, child);
    await tester.next('ready');
    return tester;
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

/** Peak resident memory of a process in bytes (VmHWM). */
export function peakMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

/** Seconds of CPU that a process has used. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
