/** `npm run lab`: plays topologies from the command line. */
import { spawn } from 'node:child_process';
import Table from 'cli-table3';
import { Command, Option } from 'commander';
import { runCommand } from './command.js';
import { lackingKinds } from './device-kinds.js';
import { LabError } from './errors.js';
import { insideMachine } from './inside-machine.js';
import { Lab } from './lab.js';
import { runnerInMachine, upInMachine } from './lab-in-machine.js';
import { Machine } from './machine.js';
import { enter } from './namespaces.js';
import { destroyLab, isAbandoned, isAlive, type LabState, labNames, readLab } from './registry.js';
import { loadTopology, type Topology } from './topology.js';

interface NameOptions {
  name?: string;
  all?: boolean;
}

function nameOf(file: string | undefined, options: NameOptions): string {
  if (options.name !== undefined) return options.name;
  if (file === undefined) throw new LabError('which lab? Give its topology file, or --name NAME');
  // A name stands on the command line where a file would: `lab exec frr-bird r1 …`.
  return labNames().includes(file) ? file : loadTopology(file).name;
}

function mustBeUp(name: string): LabState {
  const state = readLab(name);
  if (state === null) throw new LabError(`lab ${name} is not up (up: ${labNames().join(', ') || 'none'})`);
  return state;
}

/** Whether a topology is played in a machine: as told, else where it needs a kind of device that is lacking here. */
async function needsMachine(kernel: string, topology: Topology): Promise<boolean> {
  if (kernel !== 'auto') return kernel === 'uml';
  if (insideMachine()) return false;
  const lacking = await lackingKinds(topology);
  if (lacking.length > 0)
    console.log(
      `this kernel has no devices of kind ${lacking.join(', ')}: a User-Mode Linux kernel plays the lab`,
    );
  return lacking.length > 0;
}

async function up(
  file: string,
  options: NameOptions & { replace: string[]; reconfigure?: boolean; kernel: string },
): Promise<void> {
  const replace = Object.fromEntries(options.replace.map((pair) => pair.split('=', 2) as [string, string]));
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => interrupt.abort());
  const topology = loadTopology(file, { replace });
  const name = options.name ?? topology.name;
  if (options.reconfigure) await destroyLab(name);
  const { signal } = interrupt;
  if (await needsMachine(options.kernel, topology)) {
    const progress = (text: string): void => void process.stdout.write(text);
    await upInMachine(file, { name, replace: options.replace, progress, signal });
    return;
  }
  await Lab.up(file, { name, replace, keep: true, progress: console.log, signal });
  console.log(`lab ${name} is up; npm run lab -- inspect ${options.name ?? file}`);
}

async function down(file: string | undefined, options: NameOptions): Promise<void> {
  for (const name of options.all ? labNames() : [nameOf(file, options)]) {
    const known = readLab(name) !== null;
    await destroyLab(name);
    console.log(known ? `lab ${name} is down` : `lab ${name} was not up`);
  }
}

/** Hands the terminal to the command, and its exit status back. */
async function exec(
  file: string | undefined,
  node: string,
  words: string[],
  options: NameOptions,
): Promise<void> {
  const state = mustBeUp(nameOf(file, options));
  const machine = Machine.of(state);
  if (machine !== null) {
    if (words.length === 0)
      throw new LabError(`lab ${state.name} is in a machine without terminals: give a command`);
    const result = await runnerInMachine(machine, ['exec', '--name', state.name, node, ...words]);
    process.stdout.write(result.stdout);
    process.stderr.write(result.stderr);
    process.exitCode = result.status ?? 1;
    return;
  }
  const found = state.nodes[node];
  if (found?.holder == null || !isAlive(found.holder))
    throw new LabError(
      `lab ${state.name} has no node ${node} (nodes: ${Object.keys(state.nodes).join(', ')})`,
    );
  const [command = '', ...args] = [...enter(found.holder), ...(words.length > 0 ? words : ['bash'])];
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...found.env } });
  process.exitCode = await new Promise<number>((resolve) =>
    child.on('close', (code) => resolve(code ?? 1)).on('error', () => resolve(1)),
  );
}

interface NodeReport {
  lab: string;
  node: string;
  image: string;
  netns: string;
  state: 'up' | 'down';
  processes: { name: string; pid: number; running: boolean; log: string }[];
  addresses: string[];
}

async function report(state: LabState): Promise<NodeReport[]> {
  const machine = Machine.of(state);
  if (machine !== null) {
    const { status, stdout, stderr } = await runnerInMachine(machine, [
      ...['inspect', '--name', state.name, '--output', 'json'],
    ]);
    if (status !== 0) throw new LabError(stderr.trim());
    return JSON.parse(stdout) as NodeReport[];
  }
  return Promise.all(
    Object.entries(state.nodes).map(async ([node, record]) => {
      const shown = await runCommand(['ip', '-n', record.netns, '-j', 'address', 'show', 'scope', 'global']);
      const links = (shown.status === 0 && shown.stdout ? JSON.parse(shown.stdout) : []) as {
        ifname?: string;
        addr_info?: { local?: string; prefixlen?: number }[];
      }[];
      return {
        lab: state.name,
        node,
        image: record.image,
        netns: record.netns,
        state: record.holder !== null && isAlive(record.holder) ? ('up' as const) : ('down' as const),
        processes: Object.entries(record.processes).map(([name, { pid, startTime, log }]) => ({
          name,
          pid,
          running: isAlive({ pid, startTime }),
          log,
        })),
        addresses: links.flatMap((link) =>
          // A filtered address leaves an empty object in what `ip -j` prints.
          (link.addr_info ?? [])
            .filter((address) => address.local !== undefined)
            .map((address) => `${link.ifname} ${address.local}/${address.prefixlen}`),
        ),
      };
    }),
  );
}

async function inspect(file: string | undefined, options: NameOptions & { output: string }): Promise<void> {
  const everything = options.all || (file === undefined && options.name === undefined);
  const names = everything ? labNames() : [nameOf(file, options)];
  const states = names.map(mustBeUp);
  const reports = (await Promise.all(states.map(report))).flat();
  if (options.output === 'json') {
    console.log(JSON.stringify(reports, null, 2));
    return;
  }
  const table = new Table({
    head: ['lab', 'node', 'image', 'state', 'processes', 'addresses', 'namespace'],
    style: { head: [], border: [] },
  });
  for (const node of reports) {
    const processes = node.processes.map((p) => `${p.name} ${p.running ? p.pid : 'ended'}`).join('\n');
    table.push([
      node.lab,
      node.node,
      node.image,
      node.state,
      processes,
      node.addresses.join('\n'),
      node.netns,
    ]);
  }
  console.log(reports.length > 0 ? table.toString() : 'no lab is up');
  for (const state of states)
    if (isAbandoned(state))
      console.log(`lab ${state.name}: its runner is gone; the next \`up\` or \`down\` removes it`);
}

const program = new Command('lab')
  .enablePositionalOptions()
  .description('Plays containerlab topologies in network namespaces.');
program
  .command('up <file>')
  .description('make the nodes and links, start the daemons, run the exec commands')
  .option('-n, --name <name>', "the lab's name instead of the file's")
  .option(
    '-r, --replace <kind=image>',
    'play a kind with an image of ours',
    (v: string, all: string[]) => [...all, v],
    [],
  )
  .option('--reconfigure', 'take a lab of that name down first')
  .addOption(
    new Option(
      '-k, --kernel <kernel>',
      'whose network it is: this one, or that of a User-Mode Linux of its own',
    )
      .choices(['auto', 'host', 'uml'])
      .default('auto', 'uml where this one lacks a kind of device'),
  )
  .action(up);
program
  .command('down [file]')
  .description('end every process, remove every namespace')
  .option('-n, --name <name>', "the lab's name instead of a file")
  .option('-a, --all', 'every lab on this machine')
  .action(down);
program
  .command('exec [file] [node] [command...]')
  .description('run a command in a node (a shell if none is given)')
  .option('-n, --name <name>', "the lab's name instead of a file")
  .passThroughOptions()
  .action((file: string, node: string, words: string[], options: NameOptions) =>
    options.name === undefined
      ? exec(file, node ?? '', words, options)
      : exec(undefined, file ?? '', node === undefined ? words : [node, ...words], options),
  );
program
  .command('inspect [file]')
  .description('show nodes, processes and addresses; of all labs without a file')
  .option('-n, --name <name>', "the lab's name instead of a file")
  .option('-a, --all', 'every lab on this machine')
  .option('-o, --output <format>', 'table or json', 'table')
  .action(inspect);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  console.error(`lab: ${error.message}`);
  process.exitCode = 1;
}
