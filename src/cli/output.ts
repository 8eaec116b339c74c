/** `-o`: the same answer for people and for scripts. Lists are written while they come. */
import { createRequire } from 'node:module';
import { type Column, printTable } from './table.js';
import type { Terminal } from './terminal.js';

export const outputFormats = ['table', 'json', 'ndjson', 'yaml'] as const;
export type OutputFormat = (typeof outputFormats)[number];

export function toYaml(value: unknown): string {
  const { dump } = createRequire(import.meta.url)('js-yaml') as typeof import('js-yaml');
  return dump(value, { lineWidth: 110, noRefs: true });
}

/** One thing that is no list; `text` is what people see of it. */
export async function printValue<T>(
  terminal: Terminal,
  format: OutputFormat,
  value: T,
  text: (value: T) => string,
): Promise<void> {
  switch (format) {
    case 'table':
      return terminal.write(text(value));
    case 'json':
      return terminal.write(`${JSON.stringify(value, null, 2)}\n`);
    case 'ndjson':
      return terminal.write(`${JSON.stringify(value)}\n`);
    case 'yaml':
      return terminal.write(toYaml(value));
  }
}

export interface List<Row> {
  readonly columns: readonly Column<Row>[];
  readonly notes?: (row: Row) => readonly string[];
  /** What people read where the list is empty. */
  readonly empty: string;
}

/** A list; as JSON one array, a row per line. */
export async function printRows<Row>(
  terminal: Terminal,
  format: OutputFormat,
  rows: Iterable<Row> | AsyncIterable<Row>,
  list: List<Row>,
): Promise<void> {
  if (format === 'table') {
    const count = await printTable(terminal, list.columns, rows, list.notes);
    if (count === 0) await terminal.write(`${list.empty}\n`);
    return;
  }
  let count = 0;
  for await (const row of rows) {
    const first = count++ === 0;
    if (format === 'ndjson') await terminal.write(`${JSON.stringify(row)}\n`);
    else if (format === 'json') await terminal.write(`${first ? '[\n' : ',\n'}  ${JSON.stringify(row)}`);
    else await terminal.write(toYaml([row]));
  }
  if (format === 'json') await terminal.write(count === 0 ? '[]\n' : '\n]\n');
  if (format === 'yaml' && count === 0) await terminal.write('[]\n');
}
