/** `tartan mrt`: the table into a file, and what is in a file. */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { type MrtRow, RecordFramer } from '../bgp/mrt/index.js';
import type { ControlClient } from '../control/client.js';
import { readMrtFile } from './mrt-file.js';
import { type List, type OutputFormat, printRows } from './output.js';
import type { Terminal } from './terminal.js';
import { grouped, mebibytes } from './text.js';

/** Writes beside the file and puts it into its place when it is whole: what breaks off leaves the old one. */
export async function dumpTable(client: ControlClient, terminal: Terminal, file: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  const framer = new RecordFramer();
  let handle: FileHandle | null = null;
  try {
    for await (const chunk of client.mrtTable()) {
      handle ??= await open(temporary, 'w', 0o644);
      for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten;
      framer.push(chunk, () => {});
    }
    await handle?.close();
    handle = null;
    await rename(temporary, file);
  } catch (error) {
    await handle?.close().catch(() => {});
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  // The first record is the index of peers.
  const prefixes = Math.max(0, framer.records - 1);
  await terminal.write(`${file}: ${grouped(prefixes)} prefixes, ${mebibytes(framer.offset)}\n`);
}

export async function showFile(terminal: Terminal, format: OutputFormat, file: string): Promise<void> {
  await printRows(terminal, format, readMrtFile(file), list);
}

const list: List<MrtRow> = {
  columns: [
    { title: 'TIME', cell: (row) => ('time' in row ? row.time : '') },
    { title: 'TYPE', cell: (row) => row.type },
    { title: 'PEER', cell: (row) => ('peer' in row ? row.peer : '') },
    { title: 'AS', cell: (row) => ('asn' in row ? String(row.asn) : ''), align: 'right' },
    { title: 'PREFIX', cell: prefixText },
    { title: 'NEXT HOP', cell: (row) => ('nextHop' in row ? (row.nextHop ?? '') : '') },
    { title: 'PATH', cell: pathOf, shrinksTo: 20, toldWhenCut: true },
  ],
  notes: (row) => ('error' in row && row.error !== undefined ? [row.error] : []),
  empty: 'no records',
};

function prefixText(row: MrtRow): string {
  if (!('prefix' in row)) return '';
  return row.pathId === undefined ? row.prefix : `${row.prefix} #${row.pathId}`;
}

/** The AS path, or in few words what a row without one says. */
function pathOf(row: MrtRow): string {
  switch (row.type) {
    case 'route':
    case 'announce':
      return row.asPath ?? '';
    case 'peers':
      return `${row.peers.length} peers of ${row.collector}`;
    case 'state':
      return `${row.from} → ${row.to}`;
    case 'open':
      return `${row.routerId}, hold time ${row.holdTimeSeconds}`;
    case 'notification':
      return row.message;
    case 'endOfRib':
      return row.family;
    case 'routeRefresh':
      return `address family ${row.afi}, ${row.safi}`;
    case 'other':
      return `type ${row.mrtType}, subtype ${row.mrtSubtype}`;
    case 'withdraw':
    case 'keepalive':
    case 'unreadable':
    case 'damaged':
      return '';
  }
}
