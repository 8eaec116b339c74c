import { readFileSync, writeFileSync } from 'node:fs';
import { type CommandOptions, type CommandResult, describeFailure, runCommand, until } from './command.js';
import { LabError } from './errors.js';
import {
  checkout,
  type Image,
  imageFor,
  isInteractiveShell,
  type ProcessRecipe,
  untilServes,
} from './images.js';
import { playableCommand } from './links.js';
import { enter, routerSysctls, startHolder } from './namespaces.js';
import { NodeProcess } from './process.js';
import { type LabState, labDirectory, labMark, type NodeState, processId, writeLab } from './registry.js';
import type { HealthCheck, NodeDefinition, Stage } from './topology.js';
import { splitWords } from './words.js';

export interface ExecOptions extends CommandOptions {
  /** Hands back the result of a command that failed, instead of throwing. */
  allowFailure?: boolean;
}

export interface SpawnOptions {
  /** Names its log and its entry in `processes`; the command's own name if left out. */
  name?: string;
  env?: Readonly<Record<string, string>>;
}

/** A node of a running lab: its namespaces, its files, its processes. */
export class LabNode {
  readonly name: string;
  readonly definition: NodeDefinition;
  readonly image: Image;
  /** For `ip netns exec`. */
  readonly netns: string;
  readonly directory: string;
  /** The processes of its image and those that `spawn` added, by name. */
  readonly processes = new Map<string, NodeProcess>();
  readonly #state: LabState;
  readonly #keep: boolean;
  #abandoned = false;
  #closed = false;

  constructor(definition: NodeDefinition, netns: string, state: LabState, keep: boolean) {
    this.name = definition.name;
    this.definition = definition;
    this.image = imageFor(definition.kind === 'bridge' ? '' : definition.image);
    this.netns = netns;
    this.directory = `${labDirectory(state.name)}/${definition.name}`;
    this.#state = state;
    this.#keep = keep;
    state.nodes[definition.name] = {
      netns,
      image: definition.kind === 'bridge' ? 'bridge' : this.image.name,
      holder: null,
      ownsNetwork: definition.sharesNetworkOf === null,
      env: this.#environment(),
      processes: {},
    };
  }

  get #record(): NodeState {
    return this.#state.nodes[this.name] as NodeState;
  }

  /** The process its image stands for: tartan, bird, FRR's bgpd. @throws LabError when it runs none. */
  get process(): NodeProcess {
    const main = this.definition.command ? 'cmd' : this.image.main;
    const found = main === null ? undefined : this.processes.get(main);
    if (found === undefined) throw new LabError(`node ${this.name} (${this.image.name}) runs no daemon`);
    return found;
  }

  /** The process that holds the node's namespaces open; its file system is /proc/PID/root. */
  get holder(): number {
    const holder = this.#record.holder;
    if (holder === null) throw new LabError(`node ${this.name} is not up yet`);
    return holder.pid;
  }

  /** Where a file of the node is to be found from outside. */
  path(inside: string): string {
    return `/proc/${this.holder}/root${inside}`;
  }

  read(inside: string): string {
    return readFileSync(this.path(inside), 'utf8');
  }

  /** Writes in place, so that a file bound into the node is changed where it lies. */
  write(inside: string, text: string): void {
    writeFileSync(this.path(inside), text);
  }

  /**
   * Runs a command in the node: words, or a line that is split into words (no shell).
   * @throws LabError when it fails, with what it said, unless `allowFailure`.
   */
  async exec(command: string | readonly string[], options: ExecOptions = {}): Promise<CommandResult> {
    this.#mustBeOpen();
    const argv = typeof command === 'string' ? splitWords(command) : command;
    const env = { ...this.#record.env, ...options.env };
    this.#mustBeWanted();
    const result = await runCommand([...this.#enter(), ...argv], { ...options, env });
    if (result.status !== 0 && !options.allowFailure)
      throw new LabError(`node ${this.name}: ${describeFailure(argv, result)}`);
    return result;
  }

  /** Starts a process in the node that runs until it ends, is killed, or the lab goes. */
  async spawn(command: string | readonly string[], options: SpawnOptions = {}): Promise<NodeProcess> {
    const argv = typeof command === 'string' ? splitWords(command) : [...command];
    const base = options.name ?? (argv[0] ?? '').split('/').at(-1) ?? '';
    let name = base;
    for (let n = 2; this.processes.has(name); n++) name = `${base}-${n}`;
    const spawned = this.#process(
      { name, argv, socket: null, question: null, configureAgain: null },
      options.env,
    );
    await spawned.start();
    return spawned;
  }

  /** From now on nothing is started in the node, so that what takes the lab down meets no newcomer. */
  close(): void {
    this.#closed = true;
  }

  /** From now on nothing is started in the node any more: its lab is being taken down. */
  abandon(): void {
    this.#abandoned = true;
  }

  #mustBeWanted(): void {
    if (this.#abandoned) throw new LabError(`node ${this.name} is being taken down`);
  }

  /** Starts the holder; the network namespace is there already. */
  async open(): Promise<void> {
    this.#mustBeWanted();
    const { definition, image } = this;
    const binds = [...definition.binds];
    if (definition.startupConfig !== null && image.configFile !== null)
      binds.push({ source: definition.startupConfig, target: image.configFile, readOnly: false });
    this.#record.holder = await startHolder({
      lab: this.#state.name,
      node: this.name,
      netns: this.netns,
      directory: this.directory,
      binds,
      sysctls: {
        ...(image.router && definition.kind !== 'bridge' ? routerSysctls : {}),
        ...definition.sysctls,
      },
      prepare: image.prepare(definition),
    });
  }

  /**
   * Starts what the node runs, then its `exec` commands, then waits for its health check.
   * @param enterStage Resolves when the node may enter a stage; @param reached tells that it has.
   */
  async start(
    enterStage: (stage: Stage) => Promise<unknown>,
    reached: (stage: Stage) => void,
  ): Promise<void> {
    await enterStage('create');
    await enterStage('create-links');
    reached('create');
    reached('create-links');
    await new Promise((resolve) => setTimeout(resolve, this.definition.startupDelaySeconds * 1000));
    await this.#startDaemons();
    await enterStage('configure');
    for (const argv of this.definition.exec) await this.exec(await playableCommand(argv));
    reached('configure');
    await enterStage('healthy');
    if (this.definition.healthCheck) await this.#untilHealthy(this.definition.healthCheck);
    reached('healthy');
  }

  async #startDaemons(): Promise<void> {
    const { command } = this.definition;
    if (command !== null) {
      if (isInteractiveShell(command)) return;
      await this.#process({
        name: 'cmd',
        argv: command,
        socket: null,
        question: null,
        configureAgain: null,
      }).start();
      return;
    }
    const recipes = await this.image.processes(
      this.definition,
      async (argv) => (await this.exec(argv)).stdout,
    );
    // The first one (zebra) serves the others, which then start together.
    const [first, ...others] = recipes.map((recipe) => this.#process(recipe));
    await first?.start();
    await Promise.all(others.map((daemon) => daemon.start()));
    for (const argv of this.image.configure(this.definition)) await this.exec(argv);
  }

  async #untilHealthy(check: HealthCheck): Promise<void> {
    const seconds = check.startPeriodSeconds + check.retries * (check.intervalSeconds + check.timeoutSeconds);
    const probe = (): Promise<CommandResult> =>
      this.exec(check.test, { timeoutSeconds: check.timeoutSeconds });
    await until(`node ${this.name} is healthy`, probe, {
      timeoutSeconds: seconds,
      intervalMilliseconds: check.intervalSeconds * 1000,
    });
  }

  #process(recipe: ProcessRecipe, env: Readonly<Record<string, string>> = {}): NodeProcess {
    this.#mustBeWanted();
    const log = `${this.directory}/${recipe.name}.log`;
    const { configureAgain } = recipe;
    const made = new NodeProcess({
      title: `${this.name} ${recipe.name}`,
      argv: recipe.argv,
      prefix: this.#enter(),
      env: { ...this.#record.env, ...env },
      log,
      keep: this.#keep,
      ready: (started) =>
        untilServes(recipe, this.directory, async (argv) => {
          // Why it ended is told by who waits for its end.
          if (!started.running) return true;
          return (await this.exec(argv, { allowFailure: true })).status === 0;
        }),
      ...(configureAgain ? { configureAgain: () => this.exec(configureAgain) } : {}),
      mayStart: () => this.#mustBeOpen(),
      started: (process) => {
        if (!process.running) return;
        this.#record.processes[recipe.name] = { ...processId(process.pid), log, argv: recipe.argv };
        writeLab(this.#state);
      },
    });
    this.processes.set(recipe.name, made);
    return made;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new LabError(`node ${this.name}: lab ${this.#state.name} is down`);
  }

  #enter(): string[] {
    return enter(processId(this.holder));
  }

  #environment(): Record<string, string> {
    const [mark, value] = labMark(this.#state.name).split('=');
    return {
      ...this.definition.env,
      [mark as string]: value as string,
      TARTAN_LAB_NODE: this.name,
      HOSTNAME: this.name,
      PATH: `${checkout}/bin:${process.env.PATH ?? ''}:/usr/sbin:/sbin`,
    };
  }
}
