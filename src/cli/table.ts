/**
 * Tables for people: aligned columns, no frames, no wider than the terminal. Rows are written while they come, so
 * that a table may be a million rows long: the first ones decide how wide the columns are.
 */
import { type Terminal, wrap } from './terminal.js';
import { printable } from './text.js';

export interface Column<Row> {
  readonly title: string;
  /** Several lines where one thing has several. */
  readonly cell: (row: Row) => string | readonly string[];
  readonly align?: 'right';
  /** May be cut down to this width, marked by `…`, where the table gets too wide. Without it: never cut. */
  readonly shrinksTo?: number;
  /** What was cut is told in full in a line below. */
  readonly toldWhenCut?: boolean;
  readonly colour?: (row: Row, colour: Terminal['colour']) => (text: string) => string;
}

const sampleRows = 500;
const gap = '  ';
/** Characters gathered before they are written. */
const chunkLength = 32 * 1024;

/** Prints the rows; `notes` are lines below one. Returns how many rows there were; with none, nothing is printed. */
export async function printTable<Row>(
  terminal: Terminal,
  columns: readonly Column<Row>[],
  rows: Iterable<Row> | AsyncIterable<Row>,
  notes: (row: Row) => readonly string[] = () => [],
): Promise<number> {
  let widths: readonly number[] | null = null;
  let sample: Row[] = [];
  let count = 0;
  let text = '';
  const printSample = () => {
    widths = widthsOf(columns, sample, terminal.width);
    text += `${terminal.colour.bold(line(columns, widths, (column) => column.title))}\n`;
    for (const row of sample) text += format(terminal, columns, widths, row, notes(row));
    sample = [];
  };
  for await (const row of rows) {
    count++;
    if (widths !== null) text += format(terminal, columns, widths, row, notes(row));
    else if (sample.push(row) === sampleRows) printSample();
    if (text.length > chunkLength) {
      await terminal.write(text);
      text = '';
    }
  }
  if (sample.length > 0) printSample();
  if (text !== '') await terminal.write(text);
  return count;
}

function linesOf<Row>(column: Column<Row>, row: Row): readonly string[] {
  const cell = column.cell(row);
  return (typeof cell === 'string' ? [cell] : cell).map(printable);
}

function widthsOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): number[] {
  const widths = columns.map((column) =>
    Math.max(
      column.title.length,
      ...rows.map((row) => Math.max(0, ...linesOf(column, row).map((l) => l.length))),
    ),
  );
  let over = widths.reduce((sum, w) => sum + w, 0) + gap.length * (columns.length - 1) - width;
  // What costs another line to tell is cut last.
  const order = [...columns.entries()].sort(
    ([, x], [, y]) => Number(x.toldWhenCut ?? false) - Number(y.toldWhenCut ?? false),
  );
  for (const [i, { shrinksTo, title }] of order) {
    if (over <= 0 || shrinksTo === undefined) continue;
    const least = Math.max(shrinksTo, title.length);
    const cut = Math.max(0, Math.min(over, widths[i] - least));
    widths[i] -= cut;
    over -= cut;
  }
  return widths;
}

function format<Row>(
  terminal: Terminal,
  columns: readonly Column<Row>[],
  widths: readonly number[],
  row: Row,
  notes: readonly string[],
): string {
  const cells = columns.map((column) => linesOf(column, row));
  const height = Math.max(1, ...cells.map((lines) => lines.length));
  let text = '';
  for (let i = 0; i < height; i++) {
    text += `${line(
      columns,
      widths,
      (_, c) => cells[c][i] ?? '',
      (column) => column.colour?.(row, terminal.colour),
    )}\n`;
  }
  const cut = columns.flatMap((column, c) => {
    const isCut = column.toldWhenCut && cells[c].some((cell) => cell.length > widths[c]);
    return isCut ? [`${column.title.toLowerCase()} ${cells[c].join(' ')}`] : [];
  });
  for (const note of [...cut, ...notes]) {
    for (const part of wrap(note, terminal.width - 4)) text += `    ${terminal.colour.dim(part)}\n`;
  }
  return text;
}

function line<Row>(
  columns: readonly Column<Row>[],
  widths: readonly number[],
  cell: (column: Column<Row>, index: number) => string,
  paint: (column: Column<Row>) => ((text: string) => string) | undefined = () => undefined,
): string {
  let text = '';
  let owed = '';
  for (const [i, column] of columns.entries()) {
    let content = cell(column, i);
    if (column.shrinksTo !== undefined && content.length > widths[i]) {
      content = `${content.slice(0, widths[i] - 1)}…`;
    }
    const padding = ' '.repeat(Math.max(0, widths[i] - content.length));
    const painted = content === '' ? '' : (paint(column)?.(content) ?? content);
    if (column.align === 'right') owed += padding;
    if (painted !== '') {
      text += owed + painted;
      owed = '';
    }
    owed += (column.align === 'right' ? '' : padding) + gap;
  }
  return text;
}
