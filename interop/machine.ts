/**
 * A machine with a kernel of its own: Debian's `user-mode-linux`, a Linux kernel that runs as a process of ours and
 * takes the host's file system for its root. It has kinds of devices that the host's kernel may lack (`ipip`, `vrf`,
 * `dummy` …), its own network, processes, /run and /dev; the files of the host are its files, and it writes to them.
 *
 * Its folder is that of a lab in the registry, where host and machine exchange files:
 *
 *     machine/init        its first process
 *     machine/console     what the kernel and the first process said
 *     machine/bell        a FIFO that is the machine's serial line: a line on it names a request
 *     machine/N.request   a command to be run; N.out, N.err, N.status: what became of it
 *
 * It goes down like any lab: its processes carry the lab's mark.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { type CommandResult, describeFailure, mustRun, until } from './command.js';
import { LabError } from './errors.js';
import { checkout } from './images/checkout.js';
import { insideMachine } from './inside-machine.js';
import { initScript, modulesRoot, requestScript } from './machine-init.js';
import { isAlive, type LabState, labDirectory, labMark, processId } from './registry.js';

const program = '/usr/bin/linux.uml';
/** Beyond what the largest lab uses; the host gives only what is touched. */
const MEMORY_MEGABYTES = 3072;
const BOOT_SECONDS = 60;
/**
 * Runs `$0` with its words on the processor that it starts on. A machine is several processes that hand each other every
 * system call, one of them running at a time; where they sit on two processors, each hand-over costs several times as much.
 */
const onOneProcessor = 'taskset -cp "$(cut -d " " -f 39 /proc/$$/stat)" $$ >/dev/null; exec "$0" "$@"';

export interface RunOptions {
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  timeoutSeconds?: number;
  /** Hands back the result of a command that failed, instead of throwing. */
  allowFailure?: boolean;
  /** What the command writes goes to the machine's console, as it writes it, and is not part of the result. */
  console?: boolean;
}

/** What is missing for a machine to be booted; null: nothing. */
export function machineHindrance(): string | null {
  if (insideMachine()) return 'this is a User-Mode Linux machine itself';
  if ([program, modulesRoot, '/bin/kmod'].every((path) => existsSync(path))) return null;
  return 'there is no User-Mode Linux; install the Debian packages user-mode-linux and kmod';
}

export class Machine {
  readonly directory: string;

  private constructor(
    readonly name: string,
    private readonly mark: LabState['machine'],
  ) {
    this.directory = `${labDirectory(name)}/machine`;
  }

  /** The machine of a lab that is up. Null: the lab has none. */
  static of(state: LabState): Machine | null {
    return state.machine == null ? null : new Machine(state.name, state.machine);
  }

  /**
   * Boots the machine of a lab whose name was claimed, and notes it in the lab's state.
   * @throws LabError with the end of the console when it does not come up; the caller then destroys the lab.
   */
  static async boot(state: LabState, note: (state: LabState) => void): Promise<Machine> {
    const hindrance = machineHindrance();
    if (hindrance !== null) throw new LabError(hindrance);
    const directory = `${labDirectory(state.name)}/machine`;
    mkdirSync(directory, { recursive: true });
    const [markName, markValue] = labMark(state.name).split('=') as [string, string];
    const environment = {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      TMPDIR: '/run/tmp',
      LANG: 'C.UTF-8',
    };
    writeFileSync(`${directory}/init`, initScript(directory, environment), { mode: 0o755 });
    await mustRun(['mkfifo', `${directory}/bell`]);
    // Open in both directions, so that the line never ends while nobody rings.
    const bell = openSync(`${directory}/bell`, constants.O_RDWR | constants.O_NONBLOCK);
    const log = openSync(`${directory}/console`, 'a');
    const child = spawn(
      'sh',
      [
        ...['-c', onOneProcessor, program],
        `mem=${MEMORY_MEGABYTES}M`,
        `uml_dir=${directory}/`,
        'umid=uml',
        'root=/dev/root',
        'rootfstype=hostfs',
        'rw',
        'quiet',
        `init=${directory}/init`,
        ...['con=null', 'con0=null,fd:3', 'ssl=null', 'ssl0=fd:4,null'],
      ],
      {
        detached: true,
        cwd: '/',
        stdio: ['ignore', log, log, log, bell],
        // Nothing of ours but the mark: what runs in the machine gets its environment from `init`.
        env: { PATH: environment.PATH, HOME: '/root', [markName]: markValue },
      },
    );
    closeSync(bell);
    closeSync(log);
    child.on('error', () => {});
    child.unref();
    if (child.pid === undefined) throw new LabError(`${program} could not be started`);
    state.machine = processId(child.pid);
    note(state);
    const machine = new Machine(state.name, state.machine);
    await machine.#while('boots', BOOT_SECONDS, () => existsSync(`${directory}/up`));
    return machine;
  }

  get running(): boolean {
    return this.mark != null && isAlive(this.mark);
  }

  /** What the kernel and the first process said so far, and requests that write there. */
  console(): string {
    return readFileSync(`${this.directory}/console`, 'utf8').replaceAll('\r', '');
  }

  /** How long `console` is in its file. */
  get consoleBytes(): number {
    return statSync(`${this.directory}/console`).size;
  }

  /**
   * Runs a command in the machine, in its own network and mount namespace, and waits for its end.
   * @throws LabError when it fails, when its time is over (it then goes on), or when the machine ends.
   */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    const id = this.#claim();
    const file = `${this.directory}/${id}`;
    const { cwd = checkout, env = {}, console = false } = options;
    writeFileSync(`${file}.request`, requestScript(id, argv, { cwd, env, console }));
    this.#ring(String(id));
    const title = `runs \`${argv.join(' ')}\``;
    await this.#while(title, options.timeoutSeconds ?? 60, () => existsSync(`${file}.status`));
    const read = (kind: string): string => (console ? '' : readFileSync(`${file}.${kind}`, 'utf8'));
    const status = Number(readFileSync(`${file}.status`, 'utf8'));
    const result: CommandResult = { status, signal: null, stdout: read('out'), stderr: read('err') };
    if (status !== 0 && !options.allowFailure) throw new LabError(describeFailure(argv, result));
    return result;
  }

  /** A number that no other request of this machine has, whoever asks. */
  #claim(): number {
    const taken = readdirSync(this.directory).map((name) => Number(name.split('.')[0]) || 0);
    for (let id = Math.max(0, ...taken) + 1; ; id++) {
      try {
        closeSync(openSync(`${this.directory}/${id}.request`, 'wx'));
        return id;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }

  #ring(line: string): void {
    try {
      const bell = openSync(`${this.directory}/bell`, constants.O_WRONLY | constants.O_NONBLOCK);
      writeSync(bell, `${line}\n`);
      closeSync(bell);
    } catch {
      throw new LabError(this.#ended());
    }
  }

  async #while(title: string, timeoutSeconds: number, done: () => boolean): Promise<void> {
    let ended = false;
    await until(
      `the machine of lab ${this.name} ${title}`,
      () => {
        // In this order: a machine that was done before it ended is done.
        ended = !this.running;
        return done() || ended;
      },
      { timeoutSeconds, intervalMilliseconds: 10 },
    ).catch((error: unknown) => {
      throw new LabError(`${(error as Error).message}\n${this.#tail()}`);
    });
    if (ended && !done()) throw new LabError(this.#ended());
  }

  #ended(): string {
    return `the machine of lab ${this.name} has ended:\n${this.#tail()}`;
  }

  #tail(): string {
    const said = existsSync(`${this.directory}/console`) ? this.console() : '';
    return said.trim().split('\n').slice(-30).join('\n');
  }
}
