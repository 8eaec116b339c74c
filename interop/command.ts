import { spawn } from 'node:child_process';
import { LabError } from './errors.js';
import { insideMachine } from './inside-machine.js';

export interface CommandResult {
  /** Exit status; null when a signal ended it. */
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  input?: string;
  env?: Readonly<Record<string, string>>;
  timeoutSeconds?: number;
}

/**
 * Runs a command to its end and hands back what it wrote, whatever its status.
 * @throws LabError when it cannot be started, or is still running after its time (it is killed then).
 */
export function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [command = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...options.env },
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const limit = options.timeoutSeconds ?? 60;
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new LabError(`\`${argv.join(' ')}\` was still running after ${limit} s`));
    }, limit * 1000);
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new LabError(`\`${argv.join(' ')}\`: ${error.message}`));
    });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      resolve({
        status,
        signal,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      });
    });
  });
}

/** As runCommand, for commands that have to succeed: hands back what they wrote to stdout. */
export async function mustRun(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await runCommand(argv, options);
  if (result.status !== 0) throw new LabError(describeFailure(argv, result));
  return result.stdout;
}

export function describeFailure(argv: readonly string[], result: CommandResult): string {
  const how = result.signal ? `was ended by ${result.signal}` : `exited with ${result.status}`;
  const said = [result.stderr.trim(), result.stdout.trim()].filter((text) => text !== '').join('\n');
  return `\`${argv.join(' ')}\` ${how}${said ? `:\n${said}` : ''}`;
}

export interface WaitOptions {
  timeoutSeconds?: number;
  intervalMilliseconds?: number;
}

/**
 * Asks again and again until the answer is neither false, null nor undefined, and hands that answer back.
 * A probe that throws counts as *not yet*; its last error is part of the message when time runs out.
 * @throws LabError after timeoutSeconds (default 30), naming what was waited for.
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | false | null | undefined> | T | false | null | undefined,
  options: WaitOptions = {},
): Promise<T> {
  // There one processor has all daemons, and each hand-over between processes costs several times as much.
  const limit = options.timeoutSeconds ?? (insideMachine() ? 120 : 30);
  const deadline = performance.now() + limit * 1000;
  for (;;) {
    let last = '';
    try {
      const answer = await probe();
      if (answer !== false && answer !== null && answer !== undefined) return answer;
    } catch (error) {
      last = ` (last: ${(error as Error).message})`;
    }
    if (performance.now() > deadline) throw new LabError(`not within ${limit} s: ${what}${last}`);
    await new Promise((resolve) => setTimeout(resolve, options.intervalMilliseconds ?? 50));
  }
}
