/**
 * Labs in a machine with a kernel of its own (see machine.ts). The machine runs this same lab runner on the same file
 * system, so whatever plays on the host plays there; from outside the lab is one of the registry, with a machine.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import type { CommandResult } from './command.js';
import { LabError } from './errors.js';
import { checkout } from './images/checkout.js';
import { Machine, type RunOptions } from './machine.js';
import { claimLab, destroyLab, type LabState, processId, sweepAbandoned, writeLab } from './registry.js';
import { startWatcher } from './watcher.js';

const runner = ['node', `${checkout}/dist/interop/cli.js`];
const UP_SECONDS = 300;

let machinesMade = 0;

function newState(name: string, topology: string, keep: boolean): LabState {
  const self = processId(process.pid);
  const owner = keep ? null : self;
  return {
    name,
    topology,
    owner,
    phase: 'starting',
    starter: self,
    hostInterfaces: [],
    nodes: {},
    machine: null,
  };
}

/** A machine that ends with this process, whichever way that ends, or when it is disposed of. */
export interface OwnMachine extends AsyncDisposable {
  readonly machine: Machine;
  /** See Machine.run. */
  run(argv: readonly string[], options?: RunOptions): Promise<CommandResult>;
  down(): Promise<void>;
}

/** Boots a machine without a lab in it. @throws LabError where there can be none, or it does not come up. */
export async function bootMachine(): Promise<OwnMachine> {
  await sweepAbandoned();
  const name = `machine-${process.pid.toString(36)}${(machinesMade++).toString(36)}`;
  const state = newState(name, '', false);
  claimLab(state);
  const watcher = startWatcher(name);
  const down = async (): Promise<void> => {
    await destroyLab(name);
    watcher.end('done\n');
  };
  try {
    const machine = await Machine.boot(state, writeLab);
    state.phase = 'up';
    writeLab(state);
    return {
      machine,
      run: (argv, options) => machine.run(argv, options),
      down,
      [Symbol.asyncDispose]: down,
    };
  } catch (error) {
    await down();
    throw error;
  }
}

export interface UpOptions {
  name: string;
  /** `KIND=IMAGE`, as of `lab up --replace`. */
  replace: readonly string[];
  /** What the machine says while the lab comes up. */
  progress: (text: string) => void;
  signal: AbortSignal;
}

/** Plays a topology file in a machine of its own, which stays until somebody takes the lab down. */
export async function upInMachine(file: string, options: UpOptions): Promise<void> {
  await sweepAbandoned();
  const { name, replace, progress, signal } = options;
  const state = newState(name, resolve(file), true);
  claimLab(state);
  let stopFollowing = (): void => {};
  try {
    const interrupted = new Promise<never>((_, reject) => {
      const abort = (): void => reject(new LabError(`the set-up of lab ${name} was interrupted`));
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
    });
    const machine = await Promise.race([Machine.boot(state, writeLab), interrupted]);
    stopFollowing = follow(machine, progress);
    const words = ['up', resolve(file), '--name', name, '--kernel', 'host'];
    for (const pair of replace) words.push('--replace', pair);
    const played = machine.run([...runner, ...words], {
      cwd: process.cwd(),
      console: true,
      allowFailure: true,
      timeoutSeconds: UP_SECONDS,
    });
    const { status } = await Promise.race([played, interrupted]);
    stopFollowing();
    if (status !== 0) throw new LabError(`lab ${name} did not come up in its machine`);
    state.phase = 'up';
    writeLab(state);
  } catch (error) {
    stopFollowing();
    await destroyLab(name);
    throw error;
  }
}

/** Runs a sub-command of the lab runner in the machine of a lab. */
export function runnerInMachine(machine: Machine, words: readonly string[]): Promise<CommandResult> {
  return machine.run([...runner, ...words], { allowFailure: true, timeoutSeconds: 24 * 3600 });
}

/** Hands on what the machine says from here on. */
function follow(machine: Machine, progress: (text: string) => void): () => void {
  const file = openSync(`${machine.directory}/console`, 'r');
  const bytes = Buffer.alloc(64 * 1024);
  let offset = machine.consoleBytes;
  const read = (): void => {
    for (;;) {
      const length = readSync(file, bytes, 0, bytes.length, offset);
      if (length === 0) return;
      offset += length;
      progress(bytes.toString('utf8', 0, length).replaceAll('\r', ''));
    }
  };
  const timer = setInterval(read, 50);
  let following = true;
  return () => {
    if (!following) return;
    following = false;
    clearInterval(timer);
    read();
    closeSync(file);
  };
}
