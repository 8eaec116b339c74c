/** `npm run bench -- [LOAD…] [options]`: runs loads on Tartan and the other daemons in turn and prints one table. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { measureCurves } from './curves.js';
import { type DaemonRecipe, daemons } from './daemons/index.js';
import { drawProfiles } from './flame.js';
import type { Load } from './load.js';
import { realData, realTableFile } from './loads/feeds.js';
import { loads } from './loads/index.js';
import { receiveBench } from './receive.js';
import { textTable } from './report.js';
import { keep, kept, readResults, writeResults } from './results.js';
import { ribBench } from './rib.js';
import { type LoadOutcome, runLoad } from './runner.js';
import { generatedTable } from './tables.js';
import { updateGroupBench } from './update-group.js';

const realTable = realData(realTableFile) ?? '';

function chosenDaemons(names: string | undefined): readonly DaemonRecipe[] {
  if (names === undefined) return daemons.filter((d) => d.installed());
  return names.split(',').map((name) => {
    const daemon = daemons.find((d) => d.name === name);
    if (!daemon) throw new Error(`no daemon ${name}; known are ${daemons.map((d) => d.name).join(', ')}`);
    if (!daemon.installed()) throw new Error(`${name} is not installed`);
    return daemon;
  });
}

function chosenLoads(names: readonly string[]): readonly Load[] {
  if (names.length === 0) return loads;
  return names.map((name) => {
    const load = loads.find((l) => l.name === name);
    if (!load) throw new Error(`no load ${name}; known are ${loads.map((l) => l.name).join(', ')}`);
    return load;
  });
}

interface Arguments {
  load?: string;
  daemons?: string;
  runs: string;
  scale: string;
  prefixes?: string;
  sinks?: string;
  json?: boolean;
  list?: boolean;
  keep?: boolean;
  curves?: boolean;
  profile?: string | true;
}

async function runLoads(names: string[], args: Arguments): Promise<void> {
  if (args.list) {
    for (const load of loads) console.log(`${load.name.padEnd(20)} ${load.title}`);
    return;
  }
  const named = [...names, ...(args.load?.split(',') ?? [])];
  const wanted = args.curves && named.length === 0 ? [] : chosenLoads(named);
  const among = chosenDaemons(args.daemons);
  const runs = Number(args.runs);
  // Targets are for loads of their own size.
  const whole = Number(args.scale) === 1 && args.prefixes === undefined && args.sinks === undefined;
  const everything = named.length === 0 && !args.curves && whole && args.profile === undefined;
  const keeping = args.keep || everything;
  if (args.keep && !whole) throw new Error('--keep is for loads of their own size');
  const options = {
    runs,
    scale: Number(args.scale),
    ...(args.prefixes === undefined ? {} : { prefixes: Number(args.prefixes) }),
    ...(args.sinks === undefined ? {} : { sinks: Number(args.sinks) }),
    profile: null,
    progress: (line: string) => void process.stderr.write(`${line}\n`),
  };
  const outcomes: LoadOutcome[] = [];
  for (const load of wanted) {
    const profile = args.profile === undefined ? null : profileFolder(args.profile, load.name);
    const outcome = await runLoad(load, among, { ...options, profile });
    outcomes.push(outcome);
    if (keeping) {
      const results = readResults();
      keep(results, kept(outcome, runs));
      writeResults(loads, results);
    }
    if (profile !== null) for (const graph of drawProfiles(profile, load.name)) console.error(graph);
  }
  if (args.curves || everything) {
    const curves = await measureCurves(options);
    if (keeping) writeResults(loads, { ...readResults(), curves: kept(curves, runs) });
    if (args.json) console.log(JSON.stringify(curves));
    else for (const { name, points } of curves) for (const p of points) console.log(name, JSON.stringify(p));
  }
  if (args.json) console.log(JSON.stringify(outcomes));
  else if (outcomes.length > 0) {
    const daemonNames = among.map((d) => d.name);
    console.log(textTable(wanted, outcomes, daemonNames, whole));
    console.log(`medians of ${runs} run(s); what arrived was compared with what follows from what was sent`);
  }
  if (outcomes.some((o) => o.daemons.some((d) => d.problem?.startsWith('failed')))) process.exitCode = 1;
}

/** A folder for the profiles of a load. */
function profileFolder(where: string | true, load: string): string {
  const folder = join(where === true ? 'profiles' : where, load);
  mkdirSync(folder, { recursive: true });
  return resolve(folder);
}

const program = new Command('bench')
  .description('benchmarks of Tartan and other routing daemons, side by side in one run')
  .argument('[loads...]', 'which loads; all without it')
  .option('--load <list>', 'the same as an option: comma-separated loads')
  .option('--list', 'what loads there are')
  .option(
    '--daemons <list>',
    `comma-separated, of ${daemons.map((d) => d.name).join(',')} (default: all that are installed)`,
  )
  .option('--runs <n>', 'runs of each daemon, taking turns; medians are shown', '1')
  .option('--scale <factor>', 'multiply the sizes of all loads', '1')
  .option('--prefixes <n>', 'size of generated tables, where a load has one')
  .option('--sinks <n>', 'number of receiving peers, where a load has some')
  .option('--json', 'JSON instead of a table')
  .option(
    '--keep',
    'keep the figures in bench/results.json and bench/RESULTS.md (as a run of everything does)',
  )
  .option('--curves', 'time and memory against the size of the table and the number of peers')
  .option(
    '--profile [folder]',
    'CPU profiles and flame graphs of Tartan, a folder for each load (default: profiles)',
  )
  .action(runLoads);
program
  .command('rib')
  .description('the RIB alone: UPDATEs in memory to best paths, and their withdrawal')
  .option('--table <table>', 'real, generated:COUNT or mrt:FILE', 'generated:1000000')
  .option('--sources <n>', 'sources that announce the table, one after the other', '1')
  .action((args: { table: string; sources: string }) => {
    const table = args.table === 'real' ? `mrt:${realTable}` : args.table;
    const r = ribBench({ table, sources: Number(args.sources) });
    const rate = r.paths / r.announceSeconds / 1e6;
    console.log(
      `${r.prefixes} prefixes, ${r.paths} paths, ${r.attributeSets} attribute sets; best paths compared with the table\n` +
        `announce ${r.announceSeconds.toFixed(2)} s (${rate.toFixed(1)}M paths/s; decoder alone ${r.decodeSeconds.toFixed(2)} s), withdraw ${r.withdrawSeconds.toFixed(2)} s, longest slice ${r.longestSliceMs.toFixed(1)} ms\n` +
        `tables ${(r.tableBytes / 1e6).toFixed(1)} MB: ${(r.pathBytes / r.paths).toFixed(1)} bytes a path, ${(r.tableBytes / r.paths).toFixed(1)} with prefixes and attribute sets; ${(r.emptyTableBytes / 1e6).toFixed(2)} MB when empty; resident ${(r.residentBytes / 1e6).toFixed(0)} MB with the input`,
    );
  });
program
  .command('receive')
  .description('what each stage of receiving a table costs, in memory, and a bare reader of a socket')
  .option('--prefixes <n>', 'size of the generated table', '1000000')
  .action(async (args: { prefixes: string }) => {
    const nextHop = 0xc0000202;
    const costs = await receiveBench(generatedTable(Number(args.prefixes), 65001, nextHop), nextHop);
    console.log('stage                                    CPU ms in all  ns per UPDATE  ns per prefix');
    for (const { stage, milliseconds, nsPerUpdate, nsPerPrefix } of costs) {
      console.log(
        `${stage.padEnd(40)} ${milliseconds.toFixed(0).padStart(13)} ${nsPerUpdate.toFixed(0).padStart(14)} ${nsPerPrefix.toFixed(0).padStart(14)}`,
      );
    }
  });
program
  .command('group')
  .description('an update group alone: changed best paths to octets handed to members in memory')
  .option('--prefixes <n>', 'size of the table', '1000000')
  .option('--sets <n>', 'attribute sets that the prefixes share', '195108')
  .option('--members <n>', 'peers in the group', '1')
  .option('--rounds <n>', 'how often the table comes, changes and goes', '5')
  .option('--kind <kind>', 'ebgp or ibgp', 'ebgp')
  .action((args: { prefixes: string; sets: string; members: string; rounds: string; kind: string }) => {
    const r = updateGroupBench({
      prefixes: Number(args.prefixes),
      attributeSets: Number(args.sets),
      members: Number(args.members),
      rounds: Number(args.rounds),
      kind: args.kind === 'ibgp' ? 'ibgp' : 'ebgp',
    });
    const row = (seconds: readonly number[]) => seconds.map((s) => s.toFixed(3)).join(' ');
    console.log(
      `seconds per round: new ${row(r.announceSeconds)}; changed ${row(r.changeSeconds)}; withdrawn ${row(r.withdrawSeconds)}\n` +
        `a late joiner ${r.joinSeconds.toFixed(3)} s; ${(r.octets / 1e6).toFixed(1)} MB per member`,
    );
  });
await program.parseAsync();
