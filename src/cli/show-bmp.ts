/** `tartan show bmp`. */
import type { CollectorRow, ControlClient } from '../control/index.js';
import { type OutputFormat, printRows } from './output.js';
import type { Column } from './table.js';
import type { Terminal } from './terminal.js';
import { grouped, since } from './text.js';

const columns: readonly Column<CollectorRow>[] = [
  { title: 'COLLECTOR', cell: (row) => row.name, shrinksTo: 10, toldWhenCut: true },
  {
    title: 'ADDRESS',
    cell: ({ address, port }) => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`),
    shrinksTo: 15,
    toldWhenCut: true,
  },
  {
    title: 'STATE',
    cell: (row) => row.state,
    colour: (row, colour) => (row.state === 'connected' ? colour.green : colour.yellow),
  },
  { title: 'SINCE', cell: (row) => since(row.since), align: 'right' },
  { title: 'PEERS UP', cell: (row) => grouped(row.peersUp), align: 'right' },
  { title: 'MESSAGES', cell: (row) => grouped(row.sent.messages), align: 'right' },
  { title: 'OCTETS', cell: (row) => grouped(row.sent.octets), align: 'right' },
  { title: 'PENDING', cell: (row) => grouped(row.pending.prefixes), align: 'right' },
];

const tables = { received: 'received routes', accepted: 'accepted routes', locRib: 'Loc-RIB' } as const;

export async function showBmp(
  client: ControlClient,
  terminal: Terminal,
  format: OutputFormat,
): Promise<void> {
  await printRows(terminal, format, await client.collectors(), {
    columns,
    notes: ({ routes, mirror, mirroringLost = 0, lastError, retryAt }) => {
      const told = [
        ...(['received', 'accepted', 'locRib'] as const)
          .filter((key) => routes[key])
          .map((key) => tables[key]),
        ...(mirror ? ['mirrored messages'] : []),
      ];
      return [
        `is told of ${told.join(', ')}`,
        ...(mirroringLost > 0
          ? [`${grouped(mirroringLost)} messages were not mirrored for lack of room`]
          : []),
        ...(lastError === null ? [] : [`last error: ${lastError}`]),
        ...(retryAt === undefined ? [] : [`next attempt at ${retryAt}`]),
      ];
    },
    empty: 'no collectors are configured',
  });
}
