/**
 * What this machine knows of its labs: one folder per lab under /run/tartan-lab, written before anything else is
 * made, so that whoever comes later can clean up after a runner that was killed half-way.
 *
 *     /run/tartan-lab/LAB/lab.json      who runs it, which namespaces and processes are part of it
 *     /run/tartan-lab/LAB/files/        configuration files handed over as text
 *     /run/tartan-lab/LAB/machine/      a machine of the lab's own, where it has one (see machine.ts)
 *     /run/tartan-lab/LAB/NODE/run/     the node's /run (control sockets, pid files)
 *     /run/tartan-lab/LAB/NODE/*.log    what its processes wrote
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { runCommand, until } from './command.js';
import { LabError } from './errors.js';

export const stateRoot = '/run/tartan-lab';

/** A process by id and start time (clock ticks since boot), so that a recycled id is not taken for it. */
export interface ProcessId {
  pid: number;
  startTime: string;
}

export interface NodeState {
  netns: string;
  image: string;
  holder: ProcessId | null;
  /** Whether the network namespace is this node's own, or borrowed from another node. */
  ownsNetwork: boolean;
  env: Record<string, string>;
  processes: Record<string, ProcessId & { log: string; argv: string[] }>;
}

export interface LabState {
  name: string;
  topology: string;
  /** The process that the lab shall not outlive; null: it stays until somebody takes it down. */
  owner: ProcessId | null;
  /** `starting` with a dead starter is a lab whose set-up was killed. */
  phase: 'starting' | 'up';
  starter: ProcessId;
  /** Interfaces that lie in the machine's own namespace. */
  hostInterfaces: string[];
  nodes: Record<string, NodeState>;
  /** The User-Mode Linux machine that the lab is played in; its nodes are then known there. */
  machine?: ProcessId | null;
}

export function labDirectory(name: string): string {
  return `${stateRoot}/${name}`;
}

export function labNames(): string[] {
  if (!existsSync(stateRoot)) return [];
  return readdirSync(stateRoot)
    .filter((name) => !name.startsWith('.'))
    .sort();
}

/** Null when there is no such lab. */
export function readLab(name: string): LabState | null {
  try {
    return JSON.parse(readFileSync(`${labDirectory(name)}/lab.json`, 'utf8')) as LabState;
  } catch {
    return null;
  }
}

export function writeLab(state: LabState): void {
  const file = `${labDirectory(state.name)}/lab.json`;
  writeFileSync(`${file}.new`, JSON.stringify(state, null, 2));
  renameSync(`${file}.new`, file);
}

/** Takes the name for a new lab. @throws LabError when it is taken. */
export function claimLab(state: LabState): void {
  mkdirSync(stateRoot, { recursive: true, mode: 0o755 });
  // Written under another name first, so that a lab without its lab.json never exists.
  const draft = mkdtempSync(`${stateRoot}/.new-`);
  writeFileSync(`${draft}/lab.json`, JSON.stringify(state));
  chmodSync(draft, 0o755);
  try {
    renameSync(draft, labDirectory(state.name));
  } catch {
    rmSync(draft, { recursive: true });
    throw new LabError(
      `lab ${state.name} is already there; take it down first (npm run lab -- down --name ${state.name})`,
    );
  }
}

/** Whether whoever runs (or is still setting up) this lab is gone. */
export function isAbandoned(state: LabState): boolean {
  if (state.phase === 'starting') return !isAlive(state.starter);
  return state.owner !== null && !isAlive(state.owner);
}

export function processId(pid: number): ProcessId {
  return { pid, startTime: startTime(pid) ?? '' };
}

export function isAlive(id: ProcessId): boolean {
  return startTime(id.pid) === id.startTime;
}

/** Null when the process is gone or a zombie. */
function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

/** The mark every process of a lab carries in its environment, and hands on to its children. */
export function labMark(name: string): string {
  return `TARTAN_LAB=${name}`;
}

/**
 * All processes that belong to a lab: those in one of its own network namespaces, and those that carry its mark
 * (a holder whose namespace is gone). Nobody else's process has either.
 */
function processesOf(name: string, state: LabState | null): number[] {
  const inodes = new Set<number>();
  for (const node of Object.values(state?.nodes ?? {})) {
    // A file that is no namespace (its mount failed) has an inode of another file system.
    const file = `/run/netns/${node.netns}`;
    if (node.ownsNetwork && existsSync(file)) inodes.add(statSync(file).ino);
  }
  const mark = `\0${labMark(name)}\0`;
  const found: number[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      const inode = Number(/\d+/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[0]);
      const belongs =
        inodes.has(inode) || `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}\0`.includes(mark);
      if (belongs) found.push(pid);
    } catch {
      // The process ended meanwhile.
    }
  }
  return found;
}

/**
 * Takes a lab down, whatever state it is in: its processes, namespaces, interfaces and files.
 * Harmless when it is gone already.
 */
export async function destroyLab(name: string): Promise<void> {
  const state = readLab(name);
  await until(
    `the processes of lab ${name} end`,
    () => {
      const pids = processesOf(name, state);
      for (const pid of pids) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It ended by itself.
        }
      }
      return pids.length === 0;
    },
    { intervalMilliseconds: 10 },
  );
  const netns = Object.values(state?.nodes ?? {})
    .filter((node) => node.ownsNetwork)
    .map((node) => node.netns);
  const remaining = (): string[] => netns.filter((name) => existsSync(`/run/netns/${name}`));
  const links = (state?.hostInterfaces ?? []).filter((device) => existsSync(`/sys/class/net/${device}`));
  const lines = [
    ...links.map((device) => `link del dev ${device}`),
    ...remaining().map((name) => `netns del ${name}`),
  ];
  // An interface goes with its peer's namespace, and somebody else may be cleaning up too: what counts is what is left.
  const result = await runCommand(['ip', '-force', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  if (remaining().length > 0) throw new LabError(`lab ${name} is not down: ${result.stderr.trim()}`);
  rmSync(labDirectory(name), { recursive: true, force: true });
}

/** Takes down what killed runners left behind. */
export async function sweepAbandoned(): Promise<string[]> {
  const swept: string[] = [];
  for (const name of labNames()) {
    const state = readLab(name);
    if (state === null || !isAbandoned(state)) continue;
    await destroyLab(name);
    swept.push(name);
  }
  return swept;
}
