/**
 * `npm run demo`: plays interop/topologies/demo.clab.yml and tells what happens while it happens. Exit code 0 when
 * everything came true, 1 when something did not, 128 and the signal's number after Ctrl-C; nothing is left behind
 * either way.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { parseArgs } from 'node:util';
import { load } from 'js-yaml';
import { checkout, Lab } from '../index.js';
import { defaultTable } from './full-table.js';
import { duration, Screen } from './screen.js';
import { picture, Story } from './story.js';

const usage = `Usage: npm run demo [-- --table generated:COUNT | mrt:FILE]

  --table   what node1 gets as its full table (default: a real one where it is at hand, else generated:500000)`;

class Interrupted extends Error {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

function tableOf(argv: string[]): string {
  const { values } = parseArgs({
    args: argv,
    options: { table: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  const table = values.table ?? defaultTable();
  if (!/^(generated:[1-9]\d*|mrt:.+)$/.test(table))
    throw new Error(`--table is generated:COUNT or mrt:FILE, not ${table}`);
  const file = /^mrt:(.+)/.exec(table)?.[1];
  if (file !== undefined && !existsSync(file)) throw new Error(`--table: there is no file ${file}`);
  return table;
}

/** The topology and copies of the files that it binds: the story edits a node's document. */
function copyOfTopology(): { topology: object; files: Record<string, string> } {
  const folder = `${checkout}/interop/topologies`;
  const files = readdirSync(`${folder}/demo`).map((name) => `demo/${name}`);
  return {
    topology: load(readFileSync(`${folder}/demo.clab.yml`, 'utf8')) as object,
    files: Object.fromEntries(files.map((file) => [file, readFileSync(`${folder}/${file}`, 'utf8')])),
  };
}

/** The last words of routers that ended on their own, for a story that broke off. */
function lastWords(lab: Lab): string[] {
  return [...lab.nodes.values()].flatMap((node) =>
    [...node.processes].flatMap(([name, process]) => {
      if (process.running || name === 'feeder' || name === 'ping') return [];
      const tail = process.output().trim().split('\n').slice(-3);
      return [`${name} of ${node.name} has ended; its last words:`, ...tail.map((line) => `  ${line}`)];
    }),
  );
}

async function demo(table: string): Promise<number> {
  const screen = new Screen(process.stdout);
  const { bold, dim, green, red } = screen.colour;
  const start = Date.now();
  const interrupt = new AbortController();
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => {
        interrupt.abort();
        reject(new Interrupted(signal));
      });
  });
  interrupted.catch(() => {});

  let lab: Lab | null = null;
  let failure: Error | null = null;
  try {
    screen.act('A small network, in network namespaces of its own');
    for (const line of picture) screen.line(dim(line));
    screen.line();
    const setUp = Date.now();
    const { topology, files } = copyOfTopology();
    lab = await Lab.up(topology, {
      files,
      // A name of its own, so that a demo disturbs no other lab.
      name: `demo-${process.pid}`,
      signal: interrupt.signal,
    });
    const daemons = [...lab.nodes.values()].filter((node) => node.processes.size > 0);
    screen.done('up', `${lab.nodes.size} nodes, ${daemons.length} of them routers`, Date.now() - setUp);
    await Promise.race([new Story(lab, screen, table).tell(), interrupted]);
  } catch (error) {
    failure = error as Error;
  }
  // An interrupted set-up fails in its own words; the signal is what counts.
  if (interrupt.signal.aborted) await interrupted.catch((error: Error) => (failure = error));
  if (failure !== null) {
    screen.gap();
    console.error(red(`demo: ${failure.message}`));
    if (lab !== null && !(failure instanceof Interrupted))
      for (const line of lastWords(lab)) console.error(line);
  }
  await lab?.down();
  const outcome = failure === null ? green('Everything went as it should.') : red('The demo broke off.');
  screen.line();
  screen.line(
    `${bold(outcome)} ${dim(`${duration(Date.now() - start)}; all is taken down, nothing is left.`)}`,
  );
  if (failure instanceof Interrupted) return 128 + constants.signals[failure.signal];
  if (failure !== null) return 1;
  screen.line(dim('To look around yourself: npm run lab -- up interop/topologies/demo.clab.yml'));
  return 0;
}

let table: string;
try {
  table = tableOf(process.argv.slice(2));
} catch (error) {
  console.error(`demo: ${(error as Error).message}\n\n${usage}`);
  process.exit(2);
}
try {
  process.exitCode = await demo(table);
} catch (error) {
  console.error(`demo: could not clean up: ${(error as Error).message}`);
  process.exitCode = 1;
}
// A story that broke off may still be waiting for something.
process.exit();
