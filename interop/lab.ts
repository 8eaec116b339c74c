import { mkdirSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { type CommandResult, until, type WaitOptions } from './command.js';
import { LabError } from './errors.js';
import { createLinks, hostInterfaces } from './links.js';
import { addNetworkNamespaces } from './namespaces.js';
import { type ExecOptions, LabNode, type SpawnOptions } from './node.js';
import type { NodeProcess } from './process.js';
import {
  claimLab,
  destroyLab,
  type LabState,
  labDirectory,
  processId,
  sweepAbandoned,
  writeLab,
} from './registry.js';
import { loadTopology, type ParseOptions, type Stage, stages, type Topology } from './topology.js';
import { startWatcher } from './watcher.js';

export interface LabOptions extends ParseOptions {
  /** The lab's name; left out, it is the file's with an ending of its own, so that labs never meet. */
  name?: string;
  /** Files that the topology's relative paths refer to, by path. */
  files?: Readonly<Record<string, string>>;
  /** The lab stays up when this process ends (`lab up`). Otherwise it is taken down then, also after SIGKILL. */
  keep?: boolean;
  /** What happens, a line at a time. */
  progress?: (line: string) => void;
  /** Longest time for the whole set-up (default 90). */
  timeoutSeconds?: number;
  /** Gives the set-up up and takes everything down again. */
  signal?: AbortSignal;
}

let labsMade = 0;

/** A running topology. */
export class Lab {
  readonly name: string;
  readonly topology: Topology;
  readonly nodes: ReadonlyMap<string, LabNode>;
  readonly #state: LabState;
  readonly #watcher: Socket | null;
  /** What is being made and is no process of the lab, which would end with it. */
  #making: Promise<unknown> = Promise.resolve();
  #down: Promise<void> | null = null;

  private constructor(topology: Topology, state: LabState, watcher: Socket | null) {
    this.name = state.name;
    this.topology = topology;
    this.#state = state;
    this.#watcher = watcher;
    const netns = (node: string): string =>
      [topology.prefix, ...(topology.prefix === '' ? [] : [state.name]), node].join('-').replace(/^-/, '');
    state.hostInterfaces = hostInterfaces(topology.links);
    this.nodes = new Map(
      topology.nodes.map((node) => [
        node.name,
        new LabNode(node, netns(node.sharesNetworkOf ?? node.name), state, watcher === null),
      ]),
    );
  }

  /**
   * Plays a topology: a file's path, or the same as an object.
   * When it resolves, all links are up, all daemons serve and all `exec` commands have succeeded.
   * @throws LabError naming the node and the command that failed; everything is taken down again before.
   */
  static async up(source: string | object, options: LabOptions = {}): Promise<Lab> {
    if (process.getuid?.() !== 0) throw new LabError('a lab needs root: it makes network namespaces');
    await sweepAbandoned();
    const keep = options.keep ?? false;
    const parsed = options.files === undefined ? loadTopology(source, options) : null;
    const given =
      parsed?.name ?? (typeof source === 'string' ? undefined : (source as { name?: string }).name);
    const unique = `${process.pid.toString(36)}${(labsMade++).toString(36)}`;
    const name = options.name ?? (keep && given !== undefined ? given : `${given ?? 'lab'}-${unique}`);
    const self = processId(process.pid);
    const state: LabState = {
      name,
      topology: typeof source === 'string' ? source : '',
      owner: keep ? null : self,
      phase: 'starting',
      starter: self,
      hostInterfaces: [],
      nodes: {},
    };
    claimLab(state);
    const watcher = keep ? null : startWatcher(name);
    let lab: Lab | null = null;
    try {
      const topology =
        parsed ?? loadTopology(source, { ...options, directory: writeFiles(name, options.files) });
      lab = new Lab(topology, state, watcher);
      await lab.#bringUp(options);
      return lab;
    } catch (error) {
      if (lab !== null) lab.#close();
      await destroyLab(name);
      watcher?.end('done\n');
      throw error;
    }
  }

  /** @throws LabError when there is no such node. */
  node(name: string): LabNode {
    const node = this.nodes.get(name);
    if (node === undefined)
      throw new LabError(
        `lab ${this.name} has no node ${name} (nodes: ${[...this.nodes.keys()].join(', ')})`,
      );
    return node;
  }

  /** Runs a command in a node; see LabNode.exec. */
  exec(node: string, command: string | readonly string[], options?: ExecOptions): Promise<CommandResult> {
    return this.node(node).exec(command, options);
  }

  /** Starts a process in a node; see LabNode.spawn. */
  spawn(node: string, command: string | readonly string[], options?: SpawnOptions): Promise<NodeProcess> {
    return this.node(node).spawn(command, options);
  }

  /** Waits for a condition; see until in command.ts. */
  until<T>(
    what: string,
    probe: () => Promise<T | false | null | undefined> | T | false | null | undefined,
    options?: WaitOptions,
  ): Promise<T> {
    return until(what, probe, options);
  }

  /** Ends every process and removes every namespace, interface and file of the lab. */
  down(): Promise<void> {
    this.#close();
    for (const node of this.nodes.values()) node.abandon();
    this.#down ??= destroyLab(this.name).then(() => {
      this.#watcher?.end('done\n');
    });
    return this.#down;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.down();
  }

  #close(): void {
    for (const node of this.nodes.values()) node.close();
  }

  async #bringUp(options: LabOptions): Promise<void> {
    const progress = options.progress ?? (() => {});
    for (const warning of this.topology.warnings) progress(`warning: ${warning}`);
    const nodes = [...this.nodes.values()];
    // Written before they are made: whoever cleans up knows what to look for.
    writeLab(this.#state);
    const limit = options.timeoutSeconds ?? 90;
    const waiting = new Map(nodes.map((node) => [node.name, 'create' as Stage]));
    let giveUp: (error: Error) => void = () => {};
    const abort = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    const aborted = (): void => giveUp(new LabError(`the set-up of lab ${this.name} was interrupted`));
    options.signal?.addEventListener('abort', aborted, { once: true });
    if (options.signal?.aborted) aborted();
    const timer = setTimeout(() => {
      const where = [...waiting].map(([node, stage]) => `${node} (before ${stage})`).join(', ');
      giveUp(new LabError(`lab ${this.name} is not up after ${limit} s; still waiting for ${where}`));
    }, limit * 1000);
    try {
      await Promise.race([this.#steps(nodes, waiting, progress), abort]);
    } catch (error) {
      // The steps know nothing of this: nothing new may begin, and what would escape the one who takes down must end.
      for (const node of nodes) node.abandon();
      await this.#making.catch(() => {});
      throw error;
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', aborted);
    }
    this.#state.phase = 'up';
    writeLab(this.#state);
  }

  async #steps(
    nodes: LabNode[],
    waiting: Map<string, Stage>,
    progress: (line: string) => void,
  ): Promise<void> {
    const own = nodes.filter((node) => node.definition.sharesNetworkOf === null);
    this.#making = addNetworkNamespaces(own.map((node) => node.netns));
    await this.#making;
    await Promise.all(nodes.map((node) => node.open()));
    writeLab(this.#state);
    this.#making = createLinks(this.topology, (node) => this.node(node).netns);
    await this.#making;
    progress(`${nodes.length} nodes and ${this.topology.links.length} links are there`);
    const gates = new Map<string, { passed: Promise<void>; pass: () => void }>();
    for (const node of nodes) for (const stage of stages) gates.set(`${node.name} ${stage}`, gate());
    await Promise.all(
      nodes.map(async (node) => {
        const enterStage = async (stage: Stage): Promise<void> => {
          waiting.set(node.name, stage);
          const waits = node.definition.waits.filter((wait) => wait.stage === stage);
          await Promise.all(waits.map((wait) => gates.get(`${wait.node} ${wait.until}`)?.passed));
        };
        await node.start(enterStage, (stage) => gates.get(`${node.name} ${stage}`)?.pass());
        waiting.delete(node.name);
        progress(`${node.name} is up (${this.#state.nodes[node.name]?.image})`);
      }),
    );
  }
}

function gate(): { passed: Promise<void>; pass: () => void } {
  let pass = (): void => {};
  const passed = new Promise<void>((resolve) => {
    pass = resolve;
  });
  return { passed, pass };
}

/** Puts files handed over as text into the lab's folder, and says where that is. */
function writeFiles(name: string, files: Readonly<Record<string, string>> = {}): string {
  const directory = `${labDirectory(name)}/files`;
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(`${directory}/${path}`), { recursive: true });
    writeFileSync(`${directory}/${path}`, text);
  }
  return directory;
}
