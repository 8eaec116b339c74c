/** RESULTS.md: what a run of the interoperability tests showed, as a function of its cells. No cell is written by hand. */
import { type DaemonId, daemons, type FeatureId, features, type InteropCell } from './features.js';

/** A test of one cell, after the run. */
export interface SeenCell extends InteropCell {
  /** What is seen: the test's title without the daemon's name. */
  readonly title: string;
  /** Path within the checkout. */
  readonly file: string;
  readonly passed: boolean;
  /** First line of what went wrong, where it failed. */
  readonly error?: string;
}

/** Where and with what the tests ran. */
export interface RunFacts {
  readonly date: string;
  readonly kernel: string;
  readonly node: string;
  /** Version and commit. */
  readonly tartan: string;
  readonly command: string;
  readonly daemons: Readonly<Record<DaemonId, DaemonVersion>>;
}

export interface DaemonVersion {
  /** What the installed program says of itself. */
  readonly version: string;
  /** Debian's package and its version; null where it is not Debian's. */
  readonly debian: string | null;
}

export type CellResult = '' | 'passed' | 'in part' | 'not supported' | 'failed';

/** What the tests of one cell say together. */
export function combine(tests: readonly SeenCell[]): CellResult {
  if (tests.length === 0) return '';
  if (tests.some(({ passed }) => !passed)) return 'failed';
  const works = tests.filter(({ outcome }) => outcome === 'works').length;
  if (works === tests.length) return 'passed';
  return works === 0 ? 'not supported' : 'in part';
}

const daemonIds = Object.keys(daemons) as DaemonId[];
const featureIds = Object.keys(features) as FeatureId[];

const legend: readonly (readonly [CellResult, string])[] = [
  ['passed', 'every test of the cell passed'],
  ['not supported', 'the daemon cannot do it, and a test shows that'],
  ['in part', 'it works but for a part of it that the daemon cannot do, as a test shows'],
  ['failed', 'a test failed'],
];

/** The whole file, in the form that the formatter leaves alone. */
export function renderResults(cells: readonly SeenCell[], facts: RunFacts): string {
  const of = (feature: FeatureId, daemon: DaemonId): SeenCell[] =>
    cells.filter((cell) => cell.feature === feature && cell.daemon === daemon);
  const heading = daemonIds.map((id) => `${daemons[id]} ${facts.daemons[id].version}`);
  const rows = featureIds.map((id) => [features[id], ...daemonIds.map((daemon) => combine(of(id, daemon)))]);
  const lines = [
    '# Interoperability',
    '',
    'What Tartan does with routing daemons that are not its own, each as Debian ships it, in network namespaces with real',
    `sessions. Written by \`${facts.command}\` from the run of the tests; no cell is written by hand.`,
    '',
    `- Date: ${facts.date}`,
    `- Tartan: ${facts.tartan}`,
    `- Node.js: ${facts.node}`,
    `- Kernel: ${facts.kernel}`,
    ...daemonIds.map((id) => {
      const { version, debian } = facts.daemons[id];
      return `- ${daemons[id]}: ${version}${debian === null ? '' : ` (${debian})`}`;
    }),
    '',
    ...table([['Feature', ...heading], ...rows]),
    '',
    ...legend.map(([result, meaning]) => `- **${result}**: ${meaning}.`),
    '- Empty: nothing was tested.',
    '',
    '## What was seen',
  ];
  for (const feature of featureIds) {
    const seen = daemonIds.flatMap((daemon) => of(feature, daemon).map((cell) => seenLine(cell)));
    if (seen.length > 0) lines.push('', `### ${features[feature]}`, '', ...seen);
  }
  return `${lines.join('\n')}\n`;
}

function seenLine({ daemon, outcome, title, file, passed, error }: SeenCell): string {
  const result = passed ? (outcome === 'works' ? 'passed' : 'not supported') : 'failed';
  const why = error === undefined ? '' : `: ${escaped(error)}`;
  return `- ${daemons[daemon]}, ${result}: ${escaped(title)} (\`${file}\`)${why}`;
}

/** What would be markup means itself. */
function escaped(text: string): string {
  return text.replace(/[\\`*_<>[\]|]/g, '\\$&');
}

function table(rows: readonly (readonly string[])[]): string[] {
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, i) => Math.max(3, ...rows.map((row) => row[i].length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)];
}
