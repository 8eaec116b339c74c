/** What was measured last, kept beside the code: results.json, RESULTS.md made of it, and the plots. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { checkout } from './checkout.js';
import { type Curve, curvePlots } from './curves.js';
import { daemons } from './daemons/index.js';
import type { Load } from './load.js';
import { remarks, rows, shown, targetRows } from './report.js';
import type { LoadOutcome } from './runner.js';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGigabytes: number;
  readonly kernel: string;
  readonly node: string;
}

export interface Kept<T> {
  readonly machine: Machine;
  /** By name of the daemon. */
  readonly versions: Readonly<Record<string, string>>;
  /** Of Tartan, short; '' outside a repository. */
  readonly commit: string;
  /** ISO 8601. */
  readonly date: string;
  readonly runs: number;
  readonly outcome: T;
  /** Daemons whose figures are of an earlier run, by name. */
  readonly earlier?: Readonly<Record<string, EarlierRun>>;
}

/** Where figures come from that a later run of other daemons left as they were. */
export interface EarlierRun {
  readonly date: string;
  readonly commit: string;
  readonly processor: string;
}

export interface Results {
  /** By name of the load. */
  readonly loads: Record<string, Kept<LoadOutcome>>;
  curves: Kept<readonly Curve[]> | null;
}

const folder = `${checkout}/bench/`;
const file = `${folder}results.json`;

export function readResults(): Results {
  if (!existsSync(file)) return { loads: {}, curves: null };
  return JSON.parse(readFileSync(file, 'utf8')) as Results;
}

function commit(): string {
  try {
    const words = ['-C', folder, 'rev-parse', '--short', 'HEAD'];
    return execFileSync('git', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}

/** An outcome with what has to be known about where it came from. */
export function kept<T>(outcome: T, runs: number): Kept<T> {
  return {
    machine: {
      processor: cpus()[0]?.model ?? '',
      cores: cpus().length,
      memoryGigabytes: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
      node: process.version,
    },
    versions: Object.fromEntries(daemons.filter((d) => d.installed()).map((d) => [d.name, d.version()])),
    commit: commit(),
    date: new Date().toISOString(),
    runs,
    outcome,
  };
}

/** Puts a load's outcome among the results; daemons that were not run this time keep what they had. */
export function keep(results: Results, entry: Kept<LoadOutcome>): void {
  const { load, daemons: ran } = entry.outcome;
  const before = results.loads[load];
  const stay = before?.outcome.daemons.filter((o) => !ran.some((r) => r.daemon === o.daemon)) ?? [];
  const order = daemons.map((d) => d.name);
  const all = [...stay, ...ran].sort((x, y) => order.indexOf(x.daemon) - order.indexOf(y.daemon));
  const made = { ...entry, outcome: { ...entry.outcome, daemons: all } };
  const earlier = Object.fromEntries(stay.map(({ daemon }) => [daemon, earlierRun(before, daemon)]));
  results.loads[load] = stay.length === 0 ? made : { ...made, earlier };
}

function earlierRun(entry: Kept<unknown>, daemon: string): EarlierRun {
  const { date, commit, machine } = entry;
  return entry.earlier?.[daemon] ?? { date, commit, processor: machine.processor };
}

const minuteOf = (date: string): string => `${date.slice(0, 16).replace('T', ' ')} UTC`;

/** One line for each earlier run: `tartan, bird: 2026-11-30 00:40 UTC, at 2032b5d, on PROCESSOR, 5 runs.` */
function earlierRuns({ earlier = {}, outcome }: Kept<LoadOutcome>): string[] {
  const lines = new Map<string, string[]>();
  for (const { daemon, runs } of outcome.daemons) {
    const run = earlier[daemon];
    if (run === undefined || runs === 0) continue;
    const from = `${minuteOf(run.date)}, at ${run.commit}, on ${run.processor}, ${runs === 1 ? 'one run' : `medians of ${runs}`}`;
    lines.set(from, [...(lines.get(from) ?? []), daemon]);
  }
  return [...lines].map(([from, names]) => `${names.join(', ')}: ${from}.`);
}

function table(head: readonly string[], body: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...body.map(line)];
}

function origin({ machine, versions, commit: at, date, runs }: Kept<unknown>): string {
  const told = Object.entries(versions).filter(([, version]) => version !== '');
  return [
    minuteOf(date),
    `${machine.cores} cores of ${machine.processor}, ${machine.memoryGigabytes} GB`,
    `Linux ${machine.kernel}, Node ${machine.node}`,
    `${told.map(([name, version]) => `${name} ${version}`).join(', ')}${at === '' ? '' : ` (at ${at})`}`,
    runs === 1 ? 'one run' : `medians of ${runs}`,
  ].join('; ');
}

/** RESULTS.md, from what is kept of these loads. */
export function markdown(loads: readonly Load[], results: Results): string {
  const lines = [
    '# Results',
    '',
    'Written by `npm run bench -- --keep` (or `npm run bench`, which runs everything). What the loads are and what was found',
    'on the way: [README.md](README.md). Every load compares what the sinks hold with what follows from what was sent, route',
    'by route; a daemon that gets it wrong has no figures. `relay` is no daemon: it copies octets, and shows what the testers',
    'and the kernel cost by themselves; under `overlay` it is a loop in C. Ratios are Tartan : BIRD.',
    '',
    '## Targets',
    '',
  ];
  const present = loads.filter((load) => results.loads[load.name]);
  const targets = present.flatMap((load) => targetRows(load, results.loads[load.name].outcome));
  lines.push(
    ...table(
      ['load', 'figure', 'Tartan', 'BIRD', 'ratio', 'target', 'reached'],
      targets.map((t) => [
        t.load,
        t.figure,
        t.tartan,
        t.bird,
        t.ratio,
        t.target,
        t.reached ? 'yes' : '**no**',
      ]),
    ),
  );
  for (const load of present) {
    const entry = results.loads[load.name];
    const names = daemons
      .map((d) => d.name)
      .filter((name) => entry.outcome.daemons.some((o) => o.daemon === name && o.runs > 0));
    lines.push('', `## ${load.name}: ${load.title}`, '', `${origin(entry)}.`, '');
    const isOther = ({ daemon, runs }: { daemon: string; runs: number }) =>
      runs > 0 && runs !== entry.runs && entry.earlier?.[daemon] === undefined;
    const single = entry.outcome.daemons.filter(isOther);
    if (single.length > 0) lines.push(`${single.map((o) => `${o.daemon}: ${o.runs} run`).join(', ')}.`, '');
    for (const line of earlierRuns(entry)) lines.push(line, '');
    const body = rows(load, entry.outcome, names).map((row) => [
      `${row.figure.name} (${row.figure.unit})`,
      ...row.values.map(shown),
      row.ratio === null ? '' : row.ratio.toFixed(2),
    ]);
    lines.push(...table(['', ...names, 'ratio'], body), '');
    lines.push(...load.figures.map((f) => `- ${f.name}: ${f.meaning}.`));
    const notes = remarks(entry.outcome).map((note) => `- ${note.split('\n')[0]}`);
    if (notes.length > 0) lines.push('', ...notes);
  }
  if (results.curves) {
    lines.push('', '## Growth', '', `${origin(results.curves)}.`, '');
    for (const curve of results.curves.outcome) {
      for (const name of curvePlots(curve).keys()) lines.push(`![${name}](plots/${name})`, '');
    }
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Writes results.json, RESULTS.md and the plots. */
export function writeResults(loads: readonly Load[], results: Results): void {
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(`${folder}RESULTS.md`, markdown(loads, results));
  if (!results.curves) return;
  mkdirSync(`${folder}plots`, { recursive: true });
  for (const curve of results.curves.outcome) {
    for (const [name, svg] of curvePlots(curve)) writeFileSync(`${folder}plots/${name}`, svg);
  }
}
