/** The verbs, their arguments and options. What a verb does is loaded when it is asked for. */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { parseAddress, parsePrefix } from '../address/index.js';
import type { ControlClient, PeerAction, RouteQuery } from '../control/index.js';
import { defaultControlPath } from '../control/path.js';
import { version } from '../control/version.js';
import { type OutputFormat, outputFormats } from './output.js';
import { createTerminal, type Terminal } from './terminal.js';

type Output = Parameters<typeof createTerminal>[0];

const exitCodes = { done: 0, failed: 1, usage: 2 } as const;
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Runs one command line, without the program's name; resolves with its exit code. Never throws, never exits. */
export async function runCommandLine(argv: readonly string[], out: Output, err: Output): Promise<number> {
  const terminal = createTerminal(out, err);
  let code: number = exitCodes.done;
  const program = createProgram(terminal, (result) => {
    code = result;
  });
  const style = (command: Command): void => {
    command.exitOverride().configureOutput({
      writeOut: (text) => void out.write(text),
      writeErr: (text) => void err.write(text),
      getOutHelpWidth: () => terminal.width,
      getErrHelpWidth: () => terminal.width,
      outputError: (text, write) => write(text.replace(/^error: /, 'tartan: ')),
    });
    for (const inner of command.commands) style(inner);
  };
  style(program);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    terminal.complain(`tartan: ${error instanceof Error ? error.message : String(error)}`);
    // The daemon says 400 where the question itself was wrong.
    return (error as { status?: unknown }).status === 400 ? exitCodes.usage : exitCodes.failed;
  }
}

/** `done` is called with the exit code of a verb that may fail without throwing. */
function createProgram(terminal: Terminal, done: (code: number) => void): Command {
  const program = new Command('tartan')
    .description("One routing daemon per node: BGP, a RIB, the kernel's routes.")
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .showHelpAfterError('(add --help for what is expected)')
    .addOption(controlOption());
  addDocumentVerbs(program, terminal, done);
  addShow(program, terminal);
  addOperatingVerbs(program, terminal, done);
  addMrt(program, terminal);
  return program;
}

type Done = Parameters<typeof createProgram>[1];

const controlOption = () =>
  new Option('--control <path>', `control socket of the daemon (default: ${defaultControlPath})`);
const configOption = () =>
  new Option(
    '-c, --config <path...>',
    'YAML files, or folders of *.yaml, *.yml, *.json',
  ).makeOptionMandatory();
const nodeOption = () =>
  new Option(
    '-n, --node <name>',
    'name of the Router to use; without it the only one, or the one named like this host',
  );
const formatOption = () =>
  new Option('-o, --output <format>', 'how to print').choices(outputFormats).default('table');
const familyOption = () => new Option('-f, --family <family>', 'of one family').choices(['ipv4', 'ipv6']);

/** A verb that asks the daemon: `--control` may stand before or behind it. */
function asking(command: Command): Command {
  return command.addOption(controlOption());
}

async function clientOf(command: Command): Promise<ControlClient> {
  const { ControlClient } = await import('../control/client.js');
  return new ControlClient(command.optsWithGlobals<{ control?: string }>().control ?? defaultControlPath);
}

function prefixOrAddress(text: string): string {
  if (parseAddress(text) === null && parsePrefix(text) === null) {
    throw new InvalidArgumentError('Expected an address or a prefix, such as 10.1.0.0/16 or 2001:db8::1.');
  }
  return text;
}

function addDocumentVerbs(program: Command, terminal: Terminal, done: Done): void {
  asking(program.command('run'))
    .description('run the daemon in the foreground')
    .addOption(configOption())
    .addOption(nodeOption())
    .addOption(
      new Option('--log-level <level>', 'least important log lines to write')
        .choices(logLevels)
        .default('info'),
    )
    .addHelpText('after', '\nSIGHUP reloads the configuration, SIGTERM and SIGINT stop the daemon.')
    .action(async (options: { config: string[]; node?: string; logLevel: string }, command: Command) => {
      const { runDaemon } = await import('../daemon.js');
      done(
        await runDaemon({
          paths: options.config,
          ...(options.node === undefined ? {} : { node: options.node }),
          controlPath: command.optsWithGlobals<{ control?: string }>().control ?? defaultControlPath,
          logLevel: options.logLevel,
        }),
      );
    });
  asking(program.command('cleanup'))
    .description('remove our routes, tunnels and address translation from the kernel, and nothing else')
    .addOption(configOption())
    .addOption(nodeOption())
    .addHelpText('after', '\nNot while the daemon runs: it would put them back.')
    .action(async (options: { config: string[]; node?: string }, command: Command) => {
      const { cleanup } = await import('./cleanup.js');
      const { control } = command.optsWithGlobals<{ control?: string }>();
      done(await cleanup(terminal, options.config, options.node, control ?? defaultControlPath));
    });
  program
    .command('check')
    .description('check configuration files: every mistake as file:line:col')
    .addOption(configOption())
    .addOption(nodeOption())
    .action(async (options: { config: string[]; node?: string }) => {
      const { check } = await import('./documents.js');
      done(await check(terminal, options.config, options.node));
    });
  program
    .command('render')
    .description('print the Router of a node with every default filled in')
    .addOption(configOption())
    .addOption(nodeOption())
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['yaml', 'json']).default('yaml'))
    .action(async (options: { config: string[]; node?: string; output: 'yaml' | 'json' }) => {
      const { render } = await import('./documents.js');
      done(await render(terminal, options.config, options.node, options.output));
    });
}

interface RouteOptions {
  output: OutputFormat;
  count?: boolean;
  peer?: string;
  family?: 'ipv4' | 'ipv6';
  all?: boolean;
  received?: boolean;
  accepted?: boolean;
  advertised?: boolean;
}

const peerViews = ['received', 'accepted', 'advertised'] as const;

function addShow(program: Command, terminal: Terminal): void {
  const show = program.command('show').description('show what the daemon knows').helpCommand(false);
  asking(show.command('peers'))
    .description('sessions, their state and how many routes they carry')
    .addOption(formatOption())
    .action(async (options: { output: OutputFormat }, command: Command) => {
      const { showPeers } = await import('./show.js');
      await showPeers(await clientOf(command), terminal, options.output);
    });
  const onlyOne = (view: (typeof peerViews)[number], text: string) =>
    new Option(`--${view}`, text).conflicts(peerViews.filter((other) => other !== view));
  asking(show.command('routes'))
    .description('routes of the RIB: the best ones, or those of one peer')
    .addArgument(
      new Argument('[prefix]', 'every path to this prefix; for an address, to the longest match').argParser(
        prefixOrAddress,
      ),
    )
    .option('--count', 'print how many there are')
    .addOption(new Option('-a, --all', 'every path, not the best alone').conflicts('peer'))
    .addOption(familyOption())
    .option('-p, --peer <name>', 'routes of this peer (without more: those accepted from it)')
    .addOption(onlyOne('received', 'as the peer sent them, before the import filters'))
    .addOption(onlyOne('accepted', 'as the import filters left them'))
    .addOption(onlyOne('advertised', 'as they were announced to the peer'))
    .addOption(formatOption())
    .action(async (prefix: string | undefined, options: RouteOptions, command: Command) => {
      const view = peerViews.find((name) => options[name]);
      if (view !== undefined && options.peer === undefined) {
        command.error(`error: option '--${view}' needs '--peer <name>' beside it`);
      }
      const query: RouteQuery = {
        view:
          view ??
          (options.peer !== undefined ? 'accepted' : options.all || prefix !== undefined ? 'all' : 'best'),
        ...(prefix === undefined ? {} : { prefix }),
        ...(options.family === undefined ? {} : { family: options.family }),
        ...(options.peer === undefined ? {} : { peer: options.peer }),
      };
      const { showRoutes } = await import('./show.js');
      const client = await clientOf(command);
      await showRoutes(client, terminal, options.output, query, options.count === true);
    });
  asking(show.command('fib'))
    .description('routes of the kernel: what it was told and whether it agreed')
    .addArgument(new Argument('[prefix]', 'this prefix alone').argParser(prefixOrAddress))
    .addOption(familyOption())
    .addOption(
      new Option('-s, --state <state>', 'in one state').choices([
        'pending',
        'installed',
        'conflict',
        'failed',
        'unresolved',
        'removing',
        'held',
      ]),
    )
    .addOption(formatOption())
    .action(
      async (
        prefix: string | undefined,
        { output, family, state }: { output: OutputFormat; family?: string; state?: string },
        command: Command,
      ) => {
        const { showFib } = await import('./show.js');
        const query = {
          ...(prefix === undefined ? {} : { prefix }),
          ...(family === undefined ? {} : { family }),
          ...(state === undefined ? {} : { state }),
        };
        await showFib(await clientOf(command), terminal, output, query);
      },
    );
  const overlays = {
    pools: [
      'pools of pod addresses: how packets to them travel, and to how many blocks there is a way',
      'showPools',
    ],
    nodes: [
      'nodes of the inventory: their tunnels’ ends, their pods, and by what they are reached',
      'showNodes',
    ],
    overlay: ['tunnel devices, their neighbours and FDB entries, and what is wrong', 'showOverlay'],
  } as const;
  for (const [name, [description, verb]] of Object.entries(overlays)) {
    asking(show.command(name))
      .description(description)
      .addOption(formatOption())
      .action(async (options: { output: OutputFormat }, command: Command) => {
        const verbs = await import('./show-overlay.js');
        await verbs[verb](await clientOf(command), terminal, options.output);
      });
  }
  asking(show.command('rpki'))
    .description('RPKI caches: their state, and whose data decides')
    .addOption(formatOption())
    .action(async (options: { output: OutputFormat }, command: Command) => {
      const { showRpki } = await import('./show-rpki.js');
      await showRpki(await clientOf(command), terminal, options.output);
    });
  asking(show.command('vrps'))
    .description('what the caches say: which AS may originate what')
    .addArgument(new Argument('[prefix]', 'what covers this prefix or address').argParser(prefixOrAddress))
    .addOption(formatOption())
    .action(async (prefix: string | undefined, options: { output: OutputFormat }, command: Command) => {
      const { showVrps } = await import('./show-rpki.js');
      await showVrps(await clientOf(command), terminal, options.output, prefix);
    });
  asking(show.command('bmp'))
    .description('collectors that are told by BMP, and how far they are')
    .addOption(formatOption())
    .action(async (options: { output: OutputFormat }, command: Command) => {
      const { showBmp } = await import('./show-bmp.js');
      await showBmp(await clientOf(command), terminal, options.output);
    });
  asking(show.command('status'))
    .description('the daemon itself: phase, memory, delay of its loop, counts')
    .addOption(formatOption())
    .action(async (options: { output: OutputFormat }, command: Command) => {
      const { showStatus } = await import('./show.js');
      await showStatus(await clientOf(command), terminal, options.output);
    });
}

const peerActions: readonly PeerAction[] = ['shutdown', 'enable', 'reset'];

interface PeerOptions {
  message?: string;
  in?: boolean;
  out?: boolean;
}

function addOperatingVerbs(program: Command, terminal: Terminal, done: Done): void {
  asking(program.command('explain'))
    .description('tell why a destination goes where it goes')
    .addArgument(new Argument('<prefix>', 'a prefix or an address').argParser(prefixOrAddress))
    .addOption(formatOption())
    .action(async (prefix: string, options: { output: OutputFormat }, command: Command) => {
      const { explain } = await import('./explain.js');
      await explain(await clientOf(command), terminal, options.output, prefix);
    });
  asking(program.command('reload'))
    .description('read the configuration again; prints what changed')
    .option('--dry-run', 'change nothing; print what would change, and which sessions it would reset')
    .addOption(formatOption())
    .action(async (options: { output: OutputFormat; dryRun?: boolean }, command: Command) => {
      const { reload } = await import('./operate.js');
      done(await reload(await clientOf(command), terminal, options.output, options.dryRun === true));
    });
  asking(program.command('peer'))
    .description('shut a session down, enable it again, reset it, or refresh its routes')
    .argument('<name>', 'name of the peer')
    .addArgument(new Argument('<action>', 'what to do').choices([...peerActions, 'refresh']))
    .option('-m, --message <text>', "with shutdown and reset: words for the peer's operator (RFC 9003)")
    .option('--in', "with refresh: only the peer's routes to us")
    .addOption(new Option('--out', 'with refresh: only our routes to the peer').conflicts('in'))
    .action(async (name: string, action: PeerAction | 'refresh', options: PeerOptions, command: Command) => {
      const { message } = options;
      if (message !== undefined && action !== 'shutdown' && action !== 'reset') {
        command.error("error: option '--message' goes with shutdown and reset");
      }
      const direction = options.in ? 'in' : options.out ? 'out' : undefined;
      if (direction !== undefined && action !== 'refresh') {
        command.error(`error: option '--${direction}' goes with refresh`);
      }
      const { peer, refresh } = await import('./operate.js');
      const client = await clientOf(command);
      if (action === 'refresh') await refresh(client, terminal, name, direction);
      else await peer(client, terminal, name, action, message);
    });
  asking(program.command('clear'))
    .description('begin anew with what the daemon measures of itself; prints what it was')
    .addArgument(new Argument('<what>', 'what to clear').choices(['loop-delay']))
    .addOption(formatOption())
    .action(async (_what: string, options: { output: OutputFormat }, command: Command) => {
      const { clearLoopDelay } = await import('./operate.js');
      await clearLoopDelay(await clientOf(command), terminal, options.output);
    });
  asking(program.command('events'))
    .description('print what happens while it happens')
    .addOption(formatOption())
    .action(async (options: { output: OutputFormat }, command: Command) => {
      const { events } = await import('./operate.js');
      done(await events(await clientOf(command), terminal, options.output));
    });
}

function addMrt(program: Command, terminal: Terminal): void {
  const mrt = program
    .command('mrt')
    .description('tables and messages as MRT files (RFC 6396)')
    .helpCommand(false);
  asking(mrt.command('dump'))
    .description("write the daemon's table to a file")
    .argument('<file>', 'the file; it is replaced when the table is whole')
    .action(async (file: string, _options: unknown, command: Command) => {
      const { dumpTable } = await import('./mrt.js');
      await dumpTable(await clientOf(command), terminal, file);
    });
  mrt
    .command('show')
    .description('print what is in a file, plain or compressed by gzip or bzip2')
    .argument('<file>', 'of this daemon or any other')
    .addOption(formatOption())
    .action(async (file: string, options: { output: OutputFormat }) => {
      const { showFile } = await import('./mrt.js');
      await showFile(terminal, options.output, file);
    });
}
