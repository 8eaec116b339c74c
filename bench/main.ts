/** `npm run bench -- LOAD [options]`: runs a load on Tartan and the other daemons in turn and prints one table. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import { Command } from 'commander';
import { type DaemonRecipe, daemons } from './daemons.js';
import { type FullTableResult, fullTable } from './full-table.js';
import { ribBench } from './rib.js';
import { updateGroupBench } from './update-group.js';

const realTable = fileURLToPath(
  new URL('../../../shared/data/rib.ipv4.20140530.jinx.mrt.bz2', import.meta.url),
);

function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  return sorted[sorted.length >> 1];
}

function chosen(names: string | undefined): readonly DaemonRecipe[] {
  if (names === undefined) return daemons.filter((d) => d.installed());
  return names.split(',').map((name) => {
    const daemon = daemons.find((d) => d.name === name);
    if (!daemon) throw new Error(`no daemon ${name}; known are ${daemons.map((d) => d.name).join(', ')}`);
    if (!daemon.installed()) throw new Error(`${name} is not installed`);
    return daemon;
  });
}

interface FullTableArguments {
  daemons?: string;
  table?: string;
  prefixes: string;
  sinks: string;
  install?: boolean;
  runs: string;
  json?: boolean;
}

async function runFullTable(args: FullTableArguments): Promise<void> {
  const table = args.table ?? `generated:${args.prefixes}`;
  if (table === 'real' && !existsSync(realTable)) {
    console.log('full-table: the real table is not on this machine; use --prefixes N for a generated one');
    return;
  }
  const options = {
    table: table === 'real' ? `mrt:${realTable}` : table,
    sinks: Number(args.sinks),
    install: args.install ?? false,
  };
  const rows: FullTableResult[] = [];
  for (const daemon of chosen(args.daemons)) {
    const results: FullTableResult[] = [];
    for (let run = 0; run < Number(args.runs); run++) results.push(await fullTable(daemon, options));
    const of = (pick: (r: FullTableResult) => number): number => median(results.map(pick));
    rows.push({
      daemon: daemon.name,
      prefixes: results[0].prefixes,
      announceSeconds: of((r) => r.announceSeconds),
      withdrawSeconds: of((r) => r.withdrawSeconds),
      installSeconds: options.install ? of((r) => r.installSeconds ?? 0) : null,
      peakBytes: of((r) => r.peakBytes),
      cpuSeconds: of((r) => r.cpuSeconds),
      feederSeconds: of((r) => r.feederSeconds),
    });
  }
  if (args.json) {
    console.log(JSON.stringify(rows));
    return;
  }
  const text = new Table({
    head: ['daemon', 'prefixes', 'announce s', 'install s', 'withdraw s', 'peak MB', 'cpu s', 'feeder s'],
  });
  for (const r of rows) {
    text.push([
      r.daemon,
      r.prefixes,
      r.announceSeconds.toFixed(2),
      r.installSeconds?.toFixed(2) ?? '-',
      r.withdrawSeconds.toFixed(2),
      (r.peakBytes / 1e6).toFixed(0),
      r.cpuSeconds.toFixed(2),
      r.feederSeconds.toFixed(2),
    ]);
  }
  console.log(
    `${rows[0]?.prefixes ?? 0} prefixes, 1 feeder, ${options.sinks} sink(s), median of ${args.runs}; the sets at the sinks were compared`,
  );
  console.log(text.toString());
}

const program = new Command('bench').description('benchmarks against other daemons, side by side in one run');
program
  .command('full-table')
  .description('a whole table from one feeder to the sinks, and its withdrawal')
  .option('--daemons <list>', 'comma-separated: tartan,bird (default: all that are installed)')
  .option('--table <table>', 'real, generated:COUNT or mrt:FILE')
  .option('--prefixes <n>', 'size of the generated table', '1000000')
  .option('--sinks <n>', 'number of receiving peers', '1')
  .option('--install', 'program the kernel too')
  .option('--runs <n>', 'runs per daemon; medians are shown', '1')
  .option('--json', 'one JSON array instead of a table')
  .action(runFullTable);
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
