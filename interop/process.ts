import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { until, type WaitOptions } from './command.js';
import { LabError } from './errors.js';

export interface ExitStatus {
  /** Exit code; null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ProcessSettings {
  /** Node and process, for messages: `r1 bgpd`. */
  title: string;
  /** The command as it runs within the node. */
  argv: readonly string[];
  /** The words in front that enter the node's namespaces. */
  prefix: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Where its stdout and stderr go, appended over restarts. */
  log: string;
  /** Whether the process may outlive this one (and this one may end while it runs). */
  keep: boolean;
  /** Resolves once it serves; asked again at every start. A process that ends before that has failed. */
  ready?: (process: NodeProcess) => Promise<unknown>;
  /** Runs after a restart, when it serves again: a daemon that forgot its configuration gets it here. */
  configureAgain?: () => Promise<unknown>;
  /** Asked before each start; throws where nothing may start any more. */
  mayStart?: () => void;
  started?: (process: NodeProcess) => void;
}

/**
 * A process within a node: `start`, `kill` (any signal; resolves when it is gone), `restart`, what it wrote (`output`,
 * `untilOutput`) and how it ended (`exited`). It runs without a wrapper, so `pid` is its own.
 */
export class NodeProcess {
  readonly settings: ProcessSettings;
  #child: ChildProcess | null = null;
  #exited: Promise<ExitStatus> = Promise.resolve({ code: 0, signal: null });
  #exit: ExitStatus | null = null;
  #startedBefore = false;

  constructor(settings: ProcessSettings) {
    this.settings = settings;
    mkdirSync(dirname(settings.log), { recursive: true });
  }

  /** @throws LabError when it does not run. */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined || !this.running) throw new LabError(`${this.settings.title} is not running`);
    return pid;
  }

  get running(): boolean {
    return this.#child !== null && this.#exit === null;
  }

  /** Resolves when the current run ends (at once when it does not run). */
  get exited(): Promise<ExitStatus> {
    return this.#exited;
  }

  /** Everything it wrote so far, over all its runs. */
  output(): string {
    return readFileSync(this.settings.log, 'utf8');
  }

  /** Waits for a line (or any text) in what it wrote, and hands back the match. */
  untilOutput(pattern: RegExp, options?: WaitOptions): Promise<RegExpExecArray> {
    return until(`${this.settings.title} writes ${pattern}`, () => pattern.exec(this.output()), options);
  }

  /**
   * Starts it and waits until it serves.
   * @param extra Words added to its command line for this run.
   * @throws LabError when it ends before that, with the end of what it wrote.
   */
  async start(extra: readonly string[] = []): Promise<void> {
    const { settings } = this;
    settings.mayStart?.();
    if (this.running) throw new LabError(`${settings.title} runs already`);
    const [command = '', ...args] = [...settings.prefix, ...settings.argv, ...extra];
    const log = openSync(settings.log, 'a');
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...settings.env },
    });
    closeSync(log);
    if (settings.keep) child.unref();
    this.#child = child;
    this.#exit = null;
    this.#exited = new Promise((resolve) => {
      const ended = (exit: ExitStatus): void => {
        if (this.#child === child) this.#exit = exit;
        resolve(exit);
      };
      child.on('exit', (code, signal) => ended({ code, signal }));
      child.on('error', () => ended({ code: 127, signal: null }));
    });
    settings.started?.(this);
    const again = this.#startedBefore;
    this.#startedBefore = true;
    await this.#untilReady();
    if (again) await settings.configureAgain?.();
  }

  /** Sends a signal (default SIGTERM) and waits for the end. */
  async kill(signal: NodeJS.Signals = 'SIGTERM', timeoutSeconds = 20): Promise<ExitStatus> {
    if (!this.running) return this.#exited;
    process.kill(this.pid, signal);
    await until(`${this.settings.title} ends after ${signal}`, () => !this.running, {
      timeoutSeconds,
      intervalMilliseconds: 5,
    });
    return this.#exited;
  }

  /** Sends a signal and does not wait: SIGHUP, SIGSTOP, SIGCONT. */
  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  async restart(signal: NodeJS.Signals = 'SIGTERM', extra: readonly string[] = []): Promise<void> {
    await this.kill(signal);
    await this.start(extra);
  }

  async #untilReady(): Promise<void> {
    const ready = this.settings.ready?.(this);
    if (ready === undefined) return;
    const ended = this.#exited.then((exit) => {
      const tail = this.output().split('\n').slice(-20).join('\n').trim();
      throw new LabError(
        `${this.settings.title} ended before it served (${exit.signal ?? exit.code}):\n${tail}`,
      );
    });
    // Whichever loses the race must not surface later as an unhandled rejection.
    ended.catch(() => {});
    ready.catch(() => {});
    await Promise.race([ready, ended]);
  }
}

/**
 * Resolves once a process serves on a Unix socket. `question`: what is sent to get an answer, which is then waited for
 * (empty: the greeting is); null: an accepted connection is enough.
 */
export function untilAnswers(path: string, question: string | null, options?: WaitOptions): Promise<true> {
  return until(
    `something serves on ${path}`,
    () =>
      new Promise<true | null>((resolve) => {
        const socket = connect({ path });
        const answer = (served: true | null): void => {
          socket.destroy();
          resolve(served);
        };
        socket.on('connect', () => {
          if (question === null) answer(true);
          else if (question !== '') socket.write(question);
        });
        socket.on('data', () => answer(true));
        socket.on('end', () => answer(null));
        socket.on('error', () => answer(null));
      }),
    { intervalMilliseconds: 20, ...options },
  );
}
