/** `tartan show rpki` and `tartan show vrps`: where origin validation gets its data, and what it is. */
import type { CacheRow, ControlClient, VrpRow } from '../control/index.js';
import { type OutputFormat, printRows } from './output.js';
import type { Column } from './table.js';
import type { Terminal } from './terminal.js';
import { grouped, since } from './text.js';

const stateLabels: Readonly<Record<CacheRow['state'], string>> = {
  standby: 'standby',
  down: 'down',
  connecting: 'connecting',
  querying: 'querying',
  loading: 'loading',
  synced: 'synced',
  noData: 'no data',
};

const cacheColumns: readonly Column<CacheRow>[] = [
  { title: 'CACHE', cell: (cache) => cache.name, shrinksTo: 10, toldWhenCut: true },
  { title: 'ADDRESS', cell: (cache) => cache.address, shrinksTo: 15, toldWhenCut: true },
  { title: 'PORT', cell: (cache) => String(cache.port), align: 'right' },
  { title: 'PREF', cell: (cache) => String(cache.preference), align: 'right' },
  {
    title: 'STATE',
    cell: (cache) => stateLabels[cache.state],
    colour: (cache, colour) =>
      cache.state === 'synced' ? colour.green : cache.state === 'standby' ? colour.dim : colour.yellow,
  },
  { title: 'DECIDES', cell: (cache) => (cache.inForce ? 'yes' : ''), colour: (_, colour) => colour.green },
  { title: 'VERSION', cell: (cache) => numberOf(cache.version), align: 'right' },
  { title: 'SERIAL', cell: (cache) => numberOf(cache.serial), align: 'right' },
  { title: 'VRPS', cell: (cache) => grouped(cache.records), align: 'right' },
  {
    title: 'UPDATED',
    cell: (cache) => (cache.updatedAt === null ? '' : since(cache.updatedAt)),
    align: 'right',
  },
];

const numberOf = (value: number | null) => (value === null ? '' : String(value));

export async function showRpki(
  client: ControlClient,
  terminal: Terminal,
  format: OutputFormat,
): Promise<void> {
  await printRows(terminal, format, await client.rpki(), {
    columns: cacheColumns,
    notes: (cache) => [
      ...(cache.inForce && cache.state !== 'synced' && cache.expiresAt !== null
        ? [`its data decides until ${cache.expiresAt}`]
        : []),
      ...(cache.lastError === null ? [] : [`last error: ${cache.lastError}`]),
      ...(cache.retryAt === undefined ? [] : [`next attempt at ${cache.retryAt}`]),
    ],
    empty: 'no caches are configured',
  });
}

const vrpColumns: readonly Column<VrpRow>[] = [
  { title: 'PREFIX', cell: (vrp) => vrp.prefix },
  { title: 'UP TO', cell: (vrp) => `/${vrp.maxLength}`, align: 'right' },
  { title: 'AS', cell: (vrp) => String(vrp.asn), align: 'right' },
];

export async function showVrps(
  client: ControlClient,
  terminal: Terminal,
  format: OutputFormat,
  prefix?: string,
): Promise<void> {
  await printRows(terminal, format, client.vrps(prefix), {
    columns: vrpColumns,
    empty: prefix === undefined ? 'no VRPs are there' : `no VRP covers ${prefix}`,
  });
}
